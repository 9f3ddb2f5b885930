"""Passerelle's search beside LanceDB, txtai and plain tantivy, all on this machine.

    python -m benchmarks.beside [--passages 100000] [--queries 200] [--cache FILE] [--json]

Everyone is given the same passages, the same vectors of the whole passages and the same embedder
for the question, and is set up as its own documentation has it. Embedding the question is part of
a search. Two parts make one table:

- quality: nDCG@10 on the judged sets of `../shared/relevance`, asked in all their documents.
  Passerelle answers as in `python -m indexes evaluate`; the others give their ten best.
- speed: a whole search in the library of `benchmarks.search`. Passerelle makes its page of hits,
  with rights, titles, marked extracts and facets; the others return ten hits with their text. As
  many other queries are asked before, so nothing was asked already.

Each engine has a process of its own, so that none's threads are in another's; in every round each
is asked the same query once, in an order by chance. An engine that is not installed is left out.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import fmean, median
from time import perf_counter
from typing import Final

import numpy as np
from sqlalchemy import select

from app.database import reading
from app.migrations import upgrade
from app.resources.models import Passage
from benchmarks.engines import (
    BY_BOTH,
    PACKAGES,
    PASSERELLE,
    Ask,
    Material,
    open_engine,
    open_library,
    write_material,
)
from benchmarks.search import BATCH, SHARED, build, percentile_95, read_queries
from indexes.embedding.base import Embedder
from indexes.embedding.loading import load_embedder
from indexes.embedding.onnx_engine import default_model_folder
from indexes.embedding.vector_cache import VectorCache
from indexes.evaluation.asking import Request, evaluate
from indexes.evaluation.metrics import METRICS
from indexes.evaluation.pools import ALL, pools_of, relevant_in
from indexes.evaluation.results import COLUMNS, Evaluation, Outcome
from indexes.evaluation.sets import JudgedSet, read_judged_set, sample

NDCG: Final = "ndcg@10"
ASKED_IN_ALL = tuple(column for column in COLUMNS if column.pool == ALL)
SETS = tuple(dict.fromkeys(column.set for column in ASKED_IN_ALL))
SEED = 7

# --- in the process of an engine ------------------------------------------------------------

_opened: list[Ask] = []


def _open(name: str, folder: Path, model: Path) -> float:
    """Seconds that indexing took."""
    began = perf_counter()
    _opened[:] = [open_engine(name, folder, model)]
    return perf_counter() - began


def _ask(text: str) -> tuple[float, list[str]]:
    """Seconds that a search took, and the ids it found."""
    began = perf_counter()
    found = _opened[0](text)
    return perf_counter() - began, [id_ for id_, _ in found]


# --- the comparison -------------------------------------------------------------------------

Processes = Mapping[str, ProcessPoolExecutor]


@contextmanager
def _processes(names: Sequence[str]) -> Iterator[Processes]:
    with ExitStack() as stack:
        context = get_context("spawn")
        yield {n: stack.enter_context(ProcessPoolExecutor(1, context)) for n in names}


def measure_quality(
    processes: Processes, model: Path, queries: int, cache: Path | None
) -> dict[str, dict[str, float]]:
    """nDCG@10 by engine and column."""
    embedder = load_embedder(model, VectorCache(cache) if cache else None)
    folders = tuple(SHARED / name for name in SETS)
    say("judged sets, Passerelle")
    evaluations = {PASSERELLE: evaluate(Request(folders, queries), embedder)}
    for folder in folders:
        judged = sample(read_judged_set(folder), queries)
        with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as place:
            write_material(material_of(judged, embedder, Path(place)))
            for name, process in processes.items():
                if name != PASSERELLE:
                    say(f"judged sets, {name}: {judged.name}")
                    process.submit(_open, name, Path(place), model).result()
                    evaluations.setdefault(name, []).append(evaluate_engine(process, judged))
    return {name: _columns(own) for name, own in evaluations.items()}


def material_of(judged: JudgedSet, embedder: Embedder, folder: Path) -> Material:
    documents = list(judged.documents.values())
    texts = [document.text for document in documents]
    languages = {document.language for document in documents}
    return Material(
        ids=[document.id for document in documents],
        texts=texts,
        vectors=embedder.embed_passages(texts),
        language=languages.pop() if len(languages) == 1 else None,
        folder=folder,
    )


def evaluate_engine(process: ProcessPoolExecutor, judged: JudgedSet) -> Evaluation:
    """What the set's queries score in all its documents."""
    pool = next(pool for pool in pools_of(judged) if pool.name == ALL)
    outcomes = []
    for query in judged.queries.values():
        scores = None
        if relevant := relevant_in(judged, pool, query):
            _, found = process.submit(_ask, query.text).result()
            ranked = [id_ for id_ in found if id_ not in pool.hidden(query)]
            scores = {NDCG: METRICS[NDCG](ranked, relevant)}
        outcomes.append(Outcome(query.id, query.language, ALL, scores))
    return Evaluation(judged.name, judged.digest, {}, outcomes)


def _columns(evaluations: Sequence[Evaluation]) -> dict[str, float]:
    return {
        column.name: fmean(o.scores[NDCG] for o in column.outcomes(evaluations) if o.scores)
        for column in ASKED_IN_ALL
    }


