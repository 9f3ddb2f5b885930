"""A portal whose administration is open, and runs of evaluations kept in it."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.config import read_config
from app.library import Library
from indexes.evaluation.metrics import METRICS
from indexes.evaluation.results import Evaluation, Outcome
from indexes.evaluation.runs import About, Run, RunFolder, make_run

PASSWORD = "a password: with «signs»"
OPEN = {"Authorization": "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()}
HOME = "/en/admin/evaluation"
FIRST = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)


def run(name: str, values: Sequence[float], days: int = 0) -> Run:
    outcomes = [
        Outcome(
            query=f"q{number}",
            language="fr" if number % 2 else "en",
            pool="all",
            scores=dict.fromkeys(METRICS, value),
            relevant={"d2": 1},
            first=2 if value else None,
        )
        for number, value in enumerate(values)
    ]
    texts = {f"q{number}": f"Question {number} <b>?" for number in range(len(values))}
    about = About(FIRST + timedelta(days=days), "1.2", "abc1234", "model-1", {"near": 0.09})
    return make_run(name, about, [Evaluation("mine", "digest", texts, outcomes)])


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Its pages are made of the kept runs, which are files: the database is not asked."""
    environment = {
        "PASSERELLE_DATA": str(tmp_path / "data"),
        "PASSERELLE_MODEL": str(tmp_path / "none"),
        "PASSERELLE_ADMIN_PASSWORD": PASSWORD,
    }
    return Library(read_config(environment))


@pytest.fixture
def client(library: Library) -> FlaskClient:
    return create_app(library).test_client()


@pytest.fixture
def runs(library: Library) -> RunFolder:
    """Two runs, the second of them better."""
    folder = RunFolder(library.config.evaluations)
    folder.save(run("first", [0.0, 0.2, 0.4, 0.5] * 25))
    folder.save(run("second", [0.1, 0.5, 0.8, 0.9] * 25, days=1))
    return folder
