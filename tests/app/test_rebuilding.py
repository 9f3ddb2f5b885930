"""An index built anew while the library changes."""

import shutil
from datetime import timedelta
from threading import Event, Thread

import pytest

from app import replay
from app.database import writing
from app.library import Library
from app.outbox import Job, OutboxRow, enqueue
from app.rebuilding import index_all_again, rebuild_index
from app.replay import Change, Rebuild, replaying
from app.worker import Worker
from indexes.errors import IndexIncomplete, IndexUnavailable
from tests.app.ingesting import arrive, found, work


def test_what_changes_meanwhile_is_in_the_new_index(words_library: Library) -> None:
    library = words_library
    arrive(library, "# Old\n\nThe harbour of Cotonou.", "old.md")
    work(library)

    def change(done: int, _total: int) -> None:
        if done == 1 and not found_meanwhile:
            found_meanwhile.append("now")
            arrive(library, "# New\n\nA lighthouse on the cape.", "new.md")
            read_files(library)

    found_meanwhile: list[str] = []
    assert rebuild_index(library, change) == 4  # a record and a passage each
    assert found(library, "lighthouse") == ["New"]
    assert found(library, "harbour") == ["Old"]
    with library.sessions() as session:
        assert session.query(Change).count() == session.query(Rebuild).count() == 0


def read_files(library: Library) -> None:
    """What a worker does with the files, who then finds the index taken."""
    worker = Worker(library)
    while worker.step() and worker.tally.jobs[Job.PARSE] == 0:
        pass
    worker.close()


def test_an_index_with_too_few_entries_is_not_used(
    words_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = words_library
    arrive(library, "# One\n\nThe harbour of Cotonou.", "one.md")
    work(library)
    before = library.index.status().generation
    monkeypatch.setattr("app.rebuilding._Building.count", lambda self: 7)
    with pytest.raises(IndexIncomplete, match="holds 2 entries and not 7"):
        rebuild_index(library, lambda _done, _total: None)
    assert library.index.status().generation == before
    assert found(library, "harbour") == ["One"]


def test_nothing_is_noted_when_nothing_is_rebuilt(
    words_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(edition: str) -> None:
        with writing(words_library.sessions) as session:
            enqueue(session, Job.INDEX, edition)

    ask("before")
    with replaying(words_library.sessions, "r") as noted:
        ask("a")
        ask("b")
        ask("a")
        with writing(words_library.sessions) as session:
            enqueue(session, Job.EMBED, "c")
        assert noted.take() == ["a", "b"]
        assert noted.take() == []
        later = replay.now() + replay.LEASE + timedelta(seconds=1)
        monkeypatch.setattr(replay, "now", lambda: later)
        ask("when the rebuild has died")
        assert noted.take() == []
    monkeypatch.undo()
    ask("after")
    with words_library.sessions() as session:
        assert session.query(Change).count() == session.query(Rebuild).count() == 0


def test_everything_can_be_asked_to_be_indexed_again(words_library: Library) -> None:
    arrive(words_library, "# One\n\nThe harbour of Cotonou.", "one.md")
    work(words_library)
    assert index_all_again(words_library) == 1
    with words_library.sessions() as session:
        assert [row.job for row in session.query(OutboxRow)] == [Job.INDEX]
    work(words_library)
    assert found(words_library, "harbour") == ["One"]


def test_an_index_that_lost_everything_is_filled_again(words_library: Library) -> None:
    arrive(words_library, "# One\n\nThe harbour of Cotonou.", "one.md")
    work(words_library)
    shutil.rmtree(words_library.config.index)
    with pytest.raises(IndexUnavailable, match="empty"):
        found(words_library, "harbour")
    arrive(words_library, "# Two\n\nA lighthouse.", "two.md")
    work(words_library)
    assert found(words_library, "harbour") == ["One"]
    assert found(words_library, "lighthouse") == ["Two"]


def test_a_worker_with_nothing_to_do_sees_that_the_index_is_gone(words_library: Library) -> None:
    arrive(words_library, "# One\n\nThe harbour of Cotonou.", "one.md")
    work(words_library)
    shutil.rmtree(words_library.config.index)
    stop = Event()
    worker = Thread(target=Worker(words_library).run, args=(stop,))
    worker.start()
    for _ in range(300):
        if not words_library.index.is_empty():
            break
        stop.wait(0.1)
    stop.set()
    worker.join()
    assert found(words_library, "harbour") == ["One"]
