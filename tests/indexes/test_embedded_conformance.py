"""The embedded backend against the suite that every backend passes, and what only it has."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexes.base import Vectors
from indexes.embedded import EmbeddedIndex, vector_writer
from indexes.errors import IndexUnavailable
from tests.indexes.conformance import SearchIndexConformance
from tests.indexes.material import (
    DIMENSIONS,
    EVERYONE,
    OpenIndex,
    assert_close,
    by_meaning,
    by_words,
    entry,
    everything,
    meaning,
    put,
    rows_of,
    some_vectors,
    some_windows,
    unit,
    words,
)


@pytest.fixture
def open_index(tmp_path: Path) -> Callable[..., EmbeddedIndex]:
    def opened(fingerprint: str = "model", dimensions: int = DIMENSIONS) -> EmbeddedIndex:
        return EmbeddedIndex(tmp_path / "i", dimensions=dimensions, fingerprint=fingerprint)

    return opened


class TestEmbedded(SearchIndexConformance):
    """All of the suite."""


def vector_files(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_ino for p in folder.glob("i/*/vectors/*.vectors")}


def test_adding_one_passage_does_not_rewrite_the_others(
    open_index: OpenIndex, tmp_path: Path
) -> None:
    index = open_index()
    put(index, *(entry(str(n)) for n in range(500)), vectors=some_vectors(500))
    before = vector_files(tmp_path)
    put(index, entry("one more"), vectors=some_vectors(1))
    after = vector_files(tmp_path)
    assert before.items() < after.items()
    assert index.status().vectors == 501


def test_segments_are_put_together_and_swept(open_index: OpenIndex, tmp_path: Path) -> None:
    index, vectors = open_index(), some_windows([n % 4 for n in range(40)])
    for n in range(40):
        put(index, entry(f"{n:02}"))
        with index.writer() as writer:
            writer.add_vectors([entry(f"{n:02}")], [vectors[n]])
    assert len(vector_files(tmp_path)) < vector_writer.MERGE
    for n in range(20):
        with index.writer() as writer:
            writer.replace(f"edition of {n:02}", [])
    expected = {f"{n:02}": vectors[n] for n in range(20, 40)}
    assert_close(index.vectors_of([f"{n:02}" for n in range(40)]), expected)
    near = meaning(index, vectors[33][0], EVERYONE, 1)["en"]
    assert [c.id for c in near] == ["33"]
    rows = sum(p.stat().st_size for p in tmp_path.glob("i/*/vectors/*.codes")) // DIMENSIONS
    assert rows <= 40
    (manifest,) = tmp_path.glob("i/*/vectors/manifest.json")
    listed = manifest.read_text()
    assert all(p.stem in listed for p in manifest.parent.iterdir() if p != manifest)


def test_large_batches_are_written_aside(
    open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that does not fit into memory obeys its later calls all the same."""
    monkeypatch.setattr(vector_writer, "BUFFERED_ROWS", 4)
    index, vectors = open_index(), some_windows([n % 3 for n in range(10)])
    entries = [entry(str(n), source=str(n % 2)) for n in range(10)]
    with index.writer() as writer:
        for source in ("0", "1"):
            writer.replace(source, [one for one in entries if one.source == source])
        writer.add_vectors(entries, vectors)
        writer.replace("0", [entry("0", source="0", address="new"), entry("2", source="0")])
        writer.add_vectors([entry("1", source="1")], vectors[:1])
    expected = {name: vectors[int(name)] for name in "0123579"} | {"1": vectors[0]}
    assert_close(index.vectors_of([str(n) for n in range(10)]), expected)
    assert sorted(index.all_ids()) == sorted(expected)
    assert {c.address for c in meaning(index, unit(1), EVERYONE, 9)["en"]} == {"", "new"}


def test_words_only(open_index: OpenIndex) -> None:
    index = open_index(dimensions=0)
    put(index, entry("a"))
    assert by_words(index, "school") == ["a"]
    assert meaning(index, np.empty(0, np.float32), EVERYONE, 5) == {}
    with pytest.raises(ValueError, match="is not"), index.writer() as writer:
        writer.add_vectors([entry("a")], rows_of(some_vectors(1)))


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (rows_of(some_vectors(2)), "2 entries, not for 1"),
        ([], "0 entries, not for 1"),
        (rows_of(some_vectors(1)[:, :5]), "is not"),
        ([some_vectors(1)[0]], "is not"),
        ([some_vectors(0)], "is not"),
        (rows_of(some_vectors(1) * np.float32("nan")), "not finite"),
        ([np.full((1, DIMENSIONS), np.inf, np.float32)], "not finite"),
        ([np.stack([unit(1), unit(1) * 2])], "not of a unit vector"),
    ],
)
def test_vectors_that_cannot_be_are_refused(
    open_index: OpenIndex, vectors: list[Vectors], reason: str
) -> None:
    index = open_index()
    put(index, entry("a"))
    with pytest.raises(ValueError, match=reason), index.writer() as writer:
        writer.add_vectors([entry("a")], vectors)
    assert index.status().vectors == 0


def test_old_generations_go_when_nobody_reads_them(open_index: OpenIndex, tmp_path: Path) -> None:
    def generations() -> list[str]:
        return sorted(p.name for p in (tmp_path / "i").iterdir() if p.name.isdigit())

    index, reader = open_index(), open_index()
    put(index, entry("a"))
    assert by_words(reader, "school") == ["a"]
    index.close()
    with index.rebuild() as writer:
        writer.replace("edition of b", [entry("b")])
    assert generations() == ["000001", "000002"]  # the reader still has the first
    assert by_words(reader, "school") == ["b"]
    with index.writer():
        pass
    assert generations() == ["000002"]
    with pytest.raises(KeyError), index.rebuild() as writer:
        raise KeyError
    assert generations() == ["000002"]


def test_rubbish_of_a_rebuild_that_was_killed_is_swept(
    open_index: OpenIndex, tmp_path: Path
) -> None:
    index = open_index()
    put(index, entry("a"), vectors=some_vectors(1))
    half = tmp_path / "i" / "000002" / "words"
    half.mkdir(parents=True)
    (tmp_path / "i" / "000001" / "vectors" / "s999999.vectors").write_bytes(b"half")
    before = everything(index)
    with index.writer():
        pass
    assert not half.exists()
    assert not list(tmp_path.rglob("s999999*"))
    assert everything(index) == before


def test_a_missing_generation_is_told_and_can_be_rebuilt(
    open_index: OpenIndex, tmp_path: Path
) -> None:
    index = open_index()
    put(index, entry("a"))
    (tmp_path / "i" / "CURRENT").write_text("000009")
    with pytest.raises(IndexUnavailable):
        words(index, "school")
    with index.rebuild() as writer:
        writer.replace("edition of a", [entry("a")])
    assert by_words(index, "school") == ["a"]


def test_searching_threads_share_one_view(open_index: OpenIndex) -> None:
    index = open_index()
    put(index, *(entry(f"{n:03}") for n in range(200)), vectors=some_vectors(200))
    expected = by_meaning(index, unit(1, 1), limit=30)
    answers: list[list[str]] = []
    work = lambda: answers.extend(by_meaning(index, unit(1, 1), limit=30) for _ in range(20))  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 80
