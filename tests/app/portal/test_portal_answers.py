"""What every answer has in common: headers, errors in the reader's language, no cookie, no link to
nowhere.
"""

import re
from pathlib import Path

import pytest
from flask import abort
from flask.testing import FlaskClient

from app import create_app
from app.resources import catalogue
from tests.app.portal.conftest import Portal

PAGES = ("/", "/browse", "/browse/all", "/search", "/search?q=culture", "/help", "/about",
         "/privacy", "/accessibility", "/nowhere")  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_answer_is_guarded_and_sets_no_cookie(client: FlaskClient, page: str) -> None:
    answer = client.get(f"/fr{page}")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Set-Cookie" not in answer.headers


def test_a_page_that_did_not_change_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/fr/about")
    again = client.get("/fr/about", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get("/es/about", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_static_files_are_named_by_their_bytes_and_kept(client: FlaskClient) -> None:
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/en/").text)
    assert len(links) == 3
    for link in links:
        assert re.search(r"\?v=[0-9a-f]{12}$", link)
        answer = client.get(link)
        assert "immutable" in answer.headers["Cache-Control"]
        assert "no-cache" not in answer.headers["Cache-Control"]


def test_nothing_comes_from_elsewhere(client: FlaskClient, portal: Portal, templates: Path) -> None:
    for page in (*(f"/en{page}" for page in PAGES), portal.address("employment", "/en/pages/1")):
        loads = re.compile(
            r'<(?:link rel="(?:stylesheet|icon)"|script|img)[^>]*(?:href|src)="([^"]+)"'
        )
        loaded = loads.findall(client.get(page).text)
        assert loaded
        assert all(address.startswith("/") for address in loaded)
    assert "http" not in (templates.parent / "static" / "portal.css").read_text("utf-8")


ERRORS = {
    400: "n’a pas été comprise",
    403: "ne vous est pas ouverte",
    404: "Il n’y a pas de page ici",
    405: "ne s’utilise pas ainsi",
    410: "a été retiré",
    413: "trop volumineux",
    418: "n’a pas été comprise",
    429: "Trop de demandes",
    500: "de notre côté",
    502: "de notre côté",
    503: "pour le moment",
}


@pytest.fixture(scope="module")
def failing(portal: Portal) -> FlaskClient:
    """A portal with addresses that fail in each way."""
    app = create_app(library=portal.library)

    @app.get("/fr/fails/<int:status>")
    def fails(status: int) -> str:
        if status in (418, 502):
            from werkzeug.exceptions import HTTPException

            error = HTTPException()
            error.code = status
            raise error
        abort(status)

    return app.test_client()


@pytest.mark.parametrize(("status", "said"), ERRORS.items())
def test_errors_speak_the_readers_language_and_lead_on(
    failing: FlaskClient, status: int, said: str
) -> None:
    answer = failing.get(f"/fr/fails/{status}")
    assert answer.status_code == status
    assert said in answer.text
    assert '<html lang="fr">' in answer.text
    assert 'href="/fr/browse"' in answer.text
    assert "Content-Security-Policy" in answer.headers


def test_other_methods_are_refused_with_those_allowed(client: FlaskClient) -> None:
    answer = client.post("/fr/search", data={"q": "x"})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_an_unexpected_error_is_logged_and_tells_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_arguments: object) -> None:
        raise RuntimeError("secret path /srv/data")

    monkeypatch.setattr(catalogue, "facet_counts", breaks)
    answer = client.get("/es/browse")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "error por nuestra parte" in answer.text
    assert "secret path" in caplog.text


def test_machines_find_what_they_ask_for_first(client: FlaskClient) -> None:
    assert client.get("/robots.txt").text.startswith("User-agent: *")
    assert client.get("/favicon.ico").content_type.startswith("image/svg+xml")


def test_every_link_of_the_portal_leads_somewhere(client: FlaskClient, portal: Portal) -> None:
    """From each home, following links within the language, to a depth that reaches every page."""
    for ui in ("en", "fr"):
        found, waiting = set(), [f"/{ui}/", portal.address("employment", "/en/pages/2", ui)]
        while waiting and len(found) < 150:
            address = waiting.pop().partition("#")[0]
            if address in found or not address.startswith(f"/{ui}/"):
                continue
            found.add(address)
            answer = client.get(address)
            assert answer.status_code == 200, address
            if answer.mimetype == "text/html":
                links = re.findall(r'href="(/[^"]+)"', answer.text)
                waiting += [link.replace("&amp;", "&") for link in links]
        assert len(found) > 40


BUDGET = 50_000  # bytes of a page with its stylesheet, script and icon, without page images


def test_no_page_weighs_more_than_its_budget(client: FlaskClient, portal: Portal) -> None:
    rests = ("", "/fr", "/en/pages/2?q=labour", "/es/pages/1")
    pages = [f"/fr{page}" for page in (*PAGES, "/search?q=culture+culturel+cultural")]
    assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/fr/").text)
    weight = sum(len(client.get(asset).data) for asset in assets)
    for address in (*pages, *(portal.address("employment", rest, "fr") for rest in rests)):
        assert weight + len(client.get(address).data) <= BUDGET, address
