"""From a question to hits that may be shown.

The index proposes, the database decides: hits whose edition is no longer published, or that the
reader may not see, are dropped before one of them stands for its resource, before any text is read
or marked, and before anything is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from time import perf_counter

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.addresses import edition_address, page_address
from app.database import reading
from app.library import Library
from app.resources.models import Edition, File, Page, Passage, Resource, Version
from app.resources.permissions import ANYONE, Reader, is_readable
from app.search.fields import resolve
from indexes.highlighting import extract
from indexes.query_parser import parse
from indexes.searcher import collapse, facet_counts
from indexes.types import FoundBy, Hit, Kind, Ranking, Scope, SearchQuery, Span

EXTRACT_CHARACTERS = 240


class Sort(StrEnum):
    BEST = "best"
    NEWEST = "newest"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What was asked. `languages` are those of the passages searched (none: all); `filters` maps a
    facet to values of which one must hold; `page` counts from 1.
    """

    text: str
    ui: str = "en"
    languages: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: Sort = Sort.BEST
    page: int = 1
    per_page: int = 10
    reader: Reader = ANYONE


@dataclass(frozen=True, slots=True)
class EditionLink:
    language: str
    url: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A resource and the passage of it that answers best.

    `page` is empty for a record without a file, which has a title and an abstract but no pages.
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


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of an answer. `total` counts resources and is "about" when `capped`."""

    hits: tuple[SearchHit, ...]
    total: int
    capped: bool
    page: int
    pages: int
    facets: Mapping[str, Sequence[tuple[str, int]]]
    words_cut: bool = False
    meaning_cut: bool = False
    by_meaning: bool = True
    seconds: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()  # fields whose value means nothing here, as `type:value`


def search(library: Library, request: SearchRequest) -> SearchPage:
    """Answer a question.

    Raises:
        QueryTooLong: the text is longer than is accepted.
        IndexUnavailable: the index cannot answer now.
    """
    query, unknown = _query(library, request)
    ranking = library.searcher.search(query)
    began = perf_counter()
    with reading(library.sessions) as session:
        permitted = _permitted(session, ranking.hits, request.reader)
        hits = collapse(permitted, request.ui)
        ordered = _sorted(session, hits, request.sort)
        first = (request.page - 1) * request.per_page
        shown = tuple(_describe(session, ordered[first : first + request.per_page], request))
    seconds = {**ranking.seconds, "page": perf_counter() - began}
    return replace(_summary(ranking, hits, request), hits=shown, seconds=seconds, unknown=unknown)


def _query(library: Library, request: SearchRequest) -> tuple[SearchQuery, tuple[str, ...]]:
    """What the searcher is asked, and the fields of it whose value means nothing here."""
    asked = Scope(
        visible_to=request.reader.tokens,
        languages=request.languages,
        filters=request.filters,
    )
    resolved = resolve(library, parse(request.text), asked)
    query = SearchQuery(
        text=request.text,
        scope=resolved.scope,
        reader_language=request.ui,
        collapse=False,  # only what may be shown can stand for its resource
    )
    return query, resolved.unknown


def _summary(ranking: Ranking, hits: Sequence[Hit], request: SearchRequest) -> SearchPage:
    return SearchPage(
        hits=(),
        total=len(hits),
        capped=ranking.capped,
        page=request.page,
        pages=max(1, -(-len(hits) // request.per_page)),
        facets=facet_counts(hits),
        words_cut=ranking.words_cut,
        meaning_cut=ranking.meaning_cut,
        by_meaning=ranking.by_meaning,
    )


def _permitted(session: Session, hits: Sequence[Hit], reader: Reader) -> list[Hit]:
    """The hits whose edition still shows the version they were made from."""
    current: dict[str, str] = {}
    ids = sorted({hit.source for hit in hits})
    for start in range(0, len(ids), 500):
        rows = session.execute(
            select(Edition.id, Edition.published_version_id).where(
                Edition.id.in_(ids[start : start + 500]), is_readable(reader)
            )
        )
        current.update({edition: version or "" for edition, version in rows})
    return [hit for hit in hits if current.get(hit.source) == hit.address]


def _sorted(session: Session, hits: Sequence[Hit], sort: Sort) -> Sequence[Hit]:
    if sort is Sort.NEWEST:
        return sorted(hits, key=lambda hit: hit.date or "", reverse=True)
    if sort is Sort.TITLE:
        titles = {row.id: row.title for row in _editions(session, [hit.source for hit in hits])}
        return sorted(hits, key=lambda hit: titles.get(hit.source, "").casefold())
    return hits


def _editions(session: Session, ids: Sequence[str]) -> list[Edition]:
    return list(session.scalars(select(Edition).where(Edition.id.in_(ids))))


def _describe(session: Session, hits: Sequence[Hit], request: SearchRequest) -> list[SearchHit]:
    """Title, page, text and extract of the hits shown."""
    editions = {row.id: row for row in _editions(session, [hit.source for hit in hits])}
    resources = _resources(session, [hit.group for hit in hits])
    places = _places(session, hits)
    siblings = _siblings(session, list(resources), request.reader)
    described = []
    for hit in hits:
        edition = editions[hit.source]
        links = tuple(
            EditionLink(language, edition_address(request.ui, hit.group, language))
            for language in siblings[hit.group]
            if language != edition.language
        )
        about = _About(hit, edition, resources[hit.group], links)
        place = places.get(hit.id)
        described.append(_on_page(about, place, request) if place else _on_record(about, request))
    return described


@dataclass(frozen=True, slots=True)
class _Place:
    """A passage with the file and page it stands on."""

    passage: Passage
    file: File
    version: int
    label: str | None


@dataclass(frozen=True, slots=True)
class _About:
    """A hit with what the database knows of it."""

    hit: Hit
    edition: Edition
    resource: Resource
    links: tuple[EditionLink, ...]


def _on_page(about: _About, place: _Place, request: SearchRequest) -> SearchHit:
    """A passage at its page; a record at the first page of what it describes."""
    passage, record = place.passage, about.hit.kind is Kind.RECORD
    language = passage.language if passage.language != "und" else about.edition.language
    text = (about.edition.abstract if record else "") or passage.text
    return replace(
        _on_record(about, request),
        url=page_address(
            request.ui,
            about.resource.id,
            about.edition.language,
            place.version,
            passage.page,
            "" if record else passage.id,
        ),
        language=about.edition.language if record else language,
        file=place.file.name,
        page=passage.page,
        page_label=place.label,
        page_count=place.file.page_count,
        text=text,
        extract=extract(text, request.text, language, EXTRACT_CHARACTERS),
    )


def _on_record(about: _About, request: SearchRequest) -> SearchHit:
    edition, resource = about.edition, about.resource
    return SearchHit(
        kind=about.hit.kind,
        resource=resource.id,
        url=edition_address(request.ui, resource.id, edition.language),
        title=edition.title,
        language=edition.language,
        type=resource.type,
        year=resource.year,
        file=None,
        page=None,
        page_label=None,
        page_count=0,
        text=edition.abstract,
        extract=extract(edition.abstract, request.text, edition.language, EXTRACT_CHARACTERS),
        score=about.hit.score,
        found_by=about.hit.found_by,
        editions=about.links,
    )


def _resources(session: Session, ids: Sequence[str]) -> dict[str, Resource]:
    return {row.id: row for row in session.scalars(select(Resource).where(Resource.id.in_(ids)))}


def _places(session: Session, hits: Sequence[Hit]) -> dict[str, _Place]:
    """Where each hit opens: a passage at itself, a record where its text begins, if it has any."""
    passages = [hit.id for hit in hits if hit.kind is Kind.PASSAGE]
    places = {p.passage.id: p for p in _placed(session, Passage.id.in_(passages))}
    records = {hit.address: hit.id for hit in hits if hit.kind is Kind.RECORD and hit.address}
    first = (Version.id.in_(list(records))) & (Passage.ordinal == 0)
    return places | {records[p.file.version_id]: p for p in _placed(session, first)}


def _placed(session: Session, condition: ColumnElement[bool]) -> list[_Place]:
    query = (
        select(Passage, File, Version.number, Page.label)
        .join(File, File.id == Passage.file_id)
        .join(Version, Version.id == File.version_id)
        .join(Page, (Page.file_id == Passage.file_id) & (Page.number == Passage.page))
        .where(condition)
    )
    rows = session.execute(query)
    return [_Place(passage, file, number, label) for passage, file, number, label in rows]


def _siblings(session: Session, resources: Sequence[str], reader: Reader) -> dict[str, list[str]]:
    """The languages in which each resource can be read."""
    rows = session.execute(
        select(Edition.resource_id, Edition.language)
        .where(Edition.resource_id.in_(resources), is_readable(reader))
        .order_by(Edition.language)
    )
    found: dict[str, list[str]] = {resource: [] for resource in resources}
    for resource, language in rows:
        found[resource].append(language)
    return found
