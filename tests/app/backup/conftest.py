"""Libraries to back up, archives of them, and places to restore them.

On both databases: what reads rows at one moment, loads them or is killed while it does. What is
about the archive or the files is the same whatever the database, and runs on SQLite only.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.backup.making import make_backup
from app.cli import passerelle
from app.config import read_config
from app.library import Library
from tests.app.backup.libraries import Run, fill, quiet, variables
from tests.app.databases import Databases
from tests.servers.postgresql import PostgreSQL


@pytest.fixture(scope="package")
def filled(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library with something in it, filled once: to be backed up, and not to be changed."""
    folder = tmp_path_factory.mktemp("filled")
    with databases.migrated(folder) as address:
        opened = Library(read_config(variables(folder / "data", address)))
        yield fill(opened)
        opened.engine.dispose()


@pytest.fixture(scope="package")
def filled_archive(filled: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_backup(filled, tmp_path_factory.mktemp("archive") / "one.tar", quiet).path


@pytest.fixture
def archive(filled_archive: Path, tmp_path: Path) -> Path:
    """The backup of `filled`, the test's own."""
    return shutil.copy(filled_archive, tmp_path / "one.tar")


@pytest.fixture
def full(words_library: Library) -> Library:
    """A library with something in it, the test's own."""
    return fill(words_library)


@pytest.fixture
def environment(databases: Databases, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of a library that is not there yet."""
    with databases.empty(tmp_path / "new") as address:
        yield variables(tmp_path / "new", address)


@pytest.fixture
def fresh(environment: dict[str, str]) -> Iterator[Library]:
    opened = Library(read_config(environment))
    yield opened
    if opened.config.data.exists():  # else nothing was opened
        opened.engine.dispose()


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def call(*arguments: object, **more: str) -> Result:
        runner = CliRunner(env=environment | more)
        return runner.invoke(passerelle, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def server(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with postgresql.database() as url:
        yield url
