"""Vectors in eight and sixteen bits: how exact they are, and that segments keep them."""

import json
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.attributes import Attributes, attributes_of
from indexes.base import Vectors
from indexes.embedded import segment_writer, vector_writer
from indexes.embedded.integers import Codes, encoded
from indexes.embedded.segment_writer import write_merged, write_segment
from indexes.embedded.segments import Row, Segment
from indexes.embedded.vector_writer import VectorWriter
from indexes.embedded.vectors import NO_VECTORS, VectorView, open_view
from indexes.embedding.loading import load_embedder
from indexes.keys import Keys
from indexes.sixteen_bits import restored, rounded
from indexes.types import Scope
from tests.indexes.material import CLOSE, entry

DIMENSIONS = 384
BEST = 100


def normalised(vectors: np.ndarray) -> Vectors:
    units: Vectors = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return units


def around(centres: Vectors, count: int, spread: float, seed: int = 1) -> Vectors:
    """Unit vectors about some given ones."""
    random = np.random.default_rng(seed)
    chosen = centres[random.integers(len(centres), size=count)]
    return normalised(chosen + random.normal(scale=spread, size=chosen.shape))


def made(count: int, seed: int) -> Vectors:
    """Unit vectors that have little in common but, as a model's do, one direction."""
    random = np.random.default_rng(seed)
    common = np.random.default_rng(0).normal(size=DIMENSIONS) * 2
    return normalised(common + random.normal(size=(count, DIMENSIONS)))


def label(language: str = "en") -> Attributes:
    return attributes_of(entry("any", language=language))


def write(folder: Path, vectors: Vectors, windows: int = 0) -> VectorView:
    """A view of as many entries in two languages, written in several batches."""
    for part in np.array_split(np.arange(len(vectors)), 5):
        writer = VectorWriter(folder, DIMENSIONS)
        kept = [np.repeat(rounded(vectors[n : n + 1]), 1 + windows, axis=0) for n in part]
        labels = [label("en" if n % 2 else "fr") for n in part]
        rows = zip(part, labels, kept, strict=True)
        writer.add([Row(f"{n:06}", "", own, vectors) for n, own, vectors in rows])
        writer.commit_kept()
        writer.commit_added()
    return open_view(folder, DIMENSIONS)


def recall(view: VectorView, vectors: Vectors, queries: Vectors) -> float:
    """Share of the true best hundred a language that the view has among its best hundred."""
    shares = []
    for query in queries:
        found, _ = view.search(query, Scope(), BEST, NO_VECTORS)
        for first, code in ((0, "fr"), (1, "en")):
            own = np.arange(first, len(vectors), 2)
            best = own[np.argsort(-(vectors[own] @ query))[:BEST]]
            keys = Keys(f"{n:06}" for n in best).hashes
            shares.append(np.isin(found[code].keys, keys).mean())
    return float(np.mean(shares))


def test_recall_of_made_vectors(tmp_path: Path) -> None:
    vectors = around(made(100, 1), 6_000, 0.03)
    assert recall(write(tmp_path, vectors), vectors, made(20, 2)) >= 0.99


@pytest.mark.model
@pytest.mark.material
def test_recall_of_real_vectors(tmp_path: Path, model_folder: Path, shared: Path) -> None:
    embedder = load_embedder(model_folder)
    folder = shared / "relevance" / "trilingual-mixed"
    texts = [json.loads(line)["text"] for line in (folder / "corpus.jsonl").open()][::24]
    asked = [json.loads(line)["text"] for line in (folder / "queries.jsonl").open()][::100]
    vectors = around(embedder.embed_passages(texts), 6_000, 0.015)
    queries = np.stack([embedder.embed_query(text) for text in asked])
    assert recall(write(tmp_path, vectors), vectors, queries) >= 0.99


def test_an_answer_does_not_depend_on_the_segments(tmp_path: Path) -> None:
    """Neither on how entries were written nor on how many others are in scope."""
    vectors, query = around(made(20, 1), 2_000, 0.03), made(1, 2)[0]
    answers = []
    for name, order in (("a", slice(None)), ("b", slice(None, None, -1))):
        folder = tmp_path / name
        folder.mkdir()
        numbers = np.arange(len(vectors))[order]
        for part in np.array_split(numbers, 3 if name == "a" else 11):
            writer = VectorWriter(folder, DIMENSIONS)
            kept = rounded(vectors[part])
            rows = zip(part, kept, strict=True)
            writer.add([Row(f"{n:04}", "", label(), own[None]) for n, own in rows])
            writer.commit_added()
        found, _ = open_view(folder, DIMENSIONS).search(query, Scope(), 50, NO_VECTORS)
        answers.append([column.tolist() for column in found["en"]])
    assert answers[0] == answers[1]
    few = [live.segment.codes.of(np.arange(3)) for live in open_view(folder, DIMENSIONS).segments]
    all_ = [live.segment.codes for live in open_view(folder, DIMENSIONS).segments]
    for some, every in zip(few, all_, strict=True):
        code = encoded(query[None])
        np.testing.assert_array_equal(some.estimates(code), every.estimates(code)[:3])


