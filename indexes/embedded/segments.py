"""Immutable files of vectors and, beside them, whose vectors they are.

    NAME.codes      the whole texts' vectors in eight bits, scanned by every search; mapped
    NAME.vectors    all vectors in sixteen bits, an entry's one after the other: the whole text's,
                    then its windows'; read where they are needed
    NAME.npz        columns: ids, addresses, hashes of ids, index into attribute sets, scales of
                    the codes, where an entry's vectors end

Columns are read into memory (about 100 bytes a row). `NAME.vectors` is not mapped: a page touched
maps its neighbours with it, and searches here and there would soon hold the whole file.
`segment_writer` writes them.
"""

import os
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.attributes import About, Attributes, many_from_json
from indexes.base import Vectors
from indexes.embedded.integers import Codes
from indexes.keys import Hashes, Keys
from indexes.sixteen_bits import Sixteen, restored

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

KINDS: Final = ("codes", "vectors", "npz")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry's vectors, shape (1 + windows, dimensions), and whose they are."""

    id: str
    address: str
    attributes: Attributes
    vectors: Sixteen


class Segment:
    """A segment as read; several threads may use it.

    `codes` has a row an entry, `attribute_of` shape (rows,): indexes into `attributes`.
    """

    def __init__(self, folder: Path, name: str, dimensions: int) -> None:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as columns:
            self.ids = Strings(columns["ids"], columns["id_ends"])
            self.addresses = Strings(columns["addresses"], columns["address_ends"])
            self.hashes: Hashes = columns["hashes"]
            self._by_hash: NDArray[np.uint32] = columns["by_hash"]
            self.attribute_of: NDArray[np.uint32] = columns["attribute_of"]
            self.attributes = many_from_json(columns["attributes"].tobytes())
            self.vector_ends: NDArray[np.int64] = columns["vector_ends"]
            scales, sums = columns["scales"], columns["sums"]
        self._sorted_hashes = self.hashes[self._by_hash]
        self.name = name
        self.rows = len(self.attribute_of)
        path, shape = folder / f"{name}.codes", (self.rows, dimensions)
        self.codes = Codes(np.memmap(path, np.uint8, "r", shape=shape), scales, sums)
        self._dimensions = dimensions
        self._file = os.open(folder / f"{name}.vectors", os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def row(self, row: int) -> Row:
        """All that is kept of a row."""
        (about,) = self.about(np.array([row]))
        return Row(*about, self.kept(row, row + 1))

    def about(self, rows: Rows) -> Iterator[About]:
        """Whose vectors these rows are."""
        sets = (self.attributes[number] for number in self.attribute_of[rows].tolist())
        return zip(self.ids.at(rows), self.addresses.at(rows), sets, strict=True)

    def kept(self, start: int, end: int) -> Sixteen:
        """All vectors of the rows from `start` to before `end`, one after the other."""
        first = int(self.vector_ends[start - 1]) if start else 0
        data = self._read(first, int(self.vector_ends[end - 1]) - first)
        return np.frombuffer(data, np.int16).reshape(-1, self._dimensions)

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of the rows, one row's after the other's, shape (vectors, dimensions)."""
        counts = self.vector_counts[rows]
        places = zip((self.vector_ends[rows] - counts).tolist(), counts.tolist(), strict=True)
        data = b"".join([self._read(first, count) for first, count in places])
        return restored(np.frombuffer(data, np.int16).reshape(-1, self._dimensions))

    def split(self, rows: Rows) -> list[Vectors]:
        """The vectors of each row, shape (1 + windows, dimensions)."""
        return np.split(self.vectors(rows), np.cumsum(self.vector_counts[rows])[:-1])

    def _read(self, first: int, count: int) -> bytes:
        width = 2 * self._dimensions
        return os.pread(self._file, count * width, first * width)

    @cached_property
    def vector_counts(self) -> NDArray[np.int64]:
        """How many vectors each row has, shape (rows,)."""
        return np.diff(self.vector_ends, prepend=0)

    @cached_property
    def languages(self) -> NDArray[np.str_]:
        """The search language of each attribute set."""
        return np.array([attributes.search_language for attributes in self.attributes])

    def find(self, keys: Keys) -> dict[str, int]:
        """Rows with these ids, dead ones too; an id has at most one in a segment."""
        wanted, places = keys, np.searchsorted(self._sorted_hashes, keys.hashes)
        found: dict[str, int] = {}
        while len(wanted.ids):  # once, but for different ids with one hash
            inside = self._has(wanted.hashes, places)
            wanted, places = wanted.only(inside), places[inside]
            rows = self._by_hash[places].astype(np.intp)
            ids = self.ids.at(rows)
            same = np.array([a == b for a, b in zip(wanted.ids, ids, strict=True)], np.bool_)
            found |= zip(compress(ids, same), rows[same].tolist(), strict=True)
            wanted, places = wanted.only(~same), places[~same] + 1
        return found

    def rows_of(self, hashes: Hashes) -> Rows:
        """A row of each hash, dead ones too; -1 where there is none."""
        places = np.searchsorted(self._sorted_hashes, hashes)
        found = np.full(len(hashes), -1, np.intp)
        inside = self._has(hashes, places)
        found[inside] = self._by_hash[places[inside]]
        return found

    def _has(self, hashes: Hashes, places: Rows) -> Mask:
        inside = places < self.rows
        inside[inside] = self._sorted_hashes[places[inside]] == hashes[inside]
        return inside

    def rows_of_source(self, source: str) -> list[int]:
        """Rows of this source, dead ones too."""
        sets = self._sets_of_source.get(source)
        if sets is None:
            return []
        found: list[int] = np.flatnonzero(np.isin(self.attribute_of, sets)).tolist()
        return found

    @cached_property
    def _sets_of_source(self) -> dict[str, list[int]]:
        sets: dict[str, list[int]] = {}
        for index, attributes in enumerate(self.attributes):
            sets.setdefault(attributes.source, []).append(index)
        return sets


class Strings:
    """Strings one after the other in UTF-8; `ends` has where each ends, in bytes."""

    def __init__(self, data: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self._data = data.tobytes()
        self._ends = np.concatenate([[0], ends])

    def at(self, rows: Rows) -> list[str]:
        """The strings of these rows."""
        starts, ends = self._ends[rows].tolist(), self._ends[rows + 1].tolist()
        return [self._data[a:b].decode() for a, b in zip(starts, ends, strict=True)]

    def only(self, mask: Mask) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Data and lengths of some."""
        lengths = np.diff(self._ends)
        return np.frombuffer(self._data, np.uint8)[np.repeat(mask, lengths)], lengths[mask]
