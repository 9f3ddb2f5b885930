"""What is kept, for whom, and what happens when the file is not what it should be."""

import multiprocessing
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from indexes.base import Vectors
from indexes.embedding.loading import load_embedder
from indexes.embedding.vector_cache import CachedEmbedder, VectorCache

DIMENSIONS = 384


class CountingEmbedder:
    """Vectors from the letters of a text; remembers what it was asked."""

    dimensions = DIMENSIONS
    fingerprint = "letters-1"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_query(self, text: str) -> Vectors:
        return vector_of(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return np.stack([vector_of(text) for text in texts])

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def query_is_cut(self, text: str) -> bool:
        return False


def vector_of(text: str) -> Vectors:
    seed = int.from_bytes(text.encode()[:8] or b"0")
    vector = np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)
    unit: Vectors = vector / np.linalg.norm(vector)
    return unit


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "cache" / "vectors.sqlite")


def test_nothing_is_embedded_twice(cache: VectorCache) -> None:
    texts = [f"{number} passages" for number in range(150)]
    first, second = CountingEmbedder(), CountingEmbedder()
    once = CachedEmbedder(first, cache).embed_passages([*texts, *texts])
    again = CachedEmbedder(second, cache).embed_passages([" new ", *texts])
    assert first.embedded == texts
    assert second.embedded == ["new"]
    assert np.array_equal(once[:150], again[1:])
    assert np.array_equal(once[:150], once[150:])


def test_float16_costs_less_than_a_millionth(cache: VectorCache) -> None:
    texts = [f"{number}" for number in range(100)]
    exact = np.stack([vector_of(text) for text in texts])
    kept = CachedEmbedder(CountingEmbedder(), cache).embed_passages(texts)
    cosines = (exact.astype(np.float64) * kept).sum(axis=1)
    assert (1 - cosines).max() < 1e-6
    assert np.abs(kept @ kept.T - exact @ exact.T).max() < 1e-4
    assert np.linalg.norm(kept, axis=1) == pytest.approx(1, abs=1e-6)


def test_engines_do_not_mix(cache: VectorCache) -> None:
    cache.put("one", {"text": vector_of("a")})
    assert not cache.get("other", ["text"])
    cache.put("other", {"text": vector_of("b")})
    assert len(cache) == 2
    assert cache.forget_other_engines("one") == 1
    assert set(cache.get("one", ["text", "unknown"])) == {"text"}


def test_no_text_and_many_texts(cache: VectorCache) -> None:
    embedder = CachedEmbedder(CountingEmbedder(), cache)
    assert embedder.embed_passages([]).shape == (0, DIMENSIONS)
    texts = [f"{number}" for number in range(1200)]  # more than SQLite takes parameters
    cache.put("letters-1", dict.fromkeys(texts, vector_of("a")))
    assert len(cache.get("letters-1", texts)) == 1200


def test_the_oldest_go_first(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "vectors.sqlite", max_bytes=200_000)
    for start in range(0, 1000, 50):
        texts = [f"text {number}" for number in range(start, start + 50)]
        cache.put("one", {text: vector_of(text) for text in texts})
    assert 50 < len(cache) < 300
    assert len(cache.get("one", [f"text {number}" for number in range(950, 1000)])) == 50
    assert not cache.get("one", ["text 0"])
    assert cache.path.stat().st_size < 400_000


@pytest.mark.parametrize("size", [0, 20, 5000])
def test_a_damaged_file_is_set_aside(cache: VectorCache, size: int) -> None:
    """Size 0: the whole file is overwritten; else what comes after that many bytes."""
    texts = [f"{number}" for number in range(200)]
    CachedEmbedder(CountingEmbedder(), cache).embed_passages(texts)
    content = cache.path.read_bytes()
    cache.path.write_bytes(content[:size] + b"damaged " * (len(content) // 8))
    engine = CountingEmbedder()
    vectors = CachedEmbedder(engine, cache).embed_passages(texts)
    assert engine.embedded == texts
    assert len(vectors) == 200
    assert len(cache) == 200
    assert cache.path.with_name("vectors.sqlite.damaged").exists()


def test_a_locked_file_costs_time_only(cache: VectorCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexes.embedding.vector_cache.BUSY_SECONDS", 0.05)
    cache.put("letters-1", {"known": vector_of("known")})
    with sqlite3.connect(cache.path) as other:
        other.execute("BEGIN EXCLUSIVE")
        vectors = CachedEmbedder(CountingEmbedder(), cache).embed_passages(["known", "new"])
        other.rollback()
    other.close()
    assert len(vectors) == 2
    assert len(cache) == 1


def test_a_folder_without_permission_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    cache = VectorCache(tmp_path / "file" / "vectors.sqlite")
    assert len(CachedEmbedder(CountingEmbedder(), cache).embed_passages(["a", "b"])) == 2


def _embed_many(path: Path, start: int) -> None:
    embedder = CachedEmbedder(CountingEmbedder(), VectorCache(path))
    for first in range(start, start + 200, 20):
        texts = [f"text {number}" for number in range(first, first + 20)]
        expected = np.stack([vector_of(text) for text in texts])
        assert np.allclose(embedder.embed_passages(texts), expected, atol=1e-3)


def test_several_processes_share_a_file(cache: VectorCache) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_embed_many, args=(cache.path, n * 100)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(cache) == 300


@pytest.mark.model
def test_the_products_embedder_fills_a_cache_that_is_empty(
    tmp_path: Path, model_folder: Path
) -> None:
    cache = VectorCache(tmp_path / "vectors.sqlite")
    load_embedder(model_folder, cache).embed_passages(["Une phrase.", "A sentence."])
    assert len(cache) == 2
