"""What the fields of a query mean in this library: `type:rapport` as a value of a facet.

Values may be codes, or what people call them in any language of the interface; accents, capitals
and plurals make no difference. What is a field is `indexes.query_parser`'s to say; titles and
authors, which are searched as words, are none of this.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from babel import Locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.addresses import UI_LANGUAGES
from app.database import reading
from app.library import Library
from app.resources.models import Edition, Resource, Topic
from app.resources.vocabulary import codes, label
from indexes.analysis import OTHER, analyse, search_language
from indexes.query_parser import FieldAsked, ParsedQuery
from indexes.types import Scope

Pairs = tuple[tuple[str, str], ...]  # facet and value
_Names = Mapping[str, Sequence[str]]  # a code and what people call it

_COUNTRY = "country"
_SEVERAL = ("mul", "und")  # editions whose passages may be in any language


@dataclass(frozen=True, slots=True)
class Resolved:
    """`unknown` are the fields whose value means nothing here, as `type:value`; where no value of
    a field means anything, nothing is found.
    """

    scope: Scope
    unknown: tuple[str, ...] = ()


def resolve(library: Library, parsed: ParsedQuery, scope: Scope) -> Resolved:
    """The scope, narrowed to what the fields of the query ask for.

    Of several values of one field any may hold, as of those that are chosen on the page.
    """
    if not parsed.fields:
        return Resolved(scope)
    with reading(library.sessions) as session:
        meant = [(field, _MEANINGS[field.name](session, field)) for field in parsed.fields]
    wanted: dict[str, Pairs] = {}
    for field, pairs in meant:
        if not field.without:
            wanted[field.name] = (*wanted.get(field.name, ()), *(pairs or ()))
    forbidden = (pair for field, pairs in meant if field.without for pair in pairs or ())
    narrowed = replace(
        scope,
        languages=_rows(scope.languages, wanted.get("lang", ())),
        any_of=(*scope.any_of, *wanted.values()),
        none_of=(*scope.none_of, *forbidden),
    )
    unknown = [f"{field.name}:{field.value}" for field, pairs in meant if pairs is None]
    return Resolved(narrowed, tuple(dict.fromkeys(unknown)))


def _rows(languages: tuple[str, ...], asked: Pairs) -> tuple[str, ...]:
    """The search languages of what was asked for, among those of the scope.

    Where they have none in common both stay: then the facets leave nothing.
    """
    rows = dict.fromkeys(search_language(tag) for _, tag in asked if tag not in _SEVERAL)
    common = tuple(row for row in rows if not languages or row in languages)
    return common or languages


def _years(session: Session, field: FieldAsked) -> Pairs:
    """Those in which anything is dated: a year is never unknown."""
    first, last = field.years
    years = select(Resource.year).where(Resource.year.between(first, last)).distinct()
    return tuple(("year", str(year)) for year in session.scalars(years))


def _types(session: Session, field: FieldAsked) -> Pairs | None:
    held = session.scalars(select(Resource.type).distinct())
    found = _called(field.value, _labelled("type", (*codes("type"), *filter(None, held))))
    return tuple(("type", code) for code in found) or None


def _topics(session: Session, field: FieldAsked) -> Pairs | None:
    """Topics of all lists but countries."""
    topics = session.scalars(select(Topic).where(Topic.scheme != _COUNTRY))
    names = {(topic.scheme, topic.code): tuple(topic.labels.values()) for topic in topics}
    return (
        tuple(
            (scheme, code)
            for scheme, code in names
            if code in _called(field.value, {code: names[scheme, code]})
        )
        or None
    )


def _countries(session: Session, field: FieldAsked) -> Pairs | None:
    topics = session.scalars(select(Topic).where(Topic.scheme == _COUNTRY))
    own = {topic.code: tuple(topic.labels.values()) for topic in topics}
    found = _called(field.value, {**_country_names(), **own})
    # A code is written as whoever described the resource wrote it.
    written = {code for code in own if code.upper() in found} | set(found)
    return tuple((_COUNTRY, code) for code in sorted(written)) or None


def _languages(session: Session, field: FieldAsked) -> Pairs | None:
    """A language with all of its regional ones, or a regional one alone.

    Passages in a language with statistics of its own are found in editions of several, too.
    """
    held = session.scalars(select(Edition.language).distinct()).all()
    regional = [tag for tag in held if tag.casefold() == field.value.casefold()]
    if "-" in field.value:
        return tuple(("language", tag) for tag in regional) or None
    found = _called(field.value, _language_names())
    if not found:
        return None
    own = [tag for tag in held if tag.lower().partition("-")[0] in found]
    mixed = _SEVERAL if any(search_language(code) != OTHER for code in found) else ()
    return tuple(("language", tag) for tag in dict.fromkeys((*found, *own, *mixed)))


_MEANINGS: Mapping[str, Callable[[Session, FieldAsked], Pairs | None]] = {
    "year": _years,
    "type": _types,
    "topic": _topics,
    "country": _countries,
    "lang": _languages,
}


def _called(value: str, names: _Names) -> list[str]:
    """The codes that are called so: letter by letter, else in the plural or without an article."""
    asked = _folded(value)
    exact = [
        code
        for code, own in names.items()
        if asked and asked in {_folded(code), *map(_folded, own)}
    ]
    stems = _stems(value)
    return exact or [
        code for code, own in names.items() if any(stems & _stems(name) for name in own)
    ]


@lru_cache(maxsize=4_096)
def _folded(text: str) -> str:
    """Letters and digits alone, without accents."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in decomposed if c.isalnum())


@lru_cache(maxsize=4_096)
def _stems(text: str) -> frozenset[tuple[str, tuple[str, ...]]]:
    """The terms of a name in each language of the interface."""
    terms = ((code, tuple(analyse(text, code))) for code in UI_LANGUAGES)
    return frozenset((code, own) for code, own in terms if own)


def _labelled(scheme: str, found: Iterable[str]) -> _Names:
    return {code: tuple(label(scheme, code, ui) for ui in UI_LANGUAGES) for code in found}


@cache
def _country_names() -> _Names:
    known = map(str, Locale("en").territories)
    return _labelled(_COUNTRY, (code for code in known if len(code) == 2 and code.isalpha()))


@cache
def _language_names() -> _Names:
    locales = [Locale(ui) for ui in UI_LANGUAGES]
    known = (code for code in map(str, locales[0].languages) if code.isalpha())
    return {code: tuple(one.languages.get(code, code) for one in locales) for code in known}
