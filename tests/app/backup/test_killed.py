"""What was killed half-way leaves nothing behind, and goes on when it is called again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.backup.checking import check
from app.library import Library
from tests.app.backup.libraries import Run, hits, quiet, rows, stored, variables_of
from tests.app.databases import on_sqlite

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
