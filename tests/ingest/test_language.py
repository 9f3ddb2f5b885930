import pytest

from ingest.language import detect_language, main_language, passage_language, with_languages
from ingest.types import Block, BlockKind, Page, Passage

TEXTS = {
    "en": "The Convention protects the diversity of cultural expressions in every country.",
    "fr": "La Convention protège la diversité des expressions culturelles dans chaque pays.",
    "es": "La Convención protege la diversidad de las expresiones culturales en cada país.",
    "pt": "A Convenção protege a diversidade das expressões culturais em cada um dos países.",
    "de": "Das Übereinkommen schützt die Vielfalt kultureller Ausdrucksformen in jedem Land.",
    "it": "La Convenzione protegge la diversità delle espressioni culturali in ogni paese.",
    "ru": "Конвенция защищает разнообразие форм культурного самовыражения в каждой стране.",
    "ar": "تحمي الاتفاقية تنوع أشكال التعبير الثقافي في كل بلد من البلدان",
    "zh": "《公约》保护每个国家文化表现形式的多样性,并促进国际合作。",
}


@pytest.mark.parametrize("language", TEXTS)
def test_languages(language: str) -> None:
    assert detect_language(TEXTS[language]) == language


@pytest.mark.parametrize(
    "text", ["", "2005", "OK", "https://example.org/une/page/de/la/convention", "12 345 678 " * 20]
)
def test_too_little_text(text: str) -> None:
    assert detect_language(text) == "und"


def test_capitals_do_not_mislead() -> None:
    assert detect_language(TEXTS["fr"].upper()) == "fr"


def pages(*texts: str) -> list[Page]:
    return [Page(n, (Block(BlockKind.PARAGRAPH, text),)) for n, text in enumerate(texts, start=1)]


def test_a_short_page_takes_its_neighbours_language_and_an_empty_one_none() -> None:
    found = with_languages(pages(TEXTS["fr"], "Annexe 1", TEXTS["es"], ""))
    assert [page.text_language for page in found] == ["fr", "fr", "es", "und"]


def test_main_language_is_that_of_most_text() -> None:
    assert main_language(with_languages(pages(TEXTS["en"], TEXTS["es"] * 5))) == "es"
    assert main_language(with_languages(pages("?"))) == "und"


def test_a_long_passage_may_be_in_another_language_than_its_page() -> None:
    long = Passage(0, 1, 1, 0, TEXTS["es"] * 5, (), "und")
    short = Passage(0, 1, 1, 0, TEXTS["es"], (), "und")
    assert passage_language(long, "fr") == "es"
    assert passage_language(short, "fr") == "fr"
