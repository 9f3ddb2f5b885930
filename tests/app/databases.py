"""Databases for tests, SQLite and PostgreSQL: made once with their tables, then copied."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from app.config import read_config
from app.library import Library
from app.migrations import upgrade
from tests.servers.postgresql import PostgreSQL, database_of

SQLITE = pytest.param("sqlite")
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)
on_sqlite = pytest.mark.parametrize("database_kind", [SQLITE], indirect=True, scope="session")
on_postgresql = pytest.mark.parametrize(
    "database_kind", [POSTGRESQL], indirect=True, scope="session"
)


class Databases(Protocol):
    """Makes databases of one kind. Each is taken away at the end of its context."""

    def migrated(self, folder: Path) -> AbstractContextManager[str]:
        """A database at the newest revision; a file would lie in the folder. Its address."""

    def empty(self, folder: Path) -> AbstractContextManager[str]:
        """A database without tables."""


class SQLiteFiles:
    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.sqlite"
        _migrate(self._address(self._template), folder)

    @contextmanager
    def migrated(self, folder: Path) -> Iterator[str]:
        shutil.copy(self._template, folder / "database.sqlite")
        yield self._address(folder / "database.sqlite")

    @contextmanager
    def empty(self, folder: Path) -> Iterator[str]:
        yield self._address(folder / "database.sqlite")

    @staticmethod
    def _address(path: Path) -> str:
        return f"sqlite:///{path}"


class PostgreSQLDatabases:
    def __init__(self, server: PostgreSQL, folder: Path) -> None:
        self._server = server
        self._template = database_of(address := server.create())
        _migrate(address, folder)

    def migrated(self, folder: Path) -> AbstractContextManager[str]:
        return self._server.database(self._template)

    def empty(self, folder: Path) -> AbstractContextManager[str]:
        return self._server.database()


def _migrate(address: str, folder: Path) -> None:
    opened = Library(
        read_config({"PASSERELLE_DATA": str(folder), "PASSERELLE_DATABASE_URL": address})
    )
    upgrade(opened)
    opened.engine.dispose()  # what is copied must not be open