def test_estimates_are_exact_products_of_rounded_vectors() -> None:
    random = np.random.default_rng(3)
    codes = random.integers(1, 256, size=(50, DIMENSIONS), dtype=np.uint8)
    codes[0], codes[1] = 255, 1  # the largest that there are
    scales = random.random(50).astype(np.float32)
    rows = Codes(codes, scales, codes.sum(axis=1, dtype=np.int32))
    signed = codes.astype(np.int64) - 128
    for n in (0, 1, 7):
        query = rows.of(np.array([n]))
        expected = (signed @ signed[n]) * scales.astype(float) * float(scales[n])
        np.testing.assert_allclose(rows.estimates(query), expected, rtol=1e-5)


def test_rounding() -> None:
    vectors = np.concatenate([made(200, 1), np.eye(DIMENSIONS, dtype=np.float32)[:2] * -1])
    kept = restored(rounded(vectors))
    assert np.abs(kept @ vectors.T - vectors @ vectors.T).max() < CLOSE
    np.testing.assert_array_equal(kept[-2:], vectors[-2:])
    np.testing.assert_array_equal(rounded(kept), rounded(vectors))  # nothing drifts
    codes = encoded(vectors)
    estimates = np.stack([codes.estimates(codes.of(np.array([n]))) for n in range(len(vectors))])
    assert np.abs(estimates - vectors @ vectors.T).max() < 0.005
    zeros = encoded(np.zeros((1, DIMENSIONS), np.float32))
    assert codes.estimates(zeros).max() == zeros.estimates(codes.of(np.array([0])))[0] == 0


def written(folder: Path, name: str, numbers: range, windows: Callable[[int], int]) -> Segment:
    """A segment of entries whose vectors hold the entry's number and the window's."""
    rows = [
        Row(f"é{n}", "x" * (n % 7), label(("en", "fr", "es")[n % 3]), numbered(n, windows(n)))
        for n in numbers
    ]
    write_segment(folder, name, rows)
    return Segment(folder, name, DIMENSIONS)


def numbered(entry_number: int, windows: int) -> Any:
    vectors = np.zeros((1 + windows, DIMENSIONS), np.int16)
    vectors[:, 0], vectors[:, 1] = entry_number, np.arange(1 + windows)
    return vectors


def test_merging_keeps_all_and_little_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "COPIED_ROWS", 100)
    count = 3_000
    parts = [
        written(tmp_path, name, range(start, start + count), lambda n: n % 4)
        for name, start in (("one", 0), ("two", count))
    ]
    masks = [np.arange(count) % 5 != remainder for remainder in (0, 3)]
    tracemalloc.start()
    write_merged(tmp_path, "both", list(zip(parts, masks, strict=True)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = (tmp_path / "both.vectors").stat().st_size
    assert peak < size / 5
    merged = Segment(tmp_path, "both", DIMENSIONS)
    alive = [n for n in range(2 * count) if masks[n // count][n % count]]
    assert merged.rows == len(alive)
    found = merged.find(Keys(f"é{n}" for n in range(2 * count)))
    assert found == {f"é{n}": row for row, n in enumerate(alive)}
    for row, n in list(enumerate(alive))[::97]:
        one = merged.row(row)
        assert (one.id, one.address) == (f"é{n}", "x" * (n % 7))
        assert one.attributes == label(("en", "fr", "es")[n % 3])
        np.testing.assert_array_equal(one.vectors, numbered(n, n % 4))
        (codes,) = merged.codes.codes[row : row + 1].tolist()
        assert codes == encoded(restored(numbered(n, 0))).codes[0].tolist()


def test_ids_with_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexes.keys.key_of", lambda _: 8)
    segment = written(tmp_path, "s", range(5), lambda _: 0)
    assert segment.find(Keys(["é3", "unknown", "é0"])) == {"é3": 3, "é0": 0}


def test_a_batch_larger_than_memory_keeps_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_writer, "BUFFERED_ROWS", 7)
    view = write(tmp_path, made(100, 1), windows=2)
    found = view.vectors_of([f"{n:06}" for n in range(100)])
    assert len(found) == 100
    assert all(own.shape == (3, DIMENSIONS) for own in found.values())
    for one, other in pairwise(found[f"{n:06}"][2] for n in range(100)):
        assert not np.array_equal(one, other)
