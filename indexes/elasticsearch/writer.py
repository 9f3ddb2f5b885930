"""One batch of changes to a generation: collected, then sent in bulk, then made visible at once.

Every change names a whole document, so that a batch which is sent again does no harm.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from indexes.base import Vectors
from indexes.elasticsearch import queries
from indexes.elasticsearch.connection import Answer, Connection
from indexes.elasticsearch.documents import Document, document, kept_vectors, with_vectors
from indexes.elasticsearch.generations import written_to
from indexes.elasticsearch.settings import VECTORS
from indexes.sixteen_bits import rounded_rows
from indexes.types import Entry

SENT_AT: Final = 2_000  # changes; a document with its vectors takes about 10 KB on the way
_PAGE: Final = 500
_IDS: Final = 1_000  # in one request


class Batch:
    """Changes to one generation. `at_once` keeps them all until `commit`; without it they are sent
    as they come, which is for a generation that nobody reads yet.
    """

    def __init__(
        self, connection: Connection, index: str, dimensions: int, *, at_once: bool
    ) -> None:
        self._connection = connection
        self._index = index
        self._dimensions = dimensions
        self._at_once = at_once
        self._replaced: set[str] = set()  # sources of a new generation
        self._changes: dict[str, Document | None] = {}  # by id; none removes it
        # Something was sent that searches do not see yet; perhaps by one that broke off.
        self._unseen = True

    def replace(self, source: str, entries: Sequence[Entry]) -> None:
        """See `IndexWriter.replace`.

        Raises:
            ValueError: an entry is of another source.
        """
        if any(entry.source != source for entry in entries):
            raise ValueError(f"Entries of another source than {source}")
        self._send_if_many()  # before, so that an entry's vectors mostly go with it
        is_new = not self._at_once and source not in self._replaced
        before = {} if is_new else self._before(source, [entry.id for entry in entries])
        for entry_id, found in before.items():
            if found["source"] == source:
                self._changes[entry_id] = None
        for entry in entries:
            vectors = kept_vectors(before.get(entry.id, {}), self._dimensions)
            self._changes[entry.id] = document(entry) | vectors
        if not self._at_once:
            self._replaced.add(source)

    def add_vectors(self, entries: Sequence[Entry], vectors: Sequence[Vectors]) -> None:
        """See `IndexWriter.add_vectors`.

        Raises:
            ValueError: the shape is another, or a number is not finite.
        """
        kept = rounded_rows(vectors, len(entries), self._dimensions)
        held = self._known([entry.id for entry in entries])
        for entry, own in zip(entries, kept, strict=True):
            if (found := held.get(entry.id)) is not None:
                self._changes[entry.id] = with_vectors(found, own)

    def commit(self) -> None:
        """Send what waits and let everybody see it."""
        self._send()
        self._refresh()

    def _known(self, ids: Sequence[str]) -> dict[str, Document]:
        """The documents with these ids, this batch's changes included."""
        own = {entry_id: self._changes[entry_id] for entry_id in ids if entry_id in self._changes}
        found = {entry_id: change for entry_id, change in own.items() if change is not None}
        missing = [entry_id for entry_id in ids if entry_id not in own]
        for start in range(0, len(missing), _IDS):
            found |= self._read(missing[start : start + _IDS])
        return found

    def _read(self, ids: Sequence[str]) -> dict[str, Document]:
        told = self._connection.call(lambda client: client.mget(index=self._index, ids=ids))
        return {one["_id"]: one["_source"] for one in told["docs"] if one.get("found")}

    def _before(self, source: str, ids: Sequence[str]) -> dict[str, Document]:
        """Source and vectors of all documents that are of a source or have one of the ids, this
        batch's changes included.
        """
        asked, changes = set(ids), self._changes.items()
        own = {
            one: found
            for one, found in changes
            if found and (found["source"] == source or one in asked)
        }
        return own | {
            hit["_id"]: hit["_source"]
            for hit in self._stored(source, ids)
            if hit["_id"] not in self._changes
        }

    def _stored(self, source: str, ids: Sequence[str]) -> Iterator[Answer]:
        if self._unseen:
            self._refresh()
        query = queries.of_source_or_ids(source, ids)
        yield from self._connection.pages(
            self._index, query, size=_PAGE, source=["source", VECTORS]
        )

    def _send_if_many(self) -> None:
        if not self._at_once and len(self._changes) >= SENT_AT:
            self._send()

    def _send(self) -> None:
        if self._changes:
            self._connection.bulk(self._actions())
            self._changes.clear()
            self._unseen = True

    def _actions(self) -> Iterator[dict[str, Any]]:
        for entry_id, change in self._changes.items():
            where = {"_index": written_to(self._index), "_id": entry_id}
            if change is None:
                yield where | {"_op_type": "delete"}
            else:
                yield where | {"_op_type": "index", "_source": change}

    def _refresh(self) -> None:
        self._connection.call(lambda client: client.indices.refresh(index=self._index))
        self._unseen = False
