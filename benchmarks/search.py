"""How long a search takes, by stage: `python -m benchmarks.search [PASSAGES ...] [--json]`.

Passages are recombined from sentences of `../shared/relevance` (seeded), 131 words on average, in
three languages; their vectors are those of real passages, perturbed. Queries are the sets' own, so
words hit as they do in life. Every query is asked once before it is measured: what is measured is a
library in use, its files in the system's cache.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

import numpy as np

from indexes.base import Vectors
from indexes.embedded import EmbeddedIndex
from indexes.embedding.base import Embedder
from indexes.embedding.loading import load_embedder
from indexes.embedding.onnx_engine import default_model_folder
from indexes.searcher import Searcher
from indexes.types import Entry, Kind, Ranking, SearchQuery

SHARED = Path(__file__).resolve().parents[2] / "shared" / "relevance"
SET = "trilingual-mixed"
STAGES = ("embedding", "words", "meaning", "ranking")
WORDS = 131
OF_AN_EDITION = 40  # passages
BATCH = 2_000
REAL_VECTORS = 200  # a language; the others are made from them
NOISE = 0.03  # a component; cosine of about .86 to the real one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    embedder = load_embedder(default_model_folder())
    texts = read_texts()
    vectors = {code: embedder.embed_passages(own[:REAL_VECTORS]) for code, own in texts.items()}
    results = []
    for count in options.passages:
        with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as folder:
            index = EmbeddedIndex(
                Path(folder), dimensions=embedder.dimensions, fingerprint=embedder.fingerprint
            )
            began = perf_counter()
            build(index, count, texts, vectors)
            built = perf_counter() - began
            results.append(measure(index, embedder, count, options.queries) | {"built": built})
            index.close()
    print(json.dumps(results, indent=2) if options.json else table(results))


def read_texts() -> dict[str, list[str]]:
    """Passages by language."""
    texts: dict[str, list[str]] = {}
    with (SHARED / SET / "corpus.jsonl").open() as lines:
        for found in map(json.loads, lines):
            texts.setdefault(found["lang"], []).append(found["text"])
    return texts


def read_queries(count: int) -> list[str]:
    """As many queries, spread evenly over the set, in a random order."""
    with (SHARED / SET / "queries.jsonl").open() as lines:
        queries = [json.loads(line)["text"] for line in lines]
    chosen = queries[:: max(1, len(queries) // count)][:count]
    Random(5).shuffle(chosen)
    return chosen


def build(
    index: EmbeddedIndex, count: int, texts: dict[str, list[str]], vectors: dict[str, Vectors]
) -> None:
    """Fill the index as a rebuild does."""
    random, numbers = Random(1), np.random.default_rng(1)
    sentences = {
        code: [s for text in own for s in re.split(r"(?<=[.!?])\s+", text)]
        for code, own in texts.items()
    }
    with index.rebuild() as writer:
        for edition in range(count // OF_AN_EDITION):
            code = random.choice(sorted(texts))
            entries = list(passages(edition, code, sentences[code], random))
            writer.replace(entries[0].source, entries)
            real = vectors[code][numbers.integers(len(vectors[code]), size=len(entries))]
            writer.add_vectors(entries, perturbed(real, numbers))


def passages(edition: int, code: str, sentences: Sequence[str], random: Random) -> Iterator[Entry]:
    """The passages of one edition."""
    facets = {"type": (random.choice(("guide", "report", "video")),), "year": (str(edition % 20),)}
    for number in range(OF_AN_EDITION):
        text = random.choice(sentences)
        while text.count(" ") < WORDS - 12:
            text += " " + random.choice(sentences)
        yield Entry(
            id=f"edition-{edition:06}-{number:03}",
            kind=Kind.PASSAGE,
            group=f"resource-{edition // 2:06}",
            group_kind="resource",
            source=f"edition-{edition:06}",
            language=code,
            title=f"Report {edition}",
            heading="",
            text=text,
            facets=facets,
            address=f"version-{edition:06}/{number}",
        )


def perturbed(vectors: Vectors, numbers: np.random.Generator) -> Vectors:
    """Unit vectors about the given ones, shape as given."""
    noise = numbers.normal(scale=NOISE, size=vectors.shape).astype(np.float32)
    moved = vectors + noise
    normalised: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return normalised


def measure(
    index: EmbeddedIndex, embedder: Embedder, passages_: int, queries: int
) -> dict[str, object]:
    """Median and 95th percentile in milliseconds, a stage and in total."""
    searcher, asked = Searcher(index, embedder), read_queries(queries)
    for text in asked:
        searcher.search(SearchQuery(text))
    taken: dict[str, list[float]] = {}
    for text in asked:
        began = perf_counter()
        ranking: Ranking = searcher.search(SearchQuery(text))
        taken.setdefault("total", []).append(perf_counter() - began)
        for stage in STAGES:
            taken.setdefault(stage, []).append(ranking.seconds[stage])
    figures = {stage: [1e3 * median(own), 1e3 * percentile_95(own)] for stage, own in taken.items()}
    return {"passages": passages_, "size": index.status().size, "milliseconds": figures}


def percentile_95(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def table(results: Sequence[dict[str, object]]) -> str:
    """A line a size, median / 95th percentile a stage."""
    head = "passages   built      size   " + "".join(f"{stage:>16}" for stage in (*STAGES, "total"))
    lines = ["milliseconds: median / 95th percentile", head]
    for found in results:
        figures = found["milliseconds"]
        assert isinstance(figures, dict)
        cells = [
            f"{figures[stage][0]:.1f} / {figures[stage][1]:.1f}" for stage in (*STAGES, "total")
        ]
        size = f"{found['size'] / 1e6:.0f} MB"  # type: ignore[operator]
        line = f"{found['passages']:>8}{found['built']:>6.0f} s {size:>9}   "
        lines.append(line + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
