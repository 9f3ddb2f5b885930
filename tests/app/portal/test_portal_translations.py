"""The catalogues are whole: nothing missing, nothing doubtful, nothing said outside them."""

import re
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[3]
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


@cache
def used() -> frozenset[tuple[str, ...]]:
    """Every message of code and templates, with its plural if it has one."""
    found = extract_from_dir(str(ROOT / "app"), METHODS, keywords=KEYWORDS)
    messages = (message for _file, _line, message, _comments, _context in found)
    return frozenset((one,) if isinstance(one, str) else tuple(one) for one in messages)


@cache
def catalogue(language: str) -> Catalog:
    path = ROOT / "translations" / language / "LC_MESSAGES" / "messages.po"
    return read_po(BytesIO(path.read_bytes()), locale=language)


def strings(language: str) -> list[tuple[str, str]]:
    """Pairs of message and translation; of plurals each form."""
    pairs = []
    for message in catalogue(language):
        if not message.id:
            continue
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        pairs += [(originals[min(at, len(originals) - 1)], form) for at, form in enumerate(forms)]
    return pairs


def test_messages_are_found_at_all() -> None:
    assert len(used()) > 150
    assert ("%(count)s page", "%(count)s pages") in used()


@pytest.mark.parametrize("language", ["fr", "es"])
def test_every_message_is_in_the_catalogue_and_none_too_many(language: str) -> None:
    held = {
        message.id if isinstance(message.id, tuple) else (message.id,)
        for message in catalogue(language)
        if message.id
    }
    assert used() - held == set()
    assert held - used() == set()


@pytest.mark.parametrize("language", ["fr", "es"])
def test_every_message_is_translated_and_certain(language: str) -> None:
    assert [original for original, form in strings(language) if not form.strip()] == []
    assert [message.id for message in catalogue(language) if message.id and message.fuzzy] == []
    for message in catalogue(language):
        if isinstance(message.id, tuple):
            assert len(message.string) == catalogue(language).num_plurals


@pytest.mark.parametrize("language", ["fr", "es"])
def test_translations_have_the_same_placeholders(language: str) -> None:
    for original, form in strings(language):
        assert sorted(PLACEHOLDER.findall(original)) == sorted(PLACEHOLDER.findall(form)), original


def test_french_has_its_typography() -> None:
    for _original, form in strings("fr"):
        assert "'" not in form, form
        assert not re.search(r"(?<!\u202f)[;!?»]|(?<![\u202f/]):(?=\s|$)|«(?!\u202f)", form), form


def test_spanish_opens_its_questions() -> None:
    for _original, form in strings("es"):
        assert form.count("?") == form.count("¿"), form
        assert form.count("!") == form.count("¡"), form


_EXPRESSION = re.compile(r"{#.*?#}|{{.*?}}|{%.*?%}", re.DOTALL)
_TAG = re.compile(r"\bid=\"|<(?:svg|script)\b.*?</(?:svg|script)>|<[^>]*>", re.DOTALL)
_SAID_AS_IT_IS = {"Passerelle", "JSON", "BibTeX", "RIS", "CSL-JSON"}


def test_templates_say_nothing_outside_the_catalogues(templates: Path) -> None:
    for path in templates.rglob("*.html"):
        text = _TAG.sub(" ", _EXPRESSION.sub(" ", path.read_text("utf-8")))
        words = set(re.findall(r"[^\W\d_]{2,}(?:-[^\W\d_]+)*", text)) - _SAID_AS_IT_IS
        assert words == set(), path.name


def test_no_attribute_that_people_read_is_left_in_english(templates: Path) -> None:
    spoken = re.compile(r'\b(?:alt|title|placeholder|aria-label)="([^"]*)"')
    for path in templates.rglob("*.html"):
        for value in spoken.findall(path.read_text("utf-8")):
            assert not re.search(r"[^\W\d_]{2,}", _EXPRESSION.sub("", value)), (path.name, value)
