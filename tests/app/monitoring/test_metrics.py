"""The figures: counted, readable by Prometheus, bounded, and shown to whom they may be."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.database import writing
from app.library import Library
from app.monitoring.requests import route_name
from app.outbox import Job, enqueue
from app.search import views
from indexes.errors import IndexUnavailable
from tests.app.monitoring.conftest import BASIC, BEARER, TOKEN

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


def test_each_figure_is_described_for_operators_and_none_besides(client: FlaskClient) -> None:
    families = text_string_to_metric_families(client.get("/metrics", headers=BEARER).text)
    told = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in families
    }
    section = OPERATING.read_text("utf-8").partition("## Watching it\n")[2]
    described = set(re.findall(r"^\| `(passerelle_\w+)`", section, re.MULTILINE))
    assert described == {name for name in told if name.startswith("passerelle_")}
    used = set(re.findall(r"\bpasserelle_[a-z_]+", section))
    stems = {re.sub(r"_(bucket|count|sum)$", "", name) for name in used}
    assert stems <= described
