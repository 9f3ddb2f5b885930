"""Writes the files of a segment (`segments`): of rows in memory, or of several segments' rows."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexes.attributes import Attributes, many_to_json
from indexes.embedded.durable import write_parts_synced, write_synced
from indexes.embedded.integers import encoded
from indexes.embedded.segments import Mask, Row, Segment
from indexes.keys import Keys
from indexes.sixteen_bits import restored

# Rows copied at once when segments become one: 4 MB at 384 dimensions and two windows each.
COPIED_ROWS: Final = 2_048

Parts = Sequence[tuple[Segment, Mask]]


def write_segment(folder: Path, name: str, rows: Sequence[Row]) -> None:
    """Write a segment that no manifest lists yet; on return it is on the disk."""
    sets = {attributes: n for n, attributes in enumerate(dict.fromkeys(r.attributes for r in rows))}
    codes = encoded(restored(np.stack([row.vectors[0] for row in rows])))
    columns = {
        **_packed("ids", "id_ends", [row.id for row in rows]),
        **_packed("addresses", "address_ends", [row.address for row in rows]),
        "hashes": Keys(row.id for row in rows).hashes,
        "attribute_of": np.array([sets[row.attributes] for row in rows], np.uint32),
        "vector_ends": np.cumsum([len(row.vectors) for row in rows], dtype=np.int64),
        "scales": codes.scales,
        "sums": codes.sums,
    }
    write_synced(folder / f"{name}.codes", codes.codes.data)
    write_parts_synced(
        folder / f"{name}.vectors", (np.ascontiguousarray(row.vectors).data for row in rows)
    )
    _write_columns(folder, name, sets, columns)


def write_merged(folder: Path, name: str, parts: Parts) -> None:
    """Write the rows of several segments as one, as `write_segment` does, each where its mask says.

    Vectors are copied a few at a time: what is held in memory are the columns.
    """
    sets: dict[Attributes, int] = {}
    attribute_of = [_renumbered(segment, mask, sets) for segment, mask in parts]
    counts = [segment.vector_counts[mask] for segment, mask in parts]
    columns = {
        **_joined("ids", "id_ends", [segment.ids.only(mask) for segment, mask in parts]),
        **_joined(
            "addresses", "address_ends", [segment.addresses.only(mask) for segment, mask in parts]
        ),
        "hashes": np.concatenate([segment.hashes[mask] for segment, mask in parts]),
        "attribute_of": np.concatenate(attribute_of),
        "vector_ends": np.cumsum(np.concatenate(counts)),
        "scales": np.concatenate([segment.codes.scales[mask] for segment, mask in parts]),
        "sums": np.concatenate([segment.codes.sums[mask] for segment, mask in parts]),
    }
    write_parts_synced(folder / f"{name}.codes", _codes_of(parts))
    write_parts_synced(folder / f"{name}.vectors", _vectors_of(parts))
    _write_columns(folder, name, sets, columns)


def _write_columns(
    folder: Path, name: str, sets: Iterable[Attributes], columns: Mapping[str, NDArray[Any]]
) -> None:
    data = io.BytesIO()
    by_hash = np.argsort(columns["hashes"], kind="stable").astype(np.uint32)
    attributes = np.frombuffer(many_to_json(sets), np.uint8)
    all_columns: dict[str, Any] = {"by_hash": by_hash, "attributes": attributes, **columns}
    np.savez(data, **all_columns)
    write_synced(folder / f"{name}.npz", data.getbuffer())


def _renumbered(segment: Segment, mask: Mask, sets: dict[Attributes, int]) -> NDArray[np.uint32]:
    """`attribute_of` of the rows kept, in the numbers of `sets`, which grows by those missing."""
    old, places = np.unique(segment.attribute_of[mask], return_inverse=True)
    new = [sets.setdefault(segment.attributes[n], len(sets)) for n in old.tolist()]
    return np.array(new, np.uint32)[places]


def _stretches(parts: Parts) -> Iterator[tuple[Segment, Mask, int, int]]:
    """The parts in stretches from a row to before another, each with its own mask."""
    for segment, mask in parts:
        for start in range(0, segment.rows, COPIED_ROWS):
            end = min(start + COPIED_ROWS, segment.rows)
            yield segment, mask[start:end], start, end


def _codes_of(parts: Parts) -> Iterator[memoryview]:
    for segment, mask, start, end in _stretches(parts):
        yield segment.codes.codes[start:end][mask].data


def _vectors_of(parts: Parts) -> Iterator[memoryview]:
    for segment, mask, start, end in _stretches(parts):
        own = np.repeat(mask, segment.vector_counts[start:end])
        yield segment.kept(start, end)[own].data


def _packed(data: str, ends: str, texts: Iterable[str]) -> dict[str, NDArray[Any]]:
    encoded_texts = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded_texts], np.int64)
    return _joined(data, ends, [(np.frombuffer(b"".join(encoded_texts), np.uint8), lengths)])


def _joined(
    data: str, ends: str, parts: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]
) -> dict[str, NDArray[Any]]:
    """Strings of several parts, each given as data and lengths, as two columns."""
    return {
        data: np.concatenate([own for own, _ in parts]),
        ends: np.cumsum(np.concatenate([lengths for _, lengths in parts])),
    }
