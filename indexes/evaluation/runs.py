"""Runs kept for later: what was asked, what came of it, and by which software it was answered.

A run is one file, `NAME.jsonl.gz`: a line that tells what the run is and what its columns come to,
then two lines a query of a set, its scores in each pool and its first hits there. The first line is
enough for a history; hits are kept for whoever looks into the file and are not read again.
"""

import gzip
import json
import math
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from indexes import fusion
from indexes.errors import RunRefused, RunUnknown
from indexes.evaluation.results import Evaluation, Figure, Outcome, figures

ENDING: Final = ".jsonl.gz"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_HITS = '{"ranked"'  # how lines of hits begin: most of a file, and slow to read
_CHECKOUT = Path(__file__).resolve().parents[2]
# The ids of 100 hits a query and pool are most of a file; level 6 saves a tenth more and takes
# three times as long.
_COMPRESSION = 3


@dataclass(frozen=True, slots=True)
class About:
    """What made a run. `saved` is in UTC; `commit` is known in a checkout only.

    `constants` are those of the ranking; `sampled` is the number of queries a set, if not all;
    `index` is the kind that was asked.
    """

    saved: datetime
    version: str
    commit: str | None
    model: str
    constants: Mapping[str, Any]
    sampled: int | None = None
    index: str = "embedded"


@dataclass(frozen=True, slots=True)
class Summary:
    """A run without its queries: `sets` maps names to digests, `figures` columns to figures."""

    name: str
    about: About
    sets: Mapping[str, str]
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Run:
    summary: Summary
    evaluations: Sequence[Evaluation]


def about_now(model: str, sampled: int | None, index: str = "embedded") -> About:
    """What is to be said of a run that this software makes now with the model so called."""
    constants = asdict(fusion.constants_of(model)) | {
        "candidates": fusion.CANDIDATES,
    }
    return About(
        saved=datetime.now(UTC).replace(microsecond=0),
        version=_version(),
        commit=_commit(),
        model=model,
        constants={name: _finite(value) for name, value in constants.items()},
        sampled=sampled,
        index=index,
    )


def make_run(name: str, about: About, evaluations: Sequence[Evaluation]) -> Run:
    sets = {evaluation.set: evaluation.digest for evaluation in evaluations}
    return Run(Summary(name, about, sets, figures(evaluations)), evaluations)


class RunFolder:
    """The runs that a library keeps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check_new(self, name: str) -> None:
        """See that a run can be kept under this name: before hours are spent on it.

        Raises:
            RunRefused: the name is not one, or is taken.
        """
        if not _NAME.fullmatch(name):
            raise RunRefused(
                f"{name!r} is no name for a run: letters, digits, '.', '_' and '-', at most 80"
            )
        if self._path(name).exists():
            raise RunRefused(f"there is a run {name!r} already: choose another name")

    def save(self, run: Run) -> Path:
        """Keep a run under its name, whole or not at all.

        Raises:
            RunRefused: as `check_new`.
        """
        self.check_new(run.summary.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(run.summary.name)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        with gzip.open(aside, "wt", encoding="utf-8", compresslevel=_COMPRESSION) as stream:
            for line in _lines(run):
                stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        aside.replace(path)
        return path

    def load(self, name: str) -> Run:
        """The run of this name.

        Raises:
            RunUnknown: there is none, or it cannot be read.
        """
        if not _NAME.fullmatch(name):
            raise RunUnknown(f"there is no run {name!r}")
        return load_run(self._path(name))

    def history(self) -> list[Summary]:
        """All runs, oldest first; what cannot be read as one is passed over."""
        found = []
        for path in self._folder.glob(f"[!.]*{ENDING}"):
            try:
                with gzip.open(path, "rt", encoding="utf-8") as stream:
                    found.append(_summary(path, json.loads(stream.readline())))
            except (OSError, EOFError, ValueError, KeyError, TypeError):
                continue
        return sorted(found, key=lambda summary: (summary.about.saved, summary.name))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{ENDING}"


def load_run(path: Path) -> Run:
    """The run in a file.

    Raises:
        RunUnknown: there is none, or it cannot be read.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            lines = (json.loads(line) for line in stream if not line.startswith(_HITS))
            summary = _summary(path, next(lines))
            evaluations = [
                _evaluation(name, summary.sets[name], list(own))
                for name, own in groupby(lines, key=lambda line: str(line["set"]))
            ]
    except FileNotFoundError:
        raise RunUnknown(f"there is no run {_name(path)!r}") from None
    except (OSError, EOFError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise RunUnknown(f"{path} cannot be read as a run: {error!r}") from error
    return Run(summary, evaluations)


def _lines(run: Run) -> Iterator[dict[str, Any]]:
    summary = run.summary
    yield {
        "about": {**asdict(summary.about), "saved": summary.about.saved.isoformat()},
        "sets": dict(summary.sets),
        "figures": {name: asdict(figure) for name, figure in summary.figures.items()},
    }
    for evaluation in run.evaluations:
        for query, outcomes in groupby(evaluation.outcomes, key=lambda outcome: outcome.query):
            own = list(outcomes)
            yield {
                "set": evaluation.set,
                "query": query,
                "language": own[0].language,
                "text": evaluation.texts[query],
                "pools": {outcome.pool: _pool(outcome) for outcome in own},
            }
            yield {"ranked": {o.pool: o.ranked for o in own if o.scores is not None}}


def _pool(outcome: Outcome) -> dict[str, Any] | None:
    if outcome.scores is None:
        return None
    return {
        "scores": dict(outcome.scores),
        "relevant": dict(outcome.relevant),
        "first": outcome.first,
    }


def _summary(path: Path, line: Mapping[str, Any]) -> Summary:
    about = line["about"]
    return Summary(
        name=_name(path),
        about=About(**{**about, "saved": datetime.fromisoformat(about["saved"])}),
        sets=line["sets"],
        figures={name: Figure(**own) for name, own in line["figures"].items()},
    )


def _name(path: Path) -> str:
    return path.name.removesuffix(ENDING)


def _evaluation(name: str, digest: str, lines: Sequence[Mapping[str, Any]]) -> Evaluation:
    outcomes = [
        _outcome(line["query"], line["language"], pool, found)
        for line in lines
        for pool, found in line["pools"].items()
    ]
    return Evaluation(name, digest, {line["query"]: line["text"] for line in lines}, outcomes)


def _outcome(query: str, language: str, pool: str, found: Mapping[str, Any] | None) -> Outcome:
    if found is None:
        return Outcome(query, language, pool, None)
    return Outcome(query, language, pool, found["scores"], found["relevant"], found["first"])


def _finite(value: Any) -> Any:
    """None for a limit that is none: JSON knows no infinity."""
    return None if isinstance(value, float) and math.isinf(value) else value


def _version() -> str:
    try:
        return version("passerelle")
    except PackageNotFoundError:
        return "unknown"


def _commit() -> str | None:
    """The commit of this checkout, `-dirty` when files differ from it; none where it is no one."""
    if not (_CHECKOUT / ".git").exists():
        return None
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
