"""Rows are loaded whole or not at all, whatever goes on beside."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Connection,
    Engine,
    select,
    text,
)

from app.backup import making, restoring
from app.backup.making import make_backup
from app.backup.manifest import BackupError
from app.backup.restoring import restore
from app.backup.tables import snapshot
from app.database import writing
from app.library import Library
from app.migrations import current_revision, downgrade, newest_revision, upgrade
from app.outbox import Job, enqueue
from app.resources.models import Edition
from tests.app.backup.libraries import TEXTS, hits, quiet, rewrite, rows
from tests.app.databases import on_postgresql
from tests.app.ingesting import work


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"revision": "', b'"revision": "later than ', "of revision 'later than "),
        (b'"format": 1', b'"format": 2', "format 2"),
        (b'"number":1', b'"number":"one"', "table"),
        (b'"page_count":1', b'"unknown":1', "unknown"),
        (b'"version_id":"0', b'"version_id":"1', "cannot be loaded"),
        (b'"published_version_id":"0', b'"published_version_id":"1', "points at"),
        (b'"created_at":"', b'"created_at":"never ', "cannot be read"),
    ],
)
def test_rows_that_do_not_fit_leave_the_library_empty(
    archive: Path, fresh: Library, old: bytes, new: bytes, message: str
) -> None:
    rewrite(archive, lambda _, content: content.replace(old, new))
    with pytest.raises(BackupError, match=message):
        restore(fresh, archive, quiet)
    if fresh.config.data.exists():
        assert not any(rows(fresh).values())


def test_an_archive_of_the_oldest_revision_is_brought_up(
    full: Library, fresh: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downgrade(full, "0001")
    # Entries are counted by the models, which know the newest revision only; the version that makes
    # such an archive has models of its own.
    monkeypatch.setattr(making, "_entries", lambda *_: 2 * len(TEXTS))
    make_backup(full, tmp_path / "old.tar", quiet)
    upgrade(full)
    upgrade(fresh)
    restored = restore(fresh, tmp_path / "old.tar", quiet)
    assert restored.manifest.about.revision == "0001"
    assert all(one.equal for one in restored.compared), restored.compared
    assert current_revision(fresh) == newest_revision(fresh)
    assert rows(fresh) == rows(full)
    assert hits(fresh) == hits(full)


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_worker_beside_a_restore_makes_no_difference_to_what_is_compared(
    full: Library,
    fresh: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    interrupted: bool,
) -> None:
    with writing(full.sessions) as session:
        enqueue(session, Job.INDEX, session.scalars(select(Edition.id)).first() or "")
    made = make_backup(full, tmp_path / "one.tar", quiet)
    load = restoring._load

    def load_and_work(library: Library, *rest: Any) -> Any:
        loaded = load(library, *rest)
        work(library)
        if interrupted:
            raise KeyboardInterrupt
        return loaded

    monkeypatch.setattr(restoring, "_load", load_and_work)
    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            restore(fresh, made.path, quiet)
    restored = restore(fresh, made.path, quiet)
    assert made.manifest.tables["outbox"] == 1
    assert restored.continued == interrupted
    assert all(one.equal for one in restored.compared), restored.compared


@on_postgresql  # SQLite ends no transaction
@pytest.mark.parametrize("begin", [snapshot, restoring._writing])
def test_rows_and_files_may_take_longer_than_a_transaction_may_rest(
    words_library: Library, begin: Callable[[Engine], AbstractContextManager[Connection]]
) -> None:
    engine = words_library.engine
    with begin(engine) as connection:
        assert limits(connection) == ["0", "0"]
    with engine.connect() as connection:  # the same one, from the pool
        assert limits(connection) == ["1min", "10min"]


def limits(connection: Connection) -> list[str]:
    names = ("statement_timeout", "idle_in_transaction_session_timeout")
    return [str(connection.scalar(text(f"SHOW {name}"))) for name in names]
