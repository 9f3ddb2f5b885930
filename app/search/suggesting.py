"""Suggestions while someone types: titles, topics, authors, and what others ask often.

Completions are held in memory by each process and follow the catalogue within seconds; a title is
looked up again in the database before it is shown, so that none is that the reader may not see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.addresses import UI_LANGUAGES, edition_address
from app.database import Sessions, now, reading
from app.resources.models import Edition, Resource, Topic, resource_topic
from app.resources.permissions import PUBLIC, Reader, is_readable, visible_to
from app.resources.vocabulary import label
from app.search.counting import frequent_questions
from app.search.refreshing import Refreshed
from indexes.suggestions import Completion, Completions, typed_words

MOST = 8
LONGEST_TYPED = 120
CATALOGUE_SECONDS, QUESTIONS_SECONDS = 2.0, 300.0
_ROOT = 4  # letters that words of one root share: cultura, culturel
_EVERYBODY = frozenset((PUBLIC,))
_Published = tuple[Resource, str, str, str]  # with id, language and title of the edition
_Rights = Mapping[str, frozenset[str]]  # of a resource, by its id


class Kind(StrEnum):
    TITLE = "title"
    TOPIC = "topic"
    AUTHOR = "author"
    QUESTION = "question"


# How many of each kind at first; what is left of the eight goes to those that have more.
_SHARES: Mapping[Kind, int] = {Kind.TITLE: 4, Kind.TOPIC: 2, Kind.AUTHOR: 1, Kind.QUESTION: 1}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`language` is that of the text, empty for a name; `url` is where choosing it leads."""

    kind: Kind
    text: str
    language: str
    url: str


class Suggester:
    """Suggests out of one library; several threads may use it at once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._catalogue = Refreshed(self._read_catalogue, self._stamp, CATALOGUE_SECONDS)
        self._questions = Refreshed(self._read_questions, now, QUESTIONS_SECONDS)

    def suggest(self, typed: str, ui: str, reader: Reader) -> list[Suggestion]:
        """At most eight, by kind, those in the language `ui` first; none below two letters."""
        typed = typed[:LONGEST_TYPED]
        held = {**self._catalogue.get(), Kind.QUESTION: self._questions.get()}
        found = {kind: own.find(typed, ui, reader.tokens, 2 * MOST) for kind, own in held.items()}
        titles = self._checked(found.pop(Kind.TITLE), ui, reader)
        others = {kind: [_suggestion(kind, one, ui) for one in own] for kind, own in found.items()}
        return _shared_out({Kind.TITLE: titles, **others})

    def topics_near(self, text: str, ui: str, reader: Reader, most: int) -> list[Suggestion]:
        """Topics of which a word begins like one of the text, in any language."""
        topics = self._catalogue.get()[Kind.TOPIC]
        found: dict[str, Completion] = {}
        for word in typed_words(text):
            if len(word) >= _ROOT:
                for one in topics.find(word[:_ROOT], ui, reader.tokens, most):
                    found.setdefault(one.group, one)
        return [_suggestion(Kind.TOPIC, one, ui) for one in list(found.values())[:most]]

    def refresh(self) -> None:
        """Look at the catalogue and the questions now, and wait for it."""
        self._catalogue.refresh()
        self._questions.refresh()

    def _checked(self, titles: Sequence[Completion], ui: str, reader: Reader) -> list[Suggestion]:
        """Those that the reader may see at this moment, as they are called now."""
        query = select(Edition.id, Edition.title).where(
            Edition.id.in_([one.key for one in titles]), is_readable(reader)
        )
        with reading(self._sessions) as session:
            current = {row.id: row.title for row in session.execute(query)}
        return [
            Suggestion(
                Kind.TITLE,
                current[one.key],
                one.language,
                edition_address(ui, one.group, one.language),
            )
            for one in titles
            if one.key in current
        ]

    def _stamp(self) -> object:
        """Changes with each publication, withdrawal, and nearly every change of a title."""
        query = select(
            func.count(), func.max(Edition.published_at), func.sum(func.length(Edition.title))
        ).where(Edition.published_at.is_not(None))
        with reading(self._sessions) as session:
            return tuple(session.execute(query).one())

    def _read_catalogue(self) -> dict[Kind, Completions]:
        with reading(self._sessions) as session:
            editions = _published(session)
            rights = {resource.id: frozenset(visible_to(resource)) for resource, *_ in editions}
            about = [(row[0], row[1]) for row in session.execute(select(resource_topic))]
            topics = {topic.id: topic for topic in session.scalars(select(Topic))}
        return {
            Kind.TITLE: Completions(_titles(editions, rights)),
            Kind.TOPIC: Completions(_topics(topics, about, rights)),
            Kind.AUTHOR: Completions(_authors(editions, rights)),
        }

    def _read_questions(self) -> Completions:
        with reading(self._sessions) as session:
            questions = frequent_questions(session)
        return Completions(
            Completion(
                text=one.text[:1].upper() + one.text[1:],
                language=one.language,
                key=one.text,
                group=" ".join(typed_words(one.text)),
                visible_to=_EVERYBODY,
            )
            for one in questions
        )


def _published(session: Session) -> list[_Published]:
    """Every published edition with its resource; plain columns, 20,000 of which are quick."""
    query = (
        select(Resource, Edition.id, Edition.language, Edition.title)
        .join(Edition, Edition.resource_id == Resource.id)
        .where(Edition.published_at.is_not(None))
    )
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(query)]


def _titles(editions: Sequence[_Published], rights: _Rights) -> list[Completion]:
    """Short ones first: they say most with least."""
    return sorted(
        (
            Completion(title, language, edition, resource.id, rights[resource.id])
            for resource, edition, language, title in editions
        ),
        key=lambda one: (len(one.text), one.text),
    )


def _topics(
    topics: Mapping[int, Topic], about: Sequence[tuple[str, int]], rights: _Rights
) -> list[Completion]:
    """Each topic that something is about, in each language of the interface."""
    held: dict[int, frozenset[str]] = {}
    for resource, topic in about:
        held[topic] = held.get(topic, frozenset()) | rights.get(resource, frozenset())
    return [
        Completion(
            text=topics[number].labels.get(ui)
            or label(topics[number].scheme, topics[number].code, ui),
            language=ui,
            key="",
            group=str(number),
            visible_to=held[number],
        )
        for number in sorted(held)
        for ui in UI_LANGUAGES
    ]


def _authors(editions: Sequence[_Published], rights: _Rights) -> list[Completion]:
    held: dict[str, frozenset[str]] = {}
    for resource, *_ in editions:
        for name in resource.authors:
            held[name] = held.get(name, frozenset()) | rights[resource.id]
    return [Completion(name, "", "", name, held[name]) for name in sorted(held)]


def _suggestion(kind: Kind, one: Completion, ui: str) -> Suggestion:
    """What is not a title is asked: an author as such, the others as they stand."""
    asked = f'author:"{one.text.replace(chr(34), " ")}"' if kind is Kind.AUTHOR else one.text
    return Suggestion(kind, one.text, one.language, f"/{ui}/search?{urlencode({'q': asked})}")


def _shared_out(found: Mapping[Kind, Sequence[Suggestion]]) -> list[Suggestion]:
    """At most eight of all kinds: to each its share, then what is left to those in front."""
    taken = {kind: min(share, len(found[kind])) for kind, share in _SHARES.items()}
    for kind in _SHARES:
        taken[kind] += min(MOST - sum(taken.values()), len(found[kind]) - taken[kind])
    return [one for kind, many in taken.items() for one in found[kind][:many]]
