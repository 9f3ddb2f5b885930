"""A library goes into one file while it is in use, and comes out of it as it was.

On both databases: what reads rows at one moment, loads them or is killed while it does. What is
about the archive or the files is the same whatever the database, and runs on SQLite only.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
    insert,
    null,
    select,
    text,
    update,
)

from app.backup import making, restoring
from app.backup.archive import open_members
from app.backup.checking import check
from app.backup.making import make_backup
from app.backup.manifest import BackupError
from app.backup.restoring import restore
from app.backup.tables import Loader, parts_of, snapshot, tables_of
from app.cli import passerelle
from app.config import read_config
from app.database import now, open_database, writing
from app.library import Library
from app.migrations import current_revision, downgrade, newest_revision, upgrade
from app.outbox import Job, claim, enqueue
from app.resources.models import Edition, File
from app.search.models import SearchCount
from app.search.services import SearchRequest, search
from tests.app.databases import Databases, on_postgresql, on_sqlite
from tests.app.ingesting import arrive, work
from tests.servers.postgresql import PostgreSQL

TEXTS = {
    "en": ("map.md", "# Mapping\n\nA map of the cultural sector shows who works where."),
    "fr": ("carte.md", "# Cartographier\n\nUne carte du secteur culturel montre qui travaille."),
    "es": ("gasto.md", "# Presupuesto\n\nEl presupuesto detalla cada gasto previsto."),
}
QUESTIONS = ("map of the sector", "carte du secteur culturel", "gasto del presupuesto")


def quiet(_step: str, _done: int, _total: int) -> None:
    pass


def fill(library: Library) -> Library:
    for language, (name, content) in TEXTS.items():
        arrive(library, content, name, work="w", language=language)
    work(library)
    with writing(library.sessions) as session:
        session.add(SearchCount(day=now().date(), language="en", text="map", asked=2, found=1))
    library.config.evaluations.mkdir()
    (library.config.evaluations / "first.jsonl.gz").write_bytes(b"a run")
    return library


@pytest.fixture(scope="module")
def filled(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library with something in it, filled once: to be backed up, and not to be changed."""
    folder = tmp_path_factory.mktemp("filled")
    with databases.migrated(folder) as address:
        opened = Library(read_config(variables(folder / "data", address)))
        yield fill(opened)
        opened.engine.dispose()


