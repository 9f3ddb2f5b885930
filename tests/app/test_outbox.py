from datetime import timedelta

import pytest

from app import outbox
from app.database import writing
from app.library import Library
from app.outbox import Job, OutboxRow, claim, done, enqueue, fail, is_waiting, release


@pytest.fixture
def rows(words_library: Library) -> Library:
    with writing(words_library.sessions) as session:
        for subject in "abc":
            enqueue(session, Job.INDEX, subject)
    return words_library


def test_rows_are_claimed_oldest_first_and_by_one_worker_only(rows: Library) -> None:
    assert [c.subject for c in claim(rows.sessions, "one", Job.INDEX, 2)] == ["a", "b"]
    assert [c.subject for c in claim(rows.sessions, "two", Job.INDEX, 9)] == ["c"]
    assert claim(rows.sessions, "three", Job.INDEX, 9) == []
    assert claim(rows.sessions, "three", Job.PARSE, 9) == []


def test_a_dead_workers_rows_are_taken_up_when_its_lease_has_run_out(
    rows: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(rows.sessions, "dead", Job.INDEX, 9)
    later = outbox.now() + outbox.LEASE + timedelta(seconds=1)
    monkeypatch.setattr(outbox, "now", lambda: later)
    assert [c.subject for c in claim(rows.sessions, "alive", Job.INDEX, 9)] == ["a", "b", "c"]


def test_a_living_worker_keeps_what_it_holds(
    rows: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = claim(rows.sessions, "slow", Job.INDEX, 9)
    start = outbox.now()
    monkeypatch.setattr(outbox, "now", lambda: start + outbox.LEASE / 2)
    outbox.renew(rows.sessions, "slow", [one.id for one in held])
    monkeypatch.setattr(outbox, "now", lambda: start + outbox.LEASE + timedelta(seconds=1))
    assert claim(rows.sessions, "other", Job.INDEX, 9) == []


def test_done_takes_earlier_rows_for_the_same_with_it_and_leaves_later_ones(
    words_library: Library,
) -> None:
    with writing(words_library.sessions) as session:
        enqueue(session, Job.INDEX, "a")
        enqueue(session, Job.INDEX, "a")
    _, second = claim(words_library.sessions, "w", Job.INDEX, 9)
    with writing(words_library.sessions) as session:
        enqueue(session, Job.INDEX, "a")  # changed again while the second was being done
        done(session, second)
    with words_library.sessions() as session:
        assert session.query(OutboxRow).count() == 1


def test_a_row_that_keeps_failing_is_left_to_a_person(
    words_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(words_library.sessions) as session:
        enqueue(session, Job.PARSE, "x")
    start = outbox.now()
    for attempt in range(outbox.MOST_ATTEMPTS):
        monkeypatch.setattr(outbox, "now", lambda n=attempt: start + timedelta(hours=n))
        (taken,) = claim(words_library.sessions, "w", Job.PARSE, 1)
        with writing(words_library.sessions) as session:
            fail(session, taken, "broken")
    monkeypatch.setattr(outbox, "now", lambda: start + timedelta(days=9))
    assert claim(words_library.sessions, "w", Job.PARSE, 1) == []
    with words_library.sessions() as session:
        found = outbox.backlog(session)[Job.PARSE]
        assert (found.waiting, found.failed) == (0, 1)
        assert not is_waiting(session, Job.PARSE, ["x"])


def test_a_released_row_is_free_at_once_and_no_attempt_is_counted(rows: Library) -> None:
    taken = claim(rows.sessions, "w", Job.INDEX, 9)
    with writing(rows.sessions) as session:
        release(session, taken)
    again = claim(rows.sessions, "w", Job.INDEX, 9)
    assert [c.attempts for c in again] == [1, 1, 1]


def test_what_a_worker_lost_sight_of_runs_out_although_it_lives(
    rows: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(rows.sessions, "slow", Job.INDEX, 9)
    outbox.renew(rows.sessions, "slow", [])
    later = outbox.now() + outbox.LEASE + timedelta(seconds=1)
    monkeypatch.setattr(outbox, "now", lambda: later)
    assert len(claim(rows.sessions, "other", Job.INDEX, 9)) == 3


def test_a_worker_that_lost_its_lease_does_not_free_anothers_row(
    rows: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = claim(rows.sessions, "slow", Job.INDEX, 9)
    later = outbox.now() + outbox.LEASE + timedelta(seconds=1)
    monkeypatch.setattr(outbox, "now", lambda: later)
    assert len(claim(rows.sessions, "quick", Job.INDEX, 9)) == 3
    with writing(rows.sessions) as session:
        release(session, lost[:1])
        fail(session, lost[1], "late")
    assert claim(rows.sessions, "third", Job.INDEX, 9) == []
