"""The writer's side of the embedded index: words and vectors changed together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from indexes.attributes import attributes_of
from indexes.base import Vectors
from indexes.embedded.generations import Generation
from indexes.embedded.reader import foreign_errors
from indexes.embedded.segments import Row
from indexes.embedded.vector_writer import Label, VectorWriter
from indexes.embedded.word_writer import WordWriter
from indexes.sixteen_bits import rounded_rows
from indexes.types import Entry


class Batch:
    """An `IndexWriter` for one generation. Only while writing, and by one thread.

    `commit` goes: vectors taken away, words, vectors added. After a crash between any two of
    them every vector still belongs to an entry of the words, under attributes that are the old or
    the new ones; repeating the same calls completes the change.
    """

    def __init__(self, generation: Generation, dimensions: int) -> None:
        self._dimensions = dimensions
        self._vectors = VectorWriter(generation.vectors, dimensions)
        self._words = WordWriter(generation.words)
        self._labels: dict[str, Label] = {}  # what this batch put in, by id
        self._replaced: set[str] = set()  # sources
        self._moved: set[str] = set()  # ids that left their committed source

    def replace(self, source: str, entries: Sequence[Entry]) -> None:
        """Let `entries` be all that the index holds of `source`; an id belongs to its last source.

        Raises:
            ValueError: an entry is of another source.
        """
        wanted = {entry.id: entry for entry in entries}
        if any(entry.source != source for entry in entries):
            raise ValueError(f"Entries of another source than {source}")
        known = self._labels_of(list(wanted))
        moved = {entry_id for entry_id, label in known.items() if label[0].source != source}
        self._words.remove_source(source)
        self._words.remove(moved)
        self._moved |= moved
        labels = {entry.id: (attributes_of(entry), entry.address) for entry in entries}
        self._words.add((entry, labels[entry.id][0]) for entry in wanted.values())
        self._vectors.replace(source, labels)
        self._remember(source, labels)

    def add_vectors(self, entries: Sequence[Entry], vectors: Sequence[Vectors]) -> None:
        """Store unit vectors, an array an entry, shape (1 + windows, dimensions).

        Entries that the index does not hold are passed over: they went while they were embedded.
        What is stored beside the vectors is what the index holds of the entry, not what is given.

        Raises:
            ValueError: the shape is another, or a number is not finite.
        """
        kept = rounded_rows(vectors, len(entries), self._dimensions)
        labels = self._labels_of([entry.id for entry in entries])
        self._vectors.add(
            [
                Row(entry.id, labels[entry.id][1], labels[entry.id][0], own)
                for entry, own in zip(entries, kept, strict=True)
                if entry.id in labels
            ]
        )

    def commit(self) -> None:
        """Make all changes last and searchable."""
        self._vectors.commit_kept()
        self._words.commit()
        self._vectors.commit_added()

    def rollback(self) -> None:
        """Leave the index as it was."""
        self._words.rollback()
        self._vectors.rollback()

    def close(self) -> None:
        self._words.close()

    def _labels_of(self, ids: Sequence[str]) -> dict[str, Label]:
        """Attributes and addresses of those entries that the index holds, this batch included."""
        own = {entry_id: self._labels[entry_id] for entry_id in ids if entry_id in self._labels}
        rest = [entry_id for entry_id in ids if entry_id not in own]
        committed = {
            found.id: (found.attributes, found.address)
            for found in self._words.committed(rest)
            if found.attributes.source not in self._replaced and found.id not in self._moved
        }
        return own | committed

    def _remember(self, source: str, labels: dict[str, Label]) -> None:
        if source in self._replaced:
            for entry_id in [i for i, label in self._labels.items() if label[0].source == source]:
                del self._labels[entry_id]
        self._replaced.add(source)
        self._labels.update(labels)


@contextmanager
def batch(generation: Generation, dimensions: int) -> Iterator[Batch]:
    """A batch that is committed when the context ends well and else leaves the index as it was."""
    with foreign_errors():
        changes = Batch(generation, dimensions)
    try:
        yield changes
        with foreign_errors():
            changes.commit()
    except BaseException:
        changes.rollback()
        raise
    finally:
        changes.close()
