"""`passerelle backup` and `passerelle restore`: a library in one file, and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from app.backup.checking import check
from app.backup.making import Made, make_backup
from app.backup.manifest import BackupError, Manifest, about_object
from app.backup.restoring import Compared, Restored
from app.backup.restoring import restore as restore_library
from app.commands.output import Steps, as_json, emit, give_up, say
from app.database import is_any, reading
from app.library import Library
from app.migrations import database_problem
from app.resources.models import File
from indexes.errors import IndexesError


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace TARGET if it is there.")
@as_json
@click.pass_obj
def backup(library: Library, target: Path, force: bool, as_json: bool) -> None:
    """Write the whole library to the file TARGET (.tar, .tar.gz or .tgz), while it is in use.

    In it are the database, the files, the vectors and the evaluations; `passerelle restore` makes a
    library of it, on SQLite or PostgreSQL alike.

    Exit status: 0 if everything is in it, 1 if nothing was written, 3 if it was written and some
    files were damaged or missing in the library.
    """
    if problem := database_problem(library):
        give_up(problem)
    try:
        with Steps() as steps:
            made = make_backup(library, target, steps.show, replace=force)
    except BackupError as error:
        give_up(str(error))
    files = made.manifest.files
    bad = [*files.damaged, *files.missing]
    names = _names(library, bad)
    _tell_made(made, as_json)
    for sha256 in bad:
        what = "damaged" if sha256 in files.damaged else "missing"
        say(f"{what}: {names.get(sha256, 'a file')} ({sha256})")
    if bad:
        raise SystemExit(3)


@click.command()
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Only see whether ARCHIVE is whole.")
@as_json
@click.pass_obj
def restore(library: Library, archive: Path, verify: bool, as_json: bool) -> None:
    """Make an empty library what the backup ARCHIVE holds, then build its index.

    ARCHIVE is checked whole before anything is changed. Stopped at any moment, the same command
    begins anew or goes on. In the end what the archive says is compared with what is there.

    Exit status: 0 if the library is what the archive says, 1 if not, 3 if it is and the backup
    had found files damaged or missing.
    """
    try:
        with Steps() as steps:
            if verify:
                _tell_whole(check(archive, steps.show), as_json)
                return
            restored = restore_library(library, archive, steps.show)
    except BackupError as error:
        give_up(str(error))
    except IndexesError as error:
        give_up(f"{error} Rows and files are in; call the same again to go on with the index.")
    _tell_restored(restored, as_json)
    _tell_model(library, restored.manifest)
    if not all(one.equal for one in restored.compared):
        give_up("The library is not what the archive says: see the lines that differ.")
    if _tell_bad(library, restored.manifest):
        raise SystemExit(3)


def _names(library: Library, hashes: Sequence[str]) -> dict[str, str]:
    """What people call files, by their names in the store."""
    with reading(library.sessions) as session:
        rows = session.execute(
            select(File.sha256, File.name).where(is_any(File.sha256, "hashes")),
            {"hashes": list(hashes)},
        )
        return {row.sha256: row.name for row in rows}


def _counts(manifest: Manifest) -> dict[str, Any]:
    return {
        "about": about_object(manifest.about),
        "tables": dict(manifest.tables),
        "files": manifest.files.count,
        "file_bytes": manifest.files.size,
        "damaged": sorted(manifest.files.damaged),
        "missing": list(manifest.files.missing),
        "vectors": manifest.vectors,
        "evaluations": manifest.evaluations,
        "entries": manifest.entries,
    }


def _tell_made(made: Made, as_json: bool) -> None:
    if made.left_over:
        say("An earlier backup to this file had been interrupted; what it left was taken away.")
    if as_json:
        seconds = round(made.seconds, 1)
        emit({"archive": str(made.path), "bytes": made.size, "seconds": seconds}
             | _counts(made.manifest))  # fmt: skip
        return
    manifest = made.manifest
    click.echo(
        f"{made.path}: {made.size / 1e6:.1f} MB in {made.seconds:.1f} s; "
        f"{sum(manifest.tables.values())} rows, {manifest.files.count} files, "
        f"{manifest.vectors} vectors, {manifest.evaluations} evaluations"
    )


def _tell_whole(manifest: Manifest, as_json: bool) -> None:
    if as_json:
        emit({"whole": True} | _counts(manifest))
        return
    about = manifest.about
    click.echo(
        f"The archive is whole: {sum(manifest.tables.values())} rows, "
        f"{manifest.files.count} files, {manifest.vectors} vectors, "
        f"made {about.made:%Y-%m-%d %H:%M} UTC by {about.version}"
    )


def _tell_restored(restored: Restored, as_json: bool) -> None:
    if restored.continued:
        say("A restore of this archive had been interrupted here; it was gone on with.")
    if as_json:
        emit(
            {
                "equal": all(one.equal for one in restored.compared),
                "compared": {
                    one.what: {"archive": one.archive, "library": one.library}
                    for one in restored.compared
                },
                "waiting": restored.waiting,
                "damaged": sorted(restored.manifest.files.damaged),
                "missing": list(restored.manifest.files.missing),
            }
        )
        return
    click.echo(f"{'':22}{'archive':>14}{'library':>14}")
    for one in restored.compared:
        click.echo(_line(one))
    if restored.waiting:
        say(f"{restored.waiting} jobs wait for the worker, as when the backup was made.")


def _line(one: Compared) -> str:
    differs = "" if one.equal else "  differs"
    return f"{one.what:22}{one.archive:14}{one.library:14}{differs}"


def _tell_model(library: Library, manifest: Manifest) -> None:
    """Vectors of another model than the library's are of no use to it."""
    own = library.embedder.fingerprint if library.embedder else None
    if manifest.about.model not in (None, own):
        say(
            f"The archive's vectors are those of {manifest.about.model}; "
            + (f"here the model is {own}." if own else "here is no model: search is by words only.")
        )


def _tell_bad(library: Library, manifest: Manifest) -> bool:
    bad = [*manifest.files.damaged, *manifest.files.missing]
    names = _names(library, bad)
    for sha256 in bad:
        say(f"not in the library: {names.get(sha256, 'a file')} ({sha256})")
    if manifest.files.damaged:
        say(
            "The bytes of damaged files are in the archive, below files/: `tar -xf` takes them out."
        )
    return bool(bad)
