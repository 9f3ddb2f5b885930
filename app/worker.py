"""The worker: takes jobs from the outbox and does them, in any number of processes.

What is quick and makes text findable comes first: entries into the index, then files to read, then
vectors. A vector job embeds a slice and comes back for the rest, so that a long book never keeps a
short one waiting.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import Event, Thread
from time import monotonic, perf_counter

from app.database import new_id, now, reading, writing
from app.library import Library
from app.logs import about
from app.outbox import (
    RENEWAL_SECONDS,
    Claim,
    Job,
    claim,
    done,
    enqueue,
    fail,
    is_put_off,
    release,
    renew,
)
from app.rebuilding import index_what_is_not_asked_for, index_what_was_left
from app.resources.entries import edition_entries
from app.resources.file_reading import give_up_reading, read_file
from app.search.counting import forget_old_searches
from indexes.embedding.windows import embed_entries
from indexes.errors import IndexMismatch, IndexRefused, IndexUnavailable, WriterBusy
from indexes.types import Entry
from ingest import sandbox

log = logging.getLogger(__name__)

PARSERS = 2  # each parse is a process of its own; more than the cores would only take turns
IDLE_SECONDS = 1.0
MISMATCH_SECONDS = 30.0
LOOK_SECONDS = 30.0  # between two looks at whether the index is still there
REST_SECONDS = 3.0  # between two attempts at an index that is away
PUT_OFF_SECONDS = 5.0  # how long `finish` waits for jobs that were put off
EMBED_PASSAGES = 96  # a slice: about ten seconds with their windows, one write to the index
_WRITER_BUSY_PAUSE = timedelta(seconds=1)


@dataclass
class Tally:
    """What a worker has done: jobs, the seconds they took and attempts that failed, by stage;
    passages embedded and the seconds that the model took for them.
    """

    jobs: dict[Job, int] = field(default_factory=lambda: dict.fromkeys(Job, 0))
    seconds: dict[Job, float] = field(default_factory=lambda: dict.fromkeys(Job, 0.0))
    failures: dict[Job, int] = field(default_factory=lambda: dict.fromkeys(Job, 0))
    embedded: int = 0
    embedding_seconds: float = 0.0


class Worker:
    """Does jobs of one library under its own name. Not shared between threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._name = new_id()
        self._parsers = ThreadPoolExecutor(PARSERS, thread_name_prefix="parse")
        self.tally = Tally()
        self._leased: tuple[int, ...] = ()
        self._tidied: date | None = None
        self.index_problem: IndexMismatch | IndexUnavailable | None = None  # since the last try
        self._index_rests_until = 0.0
        self._looks_at = 0.0
        self._closed = Event()
        self._heart = Thread(target=self._renew, name="leases", daemon=True)
        self._heart.start()
        self._stages: tuple[tuple[Job, int, Callable[[Sequence[Claim]], None]], ...] = (
            (Job.INDEX, 100, self._index),
            (Job.PARSE, PARSERS * 2, self._parse),
            (Job.EMBED, 32, self._embed),
        )

    def run(self, stop: Event) -> None:
        """Work until told to stop; what is in hand is finished first."""
        while not stop.is_set():
            try:
                busy = self.step_on() or self._unless_away(self._look_after)
            except Exception:
                log.exception("the worker could not reach its database; trying again")
                stop.wait(IDLE_SECONDS)
            else:
                if not busy:
                    stop.wait(IDLE_SECONDS)
        self.close()

    def _look_after(self) -> bool:
        """While nothing waits: see that the index is still there, and once a day let go of what is
        kept for a time only. Whether there is something to do now.
        """
        today = now().date()
        if self._tidied != today:
            self._tidied = today
            with writing(self._library.sessions) as session:
                forget_old_searches(session, today)
        if monotonic() < self._looks_at:
            return False
        self._looks_at = monotonic() + LOOK_SECONDS
        left = index_what_was_left(self._library)
        is_filled = self._fill_if_empty()
        self._index_is_there()
        return is_filled or left > 0

    def finish(self) -> None:
        """Do what waits or will wait in a moment, then stop. Files are read in any case.

        Raises:
            IndexMismatch: the index has to be rebuilt first.
            IndexUnavailable: the index cannot be written to now; what waits stays.
        """
        try:
            while self.step_on() or (self.index_problem is None and self._is_put_off()):
                pass
        finally:
            self.close()
        if self.index_problem is not None:
            raise self.index_problem

    def close(self) -> None:
        self._closed.set()
        self._heart.join()
        self._parsers.shutdown()

    def _is_put_off(self) -> bool:
        with reading(self._library.sessions) as session:
            put_off = is_put_off(session, PUT_OFF_SECONDS)
        return put_off and not self._closed.wait(IDLE_SECONDS / 5)

    def _renew(self) -> None:
        while not self._closed.wait(RENEWAL_SECONDS):
            try:
                renew(self._library.sessions, self._name, self._leased)
            except Exception:
                log.exception("the leases could not be renewed; trying again")

    def step_on(self) -> bool:
        """As `step`; while the index cannot be written to (`index_problem`) files are read."""
        return self._unless_away(self.step)

    def _unless_away(self, act: Callable[[], bool]) -> bool:
        try:
            return act()
        except IndexMismatch as error:
            self._rest(error, MISMATCH_SECONDS)
        except IndexUnavailable as error:
            self._rest(error, REST_SECONDS)
        return True

    def _rest(self, problem: IndexMismatch | IndexUnavailable, seconds: float) -> None:
        """Told once, however long it lasts."""
        if self.index_problem is None:
            log.warning("%s: what waits for the index waits on", problem)
        self.index_problem = problem
        self._index_rests_until = monotonic() + seconds

    def _index_is_there(self) -> None:
        if self.index_problem is not None:
            log.warning("the index can be written to again")
        self.index_problem = None

    def step(self) -> bool:
        """Do the next few jobs of the first stage that has any; false if nothing waits.

        Raises:
            IndexMismatch: the index has to be rebuilt; the jobs wait for that.
            IndexUnavailable: the index cannot be written to now; the jobs wait, however long.
        """
        rests = monotonic() < self._index_rests_until
        for job, limit, handle in self._stages:
            if rests and job is not Job.PARSE:
                continue
            claims = claim(self._library.sessions, self._name, job, limit)
            if claims:
                began = perf_counter()
                self._leased = tuple(single.id for single in claims)
                try:
                    with _told_of(claims):
                        self._do(claims, handle)
                finally:
                    self._leased = ()
                if job is not Job.PARSE:
                    self._index_is_there()
                self.tally.seconds[job] += perf_counter() - began
                self.tally.jobs[job] += len(claims)
                return True
        return False

    def _do(self, claims: Sequence[Claim], handle: Callable[[Sequence[Claim]], None]) -> None:
        try:
            handle(claims)
        except WriterBusy:
            with writing(self._library.sessions) as session:
                release(session, claims, _WRITER_BUSY_PAUSE)
        except IndexMismatch:
            with writing(self._library.sessions) as session:
                release(session, claims)
            raise
        except Exception as error:
            if isinstance(error, IndexUnavailable) and not isinstance(error, IndexRefused):
                with writing(self._library.sessions) as session:
                    release(session, claims)
                raise
            if len(claims) > 1:  # one bad job must not fail those beside it
                for single in claims:
                    with _told_of([single]):
                        self._do([single], handle)
                return
            self.tally.failures[claims[0].job] += 1
            log.exception("%s of %s failed", claims[0].job, claims[0].subject)
            with writing(self._library.sessions) as session:
                fail(session, claims[0], f"{type(error).__name__}: {error}")

    def _parse(self, claims: Sequence[Claim]) -> None:
        for result in [self._parsers.submit(self._parse_one, single) for single in claims]:
            self.tally.failures[Job.PARSE] += not result.result()

    def _parse_one(self, single: Claim) -> bool:
        """On a thread of its own; false where the attempt failed."""
        with _told_of([single]):
            return self._try_to_read(single)

    def _try_to_read(self, single: Claim) -> bool:
        try:
            read_file(self._library, single)
        except Exception as error:
            log.exception("reading file %s failed", single.subject)
            with writing(self._library.sessions) as session:
                fail(session, single, f"{type(error).__name__}: {error}")
                if single.is_last_attempt:
                    give_up_reading(session, single.subject)
            return False
        return True

    def _index(self, claims: Sequence[Claim]) -> None:
        """Let the index hold what the database says, then ask for the vectors."""
        self._fill_if_empty()
        with self._library.index.writer() as writer:
            # Read under the writer's lock: of two workers the last to write has read last.
            entries = self._entries(claims)
            for single in claims:
                writer.replace(single.subject, entries[single.id])
        with writing(self._library.sessions) as session:
            for single in claims:
                done(session, single)
                if entries[single.id] and self._library.embedder is not None:
                    enqueue(session, Job.EMBED, single.subject)

    def _fill_if_empty(self) -> bool:
        """An index that lost everything (a disk that was replaced) is filled again from the
        database; at the very beginning there is nothing else to ask for. Whether that was so.
        """
        if not self._library.index.is_empty():
            return False
        missing = index_what_is_not_asked_for(self._library)
        if missing:
            log.warning("the index is empty: %s editions are indexed again", missing)
        return bool(missing)

    def _entries(self, claims: Sequence[Claim]) -> dict[int, list[Entry]]:
        with reading(self._library.sessions) as session:
            return {single.id: edition_entries(session, single.subject) for single in claims}

    def _embed(self, claims: Sequence[Claim]) -> None:
        """Embed the first slice of what has no vector yet; a job with nothing left is done."""
        sandbox.rest()  # the parsers' 150 MB are not held while the model works
        missing = {
            claim_id: self._without_vector(entries)
            for claim_id, entries in self._entries(claims).items()
        }
        batch = [entry for entries in missing.values() for entry in entries][:EMBED_PASSAGES]
        if batch and self._library.embedder is not None:
            began = perf_counter()
            vectors = embed_entries(self._library.embedder, batch)
            seconds = perf_counter() - began
            with self._library.index.writer() as writer:
                writer.add_vectors(batch, vectors)
            self.tally.embedded += len(batch)
            self.tally.embedding_seconds += seconds
        embedded = {entry.id for entry in batch}
        with writing(self._library.sessions) as session:
            for single in claims:
                if all(entry.id in embedded for entry in missing[single.id]):
                    done(session, single)
                else:
                    release(session, [single])

    def _without_vector(self, entries: list[Entry]) -> list[Entry]:
        held = self._library.index.with_vectors([entry.id for entry in entries])
        return [entry for entry in entries if entry.id not in held]


def _told_of(claims: Sequence[Claim]) -> AbstractContextManager[None]:
    """Records written meanwhile say the job, and its subject where there is one only."""
    subject = {"subject": claims[0].subject} if len(claims) == 1 else {}
    return about(job=claims[0].job.value, **subject)
