"""`passerelle evaluate`: ask judged sets, keep what came of it, compare runs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app.commands.output import Steps, as_json, give_up, say
from app.config import cluster_at
from app.library import Library
from indexes.errors import IndexesError
from indexes.evaluation.asking import WITH_TITLES, Request
from indexes.evaluation.asking import evaluate as measure
from indexes.evaluation.compare import Comparison, compare
from indexes.evaluation.results import Evaluation
from indexes.evaluation.runs import Run, RunFolder, Summary, about_now, load_run, make_run
from indexes.evaluation.tables import (
    comparison_table,
    evaluation_table,
    figures_table,
    history_table,
)

UNNAMED = "this run"


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--queries", type=click.IntRange(min=1), help="Only so many a set, spread over it.")
@click.option("--with-titles", is_flag=True, help="Once more with titles of documents, apart.")
@click.option("--save", metavar="NAME", help="Keep this run under a name.")
@click.option("--against", metavar="NAME|FILE", help="Compare with a run that was kept.")
@click.option("--index", metavar="URL", help="Ask Elasticsearch; see PASSERELLE_INDEX_URL.")
@click.option("--history", is_flag=True, help="List the runs that were kept, and stop.")
@as_json
@click.pass_obj
def evaluate(
    library: Library,
    folders: tuple[Path, ...],
    queries: int | None,
    with_titles: bool,
    save: str | None,
    against: str | None,
    index: str | None,
    history: bool,
    as_json: bool,
) -> None:
    """Measure search quality on judged sets in BEIR layout.

    Each FOLDER holds corpus.jsonl (_id, text, lang), queries.jsonl and qrels.tsv. Each document is
    one passage of a temporary index; figures are given by the language of the query and the part
    of the documents that it is asked in. docs/evaluation.md tells what they mean.
    """
    runs = RunFolder(library.config.evaluations)
    if history:
        _print(_history_object(runs.history()), history_table(runs.history()), as_json)
        return
    try:
        cluster = cluster_at(index) if index else None
        request = Request(_sets(folders), queries, with_titles, cluster=cluster)
        before = _earlier(runs, against) if against else None
        if save:
            runs.check_new(save)
        run = _measured(library, request, save or UNNAMED)
        if save:
            runs.save(run)
        comparison = compare(before, run) if before else None
    except IndexesError as error:
        give_up(str(error))
    _print(_run_object(run, comparison), _run_lines(run, comparison), as_json)


def _sets(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The folders among the paths, so that `sets/*` may be given where a file lies beside them."""
    folders = tuple(path for path in paths if path.is_dir())
    if not folders:
        raise click.UsageError("Name at least one folder with a judged set, or ask for --history.")
    for path in paths:
        if path not in folders:
            say(f"{path} is not a folder: left out.")
    return folders


def _earlier(runs: RunFolder, name: str) -> Run:
    path = Path(name)
    return load_run(path) if path.is_file() else runs.load(name)


def _measured(library: Library, request: Request, name: str) -> Run:
    if library.embedder is None:
        give_up("The model is not built: run `make model`, then ask again.")
    asked = "elasticsearch" if request.cluster else "embedded"
    about = about_now(library.embedder.fingerprint, request.queries, asked)
    with Steps() as steps:
        return make_run(name, about, measure(request, library.embedder, steps.show))


def _print(value: Any, lines: Iterable[str], as_json: bool) -> None:
    click.echo(json.dumps(value, ensure_ascii=False) if as_json else "\n".join(lines))


def _run_lines(run: Run, comparison: Comparison | None) -> Iterable[str]:
    for evaluation in run.evaluations:
        yield from evaluation_table(evaluation)
        yield ""
    yield from figures_table(run.summary.figures)
    if comparison:
        yield ""
        yield from comparison_table(comparison)


def _run_object(run: Run, comparison: Comparison | None) -> dict[str, Any]:
    """Of one set its figures stand at the top, of several under `sets`, by name."""
    plain = [e for e in run.evaluations if not e.set.endswith(WITH_TITLES)]
    titled = [e for e in run.evaluations if e.set.endswith(WITH_TITLES)]
    found: dict[str, Any] = plain[0].as_json() if len(plain) == 1 else {"sets": _by_set(plain)}
    if titled:
        found["with_titles"] = titled[0].as_json() if len(titled) == 1 else _by_set(titled)
    found |= _summary_object(run.summary)
    if comparison:
        found["against"] = [
            {**asdict(one), "change": one.change, "verdict": one.verdict}
            for one in comparison.differences
        ]
        found["not_compared"] = list(comparison.changed)
    return found


def _by_set(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    return {e.set.removesuffix(WITH_TITLES): e.as_json() for e in evaluations}


def _summary_object(summary: Summary) -> dict[str, Any]:
    about = {**asdict(summary.about), "saved": summary.about.saved.isoformat()}
    columns = {name: {"queries": f.queries, **f.means} for name, f in summary.figures.items()}
    return {"columns": columns, "run": {"name": summary.name, **about}}


def _history_object(history: Sequence[Summary]) -> list[dict[str, Any]]:
    return [_summary_object(summary) for summary in history]
