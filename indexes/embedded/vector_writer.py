"""Changes to the vectors of a generation, in two commits around that of the words.

`commit_kept` takes away and re-labels; `commit_added` adds the vectors of new entries. With the
words' commit between the two, every vector belongs to an entry that the words hold, wherever a
crash falls.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace as changed
from math import log
from pathlib import Path
from typing import Final

import numpy as np

from indexes.attributes import Attributes
from indexes.embedded.durable import write_synced
from indexes.embedded.segment_writer import write_merged, write_segment
from indexes.embedded.segments import Row, Segment
from indexes.embedded.vectors import (
    Listed,
    LiveSegment,
    Manifest,
    open_view,
    read_manifest,
    write_manifest,
)
from indexes.keys import Keys

# Entries kept in memory before they are written aside: 9 MB at 384 dimensions and two windows each.
BUFFERED_ROWS: Final = 4_096
# As many segments of about one size become one: a row is written again once a factor of 8.
MERGE: Final = 8
SMALLEST: Final = 64

Label = tuple[Attributes, str]  # attributes and address


class _Batch:
    """Rows of one of the two commits: first in memory, then in segments that nobody lists yet."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.segments: list[LiveSegment] = []


class VectorWriter:
    """Writes to the vectors of one generation. Only while writing."""

    def __init__(self, folder: Path, dimensions: int) -> None:
        self._folder = folder
        self._dimensions = dimensions
        self._manifest = read_manifest(folder)
        self._sweep()
        self._committed = list(open_view(folder, dimensions).segments)
        self._touched: set[str] = set()
        self._next_name = self._manifest.next_name
        self._kept, self._added = _Batch(), _Batch()

    def replace(self, source: str, labels: Mapping[str, Label]) -> None:
        """Of the rows of `source` or with ids in `labels` keep those in `labels`, so labelled."""
        for batch in (self._kept, self._added):
            for row in _rows_in_memory(batch, source, labels):
                del batch.rows[row.id]
                self._put_labelled(row, labels, batch)
        keys = Keys(labels)
        for live, batch in list(self._segments()):
            places = {*live.rows_of_source(source), *live.find(keys).values()}
            for place in places:
                row = live.segment.row(place)
                if labels.get(row.id) != (row.attributes, row.address):
                    self._kill(live, place)
                    self._put_labelled(row, labels, batch)

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows, in the place of those with the same id; those that are there already stay."""
        wanted = {row.id: row for row in rows}
        for batch in (self._kept, self._added):
            for entry_id in batch.rows.keys() & wanted.keys():
                del batch.rows[entry_id]
        keys = Keys(wanted)
        for live, _ in list(self._segments()):
            for entry_id, place in live.find(keys).items():
                if _equal(live.segment.row(place), wanted[entry_id]):
                    del wanted[entry_id]
                else:
                    self._kill(live, place)
            keys = Keys(wanted) if len(wanted) < len(keys.ids) else keys
        for row in wanted.values():
            self._put(row, self._added)

    def commit_kept(self) -> None:
        """Commit what was taken away or labelled anew."""
        self._move_to_committed(self._kept)
        self._commit()

    def commit_added(self) -> None:
        """Commit what was added; then put small segments together and remove what is left over."""
        self._move_to_committed(self._added)
        self._commit()
        self._merge()
        self._sweep()

    def rollback(self) -> None:
        """Remove what was written aside."""
        self._sweep()

    def _segments(self) -> Iterator[tuple[LiveSegment, _Batch]]:
        """All segments, each with the batch that a row of it goes to when it is labelled anew."""
        yield from ((live, self._kept) for live in self._committed)
        for batch in (self._kept, self._added):
            yield from ((live, batch) for live in batch.segments)

    def _kill(self, live: LiveSegment, place: int) -> None:
        live.alive[place] = False
        self._touched.add(live.segment.name)

    def _put_labelled(self, row: Row, labels: Mapping[str, Label], batch: _Batch) -> None:
        """Put a row back under its new label; without one it is gone."""
        if row.id in labels:
            attributes, address = labels[row.id]
            self._put(changed(row, attributes=attributes, address=address), batch)

    def _put(self, row: Row, batch: _Batch) -> None:
        batch.rows[row.id] = row
        if len(batch.rows) >= BUFFERED_ROWS:
            self._write_aside(batch)

    def _write_aside(self, batch: _Batch) -> None:
        if batch.rows:
            batch.segments.append(self._write(list(batch.rows.values())))
            batch.rows = {}

    def _write(self, rows: Sequence[Row]) -> LiveSegment:
        name = self._take_name()
        write_segment(self._folder, name, rows)
        return self._written(name)

    def _written(self, name: str) -> LiveSegment:
        segment = Segment(self._folder, name, self._dimensions)
        return LiveSegment(segment, np.ones(segment.rows, np.bool_))

    def _take_name(self) -> str:
        return f"s{self._take_number():06}"

    def _take_number(self) -> int:
        self._next_name += 1
        return self._next_name - 1

    def _move_to_committed(self, batch: _Batch) -> None:
        self._write_aside(batch)
        self._committed += batch.segments
        batch.segments = []

    def _commit(self) -> None:
        """List the committed segments, if that changes anything."""
        before = {listed.name: listed for listed in self._manifest.segments}
        self._committed = [live for live in self._committed if live.alive.any()]
        listed = tuple(
            self._listed(live, before.get(live.segment.name)) for live in self._committed
        )
        if listed != self._manifest.segments:
            self._manifest = Manifest(listed, self._next_name)
            write_manifest(self._folder, self._manifest)

    def _listed(self, live: LiveSegment, before: Listed | None) -> Listed:
        name = live.segment.name
        if name not in self._touched:
            return before or Listed(name)
        self._touched.discard(name)
        dead = f"{name}.dead-{self._take_number():06}.npy"
        data = io.BytesIO()
        np.save(data, np.flatnonzero(~live.alive).astype(np.uint32))
        write_synced(self._folder / dead, data.getbuffer())
        return Listed(name, dead)

    def _merge(self) -> None:
        """Put segments of about one size together, and rewrite those that are mostly dead."""
        while group := _group_to_merge(self._committed):
            name = self._take_name()
            write_merged(self._folder, name, [(live.segment, live.alive) for live in group])
            self._committed = [live for live in self._committed if live not in group]
            self._committed.append(self._written(name))
            self._commit()

    def _sweep(self) -> None:
        """Remove files that the last commit does not need; who has them mapped keeps them."""
        needed = self._manifest.files()
        for path in self._folder.iterdir():
            if path.name not in needed:
                path.unlink()


def _rows_in_memory(batch: _Batch, source: str, labels: Mapping[str, Label]) -> list[Row]:
    """Rows of the source or with ids in `labels`."""
    rows = batch.rows.values()
    return [row for row in rows if row.attributes.source == source or row.id in labels]


def _equal(one: Row, other: Row) -> bool:
    same_label = (one.attributes, one.address) == (other.attributes, other.address)
    return same_label and np.array_equal(one.vectors, other.vectors)


def _group_to_merge(segments: Sequence[LiveSegment]) -> list[LiveSegment]:
    """The next segments to become one; none when all is well."""
    by_size: dict[int, list[LiveSegment]] = {}
    for live in segments:
        if live.count * 2 < live.segment.rows:
            return [live]
        size = max(0, int(log(max(live.count, 1) / SMALLEST, MERGE)))
        by_size.setdefault(size, []).append(live)
    return next((group for group in by_size.values() if len(group) >= MERGE), [])
