"""How long a search takes, by stage: `python -m benchmarks.search [PASSAGES ...] [--json]`.

Passages are recombined from sentences of `../shared/relevance` (seeded), 131 words on average, in
three languages; their vectors, with five windows each, are those of real passages, perturbed.
Queries are the sets' own, so words hit as they do in life. Database and index are filled as the
worker leaves them, and what is measured is the whole answer of `app.search.services`, with rights,
titles, marked extracts and facets (`page`). As many other queries are asked before: a library in
use, its files in the system's cache, but no question that was asked already.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

import numpy as np
from sqlalchemy.orm import Session

from app.config import read_config
from app.database import now, writing
from app.library import Library
from app.migrations import upgrade
from app.resources.entries import edition_entries
from app.resources.models import Edition, File, Page, Passage, Processing, Resource, Review, Version
from app.search.services import SearchRequest, search
from indexes.base import Vectors

SHARED = Path(__file__).resolve().parents[2] / "shared" / "relevance"
SET = "trilingual-mixed"
STAGES = ("embedding", "words", "meaning", "ranking", "page")
WORDS = 131
OF_AN_EDITION = 40  # passages
BATCH = 2_000
REAL_VECTORS = 200  # a language; the others are made from them
WINDOWS = 5  # a passage: as many sentences as 131 words have
NOISE = 0.03  # a component; cosine of about .86 to the real one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for count in options.passages:
        with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as folder:
            library = Library(read_config({"PASSERELLE_DATA": folder}))
            upgrade(library)
            began = perf_counter()
            build(library, count)
            built = perf_counter() - began
            results.append(measure(library, count, options.queries) | {"built": built})
            library.index.close()
    print(json.dumps(results, indent=2) if options.json else table(results))


def read_texts() -> dict[str, list[str]]:
    """Passages by language."""
    texts: dict[str, list[str]] = {}
    with (SHARED / SET / "corpus.jsonl").open() as lines:
        for found in map(json.loads, lines):
            texts.setdefault(found["lang"], []).append(found["text"])
    return texts


def read_sentences() -> dict[str, list[str]]:
    """The sentences of all passages, by language."""
    return {
        code: [s for text in own for s in re.split(r"(?<=[.!?])\s+", text)]
        for code, own in read_texts().items()
    }


def made_of(sentences: Sequence[str], random: Random) -> str:
    """A passage of about `WORDS` words."""
    text = random.choice(sentences)
    while text.count(" ") < WORDS - 12:
        text += " " + random.choice(sentences)
    return text


def read_queries(count: int) -> list[str]:
    """As many queries, spread evenly over the set, in a random order."""
    with (SHARED / SET / "queries.jsonl").open() as lines:
        queries = [json.loads(line)["text"] for line in lines]
    chosen = queries[:: max(1, len(queries) // count)][:count]
    Random(5).shuffle(chosen)
    return chosen


def build(library: Library, count: int) -> None:
    """Fill database and index as the worker does, with vectors made from real ones."""
    random, numbers = Random(1), np.random.default_rng(1)
    assert library.embedder, "the model is not built: make model"
    texts = read_texts()
    vectors = {c: library.embedder.embed_passages(own[:REAL_VECTORS]) for c, own in texts.items()}
    sentences = read_sentences()
    with library.index.rebuild() as writer, writing(library.sessions) as session:
        for edition in range(count // OF_AN_EDITION):
            code = random.choice(sorted(texts))
            add_edition(session, edition, code, sentences[code], random)
            session.flush()
            entries = edition_entries(session, f"edition-{edition:06}")
            writer.replace(entries[0].source, entries)
            chosen = numbers.integers(len(vectors[code]), size=(len(entries), 1))
            real = vectors[code][chosen.repeat(1 + WINDOWS, axis=1)]
            writer.add_vectors(entries, list(perturbed(real, numbers)))


def add_edition(
    session: Session, edition: int, code: str, sentences: Sequence[str], random: Random
) -> None:
    """A published edition of forty pages of one passage; two editions make a resource."""
    ids = {name: f"{name}-{edition:06}" for name in ("edition", "version", "file")}
    resource = f"resource-{edition // 2:06}"
    if edition % 2 == 0:
        kind = random.choice(("guide", "report", "article"))
        session.add(Resource(id=resource, type=kind, year=2000 + edition % 20))
    language = code if edition % 2 == 0 else f"{code}-x-second"
    session.add(
        Edition(
            id=ids["edition"],
            resource_id=resource,
            language=language,
            title=f"Report {edition}",
            published_at=now(),
        )
    )
    session.flush()
    session.add(
        Version(id=ids["version"], edition_id=ids["edition"], number=1, review=Review.PUBLISHED)
    )
    session.flush()
    session.get_one(Edition, ids["edition"]).published_version_id = ids["version"]
    session.add(
        File(
            id=ids["file"],
            version_id=ids["version"],
            sha256=ids["file"],
            size=0,
            name="report.pdf",
            source_key=ids["file"],
            media_type="application/pdf",
            processing=Processing.READY,
            page_count=OF_AN_EDITION,
        )
    )
    session.flush()
    for number in range(OF_AN_EDITION):
        add_page(session, ids["file"], number, code, sentences, random)


def add_page(  # what a page and its passage are made of
    session: Session, file: str, number: int, code: str, sentences: Sequence[str], random: Random
) -> None:
    page = Page(file_id=file, number=number + 1, text_language=code, headings=[], blocks=[])
    session.add(page)
    session.add(
        Passage(
            id=f"{file[5:]}-{number:03}",
            file_id=file,
            ordinal=number,
            page=number + 1,
            last_page=number + 1,
            first_block=0,
            language=code,
            headings=[],
            text=made_of(sentences, random),
        )
    )


def perturbed(vectors: Vectors, numbers: np.random.Generator) -> Vectors:
    """Unit vectors about the given ones, shape as given."""
    noise = numbers.normal(scale=NOISE, size=vectors.shape).astype(np.float32)
    moved = vectors + noise
    normalised: Vectors = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
    return normalised


def measure(library: Library, passages: int, queries: int) -> dict[str, object]:
    """Median and 95th percentile in milliseconds, a stage and in total."""
    both = read_queries(2 * queries)
    before, asked = both[:queries], both[queries:]
    for text in before:
        search(library, SearchRequest(text))
    taken: dict[str, list[float]] = {}
    for text in asked:
        began = perf_counter()
        found = search(library, SearchRequest(text))
        taken.setdefault("total", []).append(perf_counter() - began)
        for stage in STAGES:
            taken.setdefault(stage, []).append(found.seconds[stage])
    figures = {stage: [1e3 * median(own), 1e3 * percentile_95(own)] for stage, own in taken.items()}
    return {"passages": passages, "size": library.index.status().size, "milliseconds": figures}


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
