"""The pages of the history of evaluations: closed unless opened, and what they show."""

import re
from base64 import b64encode
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.administration import services
from app.config import ConfigError, read_config
from app.library import Library
from indexes.evaluation.metrics import METRICS
from indexes.evaluation.runs import RunFolder
from tests.app.administration.conftest import HOME, OPEN, PASSWORD, run


@pytest.mark.parametrize("rest", ["", "/runs/first", "/difference?before=first&after=second"])
def test_nothing_is_there_unless_the_operator_opens_it(
    library: Library, runs: RunFolder, rest: str
) -> None:
    closed = Library(replace(library.config, admin_password=None))
    answer = create_app(closed).test_client().get(HOME + rest, headers=OPEN)
    assert answer.status_code == 404
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Authorization": "Basic " + b64encode(b"admin:wrong").decode()},
        {"Authorization": "Basic " + b64encode(f"root:{PASSWORD}".encode()).decode()},
        {"Authorization": "Basic " + b64encode(f"admin\n{PASSWORD}:".encode()).decode()},
        {"Authorization": "Basic not-base64"},
        {"Authorization": f"Bearer {PASSWORD}"},
    ],
)
@pytest.mark.parametrize("rest", ["", "/runs/first", "/difference?before=first&after=second"])
def test_only_who_knows_the_password_comes_in(
    client: FlaskClient, runs: RunFolder, given: dict[str, str], rest: str
) -> None:
    answer = client.get(HOME + rest, headers=given)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "abc1234" not in answer.text
    assert "Question 0" not in answer.text
    assert client.get(HOME + rest, headers=OPEN).status_code == 200


def test_no_browser_or_proxy_keeps_the_pages(client: FlaskClient) -> None:
    assert "no-store" in client.get(HOME, headers=OPEN).headers["Cache-Control"]


def test_a_short_password_is_refused_and_none_is_shown() -> None:
    with pytest.raises(ConfigError, match="PASSERELLE_ADMIN_PASSWORD"):
        read_config({"PASSERELLE_ADMIN_PASSWORD": "short"})
    assert read_config({"PASSERELLE_ADMIN_PASSWORD": ""}).admin_password is None
    assert PASSWORD not in repr(read_config({"PASSERELLE_ADMIN_PASSWORD": PASSWORD}))


def test_without_runs_the_page_tells_how_to_make_one(client: FlaskClient) -> None:
    assert "passerelle evaluate" in client.get(HOME, headers=OPEN).text


def test_the_history_has_every_run_a_chart_a_column_and_a_form(
    client: FlaskClient, runs: RunFolder
) -> None:
    page = client.get(HOME, headers=OPEN).text
    rows = re.findall(r'<th scope="row"><a href="([^"]+)">(\w+)</a>', page)
    assert [name for _, name in rows] == ["second", "first"]
    assert page.count("<polyline") == page.count("<figcaption>") == 1
    assert page.count("<circle") == 2
    assert "0.2750" in page
    assert "abc1234" in page
    assert all(client.get(address, headers=OPEN).status_code == 200 for address, _ in rows)


def test_a_run_tells_its_columns_and_worst_questions(client: FlaskClient, runs: RunFolder) -> None:
    page = client.get(f"{HOME}/runs/first", headers=OPEN).text
    assert "near = 0.09" in page
    questions = re.findall(r"<td(?: lang=\"fr\")?>(Question \d+ &lt;b&gt;\?)</td>", page)
    assert len(questions) == services.WORST
    assert page.count("not found") == services.WORST  # all of them score nothing
    better = client.get(f"{HOME}/runs/second?column=mine+all", headers=OPEN).text
    assert "<td>2</td>" in better
    assert "/difference?before=first&amp;after=second" in better


def test_a_difference_has_its_interval_and_verdict(client: FlaskClient, runs: RunFolder) -> None:
    address = f"{HOME}/difference?before=first&after=second"
    page = client.get(address, headers=OPEN).text
    assert "+0.3000" in page
    assert re.search(r"\+0\.2\d{3} to \+0\.3\d{3}", page)
    assert page.count("<td>better</td>") == len(METRICS)
    french = client.get(address.replace("/en/", "/fr/"), headers=OPEN).text
    assert "+0,3000" in french


@pytest.mark.parametrize(
    "rest",
    ["/runs/never", "/runs/first?column=never", "/runs/..%2Fx", "/difference", "/difference?x=1"],
)
def test_what_is_not_there_is_not_found(client: FlaskClient, runs: RunFolder, rest: str) -> None:
    assert client.get(HOME + rest, headers=OPEN).status_code == 404


def test_a_chart_stays_in_its_area_and_small_changes_stay_small() -> None:
    summaries = [run(str(number), [0.9 + number / 1e4]).summary for number in range(5)]
    chart = services._chart("mine all", summaries)
    assert [x for x, _ in chart.dots] == sorted({x for x, _ in chart.dots})
    assert all(
        0 < x < services.CHART_WIDTH and 0 < y < services.CHART_HEIGHT for x, y in chart.dots
    )
    heights = [y for _, y in chart.dots]
    assert max(heights) - min(heights) < 5
    assert heights == sorted(heights, reverse=True)
