"""Entries, vectors and questions that tests of an index are made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from indexes.attributes import Attributes
from indexes.base import Candidates, Lists, Question, SearchIndex, Vectors
from indexes.query_parser import parse
from indexes.types import Entry, Kind, Scope

DIMENSIONS = 8
EVERYONE = Scope()
MEMBERS = Scope(visible_to=("public", "members"))

OpenIndex = Callable[..., SearchIndex]


def entry(entry_id: str, text: str = "A school on the river", **given: Any) -> Entry:
    """An English passage of a source of its own, unless told otherwise."""
    defaults: dict[str, Any] = {
        "kind": Kind.PASSAGE,
        "group": f"resource of {entry_id}",
        "group_kind": "resource",
        "source": f"edition of {entry_id}",
        "language": "en",
        "title": "",
        "heading": "",
    }
    return Entry(id=entry_id, text=text, **(defaults | given))


# A backend may round what it keeps of a unit vector; numbers and cosines stay this close.
CLOSE = 5e-5


def rows_of(vectors: Vectors) -> list[Vectors]:
    """Vectors of as many entries without windows."""
    return [vector[None] for vector in vectors]


def put(index: SearchIndex, *entries: Entry, vectors: Vectors | None = None) -> None:
    """Let each source hold those of the entries that are of it; then add the vectors."""
    with index.writer() as writer:
        for source in {one.source for one in entries}:
            writer.replace(source, [one for one in entries if one.source == source])
        if vectors is not None:
            writer.add_vectors(entries, rows_of(vectors))


def unit(*values: float) -> Vectors:
    """A unit vector that begins with these values."""
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[: len(values)] = values
    return vector / np.float32(np.linalg.norm(vector))


def some_vectors(count: int, seed: int = 1) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    normalised: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normalised


def some_windows(counts: Sequence[int], seed: int = 1) -> list[Vectors]:
    """Vectors of as many entries, each with so many windows."""
    rows = some_vectors(sum(counts) + len(counts), seed)
    return np.split(rows, np.cumsum([1 + count for count in counts])[:-1])


def assert_close(
    found: Mapping[str, Vectors], expected: Mapping[str, Vectors], windows: float = CLOSE
) -> None:
    """The same entries, and each with the same vectors but for rounding, windows for `windows`."""
    assert found.keys() == expected.keys()
    for entry_id, vectors in expected.items():
        own = found[entry_id]
        assert (own.dtype, own.shape) == (np.float32, vectors.shape)
        np.testing.assert_allclose(own[0], vectors[0], atol=CLOSE)
        np.testing.assert_allclose(own[1:], vectors[1:], atol=windows)


class Candidate(NamedTuple):
    """What a signal brought."""

    id: str
    address: str
    attributes: Attributes
    score: float


def told(found: Candidates, lists: Lists) -> dict[str, list[Candidate]]:
    return {
        code: [Candidate(*about, score) for about, score in found.told({code: own})]
        for code, own in lists.items()
    }


def words(
    index: SearchIndex, text: str, scope: Scope = EVERYONE, limit: int = 5
) -> dict[str, list[Candidate]]:
    found = index.candidates(Question(parse(text), scope, limit))
    return told(found, found.words)


def shared_words(index: SearchIndex, text: str) -> dict[str, list[Candidate]]:
    found = index.candidates(Question(parse(text), EVERYONE, 5))
    return told(found, found.shared)


def meaning(
    index: SearchIndex, vector: Vectors, scope: Scope = EVERYONE, limit: int = 5, text: str = ""
) -> dict[str, list[Candidate]]:
    found = index.candidates(Question(parse(text), scope, limit, lambda: vector))
    return told(found, found.meaning)


def by_words(index: SearchIndex, text: str, scope: Scope = EVERYONE, limit: int = 50) -> list[str]:
    """Ids found, language after language, best first."""
    found = words(index, text, scope, limit)
    return [candidate.id for code in sorted(found) for candidate in found[code]]


def by_meaning(
    index: SearchIndex, vector: Vectors, scope: Scope = EVERYONE, limit: int = 50
) -> list[str]:
    found = meaning(index, vector, scope, limit)
    return [candidate.id for code in sorted(found) for candidate in found[code]]


def everything(index: SearchIndex) -> tuple[object, ...]:
    """All that can be told of what an index holds."""
    ids = sorted(index.all_ids())
    vectors = {key: value.tolist() for key, value in sorted(index.vectors_of(ids).items())}
    status = index.status()
    return ids, index.entries(ids), vectors, status.entries, status.vectors
