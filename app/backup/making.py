"""A backup: one snapshot of the tables, then what their rows name, while everybody goes on.

A file is written once and never changed, so that those of the snapshot can be copied after it;
what is removed meanwhile stays until the copy is made (`FileStore.holding`). Of the index the
vectors are kept, by text, since they took hours: the rest is made anew from the rows in minutes.
"""

import base64
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import BinaryIO, Final

from sqlalchemy import Connection, Table, select, text
from sqlalchemy.orm import Session

from app.backup.archive import (
    ABOUT,
    MANIFEST,
    SEAL,
    ArchiveWriter,
    file_member,
    table_part,
    vector_part,
)
from app.backup.manifest import (
    FORMAT,
    About,
    BackupError,
    FileCount,
    Manifest,
    about_object,
    manifest_bytes,
)
from app.backup.tables import count_rows, parts_of, revision_of, snapshot, tables_of
from app.database import now
from app.library import Library
from app.resources.entries import count_entries
from app.resources.models import Edition
from indexes.embedding.vector_cache import Row, VectorCache
from indexes.evaluation.runs import ENDING

PLAIN: Final = (".tar",)
COMPRESSED: Final = (".tar.gz", ".tgz")
NAMED_BY_CONTENT: Final = "sha256"  # a column of this name, in any table, names a file of the store
_VECTORS_A_PART: Final = 4000  # of 384 dimensions, 4.4 MB
_ROOM_TO_SPARE: Final = 16 << 20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made. `left_over` says that an earlier one had been interrupted."""

    path: Path
    size: int
    seconds: float
    manifest: Manifest
    left_over: bool


@dataclass
class _Seen:
    """What a snapshot told, for what is written after it."""

    revision: str
    tables: dict[str, int]
    files: list[str]
    entries: int


def make_backup(
    library: Library, target: Path, progress: Progress, *, replace: bool = False
) -> Made:
    """Write the library to `target`; it is there whole or not at all.

    Raises:
        BackupError: the target cannot be written, is there already, or the disk is too small.
    """
    compressed = _is_compressed(target)
    if target.exists() and not (replace and target.is_file()):
        raise BackupError(
            f"{target} is there already: choose another name, or replace with --force."
        )
    _check_room(library, target, compressed=compressed)
    with _aside(target) as (stream, left_over):
        writer = ArchiveWriter(stream, compressed=compressed)
        began = perf_counter()
        with library.files.holding():
            manifest = _write(library, writer, progress)
        writer.close()
    return Made(target, target.stat().st_size, perf_counter() - began, manifest, left_over)


def _is_compressed(target: Path) -> bool:
    if target.name.endswith(COMPRESSED):
        return True
    if target.name.endswith(PLAIN):
        return False
    raise BackupError(f"{target.name} has to end in {', '.join((*PLAIN, *COMPRESSED))}.")


@contextmanager
def _aside(target: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """A file beside the target, renamed when all of it is on the disk, and gone otherwise.

    One that a killed backup has left is begun anew; the lock tells it from one still being written.
    """
    part = target.with_name(f"{target.name}.part")
    left_over = part.exists()
    try:
        stream = os.fdopen(_open_for_us_only(part), "ab")
    except OSError as error:
        raise BackupError(f"{part} cannot be written: {error.strerror}.") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is writing {part}: wait for it.") from None
        try:
            stream.truncate(0)
            yield stream, left_over
            stream.flush()
            os.fsync(stream.fileno())
            part.replace(target)
            _sync(target.parent)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise BackupError(f"{target} could not be written: {error}.") from error
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _open_for_us_only(path: Path) -> int:
    """Rows hold what is not for everybody: whoever reads the archive reads all of it."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_room(library: Library, target: Path, *, compressed: bool) -> None:
    """See that the disk can take it, before an hour is spent on finding out."""
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise BackupError(f"{target.parent} cannot be written to: {error.strerror}.") from error
    need = estimate(library, compressed=compressed) + _ROOM_TO_SPARE
    if free < need:
        raise BackupError(
            f"The backup takes about {need >> 20} MB, and {target.parent} has room for "
            f"{free >> 20} MB."
        )


def estimate(library: Library, *, compressed: bool) -> int:
    """Bytes of an archive, rather too many: rows as lines take no more than a database's pages."""
    with library.engine.connect() as connection:
        rows = _database_bytes(connection)
    cache = library.config.vector_cache
    # Base 64 makes four bytes of three; gzip takes that back.
    vectors = (cache.stat().st_size if cache.exists() else 0) * (1 if compressed else 4 / 3)
    return int(rows * (0.5 if compressed else 1) + vectors) + library.files.size()


