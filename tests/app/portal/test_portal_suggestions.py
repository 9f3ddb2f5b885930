"""Suggestions while typing, did you mean, and where a question without an answer leads on."""

import json
import re
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app.database import writing
from app.library import Library
from app.resources.models import Edition
from app.resources.permissions import ANYONE, Reader
from app.search.companions import Companions
from app.search.suggesting import Kind, Suggester, Suggestion
from tests.app.ingesting import arrive, work
from tests.app.portal.conftest import Portal


def suggested(client: FlaskClient, typed: str, ui: str = "en") -> dict[str, list[tuple[str, str]]]:
    answer = json.loads(client.get(f"/{ui}/suggest.json?q={quote(typed)}").text)
    return {
        group["kind"]: [(item["text"], item["language"]) for item in group["items"]]
        for group in answer["groups"]
    }


def test_titles_topics_and_authors_are_grouped_and_lead_somewhere(
    client: FlaskClient, portal: Portal
) -> None:
    answer = client.get("/fr/suggest.json?q=" + quote("compt"))
    found = json.loads(answer.text)
    assert found["groups"][0]["label"] == "Ressources"
    (title,) = found["groups"][0]["items"]
    assert title["text"] == "Compter l’emploi culturel"
    assert title["url"] == portal.address("employment", "/fr", ui="fr")
    assert client.get(title["url"]).status_code == 200
    assert answer.headers["Cache-Control"] == "private, max-age=30"
    assert suggested(client, "estad", "es")["topic"] == [
        ("Estadísticas e indicadores culturales", "es")
    ]
    assert suggested(client, "inst count") == {"author": [("Institute of Counting", "")]}


def test_another_language_is_found_and_told_as_such(client: FlaskClient) -> None:
    assert suggested(client, "contar empleo", "fr")["title"] == [
        ("Contar el empleo cultural", "es")
    ]


@pytest.mark.parametrize("typed", ["", "c", "%00", "'\"<>", "é" * 3000])
def test_odd_or_short_beginnings_suggest_nothing(client: FlaskClient, typed: str) -> None:
    assert suggested(client, typed) == {}


def test_hostile_names_stay_text(client: FlaskClient) -> None:
    answer = client.get("/en/suggest.json?q=neill")
    assert answer.content_type == "application/json"
    (author,) = json.loads(answer.text)["groups"][0]["items"]
    assert author["text"] == "O'Neill & {Sons}"
    assert client.get(author["url"]).status_code == 200


def test_drafts_and_withdrawn_resources_are_not_suggested(client: FlaskClient) -> None:
    assert suggested(client, "draft") == suggested(client, "gone") == {}


@pytest.fixture
def festivals(words_library: Library) -> Library:
    for number in range(12):
        arrive(
            words_library, f"# Festival {number}\n\nA festival.", key=f"{number}.md", language="en"
        )
    work(words_library)
    return words_library


def titles(suggester: Suggester, reader: Reader = ANYONE) -> list[str]:
    found: list[Suggestion] = suggester.suggest("festiv", "en", reader)
    return [one.text for one in found if one.kind is Kind.TITLE]


def test_at_most_eight_and_none_to_who_may_see_nothing(festivals: Library) -> None:
    suggester = Suggester(festivals.sessions)
    assert len(titles(suggester)) == 8
    assert titles(suggester, Reader(tokens=("group:1",))) == []


def test_it_follows_the_catalogue(festivals: Library) -> None:
    suggester = Suggester(festivals.sessions)
    before = titles(suggester)
    with writing(festivals.sessions) as session:
        first = session.query(Edition).filter_by(title=before[0]).one()
        first.published_at = None
        second = session.query(Edition).filter_by(title=before[1]).one()
        second.title = "Festivals renamed"
    at_once = titles(suggester)  # what is held is old, what is shown is not
    assert before[0] not in at_once
    assert "Festivals renamed" in at_once
    arrive(festivals, "# Festivity\n\nNew.", key="new.md", language="en")
    work(festivals)
    suggester.refresh()
    assert "Festivity" in titles(suggester)


def test_a_misspelt_question_is_answered_and_corrected(client: FlaskClient) -> None:
    page = client.get("/en/search?q=labuor+force+survey&type=guide")
    assert "Did you mean:" in page.text
    link = re.search(r'<a href="([^"]+)"><strong>labour</strong> force survey</a>', page.text)
    assert link
    assert link[1].replace("&amp;", "&") == "/en/search?q=labour+force+survey&type=guide"
    assert "Counting cultural work" in page.text
    assert "Did you mean" not in client.get("/en/search?q=labour+force+survey").text
    assert "Did you mean" not in client.get("/fr/search?q=enquete+sur+les+activites").text


def test_nothing_is_proposed_that_the_limits_exclude(client: FlaskClient) -> None:
    assert "Did you mean" not in client.get("/en/search?q=labuor+force&language=ar").text


def test_a_question_without_answer_tells_what_fewer_limits_find(client: FlaskClient) -> None:
    page = client.get("/en/search?q=labour+survey&language=en&language=ar&type=article").text
    assert "Nothing was found" in page
    ways = page.partition("With fewer limits")[2].partition("</ul>")[0]
    offered = re.findall(r'href="([^"]+)">([^<]+)</a> <span class="n">([^<]+)<', ways)
    assert [(label, count) for _, label, count in offered] == [
        ("Without “Article”", "1 resource"),
        ("Search the whole library, without the limits you chose", "1 resource"),
    ]
    for address, _, _ in offered:
        assert "Counting cultural work" in client.get(address.replace("&amp;", "&")).text


def test_a_question_without_answer_leads_to_topics_and_lists(client: FlaskClient) -> None:
    page = client.get("/en/search?q=statistically&type=article").text
    assert "Topics close to your words" in page
    topic = re.search(r'<a class="chip" href="([^"]+)">Cultural statistics and indicators', page)
    assert topic
    assert client.get(topic[1]).status_code == 200
    assert 'href="/en/browse"' in page


def test_whole_searches_are_counted_and_others_are_not(client: FlaskClient, portal: Portal) -> None:
    companions: Companions = portal.app.extensions["passerelle.search"]
    counter = companions.counter
    counter.write()
    for query in ("q=compter+les+gens", "q=compter+les+gens&type=guide", "q=a%40b.org"):
        client.get(f"/fr/search?{query}")
    client.get("/fr/search.json?q=compter+les+gens")
    assert [(one.text, times) for one, times in counter.waiting().items()] == [
        ("compter les gens", 1)
    ]
