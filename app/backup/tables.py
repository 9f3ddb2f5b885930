"""Rows of a database as lines of JSON, and back into a database of either kind.

The tables are those that the database has, not those that the models know: an archive of an older
revision is loaded into tables of that revision. A value that JSON does not know is text (times in
UTC, dates, decimals) or base 64 (bytes); the column's type tells which. A column that is NULL is
not named, so that `null` is JSON's own.
"""

import base64
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.schema import sort_tables_and_constraints

from app.backup.archive import PART_BYTES
from app.backup.manifest import BackupError

# The manifest tells the revision; which rebuild goes on says nothing elsewhere.
LEFT_OUT: Final = frozenset({"alembic_version", "rebuild", "rebuild_change"})
_ROWS_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 4 << 20


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever is written meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with connection.begin():
            take_time(connection)
            revision_of(connection)  # SQLite takes its snapshot at the first reading
            yield connection


def take_time(connection: Connection) -> None:
    """Let this transaction take as long as it needs.

    PostgreSQL ends one in which nothing happens for some minutes, and a restore copies all files
    between two statements; and in a library of millions of pages, counting takes its time.
    """
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))


def revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def tables_of(connection: Connection) -> list[Table]:
    """The database's tables, those that others point at first."""
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name not in LEFT_OUT)
    return [table for table, _ in _sorted(metadata) if table is not None]


def _sorted(metadata: MetaData) -> list[tuple[Table | None, set[ForeignKeyConstraint]]]:
    """Tables in the order of their foreign keys; last, with no table, keys against that order."""
    sort: Any = sort_tables_and_constraints  # has no types
    return list(sort(metadata.tables.values(), filter_fn=_is_needed_at_once))


def _is_needed_at_once(constraint: ForeignKeyConstraint) -> bool | None:
    """False for what a row cannot be without; None lets go of it where tables form a ring."""
    return None if all(column.nullable for column in constraint.columns) else False


