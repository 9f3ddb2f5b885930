"""The search page, its JSON and its feed."""

import html
import json
import re
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from app.database import writing
from app.library import Library
from app.resources.models import Edition
from app.search import views
from app.search.services import SearchPage, SearchRequest, Sort, search
from indexes.errors import IndexUnavailable
from indexes.query_parser import parse
from tests.app.ingesting import arrive, work
from tests.app.portal.conftest import Portal

ATOM = "{http://www.w3.org/2005/Atom}"


def hit_links(page: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(r'<h3><a href="([^"]+)"', page)]


def test_a_hit_opens_its_page_with_the_words_marked(client: FlaskClient) -> None:
    page = client.get("/fr/search?q=emploi+culturel+forces+de+travail").text
    first = hit_links(page)[0]
    assert "/pages/2?q=emploi%20culturel" in first
    anchor = first.partition("#")[2]
    opened = client.get(first).text
    assert f'id="{anchor}"' in opened
    assert "<mark>emploi</mark> <mark>culturel</mark>" in opened


def test_a_hit_says_what_it_is_and_why_it_was_found(client: FlaskClient) -> None:
    page = client.get("/en/search?q=labour+force+survey").text
    hit = page.split('<li class="hit">')[1]
    assert "Counting cultural work" in hit
    assert "page 2 of 3" in hit
    assert "Guide" in hit
    assert "2024" in hit
    assert "Your words" in hit
    assert "<mark>labour</mark> <mark>force</mark>" in hit
    assert 'hreflang="fr"' in hit
    assert 'hreflang="es"' in hit


def test_an_extract_shows_where_it_was_cut(client: FlaskClient) -> None:
    page = client.get(f"/en/search?q={quote('السياسات الثقافية')}").text
    extract = re.findall(r"<blockquote[^>]*>(.*?)</blockquote>", page)[0]
    assert extract.endswith(" …")
    assert not extract.startswith("…")


def test_facets_narrow_and_are_taken_back(client: FlaskClient) -> None:
    page = client.get("/en/search?q=culture+culturel+cultural").text
    assert "format=md" in page or "format=pdf" in page
    narrowed = client.get("/en/search?q=culture+culturel+cultural&type=guide").text
    chosen = narrowed.partition('<div class="chosen">')[2].partition("</div>")[0]
    assert "Guide" in chosen
    assert "type=guide" not in chosen
    assert "Remove all" in chosen


def test_nothing_found_says_what_to_try(client: FlaskClient) -> None:
    page = client.get("/es/search?q=zzzqqq&type=guide")
    assert page.status_code == 200
    assert "No se ha encontrado nada" in page.text
    assert 'href="/es/search?q=zzzqqq"' in page.text
    assert 'href="/es/browse"' in page.text


def test_an_empty_question_shows_the_box_and_ways_in(client: FlaskClient) -> None:
    for address in ("/fr/search", "/fr/search?q=", "/fr/search?q=+++"):
        page = client.get(address)
        assert page.status_code == 200
        assert 'name="q"' in page.text
        assert "/fr/browse/domain/statistics" in page.text


def test_it_says_when_only_words_were_compared_or_the_question_was_cut(
    client: FlaskClient,
) -> None:
    page = client.get("/en/search?q=" + "+".join(f"culture{n}" for n in range(40))).text
    assert "only its first 32 words" in page
    assert "only the words themselves were looked up" in page


