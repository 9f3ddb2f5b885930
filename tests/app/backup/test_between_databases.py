"""From SQLite to PostgreSQL and back every row is the same."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    insert,
    null,
    update,
)

from app.backup.making import make_backup
from app.backup.manifest import BackupError
from app.backup.restoring import restore
from app.backup.tables import Loader, parts_of, tables_of
from app.config import read_config
from app.database import open_database, writing
from app.library import Library
from app.resources.models import File
from tests.app.backup.libraries import goes_on, hits, quiet, rows, variables
from tests.app.databases import on_sqlite


def test_values_of_every_kind_come_back_and_rows_may_point_at_their_own_table(
    tmp_path: Path,
) -> None:
    there_and_back(*(f"sqlite:///{tmp_path / name}" for name in ("one", "two")))


@pytest.mark.postgresql
def test_values_of_every_kind_come_back_from_postgresql(server: str, tmp_path: Path) -> None:
    there_and_back(server, f"sqlite:///{tmp_path / 'two'}")


def there_and_back(first: str, second: str) -> None:
    metadata = MetaData()
    table = Table(
        "thing",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("parent_id", ForeignKey("thing.id")),
        Column("said", JSON),
        Column("bytes", LargeBinary),
        Column("price", Numeric(8, 2)),
        Column("share", Double),
        Column("yes", Boolean),
        Column("at", DateTime(timezone=True)),
        Column("day", Date),
        Column("text", Text),
    )
    noon = datetime(2026, 3, 1, 12, 30, 1, 5, tzinfo=UTC)
    given: list[dict[str, Any]] = [
        {"id": 1, "said": JSON.NULL, "bytes": b"\0\xff", "price": Decimal("3.10"), "share": 0.1},
        {"id": 2, "said": null(), "text": "a 'line'\nand ½ \u2028 more", "yes": False, "at": noon},
        {"id": 3, "said": {"a": [1, None, "é"]}, "day": noon.date(), "yes": True, "text": ""},
    ]
    found = []
    lines: list[bytes] = []
    for url in (first, second):
        engine = open_database(url)
        metadata.create_all(engine)
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            if lines:
                loader = Loader(connection)
                loader.load("thing", lines)
                loader.finish()
            else:
                for row in given:
                    connection.execute(insert(table).values(row))
                connection.execute(update(table).where(table.c.id == 1).values(parent_id=3))
            (reflected,) = tables_of(connection)
            lines = b"".join(part for part, _ in parts_of(connection, reflected)).splitlines()
            found.append(lines)
        engine.dispose()
    assert found[0] == found[1]
    assert json.loads(found[0][0]) == {
        "id": 1, "parent_id": 3, "said": None, "bytes": "AP8=", "price": "3.10", "share": 0.1,
    }  # fmt: skip
    assert "said" not in json.loads(found[0][1])


@on_sqlite
@pytest.mark.postgresql
def test_text_that_only_sqlite_takes_is_named_and_comes_back_on_sqlite(
    full: Library, fresh: Library, server: str, tmp_path: Path
) -> None:
    with writing(full.sessions) as session:
        session.execute(update(File).where(File.name == "map.md").values(media_type="x" * 121))
    make_backup(full, tmp_path / "one.tar", quiet)
    world = Library(
        read_config({"PASSERELLE_DATA": str(tmp_path / "w"), "PASSERELLE_DATABASE_URL": server})
    )
    with pytest.raises(BackupError, match=r"file\.media_type takes 120 characters, not 121"):
        restore(world, tmp_path / "one.tar", quiet)
    assert not any(lines for name, lines in rows(world).items() if name != "topic")
    world.engine.dispose()
    restore(fresh, tmp_path / "one.tar", quiet)
    assert rows(fresh) == rows(full)


@on_sqlite
@pytest.mark.postgresql
def test_from_sqlite_to_postgresql_and_back_every_row_is_the_same(
    filled: Library, archive: Path, fresh: Library, server: str, tmp_path: Path
) -> None:
    world = Library(read_config(variables(tmp_path / "world", server)))
    assert all(one.equal for one in restore(world, archive, quiet).compared)
    assert rows(world) == rows(filled)
    assert hits(world) == hits(filled)
    make_backup(world, tmp_path / "world.tar", quiet)
    restore(fresh, tmp_path / "world.tar", quiet)
    assert rows(fresh) == rows(filled)
    goes_on(world)
    world.engine.dispose()
