"""The database: connection, the types every table shares, ids.

SQLite in WAL mode on one machine, PostgreSQL at scale; the models know no difference.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    MetaData,
    String,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, sessionmaker
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from uuid6 import uuid7

# Crockford's base 32 in lower case: no letter is mistaken for a digit, and ids sort as numbers do.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BUSY_MILLISECONDS = 30_000
# Connections beside those of the threads that answer: counters, suggestions, leases, parsers.
_BESIDE = 8
_POOL_SECONDS = 10.0
# The worker's longest statement stores the passages of a book; a page that takes a minute is lost.
_POSTGRESQL_SETTINGS = {
    "statement_timeout": "60s",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "10min",
}
# A server that is silent is given up after about half a minute, not after the two hours of TCP.
_POSTGRESQL_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "passerelle",
}

Sessions = sessionmaker[Session]


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can drop it on either database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, whatever the database keeps of time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite gives back what it was given without the zone.
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


class ListAsJson(TypeDecorator[Sequence[str]]):
    """A list of strings as one parameter."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, _dialect: Dialect) -> str:
        return json.dumps([without_nul(one) for one in value or ()])


class values_of(FunctionElement[str]):  # noqa: N801 - named as SQL functions are
    """What is in a list that is given as one parameter: `column.bool_op("IN")(values_of(...))`.

    However many there are the statement is the same, put together and compiled once; with a
    parameter a value that takes longer than running it.
    """

    inherit_cache = True
    type = String()


@compiles(values_of)
def _values_of(element: values_of, compiler: SQLCompiler, **options: Any) -> str:
    given = compiler.process(element.clauses, **options)
    return f"(SELECT value FROM json_each({given}))"  # noqa: S608 - a placeholder


@compiles(values_of, "postgresql")
def _values_of_postgresql(element: values_of, compiler: SQLCompiler, **options: Any) -> str:
    given = compiler.process(element.clauses, **options)
    return f"(SELECT jsonb_array_elements_text(CAST({given} AS jsonb)))"


def is_any(
    column: ColumnElement[str] | InstrumentedAttribute[str], name: str
) -> ColumnElement[bool]:
    """Whether a column is one of a list, which is the parameter `name` of the statement."""
    return column.bool_op("IN")(values_of(bindparam(name, type_=ListAsJson())))


def coded(values: type[StrEnum]) -> Enum:
    """A column type that keeps the codes of `values` as text and gives back its members."""
    return Enum(
        values,
        native_enum=False,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


def by_bytes(length: int) -> TypeEngine[str]:
    """A column type for text that sorts by its bytes, not by the database's own rules."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7 in 26 characters: opaque, never reused, later ids sort after earlier ones."""
    number = uuid7().int
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def without_nul(text: str) -> str:
    """PostgreSQL keeps no NUL. A replacement character stands there instead: what is asked with a
    NUL in it finds nothing, and joins no two names that differ.
    """
    return text.replace("\x00", "\ufffd")


def open_database(url: str, threads: int = 8) -> Engine:
    """An engine for `url`, for so many threads that answer requests; nothing is connected yet."""
    at = make_url(url)
    is_sqlite = at.get_backend_name() == "sqlite"
    engine = create_engine(
        at,
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False),
        pool_size=threads,
        max_overflow=_BESIDE,
        pool_timeout=_POOL_SECONDS,
        pool_pre_ping=not is_sqlite,  # a server may have been started anew meanwhile
        connect_args={} if is_sqlite else _postgresql_arguments(at),
    )
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _postgresql_arguments(url: URL) -> dict[str, Any]:
    """Limits on waiting; what the address says itself stands."""
    settings = " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL_SETTINGS.items())
    limits = {**_POSTGRESQL_CONNECTION, "options": settings}
    return {name: value for name, value in limits.items() if name not in url.query}


def _prepare_postgresql(connection: Any, _record: object) -> None:
    connection.adapters.register_dumper(str, _text_dumper())


@cache
def _text_dumper() -> type:
    from psycopg.types.string import StrDumperUnknown  # not needed on SQLite

    class TextWithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(without_nul(obj))

    return TextWithoutNul


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    for pragma in (
        f"busy_timeout = {_BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    # A transaction that starts by reading and then writes would fail at once, without waiting,
    # when another one wrote meanwhile. Those that write say so and wait for their turn.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def take_turn(session: Session | Connection, what: str, *, together: bool = False) -> None:
    """Wait until no other transaction is at `what`, and keep others waiting until the end of ours.

    Those who are at it `together` wait for those who are not, and the other way about. It is for
    what reads first and then writes what must be there once. On SQLite those who write take turns
    anyway.
    """
    bind = session.get_bind() if isinstance(session, Session) else session
    if bind.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock_shared if together else func.pg_advisory_xact_lock
        session.execute(select(lock(func.hashtext(what))))


def reading(sessions: Sessions) -> Session:
    """A session that only reads, and sees everything as it was when it began to; use it as a
    context manager.

    SQLite shows one moment by itself. PostgreSQL has to be told: else a resource that was counted
    might be gone when its title is read.
    """
    engine: Engine = sessions.kw["bind"]
    if engine.dialect.name == "sqlite":
        return sessions()
    return sessions(bind=engine.execution_options(isolation_level="REPEATABLE READ"))


@contextmanager
def writing(sessions: Sessions) -> Iterator[Session]:
    """A session in one transaction, committed at the end of the block or not at all."""
    with sessions() as session:
        session.connection(execution_options={"writes": True})
        yield session
        session.commit()
