"""What changed while the index was being built anew.

As long as a rebuild is announced here, whoever asks for an edition to be indexed notes it as well,
in the same transaction: the new index would miss the change that a worker brings into the old one.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread

from sqlalchemy import String, delete, exists, insert, literal, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, Sessions, UTCDateTime, now, take_turn, writing

LEASE = timedelta(seconds=60)
RENEWAL_SECONDS = 15.0
_TURN = "passerelle: replay"

log = logging.getLogger(__name__)


class Rebuild(Base):
    """A rebuild that goes on; `until` runs out when its process dies."""

    __tablename__ = "rebuild"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    until: Mapped[datetime] = mapped_column(UTCDateTime)


class Change(Base):
    """An edition that changed meanwhile; one row for each time."""

    __tablename__ = "rebuild_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    edition: Mapped[str] = mapped_column(String(26))


def note(session: Session, edition: str) -> None:
    """Note that an edition changes, if an index is being built; part of the caller's transaction.

    A rebuild begins when all who are changing something have ended, so that none is missed.
    """
    take_turn(session, _TURN, together=True)
    goes_on = exists().where(Rebuild.until > now())
    changed = select(literal(edition, String(26))).where(goes_on)
    session.execute(insert(Change).from_select(["edition"], changed))


@contextmanager
def replaying(sessions: Sessions, name: str) -> Iterator["Replay"]:
    """Announce a rebuild until the context ends. One that goes on already loses nothing by it:
    only the index knows which of the two is refused.
    """
    with writing(sessions) as session:
        take_turn(session, _TURN)
        session.execute(delete(Rebuild).where(Rebuild.until <= now()))
        session.add(Rebuild(id=name, until=now() + LEASE))
    ended = Event()
    heart = Thread(target=_renew, args=(sessions, name, ended), daemon=True)
    heart.start()
    try:
        yield Replay(sessions)
    finally:
        ended.set()
        heart.join()
        with writing(sessions) as session:
            take_turn(session, _TURN)
            session.execute(delete(Rebuild).where(Rebuild.id == name))


class Replay:
    """The changes since a rebuild began."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def take(self) -> list[str]:
        """The editions noted since the last call, each once."""
        with writing(self._sessions) as session:
            return _take(session)


def take_left(session: Session) -> list[str]:
    """The editions that were noted for a rebuild and that none will take; part of the caller's
    transaction.
    """
    take_turn(session, _TURN, together=True)
    goes_on = select(Rebuild.id).where(Rebuild.until > now()).limit(1)
    return [] if session.scalar(goes_on) is not None else _take(session)


def _take(session: Session) -> list[str]:
    rows = session.execute(delete(Change).returning(Change.id, Change.edition)).all()
    return list(dict.fromkeys(row.edition for row in sorted(rows)))


def _renew(sessions: Sessions, name: str, ended: Event) -> None:
    while not ended.wait(RENEWAL_SECONDS):
        try:
            with writing(sessions) as session:
                session.execute(
                    update(Rebuild).where(Rebuild.id == name).values(until=now() + LEASE)
                )
        except Exception:
            log.exception("the rebuild could not be announced again; trying once more")