def _database_bytes(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
    pages, size = (
        connection.scalar(text(f"PRAGMA {name}")) or 0 for name in ("page_count", "page_size")
    )
    return int(pages) * int(size)


def _write(library: Library, writer: ArchiveWriter, progress: Progress) -> Manifest:
    with snapshot(library.engine) as connection:
        about = _about(library, connection)
        writer.add(ABOUT, json.dumps(about_object(about)).encode() + b"\n")
        seen = _write_tables(connection, about.revision, writer, progress)
    vectors = _write_vectors(library, writer, progress)
    evaluations = _write_evaluations(library.config.evaluations, writer)
    files = _write_files(library, seen.files, writer, progress)
    manifest = Manifest(
        about, seen.tables, vectors, evaluations, files, seen.entries, dict(writer.parts)
    )
    sealed = writer.add(MANIFEST, manifest_bytes(manifest))
    writer.add(SEAL, f"{sealed.sha256}  {MANIFEST}\n".encode())
    return manifest


def _about(library: Library, connection: Connection) -> About:
    revision = revision_of(connection)
    if revision is None:
        raise BackupError("The database is empty: there is nothing to back up.")
    model = library.embedder.fingerprint if library.embedder else None
    return About(FORMAT, _version(), revision, model, now().replace(microsecond=0))


def _version() -> str:
    try:
        return version("passerelle")
    except PackageNotFoundError:
        return "unknown"


def _write_tables(
    connection: Connection, revision: str, writer: ArchiveWriter, progress: Progress
) -> _Seen:
    tables = tables_of(connection)
    total = sum(count_rows(connection, table) for table in tables)
    seen = _Seen(revision, {}, [], 0)
    done = 0
    for position, table in enumerate(tables, 1):
        written = 0
        for number, (content, rows) in enumerate(parts_of(connection, table), 1):
            writer.add(table_part(position, table.name, number), content)
            written += rows
            progress("tables", done + written, total)
        seen.tables[table.name] = written
        done += written
    seen.files = _named_files(connection, tables)
    seen.entries = _entries(connection, progress)
    return seen


def _named_files(connection: Connection, tables: Iterable[Table]) -> list[str]:
    names: set[str] = set()
    for table in tables:
        if NAMED_BY_CONTENT in table.columns:
            names.update(connection.scalars(select(table.columns[NAMED_BY_CONTENT]).distinct()))
    return sorted(name for name in names if name)


def _entries(connection: Connection, progress: Progress) -> int:
    """What an index of this snapshot holds; the one in use may still lag behind the rows."""
    count = 0
    with Session(connection) as session:
        query = select(Edition.id).where(Edition.published_at.is_not(None))
        editions = list(session.scalars(query))
        for number, edition in enumerate(editions, 1):
            count += count_entries(session, edition)
            session.expunge_all()
            progress("entries", number, len(editions))
    return count


def _write_vectors(library: Library, writer: ArchiveWriter, progress: Progress) -> int:
    """Those of the model in use; of all models where it cannot be told which that is."""
    engine = library.embedder.fingerprint if library.embedder else None
    rows = VectorCache(library.config.vector_cache).rows(engine)
    count = number = 0
    while some := list(islice(rows, _VECTORS_A_PART)):
        number += 1
        writer.add(vector_part(number), b"".join(_vector_line(row) for row in some))
        count += len(some)
        progress("vectors", count, count)
    return count


def _vector_line(row: Row) -> bytes:
    engine, text_hash, vector = row
    said = {
        "engine": engine,
        "text": text_hash.hex(),
        "vector": base64.b64encode(vector).decode(),
    }
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def _write_evaluations(folder: Path, writer: ArchiveWriter) -> int:
    runs = sorted(folder.glob(f"[!.]*{ENDING}"))
    for path in runs:
        name = f"evaluations/{path.name}"
        with path.open("rb") as stream:
            writer.parts[name] = writer.add_stream(name, stream, path.stat().st_size)
    return len(runs)


def _write_files(
    library: Library, names: Sequence[str], writer: ArchiveWriter, progress: Progress
) -> FileCount:
    count = size = 0
    damaged, missing = {}, []
    for number, name in enumerate(names, 1):
        try:
            stream = library.files.open(name)
        except OSError:
            missing.append(name)
            continue
        with stream:
            length = os.fstat(stream.fileno()).st_size
            part = writer.add_stream(file_member(name), stream, length)
        if part.sha256 == name:
            count, size = count + 1, size + length
        else:
            damaged[name] = part.sha256
        progress("files", number, len(names))
    return FileCount(count, size, damaged, tuple(missing))
