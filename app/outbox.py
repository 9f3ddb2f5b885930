"""What is still to be done after a change was saved, and who is doing it.

A row is written in the transaction of the change that calls for it. Workers claim rows by lease
and renew it while they live; a worker that dies lets its lease run out, and another takes the row
up. Doing a row twice must do no harm; that is the handlers' part (`app.worker`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Index, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, Sessions, UTCDateTime, coded, now, writing
from app.replay import note

LEASE = timedelta(seconds=30)
RENEWAL_SECONDS = 8.0  # three renewals may fail before another worker steps in
MOST_ATTEMPTS = 5


class Job(StrEnum):
    """What a row asks for, and of what `subject` is the id."""

    PARSE = "parse"  # a file
    INDEX = "index"  # an edition: let the index hold its current published version
    EMBED = "embed"  # an edition: let its entries be findable by meaning


class OutboxRow(Base):
    """A job to be done. `failed` rows have used up their attempts and wait for a person."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_job_failed_available_at", "job", "failed", "available_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[Job] = mapped_column(coded(Job))
    subject: Mapped[str] = mapped_column(String(26), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    available_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None] = mapped_column(String(26))
    failed: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(Text, default="")


@dataclass(frozen=True, slots=True)
class Claim:
    """A row taken for a while by one worker."""

    id: int
    job: Job
    subject: str
    attempts: int
    worker: str

    @property
    def is_last_attempt(self) -> bool:
        return self.attempts >= MOST_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows of a job wait, how many gave up, and the age of the oldest in seconds."""

    waiting: int
    failed: int
    oldest: float


def enqueue(session: Session, job: Job, subject: str) -> None:
    """Ask for `job`; part of the caller's transaction."""
    session.add(OutboxRow(job=job, subject=subject))
    if job is Job.INDEX:
        note(session, subject)


def claim(sessions: Sessions, worker: str, job: Job, limit: int) -> list[Claim]:
    """Take up to `limit` rows, the oldest first. Their lease runs out by itself.

    `available_at` is moved to the lease's end, so that one condition finds both the rows nobody
    took and those whose worker died.
    """
    with writing(sessions) as session:
        free = (
            select(OutboxRow.id)
            .where(OutboxRow.job == job, ~OutboxRow.failed, OutboxRow.available_at <= now())
            .order_by(OutboxRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("free")  # a subquery PostgreSQL may run again for each row, and take more of them
        )
        taken = session.execute(
            update(OutboxRow)
            .where(OutboxRow.id.in_(select(free.c.id)))
            .values(
                leased_by=worker,
                available_at=now() + LEASE,
                attempts=OutboxRow.attempts + 1,
            )
            .returning(OutboxRow.id, OutboxRow.job, OutboxRow.subject, OutboxRow.attempts)
            .execution_options(synchronize_session=False)
        ).all()
    return [Claim(*row, worker) for row in sorted(taken)]


def renew(sessions: Sessions, worker: str, ids: Sequence[int]) -> None:
    """The worker is at work on these rows: they stay its own for another lease.

    Rows that it was given and lost sight of (a transaction that failed) run out and are taken up.
    """
    with writing(sessions) as session:
        # A row that is being finished this moment needs no lease, and waiting for it could end in
        # a deadlock.
        held = (
            select(OutboxRow.id)
            .where(OutboxRow.leased_by == worker, OutboxRow.id.in_(ids))
            .with_for_update(skip_locked=True)
            .cte("held")
        )
        session.execute(
            update(OutboxRow)
            .where(OutboxRow.id.in_(select(held.c.id)))
            .values(available_at=now() + LEASE)
            .execution_options(synchronize_session=False)
        )


def done(session: Session, claim: Claim) -> None:
    """The job is done, and so is every earlier row for the same that the worker holds or that
    gave up.

    No other: a row with a smaller number may have been saved after the work had begun, since
    numbers are given out before transactions end.
    """
    known = (OutboxRow.id == claim.id) | (OutboxRow.leased_by == claim.worker) | OutboxRow.failed
    session.execute(
        delete(OutboxRow).where(
            OutboxRow.job == claim.job,
            OutboxRow.subject == claim.subject,
            OutboxRow.id <= claim.id,
            known,
        )
    )


def release(session: Session, claims: Sequence[Claim], after: timedelta = timedelta()) -> None:
    """Give rows back undone, to be taken up again; this attempt does not count.

    A row that another worker has taken up meanwhile stays with it.
    """
    held = {claim.id: claim.worker for claim in claims}
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.id.in_(list(held)), OutboxRow.leased_by.in_(set(held.values())))
        .values(leased_by=None, available_at=now() + after, attempts=OutboxRow.attempts - 1)
    )


def fail(session: Session, claim: Claim, error: str) -> None:
    """The job went wrong: try again later, later each time, and in the end leave it to a person."""
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == claim.id, OutboxRow.leased_by == claim.worker)
        .values(
            leased_by=None,
            available_at=now() + timedelta(seconds=2**claim.attempts),
            failed=claim.is_last_attempt,
            error=error[:2000],
        )
    )


def backlog(session: Session) -> dict[Job, Backlog]:
    """What waits, by job."""
    rows = session.execute(
        select(
            OutboxRow.job,
            func.count().filter(~OutboxRow.failed),
            func.count().filter(OutboxRow.failed),
            func.min(OutboxRow.created_at).filter(~OutboxRow.failed),
        ).group_by(OutboxRow.job)
    ).all()
    found = {
        Job(job): Backlog(waiting, failed, (now() - oldest).total_seconds() if oldest else 0.0)
        for job, waiting, failed, oldest in rows
    }
    return {job: found.get(job, Backlog(0, 0, 0.0)) for job in Job}


def is_waiting(session: Session, job: Job, subjects: Sequence[str]) -> bool:
    """Whether any of the subjects still waits for the job (having failed is not waiting)."""
    found = (
        select(OutboxRow.id)
        .where(OutboxRow.job == job, ~OutboxRow.failed, OutboxRow.subject.in_(subjects))
        .limit(1)
    )
    return session.scalar(found) is not None


def is_put_off(session: Session, seconds: float) -> bool:
    """Whether a row that nobody holds becomes free within so many seconds."""
    soon = now() + timedelta(seconds=seconds)
    found = (
        select(OutboxRow.id)
        .where(~OutboxRow.failed, OutboxRow.leased_by.is_(None), OutboxRow.available_at <= soon)
        .limit(1)
    )
    return session.scalar(found) is not None


def forget_failed(session: Session, jobs: Sequence[Job]) -> None:
    """Rows that gave up and have become needless, since what they asked for was done otherwise."""
    session.execute(delete(OutboxRow).where(OutboxRow.failed, OutboxRow.job.in_(jobs)))
