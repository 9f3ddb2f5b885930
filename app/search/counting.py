"""Counters of searches: how often what was asked, on which days, and whether anything was found.

Nothing of the person who asks is kept, and a text that looks like personal data is not counted at
all. Counts wait in memory for a moment and are written beside the search, never within it: a
process that is killed loses those of its last seconds.
"""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock, Timer
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.database import Sessions, now, writing
from app.search.models import LONGEST_QUESTION, SearchCount

KEPT = timedelta(days=396)  # 13 months
WRITTEN_AFTER_SECONDS = 5.0
MOST_WAITING = 10_000  # texts; a database that is away must not fill the memory
FREQUENT_TIMES, FREQUENT_DAYS = 5, 3
MOST_QUESTIONS = 2_000
_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_PERSONAL = re.compile(
    r"""[^\s@]+@[^\s@]+          # a mail address
    | (?:\d[\s./()+-]*){7,}      # a telephone, an account, a date of birth with more
    | \bhttps?:// | \bwww\.      # an address, which may hold anything
    """,
    re.VERBOSE,
)

_YEARS = re.compile(r"\b(?:1[89]|20)\d\d\s?[-–/.]{1,3}\s?(?:1[89]|20)\d\d\b")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """A question as it is counted."""

    day: date
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What people ask often, in the language of the interface they asked in."""

    text: str
    language: str


class SearchCounter:
    """Counts in memory, and writes what has come together. Several threads may use it at once."""

    def __init__(self, sessions: Sessions, after_seconds: float = WRITTEN_AFTER_SECONDS) -> None:
        self._sessions = sessions
        self._after = after_seconds
        self._lock = Lock()
        self._asked: Counter[Asked] = Counter()
        self._found: Counter[Asked] = Counter()

    def count(self, text: str, language: str, found: bool) -> None:
        """Count a search; costs microseconds and never fails."""
        plain = normalised(text)
        if not plain or looks_personal(plain):
            return
        asked = Asked(now().date(), language, plain)
        with self._lock:
            first = not self._asked
            if asked not in self._asked and len(self._asked) >= MOST_WAITING:
                return
            self._asked[asked] += 1
            self._found[asked] += found
        if first:
            timer = Timer(self._after, self.write)
            timer.daemon = True
            timer.start()

    def waiting(self) -> Mapping[Asked, int]:
        """What is counted and not yet written."""
        with self._lock:
            return dict(self._asked)

    def write(self) -> None:
        """Write what waits; what cannot be written is given up."""
        with self._lock:
            asked, self._asked = self._asked, Counter()
            found, self._found = self._found, Counter()
        try:
            with writing(self._sessions) as session:
                # In one order: two portals that count the same would else wait for each other.
                for key in sorted(asked):
                    _add(session, key, asked[key], found[key])
        except Exception:
            log.exception("%s searches could not be counted", asked.total())


def normalised(text: str) -> str:
    """One spelling of a question: no capitals, no double spaces, no mark at the end. Empty when
    it is too long to be asked twice by chance.
    """
    sound = text.replace("\x00", " ").encode("utf-8", "replace").decode()
    plain = " ".join(unicodedata.normalize("NFKC", sound).lower().split()).strip(" ?!.¿¡,;:")
    return plain if len(plain) <= LONGEST_QUESTION else ""


def looks_personal(text: str) -> bool:
    """Mail addresses, telephones, long numbers and links; a span of years is none of them."""
    return bool(_PERSONAL.search(_YEARS.sub("", text)))


def frequent_questions(session: Session) -> list[Question]:
    """What was asked at least five times on three days and most often found something, the most
    frequent first.
    """
    asked = func.sum(SearchCount.asked)
    mostly_found = func.sum(SearchCount.found) * 2 >= asked
    query = (
        select(SearchCount.text, SearchCount.language)
        .group_by(SearchCount.text, SearchCount.language)
        .having(asked >= FREQUENT_TIMES, func.count() >= FREQUENT_DAYS, mostly_found)
        .order_by(asked.desc(), SearchCount.text, SearchCount.language)
        .limit(MOST_QUESTIONS)
    )
    return [Question(text, language) for text, language in session.execute(query)]


def forget_old_searches(session: Session, today: date) -> None:
    """Part of the caller's transaction."""
    session.execute(delete(SearchCount).where(SearchCount.day < today - KEPT))


def _add(session: Session, key: Asked, asked: int, found: int) -> None:
    insert: Any = _INSERTS[session.get_bind().dialect.name](SearchCount)
    row: Mapping[str, Any] = {"day": key.day, "language": key.language, "text": key.text}
    session.execute(
        insert.values(**row, asked=asked, found=found).on_conflict_do_update(
            index_elements=list(row),
            set_={
                "asked": SearchCount.asked + insert.excluded.asked,
                "found": SearchCount.found + insert.excluded.found,
            },
        )
    )
