"""Did you mean: what is proposed out of a library's own words, and what is left alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexes.embedded.index import EmbeddedIndex
from indexes.misspelling import distances, is_inflected, mistake
from indexes.query_parser import parse
from indexes.spelling import Correction, Speller, Vocabulary
from indexes.types import Scope
from tests.indexes.material import entry, words

ENGLISH = "Financial management of a cultural project: the budget of festivals in Ouagadougou."
FRENCH = "L’évaluation des politiques culturelles et le financement des festivals."
SPANISH = "La evaluación de las políticas culturales y la gestión financiera."


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedIndex]:
    index = EmbeddedIndex(tmp_path_factory.mktemp("spelling"), dimensions=0, fingerprint="words")
    texts = {"en": ENGLISH, "fr": FRENCH, "es": SPANISH}
    with index.writer() as writer:
        for code, text in texts.items():
            one = entry(code, text, language=code)
            writer.replace(one.source, [one])
    yield index
    index.close()


@pytest.fixture
def speller(index: EmbeddedIndex) -> Speller:
    return Speller(index, lambda code: Vocabulary(index.spellings(code, 1000)), None)


def corrected(speller: Speller, text: str, ui: str = "en") -> Correction | None:
    return speller.correct(parse(text), text, ui, lambda _word: True)


def test_an_unknown_word_is_replaced_where_it_stands_and_marked(speller: Speller) -> None:
    found = corrected(speller, "How is the Bugdet of a project made?")
    assert found
    assert found.text == "How is the Budget of a project made?"
    assert found.changed == ("Budget",)


@pytest.mark.parametrize(
    ("typed", "ui", "meant"),
    [
        ("financail management", "en", "financial management"),
        ("l’evalution", "fr", None),  # the stem is known: it finds what was meant
        ("financment des festivals", "fr", "financement des festivals"),
        ("politcas culturales", "fr", "políticas culturales"),  # the question's own language
        ("Ouagadogou", "en", "Ouagadougou"),
        ("FESTVALS", "en", "FESTIVALS"),
    ],
)
def test_it_proposes_words_of_the_questions_language_as_they_are_written(
    speller: Speller, typed: str, ui: str, meant: str | None
) -> None:
    found = corrected(speller, typed, ui)
    assert (found.text if found else None) == meant


@pytest.mark.parametrize(
    "typed",
    ["evaluacion politicas", "EVALUATION DES POLITIQUES", "cultural festivals", "budget", "2005",
     "xyzzyx", "", "culture -bugdet", "der Verein und seine Satzung im Vergleich"],
)  # fmt: skip
def test_what_is_known_or_like_nothing_is_left_alone(speller: Speller, typed: str) -> None:
    assert corrected(speller, typed) is None


def test_nothing_is_proposed_that_finds_nothing_for_this_reader(
    speller: Speller, index: EmbeddedIndex
) -> None:
    query = parse("bugdet")

    def finds(word: str) -> bool:
        return bool(words(index, word, Scope(visible_to=("members",)), 1))

    assert speller.correct(query, "bugdet", "en", finds) is None


def test_an_empty_index_proposes_nothing(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, dimensions=0, fingerprint="words")
    speller = Speller(index, lambda code: Vocabulary(index.spellings(code, 10)), None)
    assert corrected(speller, "bugdet") is None


@pytest.mark.parametrize(
    ("pieces", "proposed"),
    [(1, False), (2, False), (3, True)],  # a word; in as many as the right one; in more
)
def test_a_heavy_mistake_needs_more_pieces_than_what_was_meant(
    index: EmbeddedIndex, pieces: int, proposed: bool
) -> None:
    vocabulary = Vocabulary(index.spellings("en", 1000))
    taken_apart = {"financibl": pieces, "financial": 2}
    speller = Speller(index, lambda _code: vocabulary, taken_apart.__getitem__)
    assert bool(corrected(speller, "financibl")) is proposed


def test_the_most_frequent_spelling_is_shown() -> None:
    vocabulary = Vocabulary([("évaluation", 9), ("evaluation", 2), ("évaluations", 1)])
    assert vocabulary.accented("evaluation") == "évaluation"
    assert vocabulary.count("evaluation") == 11
    assert vocabulary.count("evalu") == 0
    assert vocabulary.neighbours("evalution")[0] == "evaluation"


@pytest.mark.parametrize(
    ("word", "meant", "weight"),
    [("parliment", "parliament", 1.0), ("espirt", "esprit", 0.9), ("recieve", "receive", 0.9),
     ("profesional", "professional", 0.7), ("evaluasion", "evaluacion", 0.9),
     ("culturel", "cultural", 0.9), ("montaje", "montado", None), ("losing", "closing", None),
     ("faim", "fait", None), ("festibal", "festival", 0.9)],
)  # fmt: skip
def test_mistakes_weigh_what_people_mistype(word: str, meant: str, weight: float | None) -> None:
    assert mistake(word, meant) == pytest.approx(weight)


def test_forms_of_one_word_are_told_from_mistakes() -> None:
    assert is_inflected("symbolisent", "symbolisant")
    assert is_inflected("kinds", "kind")
    assert not is_inflected("espirt", "esprit")


def test_distances_count_letters_left_out_added_changed_and_swapped() -> None:
    others = np.array([b"esprit", b"espirt", b"esprits", b"sprit", b"export"], dtype="S8")
    letters = others.view(np.uint8).reshape(len(others), 8)
    found = distances("esprit", letters, np.count_nonzero(letters, axis=1))
    assert found.tolist() == [0, 1, 1, 1, 3]
