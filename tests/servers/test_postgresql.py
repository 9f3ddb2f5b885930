"""The server of the tests itself: it starts, falls, recovers, and leaves nothing behind."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.servers import postgresql
from tests.servers.postgresql import GIVEN, PostgreSQL, problem

# Of what tests are made of, and not of the product.
pytestmark = [pytest.mark.postgresql, pytest.mark.soak]
ROOT = Path(__file__).resolve().parents[2]
ABANDONED = """
from tests.servers.postgresql import PostgreSQL
server = PostgreSQL()
print(server.create(), flush=True)
input()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    if reason := problem():
        pytest.skip(reason)
    server = PostgreSQL()
    yield server
    server.close()


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[arg-type]


def test_a_copy_has_what_its_template_has_and_goes_with_its_context(server: PostgreSQL) -> None:
    with server.database() as first:
        with psycopg.connect(first.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS n")
        connection.close()
        with server.database(postgresql.database_of(first)) as second:
            assert ask(second, "SELECT n FROM t") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        ask(second, "SELECT 1")


def test_it_sorts_by_the_rules_of_a_language(server: PostgreSQL) -> None:
    """Otherwise what leaves an order to the database would look right here, and only here."""
    if not server.is_ours:
        pytest.skip(f"the server of {GIVEN} sorts as it was told to")
    with server.database() as url:
        assert ask(url, "SELECT 'a' < 'B', 'É' < 'f', lower('ÑÉ')") == [(True, True, "ñé")]


def test_it_comes_back_with_its_data_after_it_was_stopped_and_after_it_was_killed(
    server: PostgreSQL,
) -> None:
    if not server.is_ours:
        pytest.skip(f"the server of {GIVEN} is not ours to kill")
    with server.database() as url:
        for end in (server.stop, server.kill):
            end()
            with pytest.raises(psycopg.OperationalError):
                ask(url, "SELECT 1")
            server.start()
            assert ask(url, "SELECT 1") == [(1,)]


def test_it_dies_with_the_process_that_started_it(server: PostgreSQL) -> None:
    if not server.is_ours:
        pytest.skip(f"{GIVEN} names a server that is not started here")
    command = [sys.executable, "-c", ABANDONED]
    starter = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    url = starter.stdout.readline().strip()
    assert ask(url, "SELECT 1") == [(1,)]
    starter.kill()  # what it had in temporary folders stays: only a tidy end takes that away
    starter.communicate()
    folder = Path(str(make_url(url).query["host"]))
    patience = time.monotonic() + 20
    while (folder / "data" / "postmaster.pid").exists():  # taken away by the server as it ends
        assert time.monotonic() < patience, "the server outlived its starter"
        time.sleep(0.05)
    with pytest.raises(psycopg.OperationalError):
        ask(url, "SELECT 1")
    shutil.rmtree(folder, ignore_errors=True)


def test_where_there_is_none_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.setattr(postgresql, "_binaries", lambda: None)
    assert "system_packages.sh" in (problem.__wrapped__() or "")
    monkeypatch.setenv(GIVEN, "postgresql+psycopg://someone@example.org/postgres")
    assert problem.__wrapped__() is None
