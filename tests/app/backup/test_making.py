"""A library goes into one file while it is in use, and comes out of it as it was."""

import json
import subprocess
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import (
    select,
)

from app.backup import making
from app.backup.making import make_backup
from app.backup.manifest import BackupError
from app.backup.restoring import restore
from app.config import read_config
from app.database import writing
from app.library import Library
from app.outbox import Job, claim, enqueue
from app.resources.models import File
from tests.app.backup.libraries import Run, fill, goes_on, hits, quiet, rows, stored, variables_of
from tests.app.databases import on_sqlite
from tests.app.ingesting import arrive, work


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
