"""A portal that is watched, on a small library found by words only."""

import io
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.config import read_config
from app.library import Library
from app.migrations import upgrade
from app.resources.ingestion import Arrival, receive, store
from app.resources.metadata import Description
from app.worker import Worker

PASSWORD = "a long password"
TOKEN = "a-token-of-this-test"
BASIC = {"Authorization": "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TEXT = "# Budget\n\nA budget lists what a project costs and who pays for it."


def environment(folder: Path) -> dict[str, str]:
    return {
        "PASSERELLE_DATA": str(folder),
        "PASSERELLE_MODEL": "none",
        "PASSERELLE_ADMIN_PASSWORD": PASSWORD,
        "PASSERELLE_METRICS_TOKEN": TOKEN,
    }


def put(library: Library, text: str = TEXT, name: str = "budget.md") -> None:
    """Let a worker find a text to read."""
    stored = store(library, io.BytesIO(text.encode()))
    said = Description(language="en", title="Budget")
    receive(library, Arrival(stored, name, source_key=name, description=said))


def work(library: Library) -> Worker:
    worker = Worker(library)
    worker.finish()
    return worker


def filled(folder: Path) -> Library:
    opened = Library(read_config(environment(folder)))
    upgrade(opened)
    put(opened)
    work(opened)
    return opened


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """One to be changed."""
    opened = filled(tmp_path / "data")
    yield opened
    opened.index.close()


@pytest.fixture(scope="session")
def steady_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """One to be asked and not to be changed."""
    opened = filled(tmp_path_factory.mktemp("steady"))
    yield opened
    opened.index.close()


@pytest.fixture
def client(steady_library: Library) -> FlaskClient:
    """Of a portal of its own: it has counted nothing yet."""
    return create_app(steady_library).test_client()
