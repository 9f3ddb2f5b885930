import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from app.database import UTCDateTime, is_any, new_id, open_database, reading, take_turn, writing
from app.library import Library
from app.migrations import upgrade
from app.resources.models import Resource, Topic
from app.storage import FileStore, FileTooLarge, StoredFile
from tests.app.databases import on_postgresql, on_sqlite


def test_ids_are_26_characters_sort_by_time_and_never_repeat() -> None:
    ids = [new_id() for _ in range(2000)]
    assert {len(one) for one in ids} == {26}
    assert len(set(ids)) == 2000
    assert ids == sorted(ids)


def test_times_are_kept_in_utc_whatever_zone_they_came_in(library: Library) -> None:
    noon_in_lima = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=-5)))
    with writing(library.sessions) as session:
        session.add(Resource(id="a" * 26, created_at=noon_in_lima))
    with library.sessions() as session:
        assert session.get_one(Resource, "a" * 26).created_at == datetime(
            2026, 3, 1, 17, tzinfo=UTC
        )


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        UTCDateTime().process_bind_param(datetime(2026, 3, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001


@pytest.mark.parametrize("count", [0, 1, 40_000])
def test_a_list_of_any_length_is_one_parameter(library: Library, count: int) -> None:
    given = [f'it\'s "{number}" é' for number in range(count)]
    with writing(library.sessions) as session:
        session.add_all(Resource(id=one) for one in (*given[:2], "another"))
    wanted = select(Resource.id).where(is_any(Resource.id, "ids"))
    with library.sessions() as session:
        found = session.connection().execute(wanted, {"ids": given}).scalars()
        assert set(found) == set(given[:2])


@on_sqlite
def test_sqlite_writes_ahead_and_checks_foreign_keys(library: Library) -> None:
    with library.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


@on_postgresql
def test_postgresql_waits_no_longer_than_people_do_unless_its_address_says_so(
    library: Library,
) -> None:
    assert _shown(library.engine, "statement_timeout", "lock_timeout") == ["1min", "30s"]
    patient = library.engine.url.update_query_dict({"options": "-c statement_timeout=5s"})
    engine = open_database(patient.render_as_string(hide_password=False))
    assert _shown(engine, "statement_timeout", "lock_timeout") == ["5s", "0"]
    engine.dispose()


def _shown(engine: Engine, *settings: str) -> list[str]:
    with engine.connect() as connection:
        return [str(connection.execute(text(f"SHOW {name}")).scalar()) for name in settings]


def test_every_thread_has_a_connection_and_some_are_to_spare(database: str, tmp_path: Path) -> None:
    engine = open_database(database, threads=3)
    held = [engine.connect() for _ in range(4)]
    assert engine.pool.size() == 3  # type: ignore[attr-defined]
    for connection in held:
        connection.close()
    engine.dispose()


def test_who_reads_sees_one_moment_and_the_next_one_sees_what_is_new(library: Library) -> None:
    with reading(library.sessions) as session:
        assert session.query(Resource).count() == 0
        with writing(library.sessions) as other:
            other.add(Resource())
        assert session.query(Resource).count() == 0
    with reading(library.sessions) as session:
        assert session.query(Resource).count() == 1
    with writing(library.sessions) as session:  # on the connection that was used for reading
        session.add(Resource())


def test_a_nul_is_no_error_and_finds_nothing(library: Library) -> None:
    with writing(library.sessions) as session:
        session.add(Resource(id="nul", publisher="a\x00b", authors=["c\x00d"]))
        session.add(Resource(id="none", publisher="ab"))
    with library.sessions() as session:
        assert session.query(Resource).filter_by(publisher="ab\x00").all() == []
        assert [one.id for one in session.query(Resource).filter_by(publisher="a\x00b")] == ["nul"]
        wanted = select(Resource.id).where(is_any(Resource.id, "ids"))
        assert session.connection().execute(wanted, {"ids": ["nul\x00"]}).all() == []
        (kept,) = session.query(Resource).filter_by(id="nul")
        assert len(kept.authors[0]) == 3


def test_a_turn_is_waited_for(library: Library) -> None:
    """What is read and then written must be there once, whoever comes at the same moment."""

    def add_once(_number: int) -> None:
        with writing(library.sessions) as session:
            take_turn(session, "this test")
            if session.scalar(select(Resource).where(Resource.publisher == "once")) is None:
                session.add(Resource(publisher="once"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add_once, range(24)))
    with library.sessions() as session:
        assert session.query(Resource).filter_by(publisher="once").count() == 1


def test_what_fails_in_the_middle_leaves_nothing(library: Library) -> None:
    def add_and_fail() -> None:
        with writing(library.sessions) as session:
            session.add(Resource(id="b" * 26))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_and_fail()
    with library.sessions() as session:
        assert session.get(Resource, "b" * 26) is None


def test_the_built_in_lists_are_topics_with_three_labels(library: Library) -> None:
    upgrade(library)  # a second time changes nothing
    with library.sessions() as session:
        domains = session.query(Topic).filter_by(scheme="domain").order_by(Topic.position).all()
        assert [topic.code for topic in domains] == [
            "convention",
            "policies",
            "periodic-reports",
            "ifcd-projects",
            "statistics",
            "enterprises",
        ]
        assert domains[4].labels["fr"] == "Statistiques et indicateurs culturels"


class TestFileStore:
    def test_bytes_come_back_under_their_hash_and_are_kept_once(self, tmp_path) -> None:
        files = FileStore(tmp_path / "files")
        first = files.add(io.BytesIO(b"abc"), 10)
        assert first == files.add(io.BytesIO(b"abc"), 10)
        assert first == StoredFile(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3
        )
        assert files.path(first.sha256).read_bytes() == b"abc"
        assert [p for p in (tmp_path / "files").rglob("*") if p.is_file()] == [
            files.path(first.sha256)
        ]

    def test_too_many_bytes_leave_nothing_behind(self, tmp_path) -> None:
        files = FileStore(tmp_path / "files")
        with pytest.raises(FileTooLarge):
            files.add(io.BytesIO(b"0123456789A"), 10)
        assert not [p for p in (tmp_path / "files").rglob("*") if p.is_file()]

    def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(
        self, tmp_path: Path
    ) -> None:
        files = FileStore(tmp_path / "files")

        class Meanwhile(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                files.forget_unfinished()
                return super().read(size)

        kept = files.add(Meanwhile(b"abc"), 10)
        (tmp_path / "files" / ".new-left").write_bytes(b"ab")
        files.forget_unfinished()
        assert [p for p in (tmp_path / "files").rglob("*") if p.is_file()] == [
            files.path(kept.sha256)
        ]
