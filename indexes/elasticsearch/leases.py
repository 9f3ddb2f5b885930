"""Who writes and who rebuilds: documents that one process at a time holds for a while.

A process that dies lets its lease run out; another one takes it over. Clocks of machines that write
may differ by some seconds.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import time
from typing import Any, Final
from uuid import uuid4

from elasticsearch import Elasticsearch

from indexes.elasticsearch.connection import Connection
from indexes.errors import IndexUnavailable, WriterBusy

LEASE_SECONDS: Final = 30.0
RENEWAL_SECONDS: Final = 8.0

log = logging.getLogger(__name__)


class Leases:
    """Leases of one index, by name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._index = f"{name}-locks"

    @contextmanager
    def held(self, what: str) -> Iterator[Callable[[], None]]:
        """Hold a lease, renewed until the context ends; gives what sees that it is still held.

        Raises:
            WriterBusy: another one holds it; from what is given, another one took it, as this
                process stood still for so long.
        """
        owner = uuid4().hex
        self._take(what, owner)
        ended = Event()
        heart = Thread(target=self._renew, args=(what, owner, ended), daemon=True)
        heart.start()
        try:
            yield lambda: self._check(what, owner)
        finally:
            ended.set()
            heart.join()
            self._give_back(what, owner)

    def is_held(self, what: str) -> bool:
        """Whether somebody holds it now."""
        found = self._read(what)
        return found is not None and found["_source"]["until"] > time()

    def remove(self) -> None:
        """Forget all leases, with the place they are kept in."""
        self._connection.found(lambda client: client.indices.delete(index=self._index))

    def _take(self, what: str, owner: str) -> None:
        found = self._read(what)
        if found is not None and found["_source"]["until"] > time():
            raise WriterBusy("Another process writes to this index")
        seen: dict[str, Any] = {"op_type": "create"}
        if found is not None:
            seen = _as_seen(found)
        if not self._write(what, owner, seen):
            raise WriterBusy("Another process writes to this index")

    def _check(self, what: str, owner: str) -> None:
        found = self._read(what)
        if found is None or found["_source"]["owner"] != owner:
            raise WriterBusy("Another process took over writing to this index")

    def _renew(self, what: str, owner: str, ended: Event) -> None:
        while not ended.wait(RENEWAL_SECONDS):
            try:
                found = self._read(what)
                if found is None or found["_source"]["owner"] != owner:
                    log.error("the lease to %s was lost", what)
                    return
                self._write(what, owner, _as_seen(found))
            except IndexUnavailable as error:
                log.warning("the lease to %s could not be renewed: %s", what, error)

    def _give_back(self, what: str, owner: str) -> None:
        try:
            found = self._read(what)
            if found is not None and found["_source"]["owner"] == owner:
                self._connection.found(lambda c: c.delete(index=self._index, id=what))
        except IndexUnavailable as error:
            log.warning("the lease to %s runs out by itself: %s", what, error)

    def _read(self, what: str) -> Any | None:
        return self._connection.found(lambda c: c.get(index=self._index, id=what))

    def _write(self, what: str, owner: str, seen: dict[str, Any]) -> bool:
        """Whether nobody was faster."""
        document = {"owner": owner, "until": time() + LEASE_SECONDS}

        def write(client: Elasticsearch) -> Any:
            return client.options(max_retries=0).index(
                index=self._index, id=what, document=document, **seen
            )

        return self._connection.won(write)


def _as_seen(found: Any) -> dict[str, Any]:
    """That it is still as it was read."""
    return {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
