"""Both backends side by side: `python -m benchmarks.backends [PASSAGES ...] [--url URL] [--json]`.

The same passages, vectors and questions as in `benchmarks.search`, put into the embedded index and
into Elasticsearch (quantised HNSW, one shard): a server of the tests' own with the compiler that
production has, unless one is named. Searches are asked of the index alone, without a page: by
words, by meaning, by both, and ranked. Recall is that of the ten nearest a language, against all
vectors compared exactly. Memory is the server's; what the embedded index takes in a portal and a
worker, `benchmarks.memory` tells: this process holds the benchmark's own vectors, too.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

import numpy as np

from app.config import read_config
from app.library import Library
from benchmarks.search import (
    OF_AN_EDITION,
    REAL_VECTORS,
    WINDOWS,
    made_of,
    percentile_95,
    perturbed,
    read_queries,
    read_sentences,
    read_texts,
)
from indexes.base import Candidates, Question, SearchIndex, Vectors
from indexes.elasticsearch.address import read_address
from indexes.elasticsearch.index import ElasticsearchIndex
from indexes.embedded.index import EmbeddedIndex
from indexes.embedding.base import Embedder
from indexes.fusion import CANDIDATES, Nearness, fuse
from indexes.query_parser import parse
from indexes.types import Entry, Kind, Scope
from tests.servers.elasticsearch import ElasticsearchServer

HEAP = "2g"
NEAREST = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its vector."""

    text: str
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Backend:
    """An index, and the process of its server; 0 where that is not ours to look at."""

    name: str
    index: SearchIndex
    process: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--url", help="a server that runs already; its memory is not told")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    embedder = Library(read_config()).embedder
    assert embedder, "the model is not built: make model"
    asked = [Asked(text, embedder.embed_query(text)) for text in read_queries(2 * options.queries)]
    results = []
    for count in options.passages:
        with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as folder:
            for backend in backends(Path(folder), embedder, options.url):
                results.append(measured(backend, count, asked, embedder))
                if not options.json:
                    print(line(results[-1]), flush=True)
    if options.json:
        print(json.dumps(results, indent=2))


def backends(folder: Path, embedder: Embedder, url: str | None) -> Iterator[Backend]:
    """One after the other; each is gone when the next one comes."""
    model = {"dimensions": embedder.dimensions, "fingerprint": embedder.fingerprint}
    embedded = EmbeddedIndex(folder / "index", **model)  # type: ignore[arg-type]
    yield Backend("embedded", embedded)
    embedded.close()
    with server(url) as (address, process):
        index = ElasticsearchIndex(read_address(f"{address}/benchmark"), **model)  # type: ignore[arg-type]
        yield Backend("elasticsearch", index, process)
        index.close()


@contextmanager
def server(url: str | None) -> Iterator[tuple[str, int]]:
    if url:
        yield url, 0
        return
    with ElasticsearchServer(heap=HEAP, measured=True) as own:
        yield own.url, own.pid


