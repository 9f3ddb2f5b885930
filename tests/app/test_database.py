from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from app.database import UTCDateTime, is_any, new_id, writing
from app.library import Library
from app.migrations import alembic_config, current_revision, downgrade, upgrade
from app.resources.models import Resource, Topic
from app.storage import FileStore, FileTooLarge, StoredFile


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


def test_a_list_is_one_parameter_of_postgresql_too() -> None:
    wanted = select(Resource.id).where(is_any(Resource.id, "ids"))
    assert "jsonb_array_elements_text(CAST(%(ids)s" in str(
        wanted.compile(dialect=postgresql.dialect())
    )


def test_sqlite_writes_ahead_and_checks_foreign_keys(library: Library) -> None:
    with library.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


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


def test_migrations_make_what_the_models_say_and_run_down_and_up_again(library: Library) -> None:
    command.check(alembic_config(library))  # raises where tables and models differ
    downgrade(library)
    assert current_revision(library) is None
    upgrade(library)
    assert current_revision(library) == "0002"


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
        import io

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
        import io

        files = FileStore(tmp_path / "files")
        with pytest.raises(FileTooLarge):
            files.add(io.BytesIO(b"0123456789A"), 10)
        assert not [p for p in (tmp_path / "files").rglob("*") if p.is_file()]
