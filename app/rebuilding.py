"""The index built anew from the database, while people search and upload.

It is built aside. What changes meanwhile is noted (`app.replay`) and brought into the new index
before it is put into use; what changes in the last moment is indexed once more by the workers.
"""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import select

from app.database import new_id, reading, writing
from app.library import Library
from app.outbox import Job, OutboxRow, enqueue, forget_failed
from app.replay import Replay, replaying, take_left
from app.resources.entries import edition_entries
from app.resources.models import Edition
from indexes.base import IndexWriter
from indexes.embedding.windows import embed_entries

MOST_ROUNDS: Final = 10  # each brings in what changed during the one before

Progress = Callable[[int, int], None]


def rebuild_index(library: Library, progress: Progress) -> int:
    """Build the index anew beside the one in use, compare it with the database, and swap.

    Vectors come from the cache, so that nothing is embedded twice; what the cache does not know is
    embedded here. Returns the number of entries.

    Raises:
        WriterBusy: somebody rebuilds already.
        IndexIncomplete: the new index is not whole; the old one stays.
        IndexUnavailable: the index cannot be written to; the old one stays.
    """
    with replaying(library.sessions, new_id()) as replay:
        building = _Building(library)
        with library.index.rebuild(expected=building.count) as writer:
            building.bring(writer, _published(library), progress)
            _catch_up(building, writer, replay)
    index_what_was_left(library)
    with writing(library.sessions) as session:
        forget_failed(session, (Job.INDEX, Job.EMBED))
    return building.count()


def index_what_was_left(library: Library) -> int:
    """Ask for what changed during a rebuild that did not bring it in: in its last moment, or since
    it was killed. How many editions; none while one goes on.
    """
    with writing(library.sessions) as session:
        editions = take_left(session)
        for edition in editions:
            enqueue(session, Job.INDEX, edition)
    return len(editions)


def index_all_again(library: Library) -> int:
    """Ask for every edition to be indexed, so that an earlier index also loses what was withdrawn
    since; how many there are.
    """
    with writing(library.sessions) as session:
        editions = session.scalars(select(Edition.id)).all()
        for edition in editions:
            enqueue(session, Job.INDEX, edition)
    return len(editions)


def index_what_is_not_asked_for(library: Library) -> int:
    """Ask for every published edition that nobody has asked for yet; how many there are."""
    asked = select(OutboxRow.subject).where(OutboxRow.job == Job.INDEX)
    query = select(Edition.id).where(Edition.published_at.is_not(None), Edition.id.not_in(asked))
    with writing(library.sessions) as session:
        editions = session.scalars(query).all()
        for edition in editions:
            enqueue(session, Job.INDEX, edition)
    return len(editions)


class _Building:
    """Editions brought into a new index, and how many entries each has there."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._entries: dict[str, int] = {}

    def count(self) -> int:
        """Entries that the new index must hold."""
        return sum(self._entries.values())

    def bring(self, writer: IndexWriter, editions: Sequence[str], progress: Progress) -> None:
        """Let the new index hold what the database says of the editions now."""
        for number, edition in enumerate(editions, 1):
            self._bring(writer, edition)
            progress(number, len(editions))

    def _bring(self, writer: IndexWriter, edition: str) -> None:
        with reading(self._library.sessions) as session:
            entries = edition_entries(session, edition)
        writer.replace(edition, entries)
        if entries and self._library.embedder is not None:
            writer.add_vectors(entries, embed_entries(self._library.embedder, entries))
        self._entries[edition] = len(entries)


def _catch_up(building: _Building, writer: IndexWriter, replay: Replay) -> None:
    """Bring in what changed; usually the second round finds nothing."""
    for _ in range(MOST_ROUNDS):
        changed = replay.take()
        if not changed:
            return
        building.bring(writer, changed, lambda _done, _total: None)


def _published(library: Library) -> list[str]:
    query = select(Edition.id).where(Edition.published_at.is_not(None)).order_by(Edition.id)
    with reading(library.sessions) as session:
        return list(session.scalars(query))