def test_about_is_said_when_counts_are_capped(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def capped(_library: Library, _request: SearchRequest) -> SearchPage:
        return SearchPage(hits=(), total=1234, capped=True, page=1, pages=1, facets={})

    monkeypatch.setattr(views, "search", capped)
    assert "About 1,234 resources" in client.get("/en/search?q=x").text
    assert "Environ 1\u202f234 ressources" in client.get("/fr/search?q=x").text


def test_a_question_over_the_limit_is_refused_and_kept(client: FlaskClient) -> None:
    question = "¿culture & work? " * 120
    answer = client.get(f"/es/search?q={quote(question)}")
    assert answer.status_code == 400
    assert "Esta pregunta es demasiado larga" in answer.text
    kept = answer.text.partition('rows="12">')[2].partition("</textarea>")[0]
    assert kept == question.strip().replace("&", "&amp;")
    assert client.get(f"/es/search?q={quote('é' * 2000)}").status_code == 200


@pytest.mark.parametrize(
    "raw",
    ["%00", "a%00b", "%22unbalanced", "%ff%fe", "-", "%22%22", "AND+OR+NOT", "a%3A%28b",
     "%ED%A0%80", "%E2%80%8B", "%F0%9F%92%A9", "*", "x%5E3~2", "%27%27%3B--", "%0D%0ASet-Cookie:x",
     "%7B%7B7*7%7D%7D"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["search", "search.json", "search.atom"])
def test_no_question_breaks_anything(client: FlaskClient, raw: str, form: str) -> None:
    answer = client.get(f"/en/{form}?q={raw}&language={raw}&year={raw}&page={raw}&sort={raw}")
    assert answer.status_code in (200, 404)
    assert "Set-Cookie" not in answer.headers
    if form == "search.atom" and answer.status_code == 200:
        ET.fromstring(answer.data)


def test_json_has_the_names_that_were_fixed(client: FlaskClient) -> None:
    answer = client.get("/fr/search.json?q=emploi+culturel")
    found = json.loads(answer.text)
    assert {"total", "capped", "facets", "hits"} <= set(found)
    hit = found["hits"][0]
    assert list(hit) == [
        "kind", "resource", "url", "title", "language", "file", "page", "page_label", "text",
        "extract", "score", "found_by", "editions",
    ]  # fmt: skip
    assert hit["extract"] in hit["text"]
    assert {edition["language"] for edition in hit["editions"]} == {"en", "es"}
    assert {"value": "guide", "count": 1} in found["facets"]["type"]


def test_json_and_page_give_the_same_hits(client: FlaskClient) -> None:
    query = "q=culture+culturel+cultural&sort=title"
    addresses = [
        hit["url"] for hit in json.loads(client.get(f"/en/search.json?{query}").text)["hits"]
    ]
    shown = [
        re.sub(r"\?q=[^#]*", "", link) for link in hit_links(client.get(f"/en/search?{query}").text)
    ]
    assert addresses == shown
    assert len(shown) > 1


def test_the_feed_is_the_same_search(client: FlaskClient, portal: Portal) -> None:
    answer = client.get("/fr/search.atom?q=emploi+culturel&type=guide")
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.data)
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links["alternate"] == "http://localhost/fr/search?q=emploi+culturel&type=guide"
    entries = feed.findall(f"{ATOM}entry")
    assert entries[0].findtext(f"{ATOM}title") == "Compter l’emploi culturel"
    updated = [entry.findtext(f"{ATOM}updated") or "" for entry in entries]
    assert all(re.match(r"20\d\d-", moment) for moment in updated)


def test_sorting_and_paging_keep_the_question(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PER_PAGE", 1)
    page = client.get(
        "/en/search?q=culture+culturel+cultural&sort=title&format=pdf&format=txt"
    ).text
    following = re.findall(r'rel="next" href="([^"]+)"', page)[-1].replace("&amp;", "&")
    assert (
        following
        == "/en/search?q=culture+culturel+cultural&format=pdf&format=txt&sort=title&page=2"
    )
    assert hit_links(client.get(following).text) != hit_links(page)
    assert client.get(following.replace("page=2", "page=999")).status_code == 404
    assert f"sort={Sort.NEWEST.value}" in page


def test_when_the_index_is_away_the_lists_still_work(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: object) -> SearchPage:
        raise IndexUnavailable("being rebuilt")

    monkeypatch.setattr(views, "search", away)
    answer = client.get("/fr/search?q=mes+mots")
    assert answer.status_code == 503
    assert 'value="mes mots"' in answer.text
    assert client.get("/fr/search.json?q=x").status_code == 503
    assert client.get("/fr/search.atom?q=x").status_code == 503
    assert client.get("/fr/browse/all").status_code == 200


@pytest.fixture
def two_editions(words_library: Library) -> Library:
    """One resource; asked for "music festivals", its English edition answers far better."""
    english = "# Music festivals\n\nMusic festivals bring music to festivals."
    french = "# Musique\n\nOn appelle aussi festivals les saisons de concerts."
    arrive(words_library, english, key="en/m.md", work="m", language="en")
    arrive(words_library, french, key="fr/m.txt", work="m", language="fr")
    work(words_library)
    return words_library


def test_a_resource_is_found_by_its_other_editions_when_the_best_was_just_withdrawn(
    two_editions: Library,
) -> None:
    request = SearchRequest("music festivals")
    assert [hit.language for hit in search(two_editions, request).hits] == ["en"]
    with writing(two_editions.sessions) as session:
        session.query(Edition).filter_by(language="en").one().published_at = None
    page = search(two_editions, request)
    assert [hit.language for hit in page.hits] == ["fr"]
    assert page.total == 1
    assert page.facets["language"] == [("fr", 1)]


def test_each_number_tells_how_many_are_left_when_it_is_chosen(two_editions: Library) -> None:
    page = search(two_editions, SearchRequest("music festivals"))
    assert page.facets["language"] == [("en", 1), ("fr", 1)]
    assert page.facets["format"] == [("md", 1), ("txt", 1)]
    for facet in ("language", "format"):
        for value, count in page.facets[facet]:
            narrowed = SearchRequest("music festivals", filters={facet: (value,)})
            assert search(two_editions, narrowed).total == count


def test_how_to_ask_is_told_where_one_asks(client: FlaskClient) -> None:
    for address in ("/fr/search", "/fr/search?q=qwertzuiop"):
        assert 'href="/fr/help#asking"' in client.get(address).text
    page = client.get("/fr/help").text
    assert '<h2 id="asking">' in page
    typed = re.findall(r"<dt><code[^>]*>([^<]+)</code>", page)
    assert len(typed) == 7
    for example in typed:
        parsed = parse(html.unescape(example))
        assert parsed.is_listing, example


def test_fields_narrow_the_answer(client: FlaskClient) -> None:
    page = client.get("/en/search?q=author:institute+lang:fr").text
    assert hit_links(page)
    assert all("/fr" in link for link in hit_links(page))
    answer = client.get("/en/search.json?q=employment+type:spaceship").json
    assert answer is not None
    assert answer["hits"] == []
