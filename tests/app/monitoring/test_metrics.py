"""The figures: counted, readable by Prometheus, bounded, and shown to whom they may be."""

import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.commands import operating
from app.config import Config, ConfigError, read_config
from app.database import writing
from app.library import Library
from app.migrations import upgrade
from app.monitoring.metrics import BacklogCollector
from app.monitoring.requests import route_name
from app.monitoring.serving import WorkerCollector, serve_figures
from app.outbox import MOST_ATTEMPTS, Job, enqueue
from app.search import views
from app.worker import Tally, Worker
from indexes.errors import IndexUnavailable
from tests.app.monitoring.conftest import BASIC, BEARER, TOKEN, put, work

OPERATING = Path(__file__).resolve().parents[3] / "docs" / "operating.md"
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def seen(client: FlaskClient) -> Samples:
    return samples(client.get("/metrics", headers=BEARER).text)


def value(of: Samples, name: str, **labels: str) -> float:
    return of.get((name, frozenset(labels.items())), 0.0)


def test_requests_are_counted_by_route_and_timed(client: FlaskClient) -> None:
    client.get("/en/")
    client.get("/fr/")
    client.get("/en/nowhere")
    client.post("/en/search")
    found = seen(client)
    name = "passerelle_requests_total"
    assert value(found, name, route="/<ui>/", method="GET", status="2xx") == 2
    assert value(found, name, route="none", method="GET", status="4xx") == 1
    assert value(found, name, route="none", method="POST", status="4xx") == 1
    assert value(found, "passerelle_request_seconds_count", route="/<ui>/") == 2
    assert value(found, "passerelle_request_seconds_bucket", route="/<ui>/", le="+Inf") == 2


def test_searches_are_counted_by_what_came_of_them_with_their_stages(client: FlaskClient) -> None:
    for query in ("budget", "budget project", "zzyzx"):
        client.get(f"/en/search?q={query}")
    client.get("/en/search.json?q=budget")
    client.get("/en/search.atom?q=budget")
    client.get("/en/search")  # asks nothing
    found = seen(client)
    assert value(found, "passerelle_searches_total", result="found", by="words") == 4
    assert value(found, "passerelle_searches_total", result="nothing", by="words") == 1
    for stage in ("words", "ranking", "page"):
        assert value(found, "passerelle_search_stage_seconds_count", stage=stage) == 5


def test_errors_are_counted_by_their_kind(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise IndexUnavailable("no shards of 'confidential'")

    monkeypatch.setattr(views, "search", breaks)
    for page in ("search", "search.json", "search.atom"):
        assert client.get(f"/en/{page}?q=budget").status_code == 503
    found = seen(client)
    assert value(found, "passerelle_errors_total", kind="IndexUnavailable") == 3


def test_what_waits_is_read_from_the_database_each_time(library: Library) -> None:
    client = create_app(library).test_client()
    before = seen(client)
    assert value(before, "passerelle_database_up") == 1
    assert value(before, "passerelle_jobs_waiting", job="index") == 0
    with writing(library.sessions) as session:
        enqueue(session, Job.INDEX, "x" * 26)
    after = seen(client)
    assert value(after, "passerelle_jobs_waiting", job="index") == 1
    assert value(after, "passerelle_oldest_job_seconds", job="index") > 0
    assert value(after, "passerelle_jobs_failed", job="index") == 0


def test_without_the_database_the_other_figures_still_come(library: Library) -> None:
    client = create_app(library).test_client()
    client.get("/healthz")
    with library.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE outbox")
        connection.commit()
    found = seen(client)
    assert value(found, "passerelle_database_up") == 0
    assert not any(name == "passerelle_jobs_waiting" for name, _ in found)
    assert value(
        found, "passerelle_requests_total", route="/healthz", method="GET", status="2xx"
    ) == 1  # fmt: skip


def test_nothing_that_is_sent_becomes_a_label(client: FlaskClient) -> None:
    """However many addresses, questions, methods and ids come, series stay as many."""

    def send(number: int) -> None:
        client.get(f"/en/search?q=asked{number}&domain=d{number}")
        client.get(f"/en/nowhere{number}")
        client.get(f"/en/resources/{number}/fr/pages/{number}")
        client.get(f"/static/file{number}.css")
        client.open("/en/", method=f"METHOD{number}", headers={"X-Request-ID": f"id{number}"})

    send(0)
    seen(client)
    first = seen(client)
    for number in range(1, 6):
        send(number)
    again = seen(client)
    assert set(again) == set(first)
    labels = {label for _, pairs in again for _, label in pairs}
    assert not any(re.search(r"asked|nowhere|METHOD|file\d|id\d", label) for label in labels)
    assert len(again) < 300


def test_every_route_has_a_readable_name_of_its_own(client: FlaskClient) -> None:
    rules = [rule.rule for rule in client.application.url_map.iter_rules()]
    names = [route_name(rule) for rule in rules]
    assert route_name("/<any(en,fr,es):ui>/a/<int:n>/<path:p>") == "/<ui>/a/<n>/<p>"
    assert len(set(names)) == len(set(rules))
    assert all(re.fullmatch(r"[\w/.<>-]+", name) for name in names)


def test_prometheus_own_format_is_given_when_it_is_asked_for(client: FlaskClient) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = client.get("/metrics", headers={**BEARER, **accept})
    assert answer.content_type.startswith("application/openmetrics-text")
    assert list(openmetrics_families(answer.text))
    assert client.get("/metrics", headers=BEARER).content_type.startswith("text/plain")


@pytest.mark.parametrize("headers", [BEARER, BASIC])
def test_figures_are_shown_to_those_who_may_see_them(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "process_resident_memory_bytes" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN} "[:-2]},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
)
def test_and_to_nobody_else_wherever_they_come_from(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert answer.status_code == 401
    assert answer.headers.getlist("WWW-Authenticate") == ["Bearer", 'Basic realm="Passerelle"']
    assert "passerelle" not in answer.text


def test_without_a_secret_there_are_no_figures(steady_library: Library) -> None:
    config = replace(steady_library.config, admin_password=None, metrics_token=None)
    client = create_app(Library(config)).test_client()
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers=BEARER).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_a_worker_tells_what_it_has_done(library: Library) -> None:
    put(library, "# Another\n\nAnother text of some words.", "another.md")
    registry = CollectorRegistry()
    registry.register(WorkerCollector(work(library).tally))
    found = samples(generate_latest(registry).decode())
    for job in ("parse", "index"):
        assert value(found, "passerelle_worker_jobs_total", job=job) == 1
        assert value(found, "passerelle_worker_job_seconds_total", job=job) > 0
        assert value(found, "passerelle_worker_job_failures_total", job=job) == 0
    assert value(found, "passerelle_worker_passages_embedded_total") == 0


