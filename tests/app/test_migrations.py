"""The database's shape: up, down, up again, and the same as the models say; on both databases."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from app.config import read_config
from app.database import Base, reading, writing
from app.library import Library
from app.migrations import (
    alembic_config,
    current_revision,
    database_problem,
    downgrade,
    newest_revision,
    upgrade,
)
from app.resources.models import Edition, Resource, Topic, Version
from tests.app.databases import on_postgresql


@pytest.fixture
def empty_library(tmp_path: Path, empty_database: str) -> Iterator[Library]:
    opened = Library(
        read_config(
            {"PASSERELLE_DATA": str(tmp_path / "data"), "PASSERELLE_DATABASE_URL": empty_database}
        )
    )
    yield opened
    opened.engine.dispose()


def differences(library: Library) -> list[object]:
    with library.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def test_the_tables_are_what_the_models_say_and_go_down_and_up_again(
    empty_library: Library,
) -> None:
    for _ in range(2):
        upgrade(empty_library)
        assert differences(empty_library) == []
        assert current_revision(empty_library) == newest_revision(empty_library)
        downgrade(empty_library)
        assert current_revision(empty_library) is None
        assert inspect(empty_library.engine).get_table_names() == ["alembic_version"]


def test_each_step_goes_down_and_up_with_rows_in_the_tables(library: Library) -> None:
    with writing(library.sessions) as session:
        resource = Resource(id="r")
        edition = Edition(id="e", resource=resource, title="« Écrire »", language="fr")
        session.add(Version(id="v", edition=edition, number=1))
        session.flush()
        edition.published_version_id = "v"
    downgrade(library, "0001")
    command.upgrade(alembic_config(library), "head")
    with reading(library.sessions) as session:
        kept = session.get_one(Edition, "e")
        assert (kept.title_key, kept.published_version_id) == ("ecrire", "v")
        assert [version.id for version in kept.versions] == ["v"]
    downgrade(library)


@on_postgresql  # the file of SQLite is upgraded by the one who runs the library
def test_several_processes_may_upgrade_at_once(empty_library: Library) -> None:
    config = empty_library.config
    environment = os.environ | {
        "PASSERELLE_DATA": str(config.data),
        "PASSERELLE_DATABASE_URL": config.database_url,
    }
    command = [sys.executable, "-m", "app.cli", "db", "upgrade"]
    processes = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    with reading(empty_library.sessions) as session:
        codes = [(topic.scheme, topic.code) for topic in session.query(Topic)]
    assert len(codes) == len(set(codes)) > 0
    assert differences(empty_library) == []


def test_a_database_of_another_revision_or_out_of_reach_is_told(empty_library: Library) -> None:
    assert "is empty" in (database_problem(empty_library) or "")
    upgrade(empty_library)
    assert database_problem(empty_library) is None
    with empty_library.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert "is at revision 0001" in (database_problem(empty_library) or "")
