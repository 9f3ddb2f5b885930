"""Several processes on one library: no job is done twice or lost, whoever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from app.database import reading, writing
from app.library import Library
from app.outbox import Job, OutboxRow, claim, done, enqueue
from app.resources.ingestion import add_record
from app.resources.metadata import Description
from app.resources.models import Edition, File, Processing, Resource, Version
from app.search.counting import SearchCounter
from app.search.models import SearchCount
from app.worker import Worker
from tests.app.databases import on_postgresql
from tests.app.ingesting import arrive, found, work
from tests.app.racing import LEASE

ROOT = Path(__file__).resolve().parents[2]
JOBS = 300
PROCESSES = 4


@contextmanager
def racing(
    library: Library, what: str, record: Path, many: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes, all started; those that are left are killed at the end."""
    config = library.config
    environment = os.environ | {
        "PASSERELLE_DATA": str(config.data),
        "PASSERELLE_DATABASE_URL": config.database_url,
        "PASSERELLE_MODEL": "none",
    }
    command = [sys.executable, "-m", "tests.app.racing", what, str(record)]
    record.touch()
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(many)]
    try:
        until(lambda: len(list(record.parent.glob(f"{record.stem}.*.ready"))) == many)
        record.with_suffix(".go").touch()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def until(holds: object, seconds: float = 90.0) -> None:
    patience = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < patience
        time.sleep(0.02)


def recorded(record: Path) -> list[tuple[int, int]]:
    """Row and process of each job that was done."""
    lines = [line.split() for line in record.read_text().splitlines()]
    return [(int(row), int(process)) for row, process in lines]


def waiting(library: Library) -> int:
    with reading(library.sessions) as session:
        return session.query(OutboxRow).count()


def test_no_row_is_taken_by_two_and_none_is_left(words_library: Library, tmp_path: Path) -> None:
    with writing(words_library.sessions) as session:
        for number in range(JOBS):
            enqueue(session, Job.INDEX, f"{number}")
    with reading(words_library.sessions) as session:
        rows = set(session.scalars(select(OutboxRow.id)))
    with racing(words_library, "claims", tmp_path / "record", PROCESSES) as processes:
        assert [process.wait(120) for process in processes] == [0] * PROCESSES
    times = Counter(row for row, _ in recorded(tmp_path / "record"))
    assert set(times) == rows
    assert set(times.values()) == {1}
    assert len({process for _, process in recorded(tmp_path / "record")}) > 1
    assert waiting(words_library) == 0


def test_workers_that_write_to_one_index_do_each_job_once(
    words_library: Library, tmp_path: Path
) -> None:
    with writing(words_library.sessions) as session:
        for number in range(JOBS):
            said = Description(title=f"Lighthouse {number}", language="en", work=f"w{number}")
            add_record(session, said)
    assert waiting(words_library) == JOBS
    with racing(words_library, "work", tmp_path / "record", 3) as processes:
        assert [process.wait(150) for process in processes] == [0] * 3
    times = Counter(row for row, _ in recorded(tmp_path / "record"))
    assert len(times) == JOBS
    assert set(times.values()) == {1}
    assert waiting(words_library) == 0
    assert words_library.index.status().entries == JOBS


def test_what_a_killed_worker_held_is_taken_up_when_its_lease_has_run_out(
    words_library: Library, tmp_path: Path
) -> None:
    with writing(words_library.sessions) as session:
        said = Description(title="Lighthouse", language="en", work="w")
        edition = add_record(session, said)
    record = tmp_path / "record"
    with racing(words_library, "hold", record, 1) as (dead,):
        until(lambda: recorded(record))
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        assert claim(words_library.sessions, "early", Job.INDEX, 9) == []
        time.sleep(LEASE.total_seconds())
    work(words_library)
    assert found(words_library, "lighthouse") == ["Lighthouse"]
    assert waiting(words_library) == 0
    assert edition.title == "Lighthouse"


@on_postgresql  # on SQLite transactions that write follow one another
def test_a_change_saved_while_an_earlier_row_is_done_is_not_lost(words_library: Library) -> None:
    with words_library.sessions() as slow:
        enqueue(slow, Job.INDEX, "a")
        slow.flush()  # has its number, and is not saved yet
        with writing(words_library.sessions) as session:
            enqueue(session, Job.INDEX, "a")
        (later,) = claim(words_library.sessions, "w", Job.INDEX, 9)
        slow.commit()
    with writing(words_library.sessions) as session:
        done(session, later)
    (left,) = claim(words_library.sessions, "w", Job.INDEX, 9)
    assert left.id < later.id


@on_postgresql
def test_no_more_rows_are_claimed_than_asked_for(words_library: Library) -> None:
    with writing(words_library.sessions) as session:
        for number in range(500):
            enqueue(session, Job.INDEX, f"{number}")
    for limit in (1, 7, 100):
        assert len(claim(words_library.sessions, "w", Job.INDEX, limit)) == limit


def test_the_same_file_from_several_at_once_is_one_resource(words_library: Library) -> None:
    with ThreadPoolExecutor(8) as threads:
        receipts = list(threads.map(lambda _: arrive(words_library, "# A\n\nText."), range(16)))
    assert min(receipt.outcome for receipt in receipts) == "added"
    with reading(words_library.sessions) as session:
        assert session.query(Resource).count() == session.query(File).count() == 1


def test_editions_of_a_work_that_come_at_once_are_one_resource(words_library: Library) -> None:
    def bring(language: str) -> None:
        arrive(words_library, f"# {language}", key=f"{language}.md", work="w", language=language)

    languages = ["en", "fr", "es", "pt", "de", "it", "ar", "zh"]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(bring, languages))
    with reading(words_library.sessions) as session:
        (resource,) = session.query(Resource)
        assert sorted(edition.language for edition in resource.editions) == sorted(languages)


def test_formats_that_are_read_at_once_are_published(words_library: Library) -> None:
    """Each sees that the other is ready, or is seen by it: the last to finish publishes."""
    text = "A text that is the same in each format, about lighthouses. "
    for number in range(6):
        for ending, content in (("md", f"# T\n\n{text}{number}"), ("txt", f"{text}{number}")):
            arrive(
                words_library, content, key=f"{number}.{ending}", work=f"{number}", language="en"
            )
    workers = [Worker(words_library) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(Worker.finish, workers))
    work(words_library)
    with reading(words_library.sessions) as session:
        assert {file.processing for file in session.query(File)} == {Processing.READY}
        assert session.query(Version).count() == 6
        assert all(edition.published_at for edition in session.query(Edition))
        assert session.query(Edition).count() == 6


def test_portals_that_count_the_same_questions_lose_none(words_library: Library) -> None:
    def count(turn: int) -> None:
        counter = SearchCounter(words_library.sessions, after_seconds=999)
        questions = [f"question {number}" for number in range(40)]
        for question in questions if turn % 2 else reversed(questions):
            counter.count(question, "en", found=True)
        counter.write()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(16)))
    with reading(words_library.sessions) as session:
        assert {(row.asked, row.found) for row in session.query(SearchCount)} == {(16, 16)}
        assert session.query(SearchCount).count() == 40
