"""Where a question leads on to: what was probably meant, and what to try where nothing was found.

Nothing is proposed that finds nothing: each way on was looked up with the reader's rights.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from app.database import reading
from app.library import Library
from app.resources.models import Edition
from app.resources.permissions import Reader, is_readable
from app.resources.vocabulary import label
from app.search.asked import Asked, Option
from app.search.companions import Companions
from app.search.fields import resolve
from app.search.services import search
from app.search.suggesting import Suggestion
from indexes.base import Question
from indexes.errors import IndexesError
from indexes.query_parser import parse
from indexes.spelling import Correction
from indexes.types import Scope

_MOST_LIMITS = 5  # each costs a search
_MOST_TOPICS = 6
_LOOKED_AT = 5


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who asks, where, and under which address: what every way on needs to know."""

    library: Library
    companions: Companions
    reader: Reader
    ui: str
    address: str


@dataclass(frozen=True, slots=True)
class DidYouMean:
    """`url` asks the corrected question in the same way."""

    correction: Correction
    url: str


@dataclass(frozen=True, slots=True)
class WaysOn:
    """What to try. `fewer_limits` say how many resources the question finds without that limit,
    the last one without any.
    """

    fewer_limits: tuple[Option, ...]
    topics: tuple[Suggestion, ...]


def did_you_mean(seeker: Seeker, asked: Asked) -> DidYouMean | None:
    """The question with its unknown words replaced by what was probably meant, if anything was.

    Costs a fraction of a millisecond where every word is known.
    """
    scope = Scope(visible_to=seeker.reader.tokens, languages=asked.languages, filters=asked.filters)
    try:
        parsed = parse(asked.text)
        scope = resolve(seeker.library, parsed, scope).scope
        correction = seeker.companions.speller.correct(
            parsed, asked.text, seeker.ui, lambda word: _finds(seeker, word, scope)
        )
    except IndexesError:
        return None
    if correction is None:
        return None
    return DidYouMean(correction, f"{seeker.address}?{asked.saying(correction.text).query()}")


def ways_on(seeker: Seeker, asked: Asked, meant: DidYouMean | None) -> WaysOn:
    """What leads on from a question that found nothing."""
    text = meant.correction.text if meant else asked.text
    topics = seeker.companions.suggester.topics_near(text, seeker.ui, seeker.reader, _MOST_TOPICS)
    try:
        return WaysOn(tuple(_fewer_limits(seeker, asked)), tuple(topics))
    except IndexesError:
        return WaysOn((), tuple(topics))


def _finds(seeker: Seeker, word: str, scope: Scope) -> bool:
    """Whether the word stands in anything that the reader may see, now."""
    found = seeker.library.index.candidates(Question(parse(word), scope, _LOOKED_AT))
    sources = {shared.source for (_, _, shared), _ in found.told(found.words)}
    query = select(Edition.id).where(Edition.id.in_(sources), is_readable(seeker.reader)).limit(1)
    with reading(seeker.library.sessions) as session:
        return session.scalar(query) is not None


def _fewer_limits(seeker: Seeker, asked: Asked) -> Iterator[Option]:
    """Each limit taken away by itself, then all of them, where something is found then."""
    limits = [
        (code, value, asked.toggled(code, value))
        for code, values in asked.filters.items()
        for value in values
    ]
    if asked.languages:
        limits.append(("in", "", asked.everywhere()))
    if len(limits) > 1:
        limits = [*limits[:_MOST_LIMITS], ("", "", asked.unfiltered())]
    for code, value, wider in limits:
        total = search(seeker.library, wider.request(seeker.ui, seeker.reader, 1)).total
        if total:
            name = label(code, value, seeker.ui) if value else code
            yield Option(value, name, total, f"{seeker.address}?{wider.query()}")