@pytest.fixture(scope="module")
def filled_archive(filled: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_backup(filled, tmp_path_factory.mktemp("archive") / "one.tar", quiet).path


@pytest.fixture
def archive(filled_archive: Path, tmp_path: Path) -> Path:
    """The backup of `filled`, the test's own."""
    return shutil.copy(filled_archive, tmp_path / "one.tar")


@pytest.fixture
def full(words_library: Library) -> Library:
    """A library with something in it, the test's own."""
    return fill(words_library)


def variables(data: Path, database: str) -> dict[str, str]:
    """Of a library without a model."""
    return {
        "PASSERELLE_DATA": str(data),
        "PASSERELLE_DATABASE_URL": database,
        "PASSERELLE_MODEL": "none",
        "LANGUAGE": "en",
    }


def variables_of(library: Library) -> dict[str, str]:
    return variables(library.config.data, library.config.database_url)


@pytest.fixture
def environment(databases: Databases, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of a library that is not there yet."""
    with databases.empty(tmp_path / "new") as address:
        yield variables(tmp_path / "new", address)


@pytest.fixture
def fresh(environment: dict[str, str]) -> Iterator[Library]:
    opened = Library(read_config(environment))
    yield opened
    if opened.config.data.exists():  # else nothing was opened
        opened.engine.dispose()


Run = Callable[..., Result]


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def call(*arguments: object, **more: str) -> Result:
        runner = CliRunner(env=environment | more)
        return runner.invoke(passerelle, [str(argument) for argument in arguments])

    return call


def rows(library: Library) -> dict[str, list[str]]:
    """Every row of every table, as lines."""
    with snapshot(library.engine) as connection:
        return {
            table.name: sorted(
                line
                for part, _ in parts_of(connection, table)
                for line in part.decode().splitlines()
            )
            for table in tables_of(connection)
        }


def stored(library: Library) -> dict[str, bytes]:
    return {name: library.files.path(name).read_bytes() for name in library.files.names()}


def hits(library: Library) -> list[Any]:
    return [
        [(hit.title, hit.language, hit.page, hit.url, hit.score) for hit in answer.hits]
        for answer in (search(library, SearchRequest(question)) for question in QUESTIONS)
    ]


def goes_on(library: Library) -> None:
    """Rows that come now get ids after those that were restored."""
    arrive(library, "# New\n\nOne more text.", "new.md")
    work(library)
    with library.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Edition)) == len(TEXTS) + 1


def test_a_restored_library_is_the_one_that_was_backed_up(
    filled: Library, fresh: Library, tmp_path: Path
) -> None:
    made = make_backup(filled, tmp_path / "one.tar.gz", quiet)
    restored = restore(fresh, made.path, quiet)
    assert all(one.equal for one in restored.compared), restored.compared
    assert rows(fresh) == rows(filled)
    assert stored(fresh) == stored(filled)
    assert all(hits(filled))
    assert hits(fresh) == hits(filled)
    assert (fresh.config.evaluations / "first.jsonl.gz").read_bytes() == b"a run"
    assert not (fresh.config.data / "restore.begun").exists()
    goes_on(fresh)


@on_sqlite  # vectors are in no database of the library's
@pytest.mark.model
def test_vectors_come_along_so_that_nothing_is_embedded_again(
    model_folder: Path, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(library)
    make_backup(library, tmp_path / "one.tar", quiet)
    fresh = Library(read_config({"PASSERELLE_DATA": str(tmp_path / "new")}))
    assert fresh.embedder
    with monkeypatch.context() as patched:
        patched.setattr(
            "indexes.embedding.onnx_engine.OnnxEmbedder.embed_passages",
            lambda *_: pytest.fail("a passage was embedded again"),
        )
        assert all(one.equal for one in restore(fresh, tmp_path / "one.tar", quiet).compared)
    assert fresh.index.status().vectors == library.index.status().vectors > 0
    assert hits(fresh) == hits(library)


@on_sqlite  # about the archive
def test_ordinary_tools_read_the_archive(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", out], check=True)
    subprocess.run(["sha256sum", "-c", "--quiet", "manifest.sha256"], cwd=out, check=True)
    said = json.loads((out / "manifest.json").read_text())
    assert (said["tables"]["file"], said["files"]["count"], said["entries"]) == (3, 3, 6)
    assert archive.stat().st_mode & 0o777 == 0o600


def test_a_backup_is_one_moment_although_a_worker_is_busy(
    words_library: Library, fresh: Library, tmp_path: Path
) -> None:
    for number in range(12):
        arrive(words_library, f"# Text {number}\n\nSubject {number} at hand.", f"{number}.md")
    worker = Thread(target=work, args=(words_library,))
    worker.start()
    made = [make_backup(words_library, tmp_path / f"{n}.tar", quiet) for n in range(3)]
    worker.join()
    restored = restore(fresh, made[1].path, quiet)
    assert all(one.equal for one in restored.compared), restored.compared
    work(fresh)  # does what was waiting or in hand
    assert fresh.index.status().entries == words_library.index.status().entries == 24
    assert stored(fresh) == stored(words_library)


def test_what_a_worker_had_in_hand_is_free_after_a_restore(
    full: Library, fresh: Library, tmp_path: Path
) -> None:
    with writing(full.sessions) as session:
        enqueue(session, Job.PARSE, "a")
    claim(full.sessions, "of another machine", Job.PARSE, 9)
    make_backup(full, tmp_path / "one.tar", quiet)
    assert restore(fresh, tmp_path / "one.tar", quiet).waiting == 1
    (again,) = claim(fresh.sessions, "here", Job.PARSE, 9)
    assert (again.subject, again.attempts) == ("a", 1)


@on_sqlite  # about files
def test_files_that_are_removed_meanwhile_are_in_it(
    full: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, gone = making._write_files, list(full.files.names())

    def remove_first(library: Library, *rest: Any) -> Any:
        for name in gone:
            library.files.remove(name)
        return write(library, *rest)

    monkeypatch.setattr(making, "_write_files", remove_first)
    made = make_backup(full, tmp_path / "one.tar", quiet)
    assert (made.manifest.files.count, made.manifest.files.missing) == (3, ())
    assert [p for p in full.config.files.rglob("*") if p.is_file() and p.stat().st_size] == []


@on_sqlite  # about files
def test_a_damaged_or_missing_file_is_named_and_the_rest_is_backed_up(
    full: Library, fresh: Library, run: Run, tmp_path: Path
) -> None:
    with full.sessions() as session:
        by_name = {file.name: file.sha256 for file in session.scalars(select(File))}
    full.files.path(by_name["map.md"]).write_bytes(b"other bytes")
    full.files.path(by_name["carte.md"]).unlink()
    done = run("backup", tmp_path / "one.tar", **variables_of(full))
    assert done.exit_code == 3, done.output
    assert f"damaged: map.md ({by_name['map.md']})" in done.stderr
    assert f"missing: carte.md ({by_name['carte.md']})" in done.stderr
    again = run("restore", tmp_path / "one.tar")
    assert again.exit_code == 3, again.output
    assert "not in the library: map.md" in again.stderr
    assert list(fresh.files.names()) == [by_name["gasto.md"]]


def test_commands_tell_people_and_machines(filled: Library, run: Run, tmp_path: Path) -> None:
    there = variables_of(filled)
    target = tmp_path / "one.tar"
    made = json.loads(run("backup", target, "--json", **there).stdout)
    assert (made["tables"]["edition"], made["files"], made["entries"]) == (3, 3, 6)
    refused = run("backup", target, **there)
    assert refused.exit_code == 1
    assert "--force" in refused.output
    assert run("backup", target, "--force", **there).exit_code == 0
    assert "has to end in .tar" in run("backup", tmp_path / "one.zip", **there).output
    assert "cannot be written" in run("backup", tmp_path / "no" / "one.tar", **there).output
    whole = json.loads(run("restore", "--verify", target, "--json").stdout)
    assert (whole["whole"], whole["files"]) == (True, 3)
    assert not (tmp_path / "new").exists()
    assert run("db", "upgrade").exit_code == 0  # just migrated counts as empty
    done = run("restore", target, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["equal"]
    assert said["compared"]["file"] == {"archive": 3, "library": 3}
    occupied = run("restore", target)
    assert occupied.exit_code == 1
    assert "not empty" in occupied.output


def test_too_little_room_is_said_before(
    filled: Library, fresh: Library, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Full())
    with pytest.raises(BackupError, match="has room for 1 MB"):
        make_backup(filled, archive.with_name("two.tar"), quiet)
    with pytest.raises(BackupError, match="has room for 1 MB"):
        restore(fresh, archive, quiet)
    assert not list(archive.parent.glob("two*"))


class _Full:
    free = 1 << 20


def members(archive: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(archive) as tar:
        return tar.getmembers()


@on_sqlite  # about the archive
def test_one_wrong_byte_in_any_part_is_found(archive: Path, fresh: Library) -> None:
    whole = archive.read_bytes()
    for member in members(archive):
        for place in (member.offset_data, member.offset_data + member.size - 1, member.offset + 1):
            broken = bytearray(whole)
            broken[place] ^= 4
            archive.write_bytes(broken)
            with pytest.raises(BackupError):
                restore(fresh, archive, quiet)
    assert not fresh.config.data.exists()


@on_sqlite  # about the archive
@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_an_archive_that_is_cut_off_is_refused(
    filled: Library, tmp_path: Path, ending: str
) -> None:
    made = make_backup(filled, tmp_path / f"one.{ending}", quiet)
    whole = made.path.read_bytes().rstrip(b"\0")  # a tar ends in zeros that say nothing
    for share in (0, 0.01, 0.3, 0.6, 0.9, 0.99):
        made.path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BackupError):
            check(made.path, quiet)


def unpacked(content: bytes) -> bytes | None:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None


@on_sqlite  # about the archive
def test_a_gzip_archive_with_a_wrong_byte_is_refused(filled: Library, tmp_path: Path) -> None:
    path = make_backup(filled, tmp_path / "one.tgz", quiet).path
    whole = path.read_bytes()
    for place in range(20, len(whole), len(whole) // 20):
        broken = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        # Some bits say nothing: the last ones, and where a repeated text is copied from.
        if unpacked(broken) != unpacked(whole):
            path.write_bytes(broken)
            with pytest.raises(BackupError):
                check(path, quiet)


def header(name: str, kind: bytes = tarfile.REGTYPE, **more: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in more.items():
        setattr(made, field, value)
    return made


@on_sqlite  # about the archive
@pytest.mark.parametrize(
    "member",
    [
        header("../outside"),
        header("/etc/outside"),
        header("tables/01-file/../../../outside.jsonl"),
        header("files/aa/bb/../../../x"),
        header("manifest.json/x"),
        header("about.json"),
        header("evaluations/.hidden.jsonl.gz"),
        header("files/aa/aa/" + "a" * 64, tarfile.SYMTYPE, linkname="/etc/passwd"),
        header("files/aa/aa/" + "a" * 64, tarfile.LNKTYPE, linkname="about.json"),
        header("files/aa/aa/" + "a" * 64, tarfile.FIFOTYPE),
        header("files", tarfile.DIRTYPE),
        header("tables/01-file/000001.jsonl", size=1 << 40),
        header("files/aa/aa/" + "a" * 64, size=1 << 50),
        header("x" * 300),  # which needs an extension
    ],
    ids=lambda member: f"{member.name[:40]} {member.type!r} {member.size}",
)
def test_what_no_backup_holds_is_refused(
    archive: Path, fresh: Library, member: tarfile.TarInfo
) -> None:
    content = archive.read_bytes()
    first = members(archive)[1].offset
    form = tarfile.GNU_FORMAT
    archive.write_bytes(content[:first] + member.tobuf(form) + content[first:])
    with pytest.raises(BackupError):
        restore(fresh, archive, quiet)
    assert not fresh.config.data.exists()


@on_sqlite  # about the archive
def test_the_same_member_twice_is_refused(archive: Path) -> None:
    content = archive.read_bytes()
    for member, after in zip(members(archive), members(archive)[1:], strict=False):
        one = content[member.offset : after.offset]
        archive.write_bytes(content[: after.offset] + one + content[after.offset :])
        with pytest.raises(BackupError, match="twice"):
            check(archive, quiet)


def rewrite(archive: Path, change: Callable[[str, bytes], bytes]) -> None:
    """The archive with other content and right checksums, as somebody who means harm writes it."""
    parts: dict[str, dict[str, Any]] = {}
    digest = ""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member in open_members(archive):
            content = change(member.name, member.whole())
            if member.name == "manifest.json":
                content = json.dumps(json.loads(content) | {"parts": parts}).encode()
            if member.name == "manifest.sha256":
                content = f"{digest}  manifest.json\n".encode()
            digest = hashlib.sha256(content).hexdigest()
            if not member.name.startswith(("files/", "manifest")):
                parts[member.name] = {"size": len(content), "sha256": digest}
            made = tarfile.TarInfo(member.name)
            made.size = len(content)
            tar.addfile(made, io.BytesIO(content))
    archive.write_bytes(out.getvalue())


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


KILLED = """
import os, signal, sys
from importlib import import_module
module, name, after = sys.argv[1:4]
home = import_module(module)
for part in name.split(".")[:-1]:
    home = getattr(home, part)
name = name.split(".")[-1]
before, calls = getattr(home, name), []
def kill(*given, **more):
    calls.append(1)
    if len(calls) > int(after):
        os.kill(os.getpid(), signal.SIGKILL)
    return before(*given, **more)
setattr(home, name, kill)
sys.argv[1:] = sys.argv[4:]
from app.cli import main
main()
"""


def killed(
    environment: dict[str, str], where: str, name: str, after: int, *command: object
) -> None:
    """Run a command that is killed at its next call of a function after so many."""
    arguments = [where, name, str(after), *map(str, command)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=os.environ | environment)
    assert done.returncode == -signal.SIGKILL


@on_sqlite  # about the archive
@pytest.mark.parametrize(
    ("where", "name", "after"),
    [("app.backup.making", "_write_files", 0), ("app.backup.archive", "ArchiveWriter.close", 0)],
)
def test_a_killed_backup_leaves_nothing_under_the_name_and_can_be_made_again(
    filled: Library, run: Run, tmp_path: Path, where: str, name: str, after: int
) -> None:
    there = variables_of(filled)
    target = tmp_path / "one.tar"
    killed(there, where, name, after, "backup", target)
    assert [path.name for path in tmp_path.glob("one*")] == ["one.tar.part"]
    done = run("backup", target, **there)
    assert done.exit_code == 0, done.output
    assert "had been interrupted" in done.stderr
    assert [path.name for path in tmp_path.glob("one*")] == ["one.tar"]
    assert check(target, quiet).files.count == 3


@pytest.mark.parametrize(
    ("where", "name", "after"),
    [
        ("app.backup.restoring", "_load", 0),
        ("app.backup.restoring", "_take_in", 3),
        ("app.backup.tables", "Loader.finish", 0),
        ("app.backup.restoring", "_check_counts", 0),
        ("app.backup.restoring", "rebuild_index", 0),
        ("app.backup.restoring", "_compare_rest", 0),
    ],
)
def test_a_killed_restore_goes_on_when_called_again(
    filled: Library, archive: Path, fresh: Library, run: Run, environment: dict[str, str],
    where: str, name: str, after: int,
) -> None:  # fmt: skip
    killed(environment, where, name, after, "restore", archive)
    done = run("restore", archive)
    assert done.exit_code == 0, done.output
    assert "had been interrupted here" in done.stderr
    assert rows(fresh) == rows(filled)
    assert stored(fresh) == stored(filled)
    assert hits(fresh) == hits(filled)


@on_sqlite  # about files
@pytest.mark.parametrize(
    ("where", "name", "after"),
    [
        ("app.storage", "FileStore._keep", 1),
        ("pathlib", "Path.replace", 0),
    ],
)
def test_what_a_restore_was_writing_when_it_was_killed_is_gone_after_the_next(
    filled: Library, archive: Path, fresh: Library, run: Run, environment: dict[str, str],
    where: str, name: str, after: int,
) -> None:  # fmt: skip
    killed(environment, where, name, after, "restore", archive)
    assert len(unfinished(fresh)) == 1
    assert run("restore", archive).exit_code == 0
    assert stored(fresh) == stored(filled)
    assert unfinished(fresh) == []


def unfinished(library: Library) -> list[str]:
    folders = (library.config.files, library.config.evaluations)
    found = [path.name for folder in folders for path in folder.glob(".*")]
    return [name for name in found if name != ".held"]  # the lock of those who copy


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


@pytest.fixture
def server(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with postgresql.database() as url:
        yield url


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
