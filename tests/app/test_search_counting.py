"""Counters of searches: what is counted, what never is, what becomes a suggestion, what goes."""

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from app.database import writing
from app.library import Library
from app.resources.permissions import ANYONE
from app.search.counting import (
    SearchCounter,
    forget_old_searches,
    frequent_questions,
    looks_personal,
    normalised,
)
from app.search.models import SearchCount
from app.search.suggesting import Suggester

TODAY = date(2026, 5, 20)


def rows(library: Library) -> list[tuple[str, str, int, int]]:
    with library.sessions() as session:
        found = session.scalars(
            select(SearchCount).order_by(SearchCount.language, SearchCount.text)
        )
        return [(row.language, row.text, row.asked, row.found) for row in found]


def put(library: Library, text: str, *days: int, times: int = 2, found: int = 2) -> None:
    """`text` was asked so many times on each day, counted back from today."""
    with writing(library.sessions) as session:
        for ago in days:
            day = TODAY - timedelta(days=ago)
            session.add(SearchCount(day=day, language="fr", text=text, asked=times, found=found))


def test_one_question_in_several_spellings_is_counted_together(words_library: Library) -> None:
    counter = SearchCounter(words_library.sessions, after_seconds=3600)
    for text, found in (("Emploi  culturel ?", True), ("emploi culturel", False)):
        counter.count(text, "fr", found)
    counter.write()
    counter.count("EMPLOI CULTUREL", "fr", True)
    counter.count("emploi culturel", "en", True)
    counter.write()
    assert rows(words_library) == [("en", "emploi culturel", 1, 1), ("fr", "emploi culturel", 3, 2)]


def test_it_is_written_by_itself_a_moment_later(words_library: Library) -> None:
    written = threading.Event()

    class Watched(SearchCounter):
        def write(self) -> None:
            super().write()
            written.set()

    Watched(words_library.sessions, after_seconds=0.01).count("marché", "fr", True)
    assert written.wait(30)
    assert rows(words_library) == [("fr", "marché", 1, 1)]


@pytest.mark.parametrize(
    "text",
    ["ana.perez@example.org", "write to a@b", "call +33 1 45 68 10 00", "06.12.34.56.78",
     "4970 1000 2000 3000", "https://example.org/x?token=1", "www.example.org"],
)  # fmt: skip
def test_what_looks_like_personal_data_is_not_kept(words_library: Library, text: str) -> None:
    assert looks_personal(text)
    counter = SearchCounter(words_library.sessions, after_seconds=3600)
    counter.count(text, "en", True)
    counter.write()
    assert rows(words_library) == []


@pytest.mark.parametrize(
    "text", ["convention 2005", "2010-2013", "art. 5, § 3", "12 000 emplois", "CE/13/7.IGC"]
)
def test_years_and_references_are_no_personal_data(text: str) -> None:
    assert not looks_personal(text)


def test_a_long_text_is_nothing_that_others_ask_too() -> None:
    assert normalised("é" * 120) == "é" * 120
    assert normalised("é" * 121) == ""
    assert normalised(" ¿  Qué\tES? \x00") == "qué es"


def test_counting_never_fails_when_the_database_is_away(library: Library) -> None:
    def away() -> None:
        raise OSError("no database")

    counter = SearchCounter(away, after_seconds=3600)  # type: ignore[arg-type]
    counter.count("marché", "fr", True)
    counter.write()


def test_what_is_asked_often_on_several_days_and_found_is_a_question(
    words_library: Library,
) -> None:
    put(words_library, "mesurer l’emploi culturel", 1, 2, 3)
    put(words_library, "often, on two days", 1, 2, times=50, found=50)
    put(words_library, "four times in all", 1, 2, 3, 4, times=1, found=1)
    put(words_library, "seldom found", 1, 2, 3, times=9, found=1)
    put(words_library, "most often", 4, 5, 6, times=9, found=9)
    with words_library.sessions() as session:
        questions = [one.text for one in frequent_questions(session)]
    assert questions == ["most often", "mesurer l’emploi culturel"]
    (suggested,) = Suggester(words_library.sessions).suggest("emplo", "es", ANYONE)
    assert (suggested.text, suggested.language) == ("Mesurer l’emploi culturel", "fr")
    assert suggested.url.startswith("/es/search?q=Mesurer+l")


def test_counts_go_after_thirteen_months(words_library: Library) -> None:
    put(words_library, "old", 397)
    put(words_library, "young", 395)
    with writing(words_library.sessions) as session:
        forget_old_searches(session, TODAY)
    assert [text for _, text, _, _ in rows(words_library)] == ["young"]
