"""Who writes and who rebuilds: documents that one process at a time holds for a while.

A process that dies lets its lease run out; another one takes it over. Clocks of machines that write
may differ by some seconds.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from time import time
from typing import Any, Final
from uuid import uuid4

from elasticsearch import Elasticsearch

from indexes.elasticsearch.connection import Connection
from indexes.errors import IndexRefused, IndexUnavailable, WriterBusy

LEASE_SECONDS: Final = 30.0
RENEWAL_SECONDS: Final = 8.0
_BUSY: Final = (
    "Another process holds the index (to {}); if it was killed, half a minute sets it free"
)

log = logging.getLogger(__name__)


class Leases:
    """Leases of one index, by name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._index = f"{name}-locks"
        self._owner = uuid4().hex
        self._holding: set[str] = set()
        self._turn = Lock()

    @contextmanager
    def held(self, what: str) -> Iterator[Callable[[], None]]:
        """Hold a lease, renewed until the context ends; gives what renews it at once, and so sees
        that it is still held.

        Raises:
            WriterBusy: another one holds it; from what is given, another one took it, as this
                process stood still for so long.
        """
        ended, turn = Event(), Lock()

        def extend() -> None:
            with turn:
                self._extend(what)

        heart = Thread(target=_beat, args=(what, extend, ended), daemon=True)
        with self._held_here(what):
            self._take(what)
            heart.start()
            try:
                yield extend
            finally:
                ended.set()
                heart.join()
                self._give_back(what)

    @contextmanager
    def _held_here(self, what: str) -> Iterator[None]:
        with self._turn:
            if what in self._holding:
                raise WriterBusy(_BUSY.format(what))
            self._holding.add(what)
        try:
            yield
        finally:
            self._holding.discard(what)

    def is_held(self, what: str) -> bool:
        """Whether somebody holds it now."""
        found = self._read(what)
        return found is not None and found["_source"]["until"] > time()

    def remove(self) -> None:
        """Forget all leases, with the place they are kept in."""
        self._connection.found(lambda client: client.indices.delete(index=self._index))

    def _take(self, what: str) -> None:
        """One that is ours and not held here could not be given back while the server was away."""
        found = self._read(what)
        if found and found["_source"]["until"] > time() and not self._is_ours(found):
            raise WriterBusy(_BUSY.format(what))
        seen: dict[str, Any] = {"op_type": "create"}
        if found is not None:
            seen = _as_seen(found)
        else:
            self._create()
        if not self._write(what, seen):
            raise WriterBusy(_BUSY.format(what))

    def _create(self) -> None:
        """By name: many clusters make no index by themselves."""
        if self._connection.found(lambda c: c.indices.get_alias(index=self._index)) is None:
            settings = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
            with suppress(IndexRefused):  # another one was faster
                self._connection.call(
                    lambda c: c.indices.create(index=self._index, settings=settings)
                )

    def _extend(self, what: str) -> None:
        found = self._read(what)
        if not (found and self._is_ours(found) and self._write(what, _as_seen(found))):
            raise WriterBusy("Another process took over writing to this index")

    def _is_ours(self, found: Any) -> bool:
        return bool(found["_source"]["owner"] == self._owner)

    def _give_back(self, what: str) -> None:
        try:
            found = self._read(what)
            if found and self._is_ours(found):
                self._connection.found(lambda c: c.delete(index=self._index, id=what))
        except IndexUnavailable as error:
            log.warning("the lease to %s runs out by itself: %s", what, error)

    def _read(self, what: str) -> Any | None:
        return self._connection.found(lambda c: c.get(index=self._index, id=what))

    def _write(self, what: str, seen: dict[str, Any]) -> bool:
        """Whether nobody was faster."""
        document = {"owner": self._owner, "until": time() + LEASE_SECONDS}

        def write(client: Elasticsearch) -> Any:
            return client.options(max_retries=0).index(
                index=self._index, id=what, document=document, **seen
            )

        return self._connection.won(write)


def _beat(what: str, extend: Callable[[], None], ended: Event) -> None:
    while not ended.wait(RENEWAL_SECONDS):
        try:
            extend()
        except WriterBusy:
            log.error("the lease to %s was lost", what)
            return
        except IndexUnavailable as error:
            log.warning("the lease to %s could not be renewed: %s", what, error)


def _as_seen(found: Any) -> dict[str, Any]:
    """That it is still as it was read."""
    return {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
