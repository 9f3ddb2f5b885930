"""Exact search by meaning over segments, and the manifest that says which segments count.

    manifest.json        the last commit: segments and which file tells their dead rows
    sNNNNNN.*            segments (`segments`)
    sNNNNNN.dead-N.npy   rows of a segment that were deleted since it was written

A commit replaces the manifest in one step. Everything else is written once under a new name, so
that what an older manifest lists stays as it was until the writer sweeps it.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np

from indexes.base import Candidate, Vectors
from indexes.embedded.durable import write_atomically
from indexes.embedded.segments import Keys, Mask, Row, Rows, Segment
from indexes.types import FoundBy, Scope

MANIFEST: Final = "manifest.json"
# Scopes whose rows are remembered a segment: 0.8 MB each at 100,000 passages.
REMEMBERED_SCOPES: Final = 8
# Below this share of rows in scope, gathering them is faster than multiplying with all.
GATHER_BELOW: Final = 0.1


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment as a manifest lists it."""

    name: str
    dead: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A commit. `next_name` numbers whatever file is written next."""

    segments: tuple[Listed, ...] = ()
    next_name: int = 1

    def files(self) -> set[str]:
        """Names of the files that this commit needs."""
        needed = {
            f"{listed.name}.{kind}" for listed in self.segments for kind in ("vectors", "npz")
        }
        return needed | {listed.dead for listed in self.segments if listed.dead} | {MANIFEST}


def read_manifest(folder: Path) -> Manifest:
    """The last commit; an empty one before the first."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Manifest()
    return Manifest(tuple(Listed(**listed) for listed in found["segments"]), found["next_name"])


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Commit."""
    segments = [{"name": listed.name, "dead": listed.dead} for listed in manifest.segments]
    found = {"segments": segments, "next_name": manifest.next_name}
    write_atomically(folder / MANIFEST, json.dumps(found).encode())


@dataclass(frozen=True, slots=True)
class _Best:
    score: float
    id: str
    segment: Segment
    row: int

    def candidate(self, code: str) -> Candidate:
        attributes = self.segment.attributes_of(self.row)
        address = self.segment.address_of(self.row)
        return Candidate(
            attributes.hit(self.id, address, self.score, FoundBy.MEANING), code, self.score
        )


@dataclass(eq=False, slots=True)
class LiveSegment:
    """A segment less its dead rows; `alive` has shape (rows,). Not changed once it is in a view."""

    segment: Segment
    alive: Mask
    _scopes: OrderedDict[object, Mapping[str, Rows]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def count(self) -> int:
        return int(self.alive.sum())

    def find(self, keys: Keys) -> dict[str, int]:
        """The live rows with these ids."""
        return {found: row for found, row in self.segment.find(keys) if self.alive[row]}

    def rows_of_source(self, source: str) -> list[int]:
        """The live rows of this source."""
        return [row for row in self.segment.rows_of_source(source) if self.alive[row]]

    def rows(self) -> Iterator[Row]:
        """All live rows."""
        return (self.segment.row(int(row)) for row in np.flatnonzero(self.alive))

    def rows_in(self, scope: Scope) -> Mapping[str, Rows]:
        """Live rows in scope by search language; remembered, as people stay in their scope."""
        key = _key(scope)
        with self._lock:
            if key in self._scopes:
                self._scopes.move_to_end(key)
                return self._scopes[key]
        found = self._find_rows(scope)
        with self._lock:
            self._scopes[key] = found
            if len(self._scopes) > REMEMBERED_SCOPES:
                self._scopes.popitem(last=False)
        return found

    def _find_rows(self, scope: Scope) -> Mapping[str, Rows]:
        sets = self.segment.attributes
        inside = np.array([attributes.is_in(scope) for attributes in sets], np.bool_)
        codes = np.array([attributes.search_language for attributes in sets])
        found = {}
        for code in sorted(set(codes[inside].tolist())):
            rows = np.flatnonzero(
                (inside & (codes == code))[self.segment.attribute_of] & self.alive
            )
            if len(rows):
                found[code] = rows
        return found

    def best(self, vector: Vectors, scope: Scope, limit: int) -> Iterator[tuple[str, _Best]]:
        """The best `limit` rows of each search language, with those equal to the last of them."""
        rows_by_code = self.rows_in(scope)
        inside = sum(map(len, rows_by_code.values()))
        few = inside < GATHER_BELOW * self.segment.rows
        vectors = self.segment.vectors
        scores = None if few or not inside else _cosines(vectors, vector)
        for code, rows in rows_by_code.items():
            own = _cosines(vectors[rows], vector) if scores is None else scores[rows]
            for place in _top(own, limit):
                row = int(rows[place])
                yield code, _Best(float(own[place]), self.segment.id_of(row), self.segment, row)


class VectorView:
    """The vectors of one commit; several threads may search it."""

    def __init__(self, segments: Sequence[LiveSegment]) -> None:
        self.segments = tuple(segments)

    @property
    def count(self) -> int:
        return sum(live.count for live in self.segments)

    def search(self, vector: Vectors, scope: Scope, limit: int) -> dict[str, list[Candidate]]:
        """The best `limit` a search language by dot product, equal ones by id."""
        found: dict[str, list[_Best]] = {}
        for live in self.segments:
            for code, best in live.best(vector, scope, limit):
                found.setdefault(code, []).append(best)
        return {
            code: [best.candidate(code) for best in sorted(own, key=_order)[:limit]]
            for code, own in found.items()
        }

    def holds(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that have vectors."""
        keys = Keys(ids)
        return {entry_id for live in self.segments for entry_id in live.find(keys)}

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those ids that have one."""
        keys = Keys(ids)
        return {
            entry_id: np.array(live.segment.vectors[row])[None]
            for live in self.segments
            for entry_id, row in live.find(keys).items()
        }


def open_view(folder: Path, dimensions: int, before: VectorView | None = None) -> VectorView:
    """The last commit; segments that `before` has are not read again.

    Raises:
        FileNotFoundError: a later commit swept this one meanwhile: open again.
    """
    known = {live.segment.name: live for live in before.segments} if before else {}
    opened = []
    for listed in read_manifest(folder).segments:
        old = known.get(listed.name)
        segment = old.segment if old else Segment(folder, listed.name, dimensions)
        alive = np.ones(segment.rows, np.bool_)
        if listed.dead:
            alive[np.load(folder / listed.dead, allow_pickle=False)] = False
        same = old is not None and np.array_equal(old.alive, alive)
        opened.append(old if old is not None and same else LiveSegment(segment, alive))
    return VectorView(opened)


def _cosines(vectors: Vectors, vector: Vectors) -> Vectors:
    """Dot products of rows with a vector.

    On this thread alone: `vectors @ vector` lets OpenBLAS divide the work among all cores, whose
    waiting for each other took 13 ms where this takes 0.3 once other processes were busy
    (4,096 rows, two cores); on an idle machine the two are equal, bound by memory.
    """
    found: Vectors = np.vecdot(vectors, vector)
    return found


def _order(best: _Best) -> tuple[float, str]:
    return -best.score, best.id


def _top(scores: Vectors, limit: int) -> Rows:
    """Places of the `limit` highest scores and of those equal to the last, in no order."""
    if len(scores) <= limit:
        return np.arange(len(scores))
    least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    return np.flatnonzero(scores >= least)


def _key(scope: Scope) -> object:
    """A scope as a key: its filters are a mapping, which has no hash."""
    filters = tuple(sorted((code, tuple(values)) for code, values in scope.filters.items()))
    return scope.visible_to, scope.languages, filters, scope.hidden_sources
