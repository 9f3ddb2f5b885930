"""Words by how they begin: no word whose term is asked for is missed, whatever it is written in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.analysis import OTHER, ROWS, analyse, prepare, spelling_analyzer, terms_of_word, words
from indexes.folding import written_words
from indexes.word_heads import head, words_beginning

WRITTEN = [
    *("Éducation", "education", "ÉCOLE", "e\u0301cole", "œuvre", "OEUVRE", "Chœur", "chorale"),
    *("Straße", "dying", "die", "skies", "sky", "niños", "Noël", "polí\u00adtica", "política"),
    *("ＰＯＬＩＣＹ", "ﬁnance", "İstanbul", "ІВАН", "иван", "λόγος", "naïve", "l’école", "d'œuvre"),
    *("eu", "x", "2014", "µg", "?"),
]
TEXTS = st.lists(
    st.one_of(st.sampled_from(WRITTEN), st.text(max_size=8)), min_size=1, max_size=20
).map(" ".join)


@given(TEXTS, st.sampled_from(WRITTEN), st.sampled_from([row.code for row in ROWS]))
def test_no_word_is_missed(text: str, asked: str, code: str) -> None:
    heads = frozenset(head(term) for term in terms_of_word(asked, code))
    found = set(words_beginning(text, heads))
    every = set(words(text))
    assert found <= every
    terms = set(terms_of_word(asked, code))
    missed = [word for word in every - found if terms.intersection(terms_of_word(word[2], code))]
    assert not missed


@pytest.mark.parametrize(
    ("text", "sought", "expected"),
    [
        ("Educating the uneducated: an édition", {"edu", "edi"}, ["Educating", "édition"]),
        ("Le cœur, l’œuvre et le chœur", {"coe", "oeu", "cho"}, ["cœur", "œuvre", "chœur"]),
        ("Nothing begins so", {"zz"}, []),
    ],
)
def test_most_words_are_passed_over(text: str, sought: set[str], expected: list[str]) -> None:
    assert [word for *_, word in words_beginning(text, frozenset(sought))] == expected


@given(TEXTS)
def test_whole_words_are_those_of_the_analyser(text: str) -> None:
    assert written_words(prepare(text))[0] == analyse(text, OTHER)


@given(TEXTS)
def test_words_as_they_are_written(text: str) -> None:
    plain = prepare(text)
    assert written_words(plain) == (analyse(plain, OTHER), spelling_analyzer().analyze(plain))
