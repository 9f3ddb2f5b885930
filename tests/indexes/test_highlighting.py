"""Marked words and extracts: the text stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.highlighting import extract, mark_words
from indexes.types import Span


def joined(spans: tuple[Span, ...]) -> str:
    return "".join(span.text for span in spans)


def marked(spans: tuple[Span, ...]) -> list[str]:
    return [span.text for span in spans if span.marked]


@pytest.mark.parametrize(
    ("text", "query", "language", "expected"),
    [
        ("L’évaluation des ÉVALUATIONS", "l'evaluation", "fr", ["évaluation", "ÉVALUATIONS"]),
        ("l'e\u0301tude de l’étu\u00adde", "étude", "fr", ["e\u0301tude", "étu\u00adde"]),
        ("des œuvres d’art", "oeuvre de l'art", "fr", ["œuvres", "art"]),
        ("Los niños de Perú", "nino peru los", "es", ["niños", "Perú"]),
        ("The library’s libraries", "library", "en", ["library", "libraries"]),
        ("porte-parole", "parole", "fr", ["parole"]),
        # A question in another language than the text: names, numbers and shared stems.
        ("En 2019, une évaluation", "evaluations in 2019", "fr", ["2019", "évaluation"]),
        ("Las universidades", "the universities of las", "es", []),
        ("the sur and the a", "sur a the", "en", ["sur"]),
        ("rien", "x -rien", "fr", []),
        # What is searched as the beginning of a word, in a title or among authors, is marked too.
        ("Éducation, éducatifs, duc", "educat*", "fr", ["Éducation", "éducatifs"]),
        ("The evaluators evaluate", "evaluator* -evaluat*", "en", ["evaluators"]),
        ("Budgets of UNESCO", "title:budget author:unes*", "en", ["Budgets", "UNESCO"]),
        ("title, author, year, type", "title:x author:y year:2010 type:guide", "en", []),
        ("tea or coffee", "tea OR coffee", "en", ["tea", "coffee"]),
        # In one word or with a hyphen.
        ("Co‑operation or cooperation", "co-operation", "en", ["Co‑operation", "cooperation"]),
        ("Co-operation or co operation", "cooperation", "en", ["Co-operation"]),
        ("le peer-to-peer", "peer to peer", "fr", ["peer", "to", "peer"]),
        ("l’e-learning", "elearning", "fr", ["e-learning"]),
        ("Ｆｕｌｌ ｗｉｄｔｈ ﬂow cæcum", "full flow caecum", "en", ["Ｆｕｌｌ", "ﬂow", "cæcum"]),
        ("La cigu\u0308en\u0303a", "ciguena", "es", ["cigu\u0308en\u0303a"]),
        ("Привет, мир", "МИР", "ru", ["мир"]),
        ("", "x", "en", []),
        ("a<b>&amp;", "b", "en", ["b"]),
    ],
)  # fmt: skip
def test_marked_words(text: str, query: str, language: str, expected: list[str]) -> None:
    spans = mark_words(text, query, language)
    assert marked(spans) == expected
    assert joined(spans) == text


FILLER = "Nothing of note is said here at all. "
TEXT = FILLER * 10 + "In Ghana the cocoa farms grow. They sell beans. " + FILLER * 10


def test_extract_shows_the_words_from_the_start_of_their_sentence() -> None:
    spans = extract(TEXT, "cocoa beans", "en")
    assert joined(spans).startswith("In Ghana the cocoa farms")
    assert marked(spans) == ["cocoa", "beans"]


def test_extract_prefers_different_words_over_one_repeated() -> None:
    text = "Cocoa, cocoa, cocoa, cocoa. " + FILLER * 12 + "Cocoa and tea. " + FILLER * 12
    assert marked(extract(text, "tea cocoa", "en")) == ["Cocoa", "tea"]


def test_extract_begins_within_a_sentence_that_is_too_long() -> None:
    text = "word " * 100 + "cocoa " + "word " * 100
    spans = extract(text, "cocoa", "en", 100)
    assert marked(spans) == ["cocoa"]
    assert joined(spans).startswith("word ")
    assert joined(spans).endswith("word")


def test_extract_without_any_of_the_words_is_the_beginning() -> None:
    spans = extract(TEXT, "unheard", "en", 100)
    assert len(spans) == 1
    assert TEXT.startswith(spans[0].text)
    assert 80 < len(spans[0].text) <= 100


def test_a_short_text_is_shown_whole() -> None:
    assert joined(extract("One. Two cocoa.", "cocoa", "en")) == "One. Two cocoa."


@given(
    st.text(alphabet=st.sampled_from("ab é’'.\n\u0301\u00ad-œ9"), max_size=300),
    st.text(alphabet=st.sampled_from('ab é’"-9'), max_size=20),
    st.integers(1, 80),
)
def test_the_text_stays_as_it_is(text: str, query: str, length: int) -> None:
    assert joined(mark_words(text, query, "fr")) == text
    shown = extract(text, query, "fr", length)
    assert len(joined(shown)) <= length
    assert joined(shown) in text
    assert all(span.text for span in shown)
