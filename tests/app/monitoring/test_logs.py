"""The log: an id for each request, a line at its end, and nothing that anybody asked in it."""

import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import logs
from app.config import ConfigError, read_config
from app.library import Library
from app.logs import JsonFormatter, LogFormat, LogLevel, TextFormatter
from app.resources import catalogue
from app.search import views
from app.worker import Worker
from indexes.errors import IndexUnavailable
from tests.app.monitoring.conftest import BEARER, environment, put

Lines = list[dict[str, object]]


class Written:
    """What was logged, as JSON lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> Lines:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def answers(self) -> Lines:
        return [line for line in self.lines() if line["message"] == "answered"]


@pytest.fixture
def written() -> Iterator[Written]:
    """The log from debugging records on, made as `configure` makes it."""
    held = Written()
    handler = logging.StreamHandler(held.stream)
    handler.addFilter(logs.add_what_it_is_about)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("app")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield held
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_an_answer_is_one_line_without_what_was_asked(
    client: FlaskClient, written: Written
) -> None:
    answer = client.get("/en/search?q=confidential+budget", headers={"X-Request-ID": "front-17"})
    assert answer.status_code == 200
    (line,) = written.answers()
    assert {name: line[name] for name in ("level", "method", "route", "status", "request_id")} == {
        "level": "info",
        "method": "GET",
        "route": "/<ui>/search",
        "status": 200,
        "request_id": "front-17",
    }
    assert isinstance(line["ms"], float)
    assert str(line["time"]).endswith("+00:00")
    assert "confidential" not in written.stream.getvalue()


@pytest.mark.parametrize("given", ["a", "0af7651916cd43dd", "A-b_c.9", "x" * 64])
def test_a_sound_id_comes_back(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers.getlist("X-Request-ID") == [given]


@pytest.mark.parametrize(
    "given", ["", "x" * 65, "a b", 'a"b', "<b>", "é", "a\u0661", "../a", "a;b"]
)
def test_another_id_is_replaced(client: FlaskClient, given: str) -> None:
    sent = given.encode().decode("latin-1")
    answer = client.get("/healthz", headers={"X-Request-ID": sent})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])


def test_each_request_has_an_id_of_its_own(client: FlaskClient) -> None:
    ids = {client.get(page).headers["X-Request-ID"] for page in ("/", "/en/", "/en/nowhere")}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("ui", "said"),
    [
        ("en", "tell those who run the library this reference:"),
        ("fr", "qui gèrent la bibliothèque\u202f:"),
        ("es", "a quienes gestionan la biblioteca:"),
    ],
)
def test_a_failure_tells_its_id_and_the_log_has_it(
    client: FlaskClient, written: Written, monkeypatch: pytest.MonkeyPatch, ui: str, said: str
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(catalogue, "facet_counts", breaks)
    answer = client.get(f"/{ui}/browse")
    assert answer.status_code == 500
    given = answer.headers["X-Request-ID"]
    assert f"{said} <code>{given}</code>" in answer.text
    assert {line["request_id"] for line in written.lines()} == {given}
    trace, line = written.lines()
    assert "RuntimeError: broken" in str(trace["exception"])
    assert (line["status"], line["error"]) == (500, "RuntimeError")


@pytest.mark.parametrize(("page", "shown"), [("search", True), ("search.json", False)])
def test_a_search_that_cannot_answer_tells_its_id(
    client: FlaskClient, written: Written, monkeypatch: pytest.MonkeyPatch, page: str, shown: bool
) -> None:
    def breaks(*_: object) -> None:
        raise IndexUnavailable("no shards")

    monkeypatch.setattr(views, "search", breaks)
    answer = client.get(f"/fr/{page}?q=confidential")
    assert answer.status_code == 503
    given = answer.headers["X-Request-ID"]
    assert (f"<code>{given}</code>" in answer.text) is shown
    warning, line = written.lines()
    assert warning["request_id"] == line["request_id"] == given
    assert "no shards" in str(warning["message"])
    assert line["error"] == "IndexUnavailable"
    assert "confidential" not in written.stream.getvalue()


def test_other_errors_show_no_reference(client: FlaskClient) -> None:
    assert "<code>" not in client.get("/en/nowhere").text


def test_an_answer_that_even_its_error_page_fails_is_told(
    client: FlaskClient, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr("app.errors.render_template", breaks)
    with pytest.raises(RuntimeError):
        client.get("/en/nowhere")
    (line,) = written.answers()
    assert line["status"] == 500
    assert logs._about.get() == {}


def test_probes_are_told_of_only_when_debugging(client: FlaskClient, written: Written) -> None:
    for address in ("/healthz", "/readyz", "/metrics"):
        client.get(address, headers=BEARER)
    assert [line["level"] for line in written.answers()] == ["debug"] * 3


def test_no_record_says_what_a_statement_was_given(steady_library: Library) -> None:
    with steady_library.engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT nothing WHERE 1 = :asked"), {"asked": "confidential"})
    assert "confidential" not in str(caught.value)


def test_records_of_a_worker_say_job_and_subject(
    library: Library, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("broken")

    put(library, "# Another\n\nAnother text of some words.", "another.md")
    monkeypatch.setattr("app.worker.read_file", breaks)
    worker = Worker(library)
    worker.step()
    worker.close()
    (line,) = written.lines()
    assert line["job"] == "parse"
    assert line["subject"]
    assert str(line["subject"]) in str(line["message"])


def test_of_several_jobs_at_once_the_one_that_fails_is_named(
    library: Library, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        put(library, f"# Text {number}\n\nSome words of text {number}.", f"{number}.md")
    worker = Worker(library)
    worker.step()  # both are read, and are to be indexed

    def breaks(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("app.worker.edition_entries", breaks)
    worker.step()
    worker.close()
    failed = [line for line in written.lines() if "exception" in line]
    assert {line["job"] for line in failed} == {"index"}
    assert len({line["subject"] for line in failed}) == 2


def _record(message: str = "done %s", **more: object) -> logging.LogRecord:
    record = logging.LogRecord("app.x", logging.INFO, "x.py", 1, message, ("«well»",), None)
    for name, value in more.items():
        setattr(record, name, value)
    return record


def test_text_is_for_people() -> None:
    line = TextFormatter().format(_record(about={"job": "index"}, fields={"ms": 1.5}))
    assert line.endswith("INFO app.x: done «well» [ms=1.5 job=index]")
    assert TextFormatter().format(_record()).endswith("INFO app.x: done «well»")


def test_json_is_one_line_whatever_is_said() -> None:
    line = JsonFormatter().format(_record("a\nb\x00\u2028 %s", fields={"path": Path("/x")}))
    assert len(line.split("\n")) == 1
    assert json.loads(line)["message"] == "a\nb\x00\u2028 «well»"
    assert json.loads(line)["path"] == "/x"


def test_what_it_is_about_ends_with_the_block() -> None:
    with logs.about(job="parse"):
        with logs.about(subject="s"):
            assert logs._about.get() == {"job": "parse", "subject": "s"}
        assert logs._about.get() == {"job": "parse"}
    assert logs._about.get() == {}


@pytest.mark.parametrize("name", ["PASSERELLE_LOG_FORMAT", "PASSERELLE_LOG_LEVEL"])
def test_a_value_that_is_unknown_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be one of .*, "):
        read_config({name: "loud"})
    assert read_config({name: ""}).log_format is LogFormat.TEXT
    assert read_config({"PASSERELLE_LOG_LEVEL": "error"}).log_level is LogLevel.ERROR


@pytest.mark.parametrize(("form", "level", "lines"), [("json", "info", 1), ("text", "warning", 0)])
def test_a_portal_that_is_served_logs_as_it_is_told(
    steady_library: Library, form: str, level: str, lines: int
) -> None:
    given = {
        **os.environ,
        **environment(steady_library.config.data),
        "PASSERELLE_LOG_FORMAT": form,
        "PASSERELLE_LOG_LEVEL": level,
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(_free_port())]
    with subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr
        said = served.stderr.readline()
        address = said.split()[5]
        urllib.request.urlopen(f"{address}/en/search?q=confidential", timeout=30).read()
        urllib.request.urlopen(f"{address}/healthz", timeout=30).read()
        served.terminate()
        rest = served.stderr.read()
    answered = [json.loads(line) for line in rest.splitlines() if '"answered"' in line]
    assert [line["route"] for line in answered] == ["/<ui>/search"] * lines
    assert "confidential" not in rest


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
