"""Alive and ready: answered at once, truly, and without details for strangers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine

from app import create_app
from app.config import read_config
from app.database import writing
from app.library import Library
from app.migrations import upgrade
from app.monitoring import checks
from app.monitoring.checks import Checks, Readiness, State
from app.monitoring.patience import Look, NoAnswer
from app.outbox import Job, OutboxRow, enqueue
from indexes.errors import IndexUnavailable
from tests.app.monitoring.conftest import BASIC, BEARER

SHORT = 0.2  # seconds of patience, where a test waits for its end


class Broken:
    """An index of which everything fails, or takes until it is let go."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def __getattr__(self, _name: str) -> Callable[..., object]:
        return lambda *_arguments, **_named: self._act()


@contextmanager
def hanging() -> Iterator[Broken]:
    let_go = threading.Event()
    yield Broken(lambda: let_go.wait(30))
    let_go.set()


def states(found: dict[str, dict[str, dict[str, object]]]) -> dict[str, object]:
    return {name: part["state"] for name, part in found["parts"].items()}


def test_alive_touches_nothing(tmp_path: Path) -> None:
    library = Library(read_config({"PASSERELLE_DATA": str(tmp_path / "none")}))
    client = create_app(library).test_client()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert not {"index", "embedder"} & set(vars(library))
    assert not (tmp_path / "none" / "library.sqlite").exists()
    assert client.head("/healthz").status_code == 200


