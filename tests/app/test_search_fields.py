"""What fields of a query mean in a library, and what is found with them."""

import io
from collections.abc import Iterator

import pytest

from app.database import writing
from app.library import Library
from app.resources.ingestion import Arrival, add_record, receive, store
from app.resources.metadata import Description
from app.resources.topics import seed_topics
from app.search.fields import resolve
from app.search.services import SearchPage, SearchRequest, search
from app.worker import Worker
from indexes.query_parser import parse
from indexes.types import Scope

_TEXTS = {
    "fr": "Les musées de la région comptent leurs visiteurs chaque année. " * 8,
    "en": "The museums of the region count their visitors every year. " * 8,
}


@pytest.fixture
def filled(words_library: Library) -> Iterator[Library]:
    with writing(words_library.sessions) as session:
        seed_topics(session)
        for language, title, about in (
            ("en", "Peru report", {"type": "report", "year": 2010, "authors": ("Ana Díaz",)}),
            ("fr", "Un guide", {"type": "guide", "year": 2012, "authors": ("UNESCO",)}),
            ("es", "Un estudio", {"type": "case-study", "year": 2014}),
            ("pt", "Um guia", {"type": "guide"}),
        ):
            said = Description(language=language, title=title, **about)  # type: ignore[arg-type]
            topics = (("country", "pe"), ("domain", "statistics")) if language == "en" else ()
            add_record(session, Description(**{**_fields(said), "topics": topics}))
    for language, text in _TEXTS.items():
        stored = store(words_library, io.BytesIO(text.encode()))
        said = Description(language=language, title=f"Museums {language}", authors=("UNESCO",))
        receive(
            words_library,
            Arrival(stored, f"{language}.txt", source_key=language, description=said),
        )
    worker = Worker(words_library)
    while worker.step():
        pass
    worker.close()
    yield words_library
    words_library.index.close()


def _fields(said: Description) -> dict[str, object]:
    return {name: getattr(said, name) for name in Description.__slots__}


def ask(library: Library, text: str, **given: object) -> SearchPage:
    return search(library, SearchRequest(text, **given))  # type: ignore[arg-type]


def titles(page: SearchPage) -> list[str]:
    return [hit.title for hit in page.hits]


def test_each_field_and_what_it_finds(filled: Library) -> None:
    for query, expected in {
        "type:report": {"Peru report"},
        "tipo:guías": {"Un guide", "Um guia"},
        'type:"Étude de cas"': {"Un estudio"},
        "type:guide -lang:pt": {"Un guide"},
        "country:perú": {"Peru report"},
        "pays:Pérou": {"Peru report"},
        "topic:statistics": {"Peru report"},
        'thème:"statistiques et indicateurs culturels"': {"Peru report"},
        "year:2010..2012": {"Peru report", "Un guide"},
        "año:..2010": {"Peru report"},
        "year:2013..": {"Un estudio"},
        "year:2010 year:2014": {"Peru report", "Un estudio"},
        "lang:portugais": {"Um guia"},
        "idioma:es": {"Un estudio"},
        "author:unesco": {"Un guide", "Museums fr", "Museums en"},
        'author:"diaz, ana" type:report': {"Peru report"},
        "title:museum* lang:fr": {"Museums fr"},
        "museums visitors lang:en": {"Museums en"},
        "visiteurs author:unesco": {"Museums fr", "Museums en"},
        "visiteurs author:diaz": set(),
    }.items():
        page = ask(filled, query)
        assert (query, set(titles(page)), page.unknown) == (query, expected, ())
        assert page.total == len(expected)


def test_a_listing_begins_with_the_newest(filled: Library) -> None:
    found = titles(ask(filled, "year:2000.."))
    assert found == ["Un estudio", "Un guide", "Peru report"]


def test_what_means_nothing_here_is_told_and_finds_nothing(filled: Library) -> None:
    page = ask(filled, "visiteurs type:spaceship country:Narnia")
    assert (page.hits, page.unknown) == ((), ("type:spaceship", "country:Narnia"))
    assert ask(filled, "topic:nothing").unknown == ("topic:nothing",)
    assert ask(filled, "lang:xx").unknown == ("lang:xx",)
    page = ask(filled, "type:spaceship type:report")
    assert (titles(page), page.unknown) == (["Peru report"], ("type:spaceship",))
    page = ask(filled, "visiteurs -type:spaceship")
    assert (titles(page)[0], page.unknown) == ("Museums fr", ("type:spaceship",))


def test_a_year_without_anything_finds_nothing_and_is_no_mistake(filled: Library) -> None:
    page = ask(filled, "year:1850")
    assert (page.total, page.unknown) == (0, ())


def test_fields_and_what_was_chosen_on_the_page_hold_together(filled: Library) -> None:
    chosen = {"type": ("guide",)}
    assert titles(ask(filled, "lang:fr", filters=chosen)) == ["Un guide"]
    assert titles(ask(filled, "type:report", filters=chosen)) == []
    assert titles(ask(filled, "author:unesco", languages=("en",))) == ["Museums en"]
    assert titles(ask(filled, "lang:fr", languages=("en",))) == []


def test_a_language_is_a_row_of_the_table_and_a_facet(filled: Library) -> None:
    scope = resolve(filled, parse("lang:français"), Scope()).scope
    assert scope.languages == ("fr",)
    assert set(scope.any_of[0]) == {("language", tag) for tag in ("fr", "mul", "und")}
    scope = resolve(filled, parse("lang:pt"), Scope()).scope
    assert (scope.languages, scope.any_of) == (("other",), ((("language", "pt"),),))


def test_without_fields_the_scope_stays(filled: Library) -> None:
    scope = Scope(languages=("fr",))
    assert resolve(filled, parse("musées title:x author:y"), scope).scope is scope