@pytest.mark.parametrize(
    ("broken", "job"), [("read_file", Job.PARSE), ("edition_entries", Job.INDEX)]
)
def test_attempts_that_fail_are_counted_and_in_the_end_given_up(
    library: Library, monkeypatch: pytest.MonkeyPatch, broken: str, job: Job
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(f"app.worker.{broken}", breaks)
    monkeypatch.setattr("app.outbox.timedelta", lambda **_: timedelta())  # no waiting between
    put(library, "# Another\n\nAnother text of some words.", "another.md")
    worker = Worker(library)
    while worker.step():
        pass
    worker.close()
    assert worker.tally.failures[job] == MOST_ATTEMPTS
    (_, _, _, failed) = BacklogCollector(library).collect()
    assert {one.labels["job"]: one.value for one in failed.samples}[job.value] == 1


@pytest.mark.model
def test_embedding_is_counted_in_passages_and_seconds(tmp_path: Path, model_folder: Path) -> None:
    opened = Library(read_config({"PASSERELLE_DATA": str(tmp_path)}))
    upgrade(opened)
    put(opened)
    tally = work(opened).tally
    opened.index.close()
    assert tally.embedded == 2  # the passage and the record
    assert 0 < tally.embedding_seconds <= tally.seconds[Job.EMBED]


@pytest.fixture
def served(steady_library: Library) -> Iterator[tuple[str, Config]]:
    config = replace(steady_library.config, worker_metrics_port=_free_port())
    server = serve_figures(config, Tally())
    assert server is not None
    yield f"http://127.0.0.1:{config.worker_metrics_port}", config
    server.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _get(address: str, headers: Mapping[str, str] = {}) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers=dict(headers))
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_workers_figures_are_served_to_who_has_the_token(served: tuple[str, Config]) -> None:
    address, _config = served
    status, text = _get(f"{address}/metrics", BEARER)
    assert status == 200
    assert value(samples(text), "passerelle_worker_jobs_total", job="parse") == 0
    assert ("passerelle_worker_jobs_total", frozenset({("job", "embed")})) in samples(text)
    assert _get(f"{address}/metrics")[0] == 401
    assert _get(f"{address}/", BEARER)[0] == 404


def test_a_worker_whose_port_is_taken_still_works(
    served: tuple[str, Config], caplog: pytest.LogCaptureFixture
) -> None:
    assert serve_figures(served[1], Tally()) is None
    assert "no figures of this worker" in caplog.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "worker.example.org"])
def test_a_worker_is_not_watched_from_elsewhere_without_a_token(host: str) -> None:
    asked = {"PASSERELLE_WORKER_METRICS_HOST": host}
    with pytest.raises(ConfigError, match="PASSERELLE_METRICS_TOKEN"):
        read_config(asked)
    config = read_config({**asked, "PASSERELLE_METRICS_TOKEN": TOKEN})
    assert config.worker_metrics_host == host
    assert TOKEN not in repr(config)


def test_the_worker_command_serves_its_figures(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def run(working: Worker, _stop: threading.Event) -> None:
        told.append(_get(f"http://127.0.0.1:{port}/metrics", BEARER)[0])
        working.close()

    port = _free_port()
    monkeypatch.setattr(Worker, "run", run)
    monkeypatch.setattr(operating.signal, "signal", lambda *_: None)
    watched = Library(replace(library.config, worker_metrics_port=port))
    assert CliRunner().invoke(operating.worker, obj=watched).exit_code == 0
    assert told == [200]


def test_each_figure_is_described_for_operators_and_none_besides(client: FlaskClient) -> None:
    registry = CollectorRegistry()
    registry.register(WorkerCollector(Tally()))
    text = client.get("/metrics", headers=BEARER).text + generate_latest(registry).decode()
    families = text_string_to_metric_families(text)
    told = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in families
    }
    section = OPERATING.read_text("utf-8").partition("## Watching it\n")[2]
    described = set(re.findall(r"^\| `(passerelle_\w+)`", section, re.MULTILINE))
    assert described == {name for name in told if name.startswith("passerelle_")}
    used = set(re.findall(r"\bpasserelle_[a-z_]+", section))
    stems = {re.sub(r"_(bucket|count|sum)$", "", name) for name in used}
    assert stems <= described
