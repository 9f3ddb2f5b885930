"""From a question to hits that may be shown.

The index proposes, the database decides: hits whose edition is no longer published, or that the
reader may not see, are dropped before one of them stands for its resource, before any text is read
or marked, and before anything is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from time import perf_counter
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.database import is_any, reading
from app.library import Library
from app.resources.models import Edition
from app.resources.permissions import ANYONE, Reader, is_readable
from app.search.fields import resolve
from app.search.hits import Asking, SearchHit, describe
from indexes.errors import IndexUnavailable
from indexes.query_parser import parse
from indexes.searcher import collapse, facet_counts
from indexes.types import Hit, Ranking, Scope, SearchQuery

_ANY_PUBLISHED: Final = select(Edition.id).where(Edition.published_at.is_not(None)).limit(1)


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
    if not ranking.hits and _is_lost(library):
        raise IndexUnavailable("The index is empty; the worker fills it from the database")
    began = perf_counter()
    with reading(library.sessions) as session:
        permitted = _permitted(session, ranking.hits, request.reader)
        hits = collapse(permitted, request.ui)
        ordered = _sorted(session, hits, request.sort)
        first = (request.page - 1) * request.per_page
        asking = Asking(request.text, request.ui, request.reader)
        shown = describe(session, ordered[first : first + request.per_page], asking)
    seconds = {**ranking.seconds, "page": perf_counter() - began}
    return replace(_summary(ranking, hits, request), hits=shown, seconds=seconds, unknown=unknown)


def _is_lost(library: Library) -> bool:
    """Whether the index holds nothing of what is published: then nothing found means nothing."""
    if not library.index.is_empty():
        return False
    with reading(library.sessions) as session:
        return session.scalar(_ANY_PUBLISHED) is not None


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
    asked = {"ids": list({hit.source for hit in hits})}
    rows = session.connection().execute(_published_versions(reader), asked)
    current = {edition: version or "" for edition, version in rows}
    return [hit for hit in hits if current.get(hit.source) == hit.address]


@lru_cache(maxsize=64)  # to put a statement together takes as long as to run it
def _published_versions(reader: Reader) -> Select[str, str | None]:
    wanted = select(Edition.id, Edition.published_version_id)
    return wanted.where(is_any(Edition.id, "ids"), is_readable(reader))


def _sorted(session: Session, hits: Sequence[Hit], sort: Sort) -> Sequence[Hit]:
    if sort is Sort.NEWEST:
        return sorted(hits, key=lambda hit: hit.date or "", reverse=True)
    if sort is Sort.TITLE:
        query = select(Edition.id, Edition.title).where(Edition.id.in_({h.source for h in hits}))
        titles = {row.id: row.title.casefold() for row in session.execute(query)}
        return sorted(hits, key=lambda hit: titles.get(hit.source, ""))
    return hits
