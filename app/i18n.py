"""The reader's language: from the address under `/en /fr /es`, at `/` from the browser.

Messages are written in English in code and templates; `translations/` holds the catalogues, the
`.po` files by hand and the `.mo` files made from them. Languages of texts are not limited to the
three of the interface: `language_name` and `is_right_to_left` know every tag that Babel knows.
"""

import logging
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, current_app, g, has_request_context, request, url_for
from flask_babel import Babel
from werkzeug.datastructures import LanguageAccept

from app.addresses import UI_LANGUAGES

PREFIX = f"/<any({','.join(UI_LANGUAGES)}):ui>"
CATALOGUES = Path(__file__).resolve().parent.parent / "translations"
# Writing systems that Babel's data does not know to run from right to left, by language.
_RIGHT_TO_LEFT = frozenset(("ar", "dv", "fa", "he", "ku-Arab", "ps", "sd", "ug", "ur", "yi"))

log = logging.getLogger(__name__)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    return message


def init_app(app: Flask) -> None:
    """Take the language off the address before a view runs, and put it back into every link."""
    compile_catalogues()
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(CATALOGUES)
    Babel(app, locale_selector=ui_language)
    app.url_value_preprocessor(_take_language)
    app.url_defaults(_put_language)
    app.before_request(_language_of_address)


def ui_language() -> str:
    """The language of the page that is being made."""
    if not has_request_context():
        return UI_LANGUAGES[0]
    return str(g.get("ui") or _from_path(request.path) or preferred(request.accept_languages))


def preferred(accepted: LanguageAccept) -> str:
    """The interface language that a browser likes best; English if it likes none."""
    return accepted.best_match(UI_LANGUAGES) or UI_LANGUAGES[0]


def alternates() -> dict[str, str]:
    """This page, with its query, in each language of the interface; empty for an unknown page."""
    if request.endpoint is None or not request.url_rule or "ui" not in request.url_rule.arguments:
        return {}
    query = request.query_string.decode("latin-1")
    suffix = f"?{query}" if query else ""
    arguments = request.view_args or {}
    return {
        ui: url_for(request.endpoint, **{**arguments, "ui": ui}) + suffix for ui in UI_LANGUAGES
    }


def _take_language(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and "ui" in values:
        g.ui = values.pop("ui")


def _put_language(endpoint: str, values: dict[str, Any]) -> None:
    if "ui" not in values and current_app.url_map.is_endpoint_expecting(endpoint, "ui"):
        values["ui"] = ui_language()


def _language_of_address() -> None:
    """Errors of unknown addresses are told in the language that the address begins with."""
    g.ui = ui_language()


def _from_path(path: str) -> str | None:
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in UI_LANGUAGES else None


@lru_cache(maxsize=1024)
def language_name(tag: str, ui: str) -> str:
    """`fr` → French, français, francés; a tag that Babel does not know stays as it is."""
    locale = parse_tag(tag)
    if locale is None:
        return str(Locale.parse(ui).languages.get(tag, tag))
    return str(locale.get_display_name(ui) or tag)


def own_name(tag: str) -> str:
    """A language's name in itself, as a switcher shows it: English, Français, Español."""
    name = language_name(tag, tag)
    return name[:1].upper() + name[1:]


@lru_cache(maxsize=1024)
def is_right_to_left(tag: str) -> bool:
    locale = parse_tag(tag)
    if tag.split("-")[0] in _RIGHT_TO_LEFT:
        return True
    return locale is not None and locale.character_order == "right-to-left"


@lru_cache(maxsize=1024)
def parse_tag(tag: str) -> Locale | None:
    if tag == "und":  # Babel would guess the likeliest language: English
        return None
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return None


def compile_catalogues(folder: Path = CATALOGUES) -> list[Path]:
    """Make every `.mo` that is missing or older than its `.po`; returns those made.

    Written aside and renamed, because several processes may start at once. A folder that cannot
    be written is no reason not to start: the pages are then in English, and the log says why.
    """
    made = []
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        try:
            _compile(source, target)
        except OSError:
            log.exception("the catalogue %s could not be compiled", source)
            continue
        made.append(target)
    return made


def _compile(source: Path, target: Path) -> None:
    locale = source.parent.parent.name
    with source.open("rb") as stream:
        catalogue = read_po(stream, locale=locale)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as aside:
        write_mo(aside, catalogue)
    Path(aside.name).chmod(0o644)
    os.replace(aside.name, target)  # noqa: PTH105 - the atomic one, named as such
