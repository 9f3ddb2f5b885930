import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cleaning import (
    clean_characters,
    clean_code,
    clean_line,
    clean_paragraph,
    shorten_leaders,
)


@pytest.mark.parametrize(
    ("given_text", "clean"),
    [
        ("l\u2019e\u0301valuation", "l’évaluation"),  # composed; the apostrophe is kept
        ("ef\ufb01cace", "efficace"),
        ("infor\u00admation", "information"),
        ("100\u202f000\u00a0€", "100 000 €"),
        ("a\x00b\x07c\u200b", "abc"),
        ("m²", "m²"),
        ("\ufefftexte", "texte"),
    ],
)
def test_characters(given_text: str, clean: str) -> None:
    assert clean_characters(given_text) == clean


def test_a_line_has_single_spaces_and_a_paragraph_keeps_its_breaks() -> None:
    assert clean_line("  one \n two\t three ") == "one two three"
    assert clean_paragraph("one  two \n\n three") == "one two\nthree"


def test_code_keeps_its_indentation() -> None:
    assert clean_code("\nif x:\n\treturn 1  \n") == "if x:\n    return 1"


def test_leaders_of_a_contents_page() -> None:
    assert shorten_leaders("Introduction........ 4").split() == ["Introduction", "…", "4"]
    assert shorten_leaders("wait... what") == "wait... what"


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_paragraph(text)
    assert clean_paragraph(once) == once


@given(st.text())
def test_clean_text_can_be_stored(text: str) -> None:
    clean_characters(text).encode("utf-8")
    assert "\x00" not in clean_characters(text)
