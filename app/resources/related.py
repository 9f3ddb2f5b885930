"""What else the library holds that is close to a resource, in any language.

By meaning where the index has its vectors, else by the topics that people gave it. Nothing is
embedded here. The index proposes, the database decides what the reader may see.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import reading
from app.library import Library
from app.resources.catalogue import Card, Listing, cards
from app.resources.entries import record_id
from app.resources.models import Edition, Passage, resource_topic
from app.resources.permissions import Reader, is_readable
from app.resources.services import readable_editions
from indexes.attributes import About
from indexes.base import Question, SearchIndex, Vectors
from indexes.errors import IndexesError
from indexes.query_parser import parse
from indexes.types import Scope

PER_PAGE: Final = 20
# A long book is known by as many of its passages, taken at even distances.
_MOST_PASSAGES: Final = 200
# Passages a search language among which the nearest resources are found.
_CANDIDATES: Final = 300
# A resource is as close as the mean of its best passages: one alone may stand there by chance.
_BEST: Final = 3


def nearest(
    library: Library, reader: Reader, ui: str, resource_id: str, count: int
) -> tuple[Card, ...]:
    """The resources closest to this one, closest first. Raises as `services.resource_view`."""
    with reading(library.sessions) as session:
        return cards(session, _close(library, session, reader, resource_id)[:count], reader, ui)


def similar(library: Library, reader: Reader, ui: str, resource_id: str, page: int) -> Listing:
    """One page of all that is close to it; empty beyond the end. Raises as `nearest`."""
    first = (page - 1) * PER_PAGE
    with reading(library.sessions) as session:
        ids = _close(library, session, reader, resource_id)
        shown = cards(session, ids[first : first + PER_PAGE], reader, ui)
    return Listing(shown, len(ids), page, max(1, -(-len(ids) // PER_PAGE)))


def _close(library: Library, session: Session, reader: Reader, resource_id: str) -> list[str]:
    """Ids of resources that the reader may see, closest first, without the resource itself."""
    _resource, editions = readable_editions(session, reader, resource_id)
    own = tuple(edition.id for edition in editions)
    scope = Scope(visible_to=reader.tokens, hidden_sources=own)
    try:
        vector = _vector(library.index, session, editions)
        near = library.index.candidates(Question(parse(""), scope, _CANDIDATES, lambda: vector))
        found = list(near.told(near.meaning))
    except IndexesError:
        found = []
    if not found:
        return _by_topics(session, reader, resource_id)
    return _ranked(_permitted(session, reader, found))


def _vector(index: SearchIndex, session: Session, editions: Sequence[Edition]) -> Vectors | None:
    """The mean of its editions, each the mean of its passages and its record; a unit vector.

    An edition in three languages counts each of them alike, however long it is.
    """
    means = []
    for edition in editions:
        vectors = index.vectors_of([record_id(edition), *_passages(session, edition)])
        if vectors:
            means.append(np.mean([own[0] for own in vectors.values()], axis=0))
    if not means:
        return None
    mean = np.mean(means, axis=0)
    unit: Vectors = (mean / np.linalg.norm(mean)).astype(np.float32)
    return unit


def _passages(session: Session, edition: Edition) -> Sequence[str]:
    file = edition.published_version.reading_file if edition.published_version else None
    if file is None:
        return ()
    step = max(1, file.passage_count // _MOST_PASSAGES)
    query = select(Passage.id).where(Passage.file_id == file.id, Passage.ordinal % step == 0)
    return session.scalars(query).all()


def _permitted(
    session: Session, reader: Reader, found: Sequence[tuple[About, float]]
) -> list[tuple[str, float]]:
    """Resource and closeness of each passage whose edition still shows it to this reader."""
    sources = {shared.source for (_, _, shared), _ in found}
    rows = session.execute(
        select(Edition.id, Edition.published_version_id).where(
            Edition.id.in_(sources), is_readable(reader)
        )
    )
    current = {edition: version or "" for edition, version in rows}
    return [
        (shared.group, closeness)
        for (_, address, shared), closeness in found
        if current.get(shared.source) == address
    ]


def _ranked(found: Sequence[tuple[str, float]]) -> list[str]:
    """Resources by the mean of their best passages; what has fewer counts the farthest for them."""
    farthest = min((closeness for _group, closeness in found), default=0.0)
    groups: dict[str, list[float]] = {}
    for group, closeness in sorted(found, key=lambda pair: -pair[1]):
        groups.setdefault(group, []).append(closeness)

    def mean(group: str) -> float:
        best = groups[group][:_BEST]
        return (sum(best) + farthest * (_BEST - len(best))) / _BEST

    return sorted(groups, key=lambda group: (-mean(group), group))


def _by_topics(session: Session, reader: Reader, resource_id: str) -> list[str]:
    """Those that share the most topics, the latest published first among equals."""
    topic = resource_topic.c
    own = select(topic.topic_id).where(topic.resource_id == resource_id)
    shared = (
        select(topic.resource_id, func.count().label("many"))
        .where(topic.topic_id.in_(own), topic.resource_id != resource_id)
        .group_by(topic.resource_id)
        .subquery()
    )
    latest = func.max(Edition.published_at)
    query = (
        select(shared.c.resource_id)
        .join(Edition, Edition.resource_id == shared.c.resource_id)
        .where(is_readable(reader))
        .group_by(shared.c.resource_id, shared.c.many)
        .order_by(shared.c.many.desc(), latest.desc(), shared.c.resource_id)
    )
    return list(session.scalars(query))
