"""What is typed, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import QueryTooLong
from indexes.query_parser import MAX_CHARACTERS, MAX_TERMS, parse


@pytest.mark.parametrize(
    ("text", "words", "phrases", "without"),
    [
        ("climate change", "climate change", (), ()),
        ('"climate change" Peru -coal', "climate change Peru", ("climate change",), ("coal",)),
        ('coal -"open pit"', "coal", (), ("open pit",)),
        ("«droit de la mer»", "droit de la mer", ("droit de la mer",), ()),
        ("“l’eau”", "eau", ("eau",), ()),
        ('"not closed', "not closed", ("not closed",), ()),
        ('"" " " "!"', "", (), ()),
        ("a-b c- - -- --d", "a b c d", (), ()),
        ("-only", "", (), ("only",)),
        ("x -l'eau", "x", (), ("eau",)),
        ("a\0b\ud800c\nd", "a b c d", (), ()),
        ("😀 AND (x OR y*)", "AND x OR y", (), ()),
        # In a question quotation marks and hyphens are no operators.
        ('Who said "I am"?', "Who said I am", (), ()),
        ("fut -elle irréversible ?", "fut elle irréversible", (), ()),
        ('one two three four five "six"', "one two three four five six", (), ()),
        ('"1 2 3 4 5 6 7 8 9 10 11 12 13"', "1 2 3 4 5 6 7 8 9 10 11 12 13", (), ()),
        ('"a b c d e f g h i j k l"', "a b c d e f g h i j k l", ("a b c d e f g h i j k l",), ()),
    ],
)  # fmt: skip
def test_parse(text: str, words: str, phrases: tuple[str, ...], without: tuple[str, ...]) -> None:
    parsed = parse(text)
    assert (" ".join(parsed.words), parsed.phrases, parsed.without) == (words, phrases, without)
    assert parsed.is_empty == (not words)


def test_meaning_is_the_text_without_operators() -> None:
    assert parse('What\'s  "the  plan", -coal 😀').meaning == "What's the  plan , 😀"
    assert parse("-coal").meaning == ""


def test_the_first_32_words_count() -> None:
    exactly = parse(" ".join(f"w{n}" for n in range(MAX_TERMS)))
    more = parse(" ".join(f"w{n}" for n in range(MAX_TERMS + 1)))
    assert (exactly.words, exactly.words_cut) == (more.words, False)
    assert more.words_cut
    assert more.meaning.endswith("w32")


def test_too_long() -> None:
    assert parse("é" * MAX_CHARACTERS).words
    with pytest.raises(QueryTooLong):
        parse("é" * (MAX_CHARACTERS + 1))


@given(st.text(alphabet=st.characters() | st.sampled_from("\"-«» '’?a"), max_size=200))
def test_nothing_typed_is_an_error(text: str) -> None:
    parsed = parse(text)
    assert parsed.admits(("", "text"), "fr") in (True, False)
    assert len(parsed.words) <= MAX_TERMS


@pytest.mark.parametrize(
    ("query", "admitted"),
    [
        ('"droit de la mer"', True),
        ('"droit la mer"', False),
        ('"mer"', True),
        ('"DROITS" "mer calme"', True),
        ('"de la"', True),  # of stop words only: demands nothing
        ("eau -mer", False),
        ("eau -lac", True),
        ('eau -"mer de"', False),
        ("eau -de", True),
    ],
)
def test_what_a_text_must_and_must_not_hold(query: str, admitted: bool) -> None:
    texts = ("Le droit de la mer", "Mer calme")
    assert parse(query).admits(texts, "fr-CA") is admitted
