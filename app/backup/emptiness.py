"""Whether a library has room for a restore: nobody's, or the one that a killed restore has left."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, select

from app.backup.manifest import BackupError, Manifest, manifest_bytes
from app.backup.tables import filled_tables, tables_of
from app.library import Library
from app.resources.vocabulary import SCHEMES

MARK: Final = "restore.begun"
TOPICS: Final = "topic"
# What a portal and a worker that run beside fill and empty by themselves.
PASSING: Final = frozenset({"outbox", "search_count"})


class Ground:
    """The library a restore is made in, for one restore at a time; a context manager.

    A mark in the data folder says which archive was begun here.
    """

    def __init__(self, library: Library, manifest: Manifest) -> None:
        self._library = library
        self._manifest = manifest
        self._own = hashlib.sha256(manifest_bytes(manifest)).hexdigest()
        self._path = library.config.data / MARK

    def __enter__(self) -> "Ground":
        """Raises: BackupError: another restore is going on here."""
        self._library.config.data.mkdir(parents=True, exist_ok=True)
        self._mark = self._path.open("a+")
        try:
            fcntl.flock(self._mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._mark.close()
            raise BackupError("Another restore into this library is going on.") from None
        self._mark.seek(0)
        self._before = self._mark.read()
        return self

    def __exit__(self, *_: object) -> None:
        if _size(self._path) == 0:
            self._path.unlink(missing_ok=True)
        self._mark.close()

    @property
    def has_begun(self) -> bool:
        """Whether this very archive was being restored here before."""
        return self._before == self._own

    def has_rows(self) -> bool:
        """Whether the archive's rows are in already: they came in all at once."""
        wanted = {name for name, rows in self._manifest.tables.items() if rows} - PASSING
        return self.has_begun and wanted <= set(_filled(self._library, with_topics=True))

    def check(self) -> None:
        """Raises: BackupError: there is something that a restore would mix with."""
        found = _filled(self._library, with_topics=False)
        if not found and not self.has_begun and next(self._library.files.names(), None):
            found = [f"the folder {self._library.config.files}"]
        if not found:
            return
        begun = " The restore of another archive was begun here." if self._before else ""
        raise BackupError(
            f"The library is not empty: there is something in {', '.join(found)}.{begun} Restore "
            "into an empty one: set PASSERELLE_DATA to a new folder, and PASSERELLE_DATABASE_URL, "
            "where it is set, to an empty database."
        )

    def begin(self) -> None:
        """From here on a killed restore leaves files, which the next one recognises."""
        self._mark.truncate(0)
        self._mark.write(self._own)
        self._mark.flush()
        os.fsync(self._mark.fileno())

    def end(self) -> None:
        self._path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def _filled(library: Library, *, with_topics: bool) -> list[str]:
    """The tables that have rows; `with_topics` counts the built-in vocabularies, too."""
    with library.engine.connect() as connection:
        tables = tables_of(connection)
        found = filled_tables(connection, tables)
        topics = next((table for table in tables if table.name == TOPICS), None)
        if not with_topics and topics is not None and _are_built_in(connection, topics):
            found = [name for name in found if name != TOPICS]
    return found


def _are_built_in(connection: Connection, topics: Table) -> bool:
    held = connection.execute(select(topics.c.scheme, topics.c.code))
    return all(code in SCHEMES.get(scheme, {}) for scheme, code in held)
