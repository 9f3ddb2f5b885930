"""A restore: an archive becomes a library where there is none yet.

The archive is checked whole before anything is changed. Its rows come in by one transaction, which
is committed when files and vectors are there. A restore that was killed begins anew and recognises
the files it had copied, or, where the rows were in, goes on with the index (`emptiness`).
"""

import base64
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, Table, update

from app.backup.archive import Member, Section, open_members
from app.backup.checking import check
from app.backup.emptiness import PASSING, TOPICS, Ground
from app.backup.making import Progress
from app.backup.manifest import BackupError, Manifest, json_of
from app.backup.tables import Loader, count_rows, tables_of, take_time
from app.database import reading
from app.library import Library
from app.migrations import alembic_config, current_revision, newest_revision, upgrade
from app.outbox import backlog
from app.rebuilding import rebuild_index
from app.storage import FileTooLarge
from indexes.embedding.vector_cache import Row, VectorCache, is_below, is_sound
from indexes.evaluation.runs import ENDING

_DEMO_LOADED: Final = ".demo"  # `make run` gives the demo library to a folder without this
_VECTORS_AT_ONCE: Final = 1000
_KEY_BYTES: Final = 32  # a SHA-256
_ROOM_TO_SPARE: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Compared:
    """A count in the archive and in the library."""

    what: str
    archive: int
    library: int

    @property
    def equal(self) -> bool:
        return self.archive == self.library


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restore. `continued` says that one that was interrupted was gone on with;
    `waiting` are jobs for the worker.
    """

    manifest: Manifest
    compared: Sequence[Compared]
    continued: bool
    waiting: int


def restore(library: Library, archive: Path, progress: Progress) -> Restored:
    """Make the empty library what the archive holds.

    Raises:
        BackupError: the archive is damaged or of a later version, the library is not empty, or the
            disk is too small. Nothing was changed, or a later call goes on where this one stopped.
        IndexesError: rows and files are in, and the index could not be made.
    """
    manifest = check(archive, progress)
    _check_revision(library, manifest)
    with Ground(library, manifest) as ground:
        continued = ground.has_begun
        if ground.has_rows():
            rows = _compare_again(library, manifest)
        else:
            ground.check()
            library.files.forget_unfinished()
            _check_room(library, manifest)
            ground.begin()
            _bring_to(library, manifest.about.revision)
            rows = _load(library, archive, manifest, progress)
        upgrade(library)
        rebuild_index(library, lambda done, total: progress("building the index", done, total))
        compared = [*rows, *_compare_rest(library, manifest)]
        (library.config.data / _DEMO_LOADED).touch()
        ground.end()
    return Restored(manifest, compared, continued, _waiting(library))


def _check_revision(library: Library, manifest: Manifest) -> None:
    wanted = manifest.about.revision
    try:
        ScriptDirectory.from_config(alembic_config(library)).get_revision(wanted)
    except CommandError:
        raise BackupError(
            f"The archive's tables are of revision {wanted!r}, which this version of Passerelle "
            f"does not know (its newest is {newest_revision(library)}). Restore it with version "
            f"{manifest.about.version}, which made it, or a later one."
        ) from None


def _check_room(library: Library, manifest: Manifest) -> None:
    """Rows as lines take about what they take in a database; an index takes no more than that."""
    free = shutil.disk_usage(library.config.data).free
    need = manifest.files.size + manifest.of("vectors") + 2 * manifest.of("tables")
    need += _ROOM_TO_SPARE - library.files.size()
    if free < need:
        raise BackupError(
            f"The library takes about {need >> 20} MB, and {library.config.data} has room for "
            f"{free >> 20} MB."
        )


def _bring_to(library: Library, revision: str) -> None:
    """Give the empty database the tables of the archive's revision."""
    config, found = alembic_config(library), current_revision(library)
    script = ScriptDirectory.from_config(config)
    try:
        below = (
            {one.revision for one in script.iterate_revisions(found, "base")} if found else set()
        )
    except CommandError:
        raise BackupError(f"The database is of revision {found!r}, of a later version.") from None
    move = command.downgrade if revision in below - {found} else command.upgrade
    move(config, revision)


def _load(
    library: Library, archive: Path, manifest: Manifest, progress: Progress
) -> list[Compared]:
    with _writing(library.engine) as connection:
        loader = Loader(connection)
        loader.empty(TOPICS)
        size = archive.stat().st_size
        for member in open_members(archive):
            _take_in(library, loader, member, manifest)
            progress("restoring", member.position, size)
        loader.finish()
        _release(connection, loader.tables["outbox"])
        return _check_counts(connection, loader, manifest)


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        with connection.begin():
            take_time(connection)
            yield connection


def _take_in(library: Library, loader: Loader, member: Member, manifest: Manifest) -> None:
    match member.section:
        case Section.TABLES:
            loader.load(member.own, member.lines())
        case Section.VECTORS:
            _keep_vectors(library, member)
        case Section.EVALUATIONS:
            _keep_evaluation(library.config.evaluations / member.own, member)
        case Section.FILES:
            _keep_file(library, member, manifest)
            return
        case _:
            member.whole()
    # The archive was checked a while ago: that it is the same still is seen again.
    if member.name in manifest.parts and member.part() != manifest.parts[member.name]:
        raise BackupError(f"{member.name} has changed while it was being restored.")


