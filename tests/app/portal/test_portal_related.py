"""What is close to a resource, and the same passage in its other editions, as the pages show it."""

import re
from types import SimpleNamespace

import pytest
from flask import render_template_string
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app
from app.database import reading, writing
from app.library import Library
from app.resources import related
from app.resources.models import Edition, Resource, Review
from app.resources.permissions import ANYONE, Reader
from app.resources.services import NotFound
from indexes.types import FoundBy, Span
from tests.app.ingesting import arrive, work
from tests.app.portal.conftest import Portal

FESTIVALS = {
    "en": "Music festivals bring concerts to small towns every summer.",
    "fr": "Les festivals de musique font venir des concerts dans les petites villes chaque été.",
    "es": "Los festivales de música llevan conciertos a los pueblos cada verano.",
}
TAXES = {
    "en": "The income tax return has to be filed before the end of April.",
    "fr": "La déclaration de revenus doit être déposée avant la fin du mois d’avril.",
    "es": "La declaración de la renta debe presentarse antes de finales de abril.",
}

ONE_HIT = '{% from "search/hit.html" import answer with context %}{{ answer(hit, "festivals") }}'


@pytest.fixture
def two_subjects(library: Library) -> Library:
    """On each of two subjects a resource in each language."""
    for name, texts in (("festivals", FESTIVALS), ("taxes", TAXES)):
        for language, text in texts.items():
            content = f"# {text.split()[1]} {language}\n\n{text}"
            key = f"{name}-{language}"
            arrive(library, content, key=f"{key}.md", work=key, language=language)
    work(library)
    return library


def titled(library: Library, word: str, language: str) -> str:
    query = select(Edition.resource_id).where(Edition.language == language)
    with reading(library.sessions) as session:
        editions = session.scalars(select(Edition).where(Edition.resource_id.in_(query))).all()
        return next(one.resource_id for one in editions if word in one.title)


@pytest.mark.model
def test_the_closest_are_on_the_same_subject_in_any_language(
    two_subjects: Library, model_folder: object
) -> None:
    own = titled(two_subjects, "festivals", "en")
    near = related.nearest(two_subjects, ANYONE, "en", own, 5)
    assert {card.language for card in near[:2]} == {"fr", "es"}
    assert all("festival" in card.title for card in near[:2])
    assert own not in {card.id for card in near}
    assert len(near) == 5


@pytest.mark.model
def test_what_was_withdrawn_is_close_to_nothing(
    two_subjects: Library, model_folder: object
) -> None:
    own, gone = titled(two_subjects, "festivals", "en"), titled(two_subjects, "festivals", "fr")
    with writing(two_subjects.sessions) as session:  # the index does not know it yet
        edition = session.scalars(select(Edition).where(Edition.resource_id == gone)).one()
        assert edition.published_version is not None
        edition.published_version.review = Review.WITHDRAWN
        edition.published_version_id = edition.published_at = None
    assert gone not in {c.id for c in related.nearest(two_subjects, ANYONE, "en", own, 9)}
    with pytest.raises(NotFound):
        related.nearest(two_subjects, Reader(tokens=()), "en", own, 5)


@pytest.fixture(scope="module")
def demo_client(demo_library: Library) -> FlaskClient:
    return create_app(library=demo_library).test_client()


@pytest.fixture(scope="module")
def guide(demo_library: Library) -> str:
    """A demo resource in three languages."""
    query = select(Resource.id).where(Resource.work_key == "demo/understanding-the-convention")
    with reading(demo_library.sessions) as session:
        return session.scalars(query).one()


@pytest.mark.model
@pytest.mark.slow
def test_a_list_of_all_that_is_close_is_paged(demo_client: FlaskClient, guide: str) -> None:
    address = f"/fr/resources/{guide}/similar"
    links: list[str] = []
    for number in (1, 2):
        page = demo_client.get(f"{address}?page={number}").text
        links += re.findall(r'<h2><a href="/fr/resources/(\w+)"', page)
    assert len(links) == len(set(links)) > related.PER_PAGE
    assert guide not in links
    assert demo_client.get(f"{address}?page=99").status_code == 404
    resource = demo_client.get(f"/fr/resources/{guide}").text
    near = resource.partition('id="related"')[2].partition("</section>")[0]
    assert re.findall(r'href="/fr/resources/(\w+)"', near) == links[:5]
    assert f"{guide}/similar" in near


@pytest.mark.model
@pytest.mark.slow
def test_each_passage_opens_where_it_stands_in_another_language(
    demo_client: FlaskClient, guide: str
) -> None:
    page = demo_client.get(f"/en/resources/{guide}/fr/pages/3").text
    assert "This passage in Spanish" in page
    crossing = re.findall(r'<span class="across".*?</span></a></span>', page, re.DOTALL)[1]
    (spanish,) = re.findall(r'class="es" href="([^"]+)"', crossing)
    other = demo_client.get(spanish.partition("#")[0]).text
    anchor = spanish.partition("#")[2]
    assert "La diversidad necesita condiciones" in other.partition(f'id="{anchor}"')[2][:900]
    assert "the same text, on page 3" in page


def test_by_words_only_those_with_the_same_topics_are_close(
    client: FlaskClient, portal: Portal
) -> None:
    assert (
        "Nothing else in the library is close to it yet"
        in client.get(portal.address("employment", "/similar")).text
    )
    assert client.get(portal.address("draft", "/similar")).status_code == 404
    assert client.get(portal.address("withdrawn", "/similar")).status_code == 410


def test_without_vectors_a_passage_says_about_where(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("employment", "/en/pages/2")).text
    assert "About here in French" in page
    assert "This passage in" not in page


def test_a_hit_shows_its_further_passages(portal: Portal) -> None:
    further = SimpleNamespace(
        url="/en/resources/x/fr/v1/pages/7#p-y", page=7, page_label=None, language="fr",
        text="des festivals",
        extract=(Span("des "), Span("festivals", marked=True)),
    )  # fmt: skip
    hit = SimpleNamespace(
        url="/en/resources/x", resource="0" * 26, title="Festivals", language="en", type=None,
        year=None, page=None, page_label=None, page_count=0, text="", extract=(), editions=(),
        found_by=(FoundBy.MEANING,), passages=(further,), words_elsewhere=True,
    )  # fmt: skip
    with portal.app.test_request_context("/en/search?q=festivals"):
        answer = render_template_string(ONE_HIT, hit=hit)
    assert "/pages/7?q=festivals#p-y" in answer
    assert '<span lang="fr">des <mark>festivals</mark></span>' in answer
    assert "Your words, in the same text in another language" in answer
    assert "/similar" in answer