def count_rows(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def filled_tables(connection: Connection, tables: Iterable[Table]) -> list[str]:
    """Those that have a row."""
    return [table.name for table in tables if connection.execute(select(table).limit(1)).first()]


def parts_of(connection: Connection, table: Table) -> Iterator[tuple[bytes, int]]:
    """The rows by primary key, some at a time: lines of JSON and how many they are."""
    lines: list[bytes] = []
    size = 0
    for line in _lines(connection, table):
        lines.append(line)
        size += len(line)
        if size >= PART_BYTES:
            yield b"".join(lines), len(lines)
            lines, size = [], 0
    if lines:
        yield b"".join(lines), len(lines)


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    # JSON is read as the database's own text: through its type, NULL and null look the same.
    wanted = [
        cast(column, Text).label(column.name) if _is_json(column) else column
        for column in table.columns
    ]
    query = select(*wanted).order_by(*table.primary_key).execution_options(yield_per=_ROWS_AT_ONCE)
    write = [(column.name, _writer(column)) for column in table.columns]
    for row in connection.execute(query):
        said = {
            name: plain(value)
            for (name, plain), value in zip(write, row, strict=True)
            if value is not None
        }
        yield json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _writer(column: Column[Any]) -> Callable[[Any], Any]:
    if _is_json(column):
        return json.loads
    return lambda value: _plain(column, value)


def _plain(column: Column[Any], value: Any) -> Any:
    match value:
        case bool() | int() | float() | str():
            return value
        case datetime():
            return _in_utc(value).isoformat()
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal():
            return str(value)
        case _:
            raise BackupError(f"{column} has a type that backups do not know: {column.type!r}.")


def _in_utc(value: datetime) -> datetime:
    # SQLite gives back what it was given without the zone, and that is UTC (`UTCDateTime`).
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Loader:
    """Puts rows into empty tables, within the caller's transaction.

    What points within a ring of tables, or at the own table, is set when all rows are there; until
    then it is kept in a file without a name.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.tables = {table.name: table for table in tables_of(connection)}
        self._later = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the loader
        self.counts = dict.fromkeys(self.tables, 0)

    def empty(self, name: str) -> None:
        """Take out what a new database is given to begin with: the archive has its own."""
        self._connection.execute(self.tables[name].delete())

    def load(self, name: str, lines: Iterable[bytes]) -> None:
        """Rows of one table.

        Raises:
            BackupError: there is no such table, or a row does not fit into it.
        """
        if name not in self.tables:
            raise BackupError(f"The archive has a table {name!r} that its revision does not have.")
        table = self.tables[name]
        shape = _Shape(table, bounded=self._connection.dialect.name != "sqlite")
        for some in _batches(lines):
            rows = [shape.row(line) for line in some]
            self._put_off(shape, rows)
            self._insert(table, rows)
            self.counts[name] += len(rows)

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        try:
            self._connection.execute(table.insert(), rows)
        except (DBAPIError, StatementError, OverflowError) as error:
            reason = str(error.orig) if isinstance(error, StatementError) else str(error)
            raise BackupError(
                f"A row of the table {table.name} cannot be loaded: {reason.splitlines()[0]}."
            ) from error

    def _put_off(self, shape: "_Shape", rows: list[dict[str, Any]]) -> None:
        for row in rows:
            later = {name: row[name] for name in shape.later if row[name] is not None}
            if later:
                own = {name: row[name] for name in shape.key}
                line = json.dumps([shape.table.name, own, later])
                self._later.write(line.encode() + b"\n")
                row |= dict.fromkeys(later)

    def finish(self) -> None:
        """Set what was put off, and let PostgreSQL count on from the ids that are there."""
        self._later.seek(0)
        for some in _batches(self._later):
            for line in some:
                name, own, later = json.loads(line)
                self._set(self.tables[name], own, later)
        self._later.close()
        if self._connection.dialect.name == "postgresql":
            for table in self.tables.values():
                _count_on(self._connection, table)

    def _set(self, table: Table, own: Mapping[str, Any], later: Mapping[str, Any]) -> None:
        columns = table.columns
        statement = (
            update(table)
            .where(*(columns[name] == bindparam(f"own_{name}") for name in own))
            .values({name: bindparam(f"later_{name}") for name in later})
        )
        values = {f"own_{name}": value for name, value in own.items()}
        values |= {f"later_{name}": value for name, value in later.items()}
        try:
            self._connection.execute(statement, values)
        except DBAPIError as error:
            raise BackupError(
                f"A row of the table {table.name} points at one that is not there: {error.orig}"
            ) from error


class _Shape:
    """How a line of a table is read. `bounded` says that the database holds columns to their
    lengths: SQLite does not, and what it took it takes again.
    """

    def __init__(self, table: Table, *, bounded: bool) -> None:
        self.table = table
        self.key = [column.name for column in table.primary_key]
        self.later = _set_later(table)
        self._read = {column.name: _reader(column, bounded=bounded) for column in table.columns}

    def row(self, line: bytes) -> dict[str, Any]:
        try:
            said = json.loads(line)
            row = {name: self._read[name](value) for name, value in said.items()}
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise BackupError(
                f"A row of the table {self.table.name} cannot be read: {error!r}."
            ) from error
        return dict.fromkeys(self._read) | row


def _set_later(table: Table) -> list[str]:
    """Columns that may be empty and point at a table that is loaded afterwards, or at their own."""
    found = _sorted(table.metadata)
    ring = {constraint for within, left in found if within is None for constraint in left}
    return [
        column.name
        for constraint in table.foreign_key_constraints
        if constraint in ring
        or (constraint.referred_table is table and _is_needed_at_once(constraint) is None)
        for column in constraint.columns
    ]


def _reader(column: Column[Any], *, bounded: bool) -> Callable[[Any], Any]:
    kind = column.type
    if isinstance(kind, JSON):
        kind.none_as_null = True
        return lambda value: JSON.NULL if value is None else value
    if isinstance(kind, DateTime):
        aware = kind.timezone
        return lambda value: _time(value, aware=aware)
    if isinstance(kind, Date):
        return date.fromisoformat
    if isinstance(kind, LargeBinary):
        return base64.b64decode
    if isinstance(kind, Numeric) and kind.asdecimal:
        return lambda value: Decimal(str(value))
    if isinstance(kind, String):
        return lambda value: _fitting(column, value, bounded=bounded)
    return _scalar


def _time(value: str, *, aware: bool) -> datetime:
    found = datetime.fromisoformat(value).astimezone(UTC)
    return found if aware else found.replace(tzinfo=None)


def _fitting(column: Column[Any], value: Any, *, bounded: bool) -> str:
    """A text that the column takes; the database's own error would not name the column."""
    if not isinstance(value, str):
        raise TypeError(f"{column} takes text, not {value!r:.40}")
    longest = getattr(column.type, "length", None) if bounded else None
    if longest and len(value) > longest:
        raise ValueError(f"{column} takes {longest} characters, not {len(value)}: {value!r:.60}")
    return value


def _scalar(value: Any) -> Any:
    if not isinstance(value, int | float):
        raise TypeError(f"a number was expected, not {value!r:.40}")
    return value


def _batches(lines: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    some: list[bytes] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line)
        if len(some) >= _ROWS_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _count_on(connection: Connection, table: Table) -> None:
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    for column in table.primary_key:
        if isinstance(column.type, Integer):
            find = text("SELECT pg_get_serial_sequence(:table, :column)")
            sequence = connection.scalar(find, {"table": quoted, "column": column.name})
            highest = connection.scalar(select(func.max(column)))
            if sequence and highest is not None:
                connection.execute(select(func.setval(sequence, highest)))
