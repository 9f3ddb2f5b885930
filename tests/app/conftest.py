"""A library for each test, empty and its own; and the demo library, for all tests that only ask.

What reaches the database runs on SQLite and on PostgreSQL.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Config, read_config
from app.library import Library
from tests.app.databases import (
    POSTGRESQL,
    SQLITE,
    Databases,
    PostgreSQLDatabases,
    SQLiteFiles,
)
from tests.app.demo import demo_in
from tests.servers.postgresql import PostgreSQL, problem


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On each database, but where a test says which one it is about.

    In a browser once: the same pages are asked for on both without one, in far less time.
    """
    said = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "database_kind" in metafunc.fixturenames and "database_kind" not in said:
        in_browser = metafunc.definition.get_closest_marker("browser")
        kinds = [SQLITE] if in_browser else [SQLITE, POSTGRESQL]
        metafunc.parametrize("database_kind", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The server of this session."""
    if reason := problem():
        pytest.skip(reason)
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture(scope="session")
def databases(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Databases:
    folder = tmp_path_factory.mktemp("template")
    if database_kind == "sqlite":
        return SQLiteFiles(folder)
    return PostgreSQLDatabases(request.getfixturevalue("postgresql"), folder)


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """The address of a database of the test's own, with its tables."""
    with databases.migrated(tmp_path) as address:
        yield address


@pytest.fixture
def empty_database(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """The address of one without tables."""
    with databases.empty(tmp_path) as address:
        yield address


@pytest.fixture
def config(tmp_path: Path, database: str) -> Config:
    return read_config(
        {"PASSERELLE_DATA": str(tmp_path / "data"), "PASSERELLE_DATABASE_URL": database}
    )


@pytest.fixture
def library(config: Config) -> Iterator[Library]:
    """An empty library with the real model, or by words only where the model is not built."""
    opened = Library(config)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def words_library(tmp_path: Path, database: str) -> Iterator[Library]:
    """An empty library without a model: quick to open, found by words only."""
    opened = Library(
        read_config(
            {
                "PASSERELLE_DATA": str(tmp_path / "words"),
                "PASSERELLE_DATABASE_URL": database,
                "PASSERELLE_MODEL": str(tmp_path / "no-model"),
            }
        )
    )
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="session")
def demo_library(
    model_folder: Path, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    """The demo library with the real model, to be asked and not to be changed."""
    folder = tmp_path_factory.mktemp("demo")
    with databases.migrated(folder) as address, demo_in(folder, address) as opened:
        yield opened