def _keep_file(library: Library, member: Member, manifest: Manifest) -> None:
    """Into the store, unless the bytes are not those of the name: the store does not hold such, and
    a later upload of the right ones would be taken for a file that is there.
    """
    if member.own in manifest.files.damaged:
        return
    try:
        # The store asks for no more than to be read from.
        kept = library.files.add(cast("BinaryIO", member), member.size)
    except (FileTooLarge, OSError) as error:
        raise BackupError(f"{member.name} could not be stored: {error!r}.") from error
    if kept.sha256 != member.own:
        library.files.remove(kept.sha256)
        raise BackupError(f"{member.name} has changed while it was being restored.")


def _keep_evaluation(path: Path, member: Member) -> None:
    content = member.whole()
    if path.exists() and path.read_bytes() != content:
        raise BackupError(f"{path} is there already, and is another one: move it away.")
    path.parent.mkdir(parents=True, exist_ok=True)
    # One name, as one restore goes on at a time: the next writes over what a killed one has left.
    beside = path.with_name(f".{path.name}.restored")
    beside.write_bytes(content)
    beside.replace(path)


def _keep_vectors(library: Library, member: Member) -> None:
    cache = VectorCache(library.config.vector_cache)
    rows = (_vector(library, line, member.name) for line in member.lines())
    while some := list(islice(rows, _VECTORS_AT_ONCE)):
        cache.put_rows(some)


def _vector(library: Library, line: bytes, name: str) -> Row:
    said = json_of(line, name)
    try:
        engine, key = str(said["engine"]), bytes.fromhex(said["text"])
        vector = base64.b64decode(said["vector"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise BackupError(f"{name} holds what is no vector: {error!r}.") from error
    embedder = library.embedder
    own = embedder if embedder and is_below(engine, embedder.fingerprint) else None
    if len(key) != _KEY_BYTES or not is_sound(vector, own.dimensions if own else None):
        raise BackupError(f"{name} holds what is no vector.")
    return engine, key, vector


def _release(connection: Connection, jobs: Table) -> None:
    """What a worker had in hand is free at once, and its attempt does not count: it is not alive
    here, and nothing went wrong.
    """
    held = jobs.c.leased_by.is_not(None)
    freed = {"leased_by": None, "attempts": jobs.c.attempts - 1}
    connection.execute(update(jobs).where(held).values(freed))
    connection.execute(update(jobs).where(~jobs.c.failed).values(available_at=jobs.c.created_at))


def _check_counts(connection: Connection, loader: Loader, manifest: Manifest) -> list[Compared]:
    """Before anything is final, see that the tables hold what the archive says.

    Afterwards would be too late: a worker that runs beside takes up jobs as soon as it sees them.
    """
    compared = _compare_rows(connection, loader.tables.values(), manifest)
    for one in compared:
        if not one.equal:
            raise BackupError(
                f"The table {one.what} has {one.library} rows, and the archive {one.archive}."
            )
    return compared


def _compare_again(library: Library, manifest: Manifest) -> list[Compared]:
    """Rows that an earlier restore has loaded and compared.

    Left out is what may have changed since: jobs and counters, by a worker or a portal; what
    bringing the tables up to date adds, and the vocabularies.
    """
    left_out = PASSING | {TOPICS}
    with library.engine.connect() as connection:
        tables = [
            table
            for table in tables_of(connection)
            if table.name in manifest.tables and table.name not in left_out
        ]
        return _compare_rows(connection, tables, manifest)


def _compare_rows(
    connection: Connection, tables: Iterable[Table], manifest: Manifest
) -> list[Compared]:
    return [
        Compared(table.name, manifest.tables.get(table.name, 0), count_rows(connection, table))
        for table in tables
    ]


def _compare_rest(library: Library, manifest: Manifest) -> list[Compared]:
    files = [library.files.path(name).stat().st_size for name in library.files.names()]
    runs = list(library.config.evaluations.glob(f"[!.]*{ENDING}"))
    return [
        Compared("files", manifest.files.count, len(files)),
        Compared("bytes of files", manifest.files.size, sum(files)),
        Compared("evaluations", manifest.evaluations, len(runs)),
        Compared("vectors", manifest.vectors, _known_vectors(library, manifest)),
        Compared("entries in the index", manifest.entries, library.index.status().entries),
    ]


def _known_vectors(library: Library, manifest: Manifest) -> int:
    """Those of the archive's model, at most as many as came: building the index adds its own."""
    rows = VectorCache(library.config.vector_cache).rows(manifest.about.model)
    return sum(1 for _ in islice(rows, manifest.vectors))


def _waiting(library: Library) -> int:
    with reading(library.sessions) as session:
        return sum(part.waiting for part in backlog(session).values())
