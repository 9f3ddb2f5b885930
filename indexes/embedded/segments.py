"""Immutable files of vectors and, beside them, whose vectors they are.

    NAME.vectors    float32, rows x dimensions, mapped
    NAME.npz        columns: ids, addresses, sorted hashes of ids, index into attribute sets

Columns are read into memory (about 80 bytes a row); the vectors stay on the disk's cache.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexes.base import Vectors
from indexes.embedded.attributes import Attributes, many_from_json, many_to_json
from indexes.embedded.durable import write_synced

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Row:
    """A vector, shape (dimensions,), and whose it is."""

    id: str
    address: str
    attributes: Attributes
    vector: Vectors


class Keys:
    """Ids with their hashes, computed once for all segments."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = list(ids)
        self.hashes = np.array([_hash(entry_id) for entry_id in self.ids], np.uint64)


class Segment:
    """A segment as read; several threads may use it.

    `vectors` has shape (rows, dimensions), `attribute_of` (rows,): indexes into `attributes`.
    """

    def __init__(self, folder: Path, name: str, dimensions: int) -> None:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as columns:
            self._ids = _Strings(columns["ids"], columns["id_ends"])
            self._addresses = _Strings(columns["addresses"], columns["address_ends"])
            self._hashes: NDArray[np.uint64] = columns["hashes"]
            self._by_hash: NDArray[np.uint32] = columns["by_hash"]
            self.attribute_of: NDArray[np.uint32] = columns["attribute_of"]
            self.attributes = many_from_json(columns["attributes"].tobytes())
        self.name = name
        self.rows = len(self.attribute_of)
        self.vectors: Vectors = np.memmap(
            folder / f"{name}.vectors", np.float32, "r", shape=(self.rows, dimensions)
        )

    def id_of(self, row: int) -> str:
        return self._ids[row]

    def address_of(self, row: int) -> str:
        return self._addresses[row]

    def attributes_of(self, row: int) -> Attributes:
        return self.attributes[int(self.attribute_of[row])]

    def row(self, row: int) -> Row:
        """A row with a copy of its vector."""
        vector = np.array(self.vectors[row])
        return Row(self.id_of(row), self.address_of(row), self.attributes_of(row), vector)

    def find(self, keys: Keys) -> Iterator[tuple[str, int]]:
        """Rows with these ids, dead ones too, each as (id, row)."""
        first = np.searchsorted(self._hashes, keys.hashes)
        inside = first < self.rows
        inside[inside] = self._hashes[first[inside]] == keys.hashes[inside]
        for index in np.flatnonzero(inside):
            yield from self._rows_at(keys.ids[index], int(first[index]))

    def _rows_at(self, entry_id: str, place: int) -> Iterator[tuple[str, int]]:
        """Rows with this id among those whose hash stands at `place` and behind it."""
        wanted = self._hashes[place]
        while place < self.rows and self._hashes[place] == wanted:
            row = int(self._by_hash[place])
            if self.id_of(row) == entry_id:
                yield entry_id, row
            place += 1

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


class _Strings:
    """Strings one after the other in UTF-8; `ends` has where each ends, in bytes."""

    def __init__(self, data: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self._data = data.tobytes()
        self._ends = ends

    def __getitem__(self, index: int) -> str:
        start = int(self._ends[index - 1]) if index else 0
        return self._data[start : int(self._ends[index])].decode()


def write_segment(folder: Path, name: str, rows: Sequence[Row]) -> None:
    """Write a segment that no manifest lists yet; on return it is on the disk."""
    sets = {attributes: n for n, attributes in enumerate(dict.fromkeys(r.attributes for r in rows))}
    ids, id_ends = _packed([row.id for row in rows])
    addresses, address_ends = _packed([row.address for row in rows])
    hashes = Keys(row.id for row in rows).hashes
    by_hash = np.argsort(hashes, kind="stable")
    columns = io.BytesIO()
    np.savez(
        columns,
        ids=ids,
        id_ends=id_ends,
        addresses=addresses,
        address_ends=address_ends,
        hashes=hashes[by_hash],
        by_hash=by_hash.astype(np.uint32),
        attribute_of=np.array([sets[row.attributes] for row in rows], np.uint32),
        attributes=np.frombuffer(many_to_json(sets), np.uint8),
    )
    vectors = np.ascontiguousarray([row.vector for row in rows], np.float32)
    write_synced(folder / f"{name}.vectors", vectors.data)
    write_synced(folder / f"{name}.npz", columns.getbuffer())


def _packed(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def _hash(entry_id: str) -> int:
    return int.from_bytes(blake2b(entry_id.encode(), digest_size=8).digest())