def measured(
    backend: Backend, count: int, asked: Sequence[Asked], embedder: Embedder
) -> dict[str, object]:
    """All figures of one backend at one size; times in seconds, sizes in bytes."""
    wholes, taken = build(backend.index, count, embedder)
    before, after = asked[: len(asked) // 2], asked[len(asked) // 2 :]
    searches: dict[str, Callable[[Asked], object]] = {
        "words": lambda one: candidates(backend.index, one, by_meaning=False),
        "meaning": lambda one: candidates(backend.index, Asked("", one.vector)),
        "both": lambda one: candidates(backend.index, one),
        "ranked": lambda one: ranked(backend.index, one),
    }
    for search in searches.values():  # a server in use: its compiler has seen every kind
        for one in before:
            search(one)
    figures = {name: timed(search, after) for name, search in searches.items()}
    return {
        "backend": backend.name,
        "passages": count,
        **taken,
        "size": backend.index.status().size,
        "memory": resident(backend.process),
        "recall": recall(backend.index, wholes, after),
        "milliseconds": figures,
    }


def build(
    index: SearchIndex, count: int, embedder: Embedder
) -> tuple[dict[str, tuple[list[str], Vectors]], dict[str, float]]:
    """Fill the index. Ids and whole texts' vectors by language; seconds by what was done."""
    random, numbers = Random(1), np.random.default_rng(1)
    texts, sentences = read_texts(), read_sentences()
    real = {code: embedder.embed_passages(own[:REAL_VECTORS]) for code, own in texts.items()}
    wholes: dict[str, tuple[list[str], list[Vectors]]] = {code: ([], []) for code in texts}
    began, making = perf_counter(), 0.0
    with index.rebuild() as writer:
        for edition in range(count // OF_AN_EDITION):
            start = perf_counter()
            code = random.choice(sorted(texts))
            own = [made_of(sentences[code], random) for _ in range(OF_AN_EDITION)]
            entries = [entry(edition, number, code, text) for number, text in enumerate(own)]
            chosen = numbers.integers(len(real[code]), size=(len(entries), 1))
            vectors = perturbed(real[code][chosen.repeat(1 + WINDOWS, axis=1)], numbers)
            wholes[code][0].extend(one.id for one in entries)
            wholes[code][1].append(vectors[:, 0])
            making += perf_counter() - start
            writer.replace(entries[0].source, entries)
            writer.add_vectors(entries, list(vectors))
    taken = {"indexing": perf_counter() - began - making}
    return {code: (ids, np.concatenate(own)) for code, (ids, own) in wholes.items()}, taken


def entry(edition: int, number: int, code: str, text: str) -> Entry:
    """A passage of an edition; two editions make a resource."""
    return Entry(
        id=f"{edition:06}-{number:03}",
        kind=Kind.PASSAGE,
        group=f"resource-{edition // 2:06}",
        group_kind="resource",
        source=f"edition-{edition:06}",
        language=code,
        title=f"Report {edition}",
        heading="",
        text=text,
        facets={"type": (("guide", "report", "article")[edition % 3],)},
        address=f"version-{edition:06}",
    )


def candidates(index: SearchIndex, one: Asked, *, by_meaning: bool = True) -> Candidates:
    vector = one.vector if by_meaning else None
    return index.candidates(Question(parse(one.text), Scope(), CANDIDATES, lambda: vector))


def ranked(index: SearchIndex, one: Asked) -> object:
    """Candidates in their order, and whose they are."""
    found = candidates(index, one)
    assert found.vectors is not None
    return found.about(fuse(found, Nearness(one.vector, found.vectors)).keys)


def timed(search: Callable[[Asked], object], asked: Sequence[Asked]) -> list[float]:
    """Median and 95th percentile in milliseconds; other questions were asked before."""
    taken = []
    for one in asked:
        began = perf_counter()
        search(one)
        taken.append(perf_counter() - began)
    return [1e3 * median(taken), 1e3 * percentile_95(taken)]


def recall(
    index: SearchIndex, wholes: dict[str, tuple[list[str], Vectors]], asked: Sequence[Asked]
) -> float:
    """Share of the true ten nearest a language that the index has among its ten."""
    shares = []
    for one in asked:
        found = candidates(index, Asked("", one.vector))
        for code, (ids, vectors) in wholes.items():
            best = np.argsort(-(vectors @ one.vector))[:NEAREST]
            own = found.meaning[code]
            near = {entry_id for entry_id, _, _ in found.about(own.keys[:NEAREST])}
            shares.append(len(near & {ids[place] for place in best}) / NEAREST)
    return float(np.mean(shares))


def resident(process: int) -> int:
    """Bytes of a process that are in memory, mapped files included; 0 where it is not ours."""
    if not process:
        return 0
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def line(found: dict[str, object]) -> str:
    figures = found["milliseconds"]
    assert isinstance(figures, dict)
    cells = "  ".join(f"{name} {a:.1f} / {b:.1f}" for name, (a, b) in figures.items())
    return (
        f"{found['backend']:<14}{found['passages']:>8}  indexing {found['indexing']:.1f} s  "
        f"{found['size'] / 1e6:.0f} MB  server {found['memory'] / 1e6:.0f} MB  "  # type: ignore[operator]
        f"recall@10 {found['recall']:.3f}  ms: {cells}"
    )


if __name__ == "__main__":
    main()
