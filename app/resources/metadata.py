"""What is said of an edition, by people or by its own text, and how it is written down.

What people said stands; what was read from the text fills the gaps that they left.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.resources.fitting import fitting
from app.resources.models import Availability, Edition, Resource, Topic

# Facets held as topics: the column of a metadata file -> the scheme of the topic.
TOPIC_SCHEMES = {
    "domains": "domain",
    "audiences": "audience",
    "regions": "region",
    "countries": "country",
}


@dataclass(frozen=True, slots=True)
class Description:
    """Each value may be missing. `work` joins editions into one resource; `topics` pairs a scheme
    with a code; `read_from_text` says that no person vouches for these values.
    """

    work: str | None = None
    language: str | None = None
    title: str | None = None
    abstract: str | None = None
    authors: tuple[str, ...] = ()
    type: str | None = None
    year: int | None = None
    publisher: str | None = None
    licence: str | None = None
    availability: Availability | None = None
    collection: str | None = None
    topics: tuple[tuple[str, str], ...] = ()
    read_from_text: bool = False


def describe(session: Session, edition: Edition, said: Description) -> bool:
    """Write down what is new in `said`; true if anything changed."""
    resource = session.get_one(Resource, edition.resource_id)
    changes = [
        _set_language(session, edition, said),
        _set_title(edition, said),
        _set_plain(edition, said, ("abstract", "availability")),
        _set_plain(
            resource, said, ("type", "year", "authors", "publisher", "licence", "collection")
        ),
        _add_topics(session, resource, said.topics),
    ]
    return any(changes)


def _set_language(session: Session, edition: Edition, said: Description) -> bool:
    if not said.language:
        return False
    if edition.language == said.language:
        edition.language_given |= not said.read_from_text
        return False
    # What people said stands, the page shows both. And the language is part of the address: once
    # the edition was shown under one, the text of a later version does not move it.
    shown = edition.published_at is not None and edition.language != "und"
    if said.read_from_text and (edition.language_given or shown):
        return False
    taken = session.scalar(
        select(Edition.id).where(
            Edition.resource_id == edition.resource_id,
            Edition.language == said.language,
            Edition.id != edition.id,
        )
    )
    if taken:
        return False
    edition.language = said.language
    edition.language_given = not said.read_from_text
    return True


def _set_title(edition: Edition, said: Description) -> bool:
    if not said.title:
        return False
    if edition.title == said.title:
        edition.title_given |= not said.read_from_text
        return False
    if said.read_from_text and edition.title_given:
        return False
    edition.title = said.title
    edition.title_given = not said.read_from_text
    return True


def _set_plain(row: Edition | Resource, said: Description, names: tuple[str, ...]) -> bool:
    changed = False
    for name in names:
        value, held = getattr(said, name), getattr(row, name)
        value = list(value) if isinstance(value, tuple) else fitting(row, name, value)
        if not value or value == held or (said.read_from_text and held):
            continue
        setattr(row, name, value)
        changed = True
    return changed


def _add_topics(session: Session, resource: Resource, topics: tuple[tuple[str, str], ...]) -> bool:
    held = {(topic.scheme, topic.code) for topic in resource.topics}
    new = [pair for pair in topics if pair not in held]
    for scheme, code in new:
        resource.topics.append(_topic(session, scheme, code))
    return bool(new)


def _topic(session: Session, scheme: str, code: str) -> Topic:
    topic = session.scalar(select(Topic).where(Topic.scheme == scheme, Topic.code == code))
    if topic is None:
        topic = Topic(scheme=scheme, code=code)
        session.add(topic)
        session.flush()
    return topic
