"""Completions: what is found by the beginnings of its words, in which order, and for whom."""

import pytest

from indexes.suggestions import Completion, Completions

PUBLIC, MEMBERS = frozenset(("public",)), frozenset(("members",))
TEXTS = (
    ("fr", "L’évaluation des politiques culturelles", "policies"),
    ("en", "Evaluating cultural policies", "policies"),
    ("en", "A guide to cultural statistics", "statistics"),
    ("en", "Culture counts", "counts"),
    ("es", "Guía de estadísticas culturales", "statistics"),
    ("en", "Members only: culture", "secret"),
)


@pytest.fixture(scope="module")
def completions() -> Completions:
    return Completions(
        Completion(text, language, str(number), group, MEMBERS if group == "secret" else PUBLIC)
        for number, (language, text, group) in enumerate(TEXTS)
    )


def found(completions: Completions, typed: str, language: str = "en") -> list[str]:
    return [one.text for one in completions.find(typed, language, ("public",), 8)]


@pytest.mark.parametrize("typed", ["guid cult", "cult guid", "GUIDE  cultural", "statis guide"])
def test_words_are_found_by_their_beginnings_in_any_order(
    completions: Completions, typed: str
) -> None:
    assert found(completions, typed)[0] == "A guide to cultural statistics"


@pytest.mark.parametrize("typed", ["l’évalu", "l'evalu", "ÉVAL pol", "eval"])
def test_accents_capitals_and_apostrophes_make_no_difference(
    completions: Completions, typed: str
) -> None:
    assert found(completions, typed, "fr") == ["L’évaluation des politiques culturelles"]


def test_the_readers_language_comes_first_then_what_begins_so(completions: Completions) -> None:
    assert found(completions, "cult") == [
        "Culture counts",
        "Evaluating cultural policies",
        "A guide to cultural statistics",
    ]
    assert found(completions, "cult", "es")[0] == "Guía de estadísticas culturales"


@pytest.mark.parametrize("typed", ["", "c", " l’ ", "ultur", "cult zebra", "«»"])
def test_nothing_below_two_letters_within_words_or_for_words_that_are_not_there(
    completions: Completions, typed: str
) -> None:
    assert found(completions, typed) == []


def test_only_those_who_may_see_a_text_are_told_of_it(completions: Completions) -> None:
    assert "Members only: culture" not in found(completions, "cult")
    told = completions.find("members", "en", ("public", "members"), 8)
    assert [one.text for one in told] == ["Members only: culture"]


def test_the_limit_counts_groups_and_nothing_is_found_in_nothing(completions: Completions) -> None:
    assert len(completions.find("cult", "en", ("public",), 2)) == 2
    assert Completions(()).find("cult", "en", ("public",), 2) == []
