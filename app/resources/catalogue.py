"""Resources as lists show them: which ones, in which order, how many of each kind.

Every query holds the reader's rights. What one resource says in full is in `services`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session, selectinload

from app.addresses import UI_LANGUAGES, edition_address, resource_address
from app.database import reading
from app.library import Library
from app.resources.models import Edition, Resource, Topic, resource_topic
from app.resources.permissions import Reader, is_readable

TOPIC_FACETS = ("domain", "audience", "region", "country")
FACETS = ("domain", "type", "language", "region", "country", "year", "audience")
PER_PAGE = 20
_LONGEST_YEAR = 4  # digits


class Order(StrEnum):
    NEWEST = "newest"  # what came into the library last
    YEAR = "year"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class EditionBadge:
    language: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A resource in a list, by its leading edition; `others` are the further ones."""

    id: str
    url: str
    title: str
    language: str
    abstract: str
    type: str | None
    year: int | None
    published_at: datetime
    others: tuple[EditionBadge, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. `pages` is at least 1, though the list may be empty."""

    cards: tuple[Card, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which resources: those whose `facet` has `value`; all of them when there is no facet."""

    facet: str | None = None
    value: str = ""
    order: Order = Order.NEWEST
    page: int = 1


Counts = dict[str, list[tuple[str, int]]]


def browse(library: Library, reader: Reader, ui: str, chosen: Selection) -> Listing:
    """One page of a list of resources; empty beyond its end."""
    wanted = select(Resource.id).where(
        Resource.editions.any(is_readable(reader)), *_condition(chosen, reader)
    )
    with reading(library.sessions) as session:
        total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
        ordered = wanted.order_by(*_ordering(chosen.order, reader, ui))
        page = ordered.limit(PER_PAGE).offset((chosen.page - 1) * PER_PAGE)
        shown = cards(session, session.scalars(page).all(), reader, ui)
    return Listing(shown, total, chosen.page, max(1, -(-total // PER_PAGE)))


def newest(library: Library, reader: Reader, ui: str, count: int) -> tuple[Card, ...]:
    """What came into the library last."""
    query = (
        select(Edition.resource_id)
        .where(is_readable(reader))
        .group_by(Edition.resource_id)
        .order_by(func.max(Edition.published_at).desc(), Edition.resource_id.desc())
        .limit(count)
    )
    with reading(library.sessions) as session:
        return cards(session, session.scalars(query).all(), reader, ui)


def facet_counts(library: Library, reader: Reader, facets: Iterable[str] = FACETS) -> Counts:
    """How many resources each value of a facet has, most first; years from the latest."""
    with reading(library.sessions) as session:
        return {facet: _counts(session, facet, reader) for facet in facets}


def count(library: Library, reader: Reader) -> int:
    """How many resources the reader may see."""
    with reading(library.sessions) as session:
        query = select(func.count(Edition.resource_id.distinct())).where(is_readable(reader))
        return session.scalar(query) or 0


def published_dates(library: Library, reader: Reader, ids: Sequence[str]) -> dict[str, datetime]:
    """When something of each resource was last published."""
    query = (
        select(Edition.resource_id, func.max(Edition.published_at))
        .where(Edition.resource_id.in_(ids), is_readable(reader))
        .group_by(Edition.resource_id)
    )
    with reading(library.sessions) as session:
        return {resource: latest for resource, latest in session.execute(query) if latest}


def lead(editions: Sequence[Edition], ui: str, wanted: str | None = None) -> Edition:
    """The edition in front: the one asked for, else the reader's language, else EN, FR, ES."""

    def rank(edition: Edition) -> tuple[bool, bool, int, str]:
        base = edition.language.split("-")[0]
        place = UI_LANGUAGES.index(base) if base in UI_LANGUAGES else len(UI_LANGUAGES)
        return edition.language != wanted, base != ui, place, edition.language

    return min(editions, key=rank)


def _condition(chosen: Selection, reader: Reader) -> list[ColumnElement[bool]]:
    if chosen.facet is None:
        return []
    if chosen.facet == "type":
        return [Resource.type == chosen.value]
    if chosen.facet == "year":
        return [Resource.year == _year(chosen.value)]
    if chosen.facet == "language":
        return [Resource.editions.any(is_readable(reader) & (Edition.language == chosen.value))]
    return [Resource.topics.any((Topic.scheme == chosen.facet) & (Topic.code == chosen.value))]


def _year(value: str) -> int:
    """The year, or one that no resource has."""
    is_year = len(value) <= _LONGEST_YEAR and value.isascii() and value.isdigit()
    return (int(value) if is_year else 0) or -1


def _ordering(order: Order, reader: Reader, ui: str) -> list[Any]:
    """Every order ends with the id, so that no resource is on two pages."""
    mine = Edition.resource_id == Resource.id
    if order is Order.TITLE:
        front = case((Edition.language == ui, 0), else_=1)
        title = select(Edition.title_key).where(mine, is_readable(reader))
        return [title.order_by(front, Edition.language).limit(1).scalar_subquery(), Resource.id]
    latest = select(func.max(Edition.published_at)).where(mine, is_readable(reader))
    came = latest.scalar_subquery().desc()
    if order is Order.YEAR:
        return [Resource.year.desc().nulls_last(), came, Resource.id.desc()]
    return [came, Resource.id.desc()]


def _counts(session: Session, facet: str, reader: Reader) -> list[tuple[str, int]]:
    rows = session.execute(_count_query(facet, reader)).all()
    found = [(str(value), many) for value, many in rows if value is not None]
    if facet == "year":
        return sorted(found, key=lambda row: int(row[0]), reverse=True)
    return sorted(found, key=lambda row: (-row[1], row[0]))


def _count_query(facet: str, reader: Reader) -> Any:
    many = func.count(Edition.resource_id.distinct())
    if facet in TOPIC_FACETS:
        return (
            select(Topic.code, many)
            .join(resource_topic, resource_topic.c.topic_id == Topic.id)
            .join(Edition, Edition.resource_id == resource_topic.c.resource_id)
            .where(Topic.scheme == facet, is_readable(reader))
            .group_by(Topic.code)
        )
    column = {"type": Resource.type, "year": Resource.year, "language": Edition.language}[facet]
    query = select(column, many).join(Resource, Resource.id == Edition.resource_id)
    return query.where(is_readable(reader)).group_by(column)


def cards(session: Session, ids: Sequence[str], reader: Reader, ui: str) -> tuple[Card, ...]:
    """The resources with these ids, in this order; the reader may see something of each."""
    rows = session.scalars(
        select(Resource)
        .where(Resource.id.in_(ids))
        .options(selectinload(Resource.editions.and_(is_readable(reader))))
    )
    by_id = {row.id: row for row in rows}
    return tuple(_card(by_id[key], ui) for key in ids)


def _card(resource: Resource, ui: str) -> Card:
    front = lead(resource.editions, ui)
    published = [edition.published_at for edition in resource.editions if edition.published_at]
    return Card(
        id=resource.id,
        url=resource_address(ui, resource.id),
        title=front.title,
        language=front.language,
        abstract=front.abstract,
        type=resource.type,
        year=resource.year,
        published_at=max(published),
        others=tuple(
            EditionBadge(edition.language, edition_address(ui, resource.id, edition.language))
            for edition in resource.editions
            if edition is not front
        ),
    )
