"""PostgreSQL goes away and comes back: pages say so, workers wait, both go on by themselves."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from app import create_app
from app.cli import passerelle
from app.config import read_config
from app.library import Library
from app.worker import Worker
from tests.app.databases import PostgreSQLDatabases
from tests.app.ingesting import GUIDE, arrive, found, work
from tests.servers.postgresql import GIVEN, PostgreSQL, problem

pytestmark = pytest.mark.postgresql
ADDRESSES = ("/{ui}/", "/{ui}/browse", "/{ui}/search?q=emploi", "/{ui}/suggest.json?q=empl")
SAID = {
    "en": "The catalogue is out of reach",
    "fr": "Le catalogue est hors d’atteinte",
    "es": "El catálogo no está al alcance",
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """One of its own: it is killed."""
    if reason := problem():
        pytest.skip(reason)
    server = PostgreSQL()
    if not server.is_ours:
        pytest.skip(f"the server of {GIVEN} is not ours to kill")
    yield server
    server.close()


@pytest.fixture
def away(server: PostgreSQL, tmp_path: Path) -> Iterator[Library]:
    databases = PostgreSQLDatabases(server, tmp_path)
    with databases.migrated(tmp_path) as address:
        environment = {"PASSERELLE_DATA": str(tmp_path), "PASSERELLE_DATABASE_URL": address}
        opened = Library(read_config(environment | {"PASSERELLE_MODEL": "none"}))
        arrive(opened, GUIDE)
        work(opened)
        yield opened
        opened.engine.dispose()


@pytest.fixture(params=["stop", "kill"])
def end(request: pytest.FixtureRequest, server: PostgreSQL) -> Iterator[Callable[[], None]]:
    """Ends the server in order, or not."""
    yield getattr(server, request.param)
    server.start()


def _statuses(client: FlaskClient, ui: str) -> list[int]:
    return [client.get(address.format(ui=ui)).status_code for address in ADDRESSES]


def test_pages_say_that_the_catalogue_is_away_and_come_back_by_themselves(
    away: Library, server: PostgreSQL, end: Callable[[], None]
) -> None:
    client = create_app(library=away).test_client()
    assert _statuses(client, "fr") == [200] * 4
    end()
    for ui, words in SAID.items():
        answer = client.get(f"/{ui}/browse")
        assert answer.status_code == 503
        text = answer.get_data(as_text=True)
        assert words in text
        assert f'<html lang="{ui}">' in text
        assert "Traceback" not in text
        assert "psycopg" not in text
        assert client.get(f"/{ui}/search?q=emploi").status_code == 503
        assert client.get(f"/{ui}/help").status_code == 200
    server.start()
    assert _statuses(client, "fr") == [200] * 4
    assert "Mesurer l’emploi culturel" in client.get("/fr/search?q=emploi").get_data(as_text=True)


def test_a_worker_waits_for_its_database_and_goes_on(
    away: Library, server: PostgreSQL, end: Callable[[], None]
) -> None:
    worker, stop = Worker(away), Event()
    thread = Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        end()
        time.sleep(1.5)  # long enough that it has noticed
        server.start()
        arrive(away, "# Phares\n\nUn texte sur les phares.", key="phares.md")
        patience = time.monotonic() + 60
        while found(away, "phares") != ["Phares"] and time.monotonic() < patience:
            time.sleep(0.2)
        assert found(away, "phares") == ["Phares"]
    finally:
        stop.set()
        thread.join()


def test_a_command_says_that_the_database_cannot_be_reached(
    away: Library, server: PostgreSQL
) -> None:
    environment = {
        "PASSERELLE_DATA": str(away.config.data),
        "PASSERELLE_DATABASE_URL": away.config.database_url,
        "PASSERELLE_MODEL": "none",
    }
    server.stop()
    try:
        for command in (["index", "status"], ["serve"], ["search", "emploi"], ["db", "upgrade"]):
            done = CliRunner(env=environment).invoke(passerelle, command)
            assert done.exit_code == 1
            assert "The database cannot be reached: " in done.output, command
            assert "Traceback" not in done.output
    finally:
        server.start()