def test_ready_tells_each_part(client: FlaskClient) -> None:
    for headers in (BEARER, BASIC):
        answer = client.get("/readyz", headers=headers)
        assert answer.status_code == 200
        found = answer.json
        assert found["status"] == "ready"
        assert states(found) == {"database": "ok", "index": "ok", "model": "off", "backlog": "ok"}
        assert all(part["ms"] >= 0 for part in found["parts"].values())
        assert found["parts"]["index"]["about"]["entries"] == 2
        assert found["parts"]["backlog"]["about"]["index"]["waiting"] == 0
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("language", ["fr", "es", ""])
def test_it_is_in_no_language(client: FlaskClient, language: str) -> None:
    answer = client.get("/readyz", headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert client.get("/fr/readyz").status_code == 404


def test_strangers_see_states_only(library: Library) -> None:
    client = create_app(
        Library(replace(library.config, model=_missing_model(library)))
    ).test_client()
    assert client.get("/readyz").json == {
        "status": "degraded",
        "parts": {
            "database": {"state": "ok"},
            "index": {"state": "ok"},
            "model": {"state": "degraded"},
            "backlog": {"state": "ok"},
        },
    }
    wrong = client.get("/readyz", headers={"Authorization": "Bearer wrong"})
    assert "problem" not in wrong.text
    told = client.get("/readyz", headers=BEARER).json["parts"]["model"]
    assert str(library.config.data) in told["problem"]
    assert told["to_do"]


def _missing_model(library: Library) -> object:
    missing = str(library.config.data / "no-model")
    return read_config({"PASSERELLE_MODEL": missing}).model


def test_a_database_of_another_revision_is_not_served(tmp_path: Path, library: Library) -> None:
    with library.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    answer = create_app(library).test_client().get("/readyz", headers=BEARER)
    assert answer.status_code == 503
    assert answer.json["status"] == "unavailable"
    told = answer.json["parts"]["database"]
    assert told["state"] == "down"
    assert "is at revision 0001" in told["problem"]
    assert "passerelle db upgrade" in told["to_do"]


def test_a_database_that_was_taken_away_is_not_served(library: Library) -> None:
    client = create_app(library).test_client()
    assert client.get("/readyz").status_code == 200
    file = library.config.data / "library.sqlite"
    file.rename(file.with_suffix(".away"))
    answer = client.get("/readyz", headers=BEARER)
    assert answer.status_code == 503
    assert answer.json["parts"]["database"]["problem"] == "Its file is gone."
    assert not file.exists()  # looking must not make an empty one
    file.with_suffix(".away").rename(file)
    assert client.get("/readyz").status_code == 200


def test_a_server_that_cannot_be_reached_is_told_without_its_secrets(library: Library) -> None:
    away = Library(replace(library.config))
    # Nothing listens on port 1.
    away.__dict__["engine"] = create_engine("postgresql+psycopg://who:secret@127.0.0.1:1/library")
    client = create_app(away).test_client()
    answer = client.get("/readyz", headers=BEARER)
    assert answer.status_code == 503
    assert states(answer.json)["database"] == "down"
    assert "cannot be reached" in answer.json["parts"]["database"]["problem"]
    assert "secret" not in answer.text
    assert client.get("/readyz").json["parts"]["database"] == {"state": "down"}
    assert client.get("/healthz").status_code == 200


def test_an_index_that_fails_is_not_served(library: Library) -> None:
    def fails() -> None:
        raise IndexUnavailable("no shards")

    failing = Library(library.config)
    failing.__dict__["index"] = Broken(fails)
    health = Checks(failing).health()
    assert health.readiness is Readiness.UNAVAILABLE
    assert health.parts["index"].problem == "no shards"
    assert health.parts["database"].state is State.OK


def test_a_part_that_hangs_does_not_hang_the_answer(library: Library) -> None:
    stuck = Library(library.config)
    with hanging() as stuck.__dict__["index"]:
        looking = Checks(stuck, patience=SHORT)
        began = time.perf_counter()
        health = looking.health()
        assert SHORT <= time.perf_counter() - began < SHORT * 5
        assert health.readiness is Readiness.UNAVAILABLE
        assert "no answer" in health.parts["index"].problem
        assert health.parts["database"].state is State.OK
        assert health.parts["backlog"].state is State.OK
        threads = threading.active_count()
        began = time.perf_counter()
        for _ in range(20):
            assert looking.health().readiness is Readiness.UNAVAILABLE
        # Who asks again is told at once, and no thread more waits for what hangs.
        assert time.perf_counter() - began < 20 * SHORT
        assert threading.active_count() <= threads + 3


def test_a_part_that_answers_again_is_well_again() -> None:
    let_go = threading.Event()
    look = Look(lambda: let_go.wait(30), patience=SHORT)
    with pytest.raises(NoAnswer):
        look.start().result()
    let_go.set()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert look.start().result()
            return
        except NoAnswer:
            time.sleep(0.01)
    pytest.fail("it stays away")


def test_those_who_ask_at_once_share_a_look() -> None:
    looks, gate = [], threading.Event()

    def at() -> int:
        looks.append(1)
        gate.wait(10)
        return len(looks)

    look = Look(at)
    started = [look.start() for _ in range(5)]
    gate.set()
    assert [one.result() for one in started] == [1] * 5
    assert look.start().result() == 2


def test_an_index_of_another_model_is_served_by_words(library: Library) -> None:
    class Other:
        fingerprint, dimensions = "another model", 384

    opened = Library(library.config)
    opened.__dict__["embedder"] = Other()
    health = Checks(opened).health()
    assert health.readiness is Readiness.DEGRADED
    assert health.parts["index"].state is State.DEGRADED
    assert "passerelle index rebuild" in health.parts["index"].to_do
    opened.index.close()


def test_an_index_of_another_schema_cannot_be_asked(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.embedded.index.SCHEMA_VERSION", "other")
    opened = Library(library.config)
    health = Checks(opened).health()
    assert health.readiness is Readiness.UNAVAILABLE
    assert "passerelle index rebuild" in health.parts["index"].to_do
    opened.index.close()


def test_jobs_that_were_given_up_are_told_and_do_not_close_the_portal(library: Library) -> None:
    with writing(library.sessions) as session:
        enqueue(session, Job.EMBED, "x" * 26)
        session.flush()
        session.query(OutboxRow).update({OutboxRow.failed: True})
    health = Checks(library).health()
    assert health.readiness is Readiness.READY
    assert health.parts["backlog"].state is State.DEGRADED
    assert json.dumps(health.parts["backlog"].about)


def test_what_nobody_foresaw_is_told_by_its_kind(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_library: Library) -> None:
        raise RuntimeError("text of the error")

    monkeypatch.setattr(checks, "database_problem", breaks)
    part = Checks(library).health().parts["database"]
    assert (part.state, part.problem) == (State.DOWN, "RuntimeError")


@pytest.mark.model
def test_the_model_is_tried(tmp_path: Path, model_folder: Path) -> None:
    library = Library(read_config({"PASSERELLE_DATA": str(tmp_path)}))
    upgrade(library)
    library.find_model_problem()
    health = Checks(library).health()
    assert health.parts["model"].state is State.OK
    assert health.readiness is Readiness.READY