def measure_speed(
    processes: Processes, model: Path, passages: int, queries: int
) -> dict[str, list[float]]:
    """Milliseconds of each search, by engine."""
    with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as place:
        say(f"{passages} passages, building Passerelle")
        write_material(build_library(Path(place), model, passages))
        for name, process in processes.items():
            seconds = process.submit(_open, name, Path(place), model).result()
            say(f"{passages} passages, {name}: opened in {seconds:.0f} s")
        both = read_queries(2 * queries)
        before, asked = both[:queries], both[queries:]
        _in_turns(processes, before)
        return _in_turns(processes, asked)


def build_library(folder: Path, model: Path, passages: int) -> Material:
    """The library of `benchmarks.search`, and what the others get of it.

    Vectors are as Passerelle's index keeps them: of 8 bits a component.
    """
    library = open_library(folder, model)
    upgrade(library)
    build(library, passages)
    with reading(library.sessions) as session:
        rows = session.execute(select(Passage.id, Passage.text).order_by(Passage.id)).all()
    ids = [row.id for row in rows]
    vectors = [
        found[id_][0]
        for start in range(0, len(ids), BATCH)
        for found in [library.index.vectors_of(ids[start : start + BATCH])]
        for id_ in ids[start : start + BATCH]
    ]
    library.index.close()
    library.engine.dispose()
    whole = np.stack(vectors)
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    return Material(ids, [row.text for row in rows], whole, None, folder)


def _in_turns(processes: Processes, queries: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds; who is asked after whom is left to chance, as one may slow down the next."""
    taken: dict[str, list[float]] = {name: [] for name in processes}
    random = Random(SEED)
    for text in queries:
        for name in random.sample(list(processes), len(processes)):
            seconds, _ = processes[name].submit(_ask, text).result()
            taken[name].append(1e3 * seconds)
    return taken


def time_embedding(model: Path, queries: int) -> float:
    """Median milliseconds of embedding one of the questions, which is part of a search."""
    embedder = load_embedder(model)
    taken = []
    for text in read_queries(queries):
        began = perf_counter()
        embedder.embed_query(text)
        taken.append(1e3 * (perf_counter() - began))
    return median(taken)


# --- what is printed ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """An engine's figures; `ratio` is of its median to the fastest of the others by both."""

    engine: str
    version: str
    ndcg: Mapping[str, float]
    median: float | None
    percentile_95: float | None
    ratio: float | None


def rows_of(
    names: Sequence[str],
    quality: Mapping[str, Mapping[str, float]],
    taken: Mapping[str, Sequence[float]],
) -> list[Row]:
    medians = {name: median(own) for name, own in taken.items()}
    fastest = min((medians[name] for name in BY_BOTH if name in medians), default=None)
    return [
        Row(
            engine=name,
            version=version(PACKAGES[name]) if name in PACKAGES else "",
            ndcg=quality.get(name, {}),
            median=medians.get(name),
            percentile_95=percentile_95(taken[name]) if name in taken else None,
            ratio=medians[name] / fastest if fastest and name in medians else None,
        )
        for name in names
    ]


def table(rows: Sequence[Row]) -> str:
    """A line an engine."""
    columns = [column.name for column in ASKED_IN_ALL]
    head = f"{'engine':<22}{'version':<10}" + "".join(f"{name:>11}" for name in columns)
    lines = ["nDCG@10 by column, then milliseconds of a search", head]
    lines[1] += f"{'median':>10}{'95th':>10}{'ratio':>8}"
    for row in rows:
        cells = "".join(_cell(row.ndcg.get(name), 11, 4) for name in columns)
        times = _cell(row.median, 10, 1) + _cell(row.percentile_95, 10, 1) + _cell(row.ratio, 8, 2)
        lines.append(f"{row.engine:<22}{row.version:<10}{cells}{times}")
    lines.append(
        "ratio: of medians, to the fastest of those others that search by words and by meaning"
    )
    return "\n".join(lines)


def _cell(value: float | None, wide: int, places: int) -> str:
    return f"{'–':>{wide}}" if value is None else f"{value:>{wide}.{places}f}"


def say(what: str) -> None:
    """How far it is, apart from the table."""
    print(what, file=sys.stderr, flush=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200, help="that are timed")
    parser.add_argument("--judged", type=int, default=300, help="queries of each judged set")
    parser.add_argument("--only", choices=("quality", "speed"), help="one of the two parts")
    parser.add_argument("--model", type=Path, default=default_model_folder(), metavar="FOLDER")
    parser.add_argument("--cache", type=Path, metavar="FILE", help="vectors of judged documents")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    installed = [name for name, package in PACKAGES.items() if find_spec(package)]
    for name in (name for name in PACKAGES if name not in installed):
        say(f"{name} is left out: it is not installed here")
    names, model = [PASSERELLE, *installed], options.model.absolute()
    quality: dict[str, dict[str, float]] = {}
    taken: dict[str, list[float]] = {}
    with _processes(names) as processes:
        if options.only != "speed":
            quality = measure_quality(processes, model, options.judged, options.cache)
        if options.only != "quality":
            taken = measure_speed(processes, model, options.passages, options.queries)
    rows = rows_of(names, quality, taken)
    embedding = time_embedding(model, options.queries) if taken else None
    if options.json:
        figures = [{name: getattr(row, name) for name in row.__slots__} for row in rows]
        sizes = {"passages": options.passages, "queries": options.queries}
        print(json.dumps({**sizes, "embedding": embedding, "engines": figures}, indent=2))
        return
    print(table(rows))
    if embedding:
        print(f"of which embedding the question (all but tantivy): {embedding:.1f} ms")


if __name__ == "__main__":
    main()
