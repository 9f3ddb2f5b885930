"""Titles in the order that readers of the three languages expect, the same on every database."""

import pytest

from app.database import reading, writing
from app.library import Library
from app.resources.catalogue import Order, Selection, browse
from app.resources.ingestion import add_record
from app.resources.metadata import Description
from app.resources.models import Edition
from app.resources.permissions import ANYONE
from app.resources.titles import LONGEST, sort_key

IN_ORDER = (
    "« Abécédaire » de la culture",
    "año cultural",  # see below: n with a tilde stands after every other n
    "Écrire pour la scène",
    "ecrire un rapport",
    "L’emploi culturel",
    "Œuvres et auteurs",
    "of culture and numbers",
    "¿Qué es un museo?",
    "Québec",
    "Zone d’ombre",
    "السياسات الثقافية",
)


def _listed(library: Library) -> list[str]:
    cards = browse(library, ANYONE, "en", Selection(order=Order.TITLE)).cards
    return [card.title for card in cards]


def test_a_list_by_title_is_in_the_order_that_people_expect(words_library: Library) -> None:
    with writing(words_library.sessions) as session:
        for title in reversed(IN_ORDER):
            add_record(session, Description(title=title, language="en", work=title))
    assert _listed(words_library) == list(IN_ORDER)


def test_a_new_title_moves_its_resource(words_library: Library) -> None:
    with writing(words_library.sessions) as session:
        for title in ("b", "c"):
            add_record(session, Description(title=title, language="en", work=title))
    with writing(words_library.sessions) as session:
        add_record(session, Description(title="Águila", language="en", work="c"))
    assert _listed(words_library) == ["Águila", "b"]
    with reading(words_library.sessions) as session:
        assert {row.title_key for row in session.query(Edition)} == {"aguila", "b"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("anzuelo", "año"),
        ("año", "ao"),
        ("ANÍS", "Año"),
        ("Straße", "Strassen"),
        ("l’état", "L'ETAT, 2"),
        ("a b", "ab"),
    ],
)
def test_letters_come_before_marks_and_cases(before: str, after: str) -> None:
    assert sort_key(before) < sort_key(after)


@pytest.mark.parametrize(
    "same", ["École", "ÉCOLE", "« ecole »", "e\u0301cole", "…école !", "_école~"]
)
def test_what_does_not_count_makes_no_difference(same: str) -> None:
    assert sort_key(same) == "ecole"


def test_a_key_fits_its_column_whatever_the_title() -> None:
    assert len(sort_key("œﷺñ" * 500)) <= LONGEST
    assert sort_key("!?") == sort_key("") == ""
