"""Home and the lists: counts, orders, pages, feeds, and what they say when they are empty."""

import html
import re
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app
from app.library import Library
from app.resources import catalogue
from app.resources.models import Edition
from app.resources.titles import sort_key
from tests.app.portal.conftest import Portal

ATOM = "{http://www.w3.org/2005/Atom}"


def titles(page: str) -> list[str]:
    return re.findall(r'<li class="card">.*?<h2><a [^>]*>(.*?)</a>', page, re.DOTALL)


def test_home_has_the_question_first_and_six_domains_with_counts(
    client: FlaskClient, portal: Portal
) -> None:
    page = client.get("/fr/").text
    assert page.index('name="q"') < page.index("Six domaines")
    domains = page.partition('<ol class="domains">')[2].partition("</ol>")[0]
    assert domains.count("<li>") == 6
    counts = re.findall(r"(\d+) (ressources?)<", domains)
    assert counts == [("0", "ressource")] * 4 + [("1", "ressource"), ("0", "ressource")]
    cards = page.partition('id="newest"')[2].partition("</ul>")[0]
    with portal.library.sessions() as session:
        query = select(Edition).where(Edition.published_at.is_not(None))
        editions = session.scalars(query.order_by(Edition.published_at.desc())).all()
    newest = list(dict.fromkeys(edition.resource_id for edition in editions))
    shown = list(dict.fromkeys(re.findall(r"/fr/resources/(\w{26})", cards)))
    assert len(shown) > 3
    assert shown == newest[: len(shown)]


def test_browse_offers_only_lists_that_hold_something(client: FlaskClient) -> None:
    page = client.get("/es/browse").text
    links = re.findall(r'<li><a href="(/es/browse/[^"]+)"', page)
    assert "/es/browse/country/BF" in links
    assert "Burkina Faso" in page
    for link in links:
        assert titles(client.get(link).text), link


@pytest.mark.parametrize(
    ("facet", "value"),
    [("domain", "statistics"), ("country", "BF"), ("type", "guide"), ("year", "2024"),
     ("language", "es")],
)  # fmt: skip
def test_a_resource_stands_under_each_of_its_headings(
    client: FlaskClient, facet: str, value: str
) -> None:
    page = client.get(f"/en/browse/{facet}/{value}").text
    assert "Counting cultural work" in titles(page)
    feed = ET.fromstring(client.get(f"/en/browse/{facet}/{value}.atom").data)
    entries = [entry.findtext(f"{ATOM}title") for entry in feed.findall(f"{ATOM}entry")]
    assert "Counting cultural work" in entries


def test_lists_are_ordered_as_asked(client: FlaskClient) -> None:
    by_title = titles(client.get("/en/browse/all?sort=title").text)
    assert by_title == sorted(by_title, key=lambda title: sort_key(html.unescape(title)))
    newest = titles(client.get("/en/browse/all").text)
    assert newest != by_title
    assert sorted(newest) == sorted(by_title)
    assert titles(client.get("/en/browse/all?sort=year").text)[0] == "Counting cultural work"


def test_lists_are_paged_without_losing_or_repeating(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = titles(client.get("/en/browse/all?sort=title").text)
    monkeypatch.setattr(catalogue, "PER_PAGE", 2)
    address, seen = "/en/browse/all?sort=title", []
    while address:
        page = client.get(address).text
        seen += titles(page)
        found = re.findall(r'rel="next" href="([^"]+)"', page)
        address = found[0].replace("&amp;", "&") if found else ""
    assert seen == every
    assert client.get("/en/browse/all?page=99").status_code == 404
    assert client.get("/en/browse/all?page=x&sort=y").status_code == 200


@pytest.mark.parametrize("value", ["nothing", "0", "9" * 30, "9" * 5000, "%00", "a%2Fb", "١٢٣"])
def test_an_empty_or_odd_heading_is_a_page_with_a_way_on(client: FlaskClient, value: str) -> None:
    for facet in ("year", "domain", "language"):
        answer = client.get(f"/fr/browse/{facet}/{value}")
        assert answer.status_code in (200, 404)
        assert 'href="/fr/browse"' in answer.text


def test_an_empty_library_has_a_home(words_library: Library) -> None:
    client = create_app(library=words_library).test_client()
    assert "Nothing has been published" in client.get("/en/").text
    assert "Nothing has been published" in client.get("/en/browse").text
    assert "Nothing has been published" in client.get("/en/browse/all").text
    assert client.get("/en/search?q=anything").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/en/browse/type/gui%00de",
        "/en/browse/year/99999999999999999999",
        "/en/browse/all?page=999999&sort=title",
        "/en/search?q=empl%00oyment&type=%00&year=%00&country=B%00F",
        "/en/suggest.json?q=cou%00nt",
        "/en/resources/%00",
        "/en/search?q=%ED%A0%80",
    ],
)
def test_what_no_database_can_hold_is_asked_for_without_an_error(
    client: FlaskClient, address: str
) -> None:
    assert client.get(address).status_code in (200, 400, 404)
