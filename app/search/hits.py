"""Hits as they are shown: where each opens, what stands there, what else answers beside it.

Everything of a page of hits comes in one statement a table, as columns: building rows of models
took half of the time. Rights are decided before (`services`); text is read here for the first time.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.addresses import edition_address, page_address
from app.database import is_any
from app.resources.models import Edition, File, Page, Passage, Resource, Version
from app.resources.permissions import Reader, is_readable
from indexes.highlighting import extract
from indexes.types import FoundBy, Hit, Kind, Span

EXTRACT_CHARACTERS = 240
FURTHER = 2  # passages of a resource below the one that answers best
_FURTHER_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Asking:
    """The question, the language of the interface and who asks."""

    text: str
    ui: str
    reader: Reader


@dataclass(frozen=True, slots=True)
class EditionLink:
    language: str
    url: str


@dataclass(frozen=True, slots=True)
class FurtherPassage:
    """Another passage of the same edition that answers too."""

    url: str
    language: str
    page: int
    page_label: str | None
    text: str
    extract: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A resource and the passage of it that answers best.

    `page` is empty for a record without a file, which has a title and an abstract but no pages.
    `words_elsewhere`: the words asked for stand in another edition of it.
    """

    kind: Kind
    resource: str
    url: str
    title: str
    language: str
    type: str | None
    year: int | None
    file: str | None
    page: int | None
    page_label: str | None
    page_count: int
    text: str
    extract: tuple[Span, ...]
    score: float
    found_by: tuple[FoundBy, ...]
    editions: tuple[EditionLink, ...]
    passages: tuple[FurtherPassage, ...] = ()
    words_elsewhere: bool = False


def describe(session: Session, hits: Sequence[Hit], asking: Asking) -> tuple[SearchHit, ...]:
    """Title, page, text and extracts of the hits shown."""
    editions = _editions(session, {hit.group for hit in hits}, asking.reader)
    links: dict[str, list[EditionLink]] = {}
    for own in editions.values():
        url = edition_address(asking.ui, own.resource, own.language)
        links.setdefault(own.resource, []).append(EditionLink(own.language, url))
    places = _places(session, hits)
    return tuple(
        _described(_Shown(hit, editions[hit.source], places, links[hit.group]), asking)
        for hit in hits
    )


@dataclass(frozen=True, slots=True)
class _Edition:
    resource: str
    title: str
    language: str
    abstract: str
    type: str | None
    year: int | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A hit with what the database knows of it; `places` are by the entry that opens there."""

    hit: Hit
    edition: _Edition
    places: Mapping[str, "_Place"]
    links: Sequence[EditionLink]


@dataclass(frozen=True, slots=True)
class _Place:
    """A passage with the file and page that it stands on."""

    passage: str
    page: int
    language: str
    text: str
    version_id: str
    version: int
    file: str
    page_count: int
    label: str | None


def _described(shown: _Shown, asking: Asking) -> SearchHit:
    """A passage at its page; a record at the first page of what it describes, if it has any."""
    hit, edition = shown.hit, shown.edition
    place, is_record = shown.places.get(hit.id), hit.kind is Kind.RECORD
    text = (edition.abstract if is_record else "") or (place.text if place else "")
    language = edition.language
    if place and not is_record and place.language != "und":
        language = place.language
    return SearchHit(
        kind=hit.kind,
        resource=hit.group,
        url=_url(shown, place, asking.ui),
        title=edition.title,
        language=language,
        type=edition.type,
        year=edition.year,
        file=place.file if place else None,
        page=place.page if place else None,
        page_label=place.label if place else None,
        page_count=place.page_count if place else 0,
        text=text,
        extract=extract(text, asking.text, language, EXTRACT_CHARACTERS),
        score=hit.score,
        found_by=hit.found_by,
        editions=tuple(link for link in shown.links if link.language != edition.language),
        passages=tuple(_further(shown, asking)),
        words_elsewhere=any(
            FoundBy.WORDS in other.found_by and other.source != hit.source for other in hit.others
        ),
    )


def _url(shown: _Shown, place: _Place | None, ui: str) -> str:
    resource, language = shown.hit.group, shown.edition.language
    if place is None:
        return edition_address(ui, resource, language)
    anchor = place.passage if place.passage == shown.hit.id else ""
    return page_address(ui, resource, language, place.version, place.page, anchor)


def _further(shown: _Shown, asking: Asking) -> Iterator[FurtherPassage]:
    for other in _others_shown(shown.hit):
        place = shown.places.get(other.id)
        if place is not None:
            language = place.language if place.language != "und" else shown.edition.language
            yield FurtherPassage(
                url=page_address(
                    asking.ui,
                    shown.hit.group,
                    shown.edition.language,
                    place.version,
                    place.page,
                    place.passage,
                ),
                language=language,
                page=place.page,
                page_label=place.label,
                text=place.text,
                extract=extract(place.text, asking.text, language, _FURTHER_CHARACTERS),
            )


def _others_shown(hit: Hit) -> list[Hit]:
    """The next best passages of the same edition; other editions have links of their own."""
    own = (o for o in hit.others if o.source == hit.source and o.kind is Kind.PASSAGE)
    return [other for other, _ in zip(own, range(FURTHER), strict=False)]


def _editions(session: Session, resources: Collection[str], reader: Reader) -> dict[str, _Edition]:
    """The editions in which each resource can be read, by their languages."""
    rows = session.connection().execute(_readable(reader), {"ids": list(resources)})
    return {row[0]: _Edition(*row[1:]) for row in rows}


def _places(session: Session, hits: Sequence[Hit]) -> dict[str, _Place]:
    """Where each hit opens: a passage at itself, a record where its text begins, if it has any."""
    shown = [one for hit in hits for one in (hit, *_others_shown(hit))]
    connection = session.connection()
    passages = {"ids": [one.id for one in shown if one.kind is Kind.PASSAGE]}
    found = [_Place(*row) for row in connection.execute(_PASSAGES, passages)]
    places = {place.passage: place for place in found}
    records = {one.address: one.id for one in shown if one.kind is Kind.RECORD and one.address}
    if records:
        first = connection.execute(_FIRST_PASSAGES, {"ids": list(records)})
        # Of several formats the last one wins that is read: the one whose pages are shown.
        places |= {records[place.version_id]: place for place in (_Place(*row) for row in first)}
    return places


@lru_cache(maxsize=64)
def _readable(reader: Reader) -> Select[*tuple[Any, ...]]:
    """The editions of resources."""
    return (
        select(
            Edition.id,
            Edition.resource_id,
            Edition.title,
            Edition.language,
            Edition.abstract,
            Resource.type,
            Resource.year,
        )
        .join(Resource, Resource.id == Edition.resource_id)
        .where(is_any(Edition.resource_id, "ids"), is_readable(reader))
        .order_by(Edition.language)
    )


# Put together once: that takes as long as to run them.
_PLACES: Final = (
    select(
        Passage.id,
        Passage.page,
        Passage.language,
        Passage.text,
        File.version_id,
        Version.number,
        File.name,
        File.page_count,
        Page.label,
    )
    .join(File, File.id == Passage.file_id)
    .join(Version, Version.id == File.version_id)
    .join(Page, (Page.file_id == Passage.file_id) & (Page.number == Passage.page))
    .order_by(File.media_type == "application/pdf", File.id.desc())
)
_PASSAGES: Final = _PLACES.where(is_any(Passage.id, "ids"))
_FIRST_PASSAGES: Final = _PLACES.where(is_any(Version.id, "ids"), Passage.ordinal == 0)
