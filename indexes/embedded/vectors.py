"""Search by meaning over segments, and the manifest that says which segments count.

    manifest.json        the last commit: segments and which file tells their dead rows
    sNNNNNN.*            segments (`segments`)
    sNNNNNN.dead-N.npy   rows of a segment that were deleted since it was written

A commit replaces the manifest in one step. Everything else is written once under a new name, so
that what an older manifest lists stays as it was until the writer sweeps it.

A search looks at all codes in scope, and at the exact vectors of the best by these.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np

from indexes.attributes import About
from indexes.base import Scored, Vectors, VectorTable
from indexes.embedded.durable import write_atomically
from indexes.embedded.integers import Codes, encoded
from indexes.embedded.segments import KINDS, Mask, Rows, Segment
from indexes.keys import Hashes, Keys
from indexes.types import Scope

MANIFEST: Final = "manifest.json"
# Scopes whose rows are remembered a segment: 0.8 MB each at 100,000 passages.
REMEMBERED_SCOPES: Final = 8
# Below this share of rows in scope, gathering them is faster than multiplying with all.
GATHER_BELOW: Final = 0.1
NO_VECTORS: Final = VectorTable.of(
    np.empty(0, np.uint64), np.empty(0, np.intp), np.empty((0, 0), np.float32)
)
# Beyond a quarter as many again, how many more than asked for are compared exactly: recall@50 and
# @100 are .999 so, and .978 without any (27,000 real passages).
SPARE: Final = 10


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
        needed = {f"{listed.name}.{kind}" for listed in self.segments for kind in KINDS}
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
        return {found: row for found, row in self.segment.find(keys).items() if self.alive[row]}

    def rows_of_source(self, source: str) -> list[int]:
        """The live rows of this source."""
        return [row for row in self.segment.rows_of_source(source) if self.alive[row]]

    def rows_in(self, scope: Scope, key: object) -> Mapping[str, Rows]:
        """Live rows in scope by search language; remembered, as people stay in their scope."""
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
        codes = self.segment.languages
        found = {}
        for code in sorted(set(codes[inside].tolist())):
            rows = np.flatnonzero(
                (inside & (codes == code))[self.segment.attribute_of] & self.alive
            )
            if len(rows):
                found[code] = rows
        return found

    def estimates(self, query: Codes, rows_by_code: Mapping[str, Rows]) -> Iterator["_Scored"]:
        """About what the rows' dot products with the query are, a language at a time."""
        inside = sum(map(len, rows_by_code.values()))
        codes = self.segment.codes
        few = inside < GATHER_BELOW * self.segment.rows
        scores = None if few or not inside else codes.estimates(query)
        for code, rows in rows_by_code.items():
            own = codes.of(rows).estimates(query) if scores is None else scores[rows]
            yield _Scored(code, self.segment, rows, own)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Rows of one segment and search language; `rows` and `scores` have the same shape."""

    code: str
    segment: Segment
    rows: Rows
    scores: Vectors

    @property
    def keys(self) -> Hashes:
        return self.segment.hashes[self.rows]


class VectorView:
    """The vectors of one commit; several threads may search it."""

    def __init__(self, segments: Sequence[LiveSegment]) -> None:
        self.segments = tuple(segments)

    @property
    def count(self) -> int:
        return sum(live.count for live in self.segments)

    def search(
        self, vector: Vectors, scope: Scope, limit: int, known: VectorTable
    ) -> tuple[dict[str, Scored], VectorTable]:
        """The best `limit` a search language by dot product, and the vectors of all these.

        `known` are vectors that have been read already; the table returned holds them too.
        """
        query, key = encoded(vector[None]), _key(scope)
        found: dict[str, list[_Scored]] = {}
        for live in self.segments:
            for own in live.estimates(query, live.rows_in(scope, key)):
                found.setdefault(own.code, []).append(own)
        near = {code: _top(parts, limit + limit // 4 + SPARE) for code, parts in found.items()}
        keys = {code: np.concatenate([own.keys for own in parts]) for code, parts in near.items()}
        table = self._with(known, [own for parts in near.values() for own in parts])
        return {code: table.nearest(own, vector, limit) for code, own in keys.items()}, table

    def _with(self, known: VectorTable, parts: Sequence[_Scored]) -> VectorTable:
        """The table with the vectors of these rows."""
        rows: dict[Segment, list[Rows]] = {}
        for own in parts:
            rows.setdefault(own.segment, []).append(own.rows[known.places(own.keys) < 0])
        read = {segment: np.concatenate(own) for segment, own in rows.items()}
        return _table(read, known)

    def table(self, keys: Hashes) -> VectorTable:
        """The vectors of those of the entries that have any; each key once."""
        read: dict[Segment, Rows] = {}
        for live in self.segments:
            rows = live.segment.rows_of(keys)
            read[live.segment] = rows[(rows >= 0) & live.alive[rows]]
        return _table(read)

    def about(self, hashes: Hashes) -> list[About | None]:
        """Whose vectors those of each key are; none where there are no vectors."""
        found: list[About | None] = [None] * len(hashes)
        for live in self.segments:
            rows = live.segment.rows_of(hashes)
            places = np.flatnonzero((rows >= 0) & live.alive[rows])
            about = live.segment.about(rows[places])
            for place, one in zip(places.tolist(), about, strict=True):
                found[place] = one
        return found

    def holds(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that have vectors."""
        return {entry_id for _, rows in self._places(ids) for entry_id in rows}

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those ids that have some, shape (1 + windows, dimensions)."""
        return {
            entry_id: vectors
            for segment, rows in self._places(ids)
            for entry_id, vectors in zip(
                rows, segment.split(np.fromiter(rows.values(), np.intp)), strict=True
            )
        }

    def _places(self, ids: Sequence[str]) -> Iterator[tuple[Segment, dict[str, int]]]:
        """The segments that hold some of the ids, and in which rows."""
        keys = Keys(ids)
        for live in self.segments:
            if rows := live.find(keys):
                yield live.segment, rows


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


def _table(read: Mapping[Segment, Rows], known: VectorTable | None = None) -> VectorTable:
    """The vectors of these rows, and those already known."""
    parts = [(segment, rows) for segment, rows in read.items() if len(rows)]
    keys = [segment.hashes[rows] for segment, rows in parts]
    counts = [segment.vector_counts[rows] for segment, rows in parts]
    vectors = [segment.vectors(rows) for segment, rows in parts]
    if known is not None and len(known.keys):
        keys.append(known.keys)
        counts.append(known.counts)
        vectors.append(known.rows)
    if not keys:
        return NO_VECTORS
    return VectorTable.of(np.concatenate(keys), np.concatenate(counts), np.concatenate(vectors))


def _top(parts: Sequence[_Scored], limit: int) -> list[_Scored]:
    """The rows with the `limit` highest scores and those equal to the last, in no order."""
    scores = np.concatenate([own.scores for own in parts])
    if len(scores) <= limit:
        return list(parts)
    least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    kept = [(own, np.flatnonzero(own.scores >= least)) for own in parts]
    return [
        _Scored(own.code, own.segment, own.rows[places], own.scores[places])
        for own, places in kept
        if len(places)
    ]


def _key(scope: Scope) -> object:
    """A scope as a key: its filters are a mapping, which has no hash."""
    filters = tuple(sorted((code, tuple(values)) for code, values in scope.filters.items()))
    pairs = scope.any_of, scope.none_of
    return scope.visible_to, scope.languages, filters, scope.hidden_sources, pairs
