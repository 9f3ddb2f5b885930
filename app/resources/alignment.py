"""Where a passage stands in another edition of its resource.

The pairs come from `indexes.alignment`, out of the vectors that the index holds of both texts.
Where it holds none (no model, not embedded yet, an earlier version) a passage is sought at the same
share of the text, and the page says so.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.resources.models import File, Passage
from indexes.alignment import Pair, align
from indexes.base import SearchIndex, Vectors
from indexes.errors import IndexesError

# Beyond this many passages of one text times those of the other (5,000 each) a page would wait.
MOST_CELLS: Final = 25_000_000
# A pair of long manuals is 50 kB; a process remembers those that people read now.
REMEMBERED: Final = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A passage and the page where it begins."""

    passage: str
    page: int


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Where the same is said; not `exact`: about there, as the texts could not be compared."""

    place: Place
    exact: bool


def places(session: Session, file: File) -> tuple[Place, ...]:
    """The passages of a file, in the order of the text."""
    rows = session.execute(
        select(Passage.id, Passage.page).where(Passage.file_id == file.id).order_by(Passage.ordinal)
    )
    return tuple(Place(passage, page) for passage, page in rows)


def counterparts(
    index: SearchIndex, ours: Sequence[Place], theirs: Sequence[Place]
) -> tuple[Counterpart, ...]:
    """For each of our passages, in order, the one of the other text; none if that has none."""
    if not ours or not theirs:
        return ()
    pairs = _pairs(index, _ids(ours), _ids(theirs))
    if not pairs:
        last, steps = len(theirs) - 1, max(1, len(ours) - 1)
        return tuple(
            Counterpart(theirs[round(at * last / steps)], exact=False) for at in range(len(ours))
        )
    return _along(pairs, len(ours), theirs)


def _along(pairs: Sequence[Pair], count: int, theirs: Sequence[Place]) -> tuple[Counterpart, ...]:
    """A passage without its like is sought where the one before it ends."""
    paired = {at: pair for pair in pairs for at in range(*pair.left)}
    found, after = [], 0
    for at in range(count):
        pair = paired.get(at)
        if pair is None:
            found.append(Counterpart(theirs[min(after, len(theirs) - 1)], exact=False))
        else:
            after = pair.right[1]
            found.append(Counterpart(theirs[pair.right[0]], exact=True))
    return tuple(found)


def _ids(places: Sequence[Place]) -> tuple[str, ...]:
    return tuple(place.passage for place in places)


def _pairs(index: SearchIndex, ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[Pair, ...]:
    """Both directions are of one alignment, so that a link leads back to where it came from."""
    if ours > theirs:
        return tuple(
            Pair(pair.right, pair.left, pair.cosine) for pair in _pairs(index, theirs, ours)
        )
    if len(ours) * len(theirs) > MOST_CELLS:
        return ()
    known = _remembered.get((ours, theirs))
    if known is not None:
        return known
    texts = _vectors(index, (*ours, *theirs))
    if texts is None:
        return ()
    found = align(texts[: len(ours)], texts[len(ours) :])
    _remembered.put((ours, theirs), found)
    return found


def _vectors(index: SearchIndex, ids: Sequence[str]) -> Vectors | None:
    """The whole texts' vectors, shape (ids, dimensions); None unless the index has all of them."""
    try:
        found = index.vectors_of(ids)
    except IndexesError:
        return None
    return np.stack([found[one][0] for one in ids]) if len(found) == len(set(ids)) else None


class _Remembered:
    """The alignments asked for last. What passages say never changes, so that none grows old."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[tuple[tuple[str, ...], ...], tuple[Pair, ...]] = OrderedDict()
        self._lock = Lock()

    def get(self, texts: tuple[tuple[str, ...], ...]) -> tuple[Pair, ...] | None:
        with self._lock:
            if texts in self._pairs:
                self._pairs.move_to_end(texts)
            return self._pairs.get(texts)

    def put(self, texts: tuple[tuple[str, ...], ...], pairs: tuple[Pair, ...]) -> None:
        with self._lock:
            self._pairs[texts] = pairs
            if len(self._pairs) > REMEMBERED:
                self._pairs.popitem(last=False)


_remembered = _Remembered()
