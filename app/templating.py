"""What every template may use: the page's language, labels, formats, its own addresses."""

from typing import Any

from flask import Flask, request
from markupsafe import Markup, escape

from app import formats
from app.i18n import (
    N_,
    alternates,
    is_right_to_left,
    language_name,
    own_name,
    ui_language,
)
from app.links import absolute, with_query
from app.resources.reasons import NOTICES
from app.resources.vocabulary import codes, label
from indexes.types import FoundBy, Span

AVAILABILITIES = {
    "in_preparation": N_("In preparation"),
    "to_update": N_("To be updated"),
    "to_restructure": N_("To be restructured"),
}
FACET_NAMES = {
    "domain": N_("Domain"),
    "type": N_("Type"),
    "language": N_("Language"),
    "region": N_("Region"),
    "country": N_("Country"),
    "year": N_("Year"),
    "audience": N_("Audience"),
    "format": N_("Format"),
}
SORT_NAMES = {
    "best": N_("Best first"),
    "newest": N_("Newest first"),
    "title": N_("By title"),
    "year": N_("By year"),
}
_LONGEST_NUMBER = 8


def init_app(app: Flask) -> None:
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["capfirst"] = lambda text: text[:1].upper() + text[1:]
    app.jinja_env.globals.update(
        is_page_number=is_page_number,
        absolute=absolute,
        availabilities=AVAILABILITIES,
        codes=codes,
        facet_names=FACET_NAMES,
        lang=language_attributes,
        corrected=corrected,
        marked=marked,
        notices=NOTICES,
        own_name=own_name,
        sort_names=SORT_NAMES,
        quoted=quoted,
        with_query=with_query,
        why=why,
    )
    app.context_processor(_of_this_page)


def _of_this_page() -> dict[str, Any]:
    ui = ui_language()
    return {
        "ui": ui,
        "alternates": alternates() if request else {},
        "label": lambda scheme, code: label(scheme, code, ui),
        "language_name": lambda tag: language_name(tag, ui),
        "size": lambda count: formats.size(count, ui),
        "date": lambda moment: formats.date(moment, ui),
        "number": lambda value: formats.number(value, ui),
    }


def language_attributes(tag: str) -> Markup:
    """`lang` (and `dir`) for text in another language than the page; nothing for its own."""
    attributes = Markup("") if tag == ui_language() else Markup(' lang="{}"').format(tag)
    return attributes + (Markup(' dir="rtl"') if is_right_to_left(tag) else Markup(""))


def marked(spans: tuple[Span, ...]) -> Markup:
    """Text with the words asked for in `<mark>`."""
    return Markup("").join(
        Markup("<mark>{}</mark>").format(span.text) if span.marked else escape(span.text)
        for span in spans
    )


def corrected(spans: tuple[Span, ...]) -> Markup:
    """A question with the words that were changed in it in `<strong>`."""
    return Markup("").join(
        Markup("<strong>{}</strong>").format(span.text) if span.marked else escape(span.text)
        for span in spans
    )


def is_page_number(label: str | None) -> bool:
    """Whether a page's label is what is printed on it (12, xii, A-3), not the name of a section."""
    return bool(label) and len(label or "") <= _LONGEST_NUMBER and " " not in (label or "")


def quoted(spans: tuple[Span, ...], text: str) -> Markup:
    """An extract of `text`, with the marks of omission that say where it goes on."""
    shown = "".join(span.text for span in spans)
    before = "" if text.lstrip().startswith(shown.lstrip()) else "… "
    after = "" if text.rstrip().endswith(shown.rstrip()) else " …"
    return Markup("{}{}{}").format(before, marked(spans), after)


def why(found_by: tuple[FoundBy, ...]) -> str:
    """Which of the reasons for a hit is told: words before meaning, both when both hold."""
    signals = set(found_by)
    if {FoundBy.WORDS, FoundBy.MEANING} <= signals:
        return "both"
    if FoundBy.WORDS in signals:
        return "words"
    return "meaning"
