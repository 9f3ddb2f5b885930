"""`passerelle ingest`: files, folders and ZIPs into the library, to the end."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commands.output import as_json, bar, emit, give_up, say, translated
from app.database import reading, writing
from app.library import Library
from app.outbox import Job, backlog, is_waiting
from app.resources.collecting import Source, UnreadableSource, collect, metadata_files
from app.resources.ingestion import (
    Arrival,
    Outcome,
    Receipt,
    add_record,
    progress,
    receive,
    store,
)
from app.resources.metadata import Description
from app.resources.metadata_files import MetadataError, merged, read_editions, read_metadata
from app.resources.models import File, Processing, Version
from app.resources.reasons import REASONS
from app.storage import FileTooLarge
from app.worker import Tally, Worker
from indexes.errors import IndexMismatch, IndexUnavailable
from ingest.errors import Reason

_WAIT_SECONDS = 0.2  # for files that another worker is reading


@dataclass
class _Run:
    """One call of the command: what it waits for and what it has seen."""

    library: Library
    json: bool
    pending: dict[str, tuple[Source, Receipt]] = field(default_factory=dict)
    editions: set[str] = field(default_factory=set)  # that the index has to look at
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    pages: int = 0
    passages: int = 0

    def report(self, source: Source, receipt: Receipt, **read: object) -> None:
        """One file is finished."""
        self.outcomes[receipt.outcome, receipt.reason.split(" ")[0]] += 1
        line = {"path": source.path, "outcome": receipt.outcome.value, "reason": receipt.reason}
        blank = {"language": None, "pages": 0, "passages": 0, "seconds": 0.0}
        if self.json:
            emit(line | blank | read)
        elif receipt.outcome is Outcome.REFUSED:
            why = REASONS.get(receipt.reason, receipt.reason)
            say(f"{source.path}: {translated(why)}")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--editions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TSV with work, language, path: joins languages into one resource.",
)
@click.option(
    "--metadata",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV that says what the files are (docs/metadata.md).",
)
@click.option("--draft", is_flag=True, help="Keep what comes in as drafts; publish nothing.")
@click.option("--retry", is_flag=True, help="Read files again that were refused before.")
@click.option("--no-wait", is_flag=True, help="Leave the reading to a worker and return.")
@as_json
@click.pass_obj
def ingest(  # the command's options are its parameters
    library: Library, paths: tuple[Path, ...], editions: Path | None, metadata: Path | None,
    draft: bool, retry: bool, no_wait: bool, as_json: bool,
) -> None:  # fmt: skip
    """Bring files, folders and ZIPs into the library.

    A file is known by its path relative to the PATH given: the same bytes again are `unchanged`,
    other bytes make a new version. Stopped at any moment, the same command goes on where it was.

    A file named metadata.csv, given as a PATH or at the top of a folder, is taken as metadata.

    Exit status: 0 if anything is in the library afterwards, 1 if every file was refused, 2 if the
    options or tables cannot be used.
    """
    run = _Run(library, as_json)
    try:
        said = _tables(run, paths, editions, metadata)
    except MetadataError as error:
        raise click.UsageError(str(error)) from error
    _take_in(
        run,
        list(collect([path for path in paths if path not in said.files])),
        said,
        draft=draft,
        retry=retry,
    )
    tally = Tally()
    if not no_wait:
        tally = _work_until_done(run)
    _summarise(run, tally)
    refused = sum(n for (outcome, _), n in run.outcomes.items() if outcome == Outcome.REFUSED)
    if refused and refused == sum(run.outcomes.values()):
        raise SystemExit(1)


@dataclass(frozen=True)
class _Said:
    """What tables say: by source key, and the tables themselves."""

    files: frozenset[Path]
    by_key: dict[str, Description]

    def of(self, key: str) -> Description:
        return self.by_key.get(key, Description())


def _tables(
    run: _Run, paths: tuple[Path, ...], editions: Path | None, metadata: Path | None
) -> _Said:
    joined = read_editions(editions) if editions else {}
    tables = metadata_files(paths) + ([metadata] if metadata else [])
    rows = [row for table in tables for row in read_metadata(table)]
    records = [said for key, said in rows if not key]
    if records:
        with writing(run.library.sessions) as session:
            run.editions.update(add_record(session, said).id for said in records)
    described = {key: said for key, said in rows if key}
    keys = joined.keys() | described.keys()
    by_key = {key: merged(joined.get(key), described.get(key)) for key in keys}
    return _Said(frozenset(tables), by_key)


def _take_in(run: _Run, sources: list[Source], said: _Said, *, draft: bool, retry: bool) -> None:
    """Store and queue all files; those that need no reading are reported at once."""
    with bar("Storing", len(sources)) as shown:
        for source in sources:
            receipt = _take_in_one(
                run.library, source, said.of(source.key), draft=draft, retry=retry
            )
            run.editions.update(receipt.editions)
            if receipt.file_id:
                run.pending[receipt.file_id] = (source, receipt)
            else:
                run.report(source, receipt)
            shown.update(1)


def _take_in_one(
    library: Library, source: Source, said: Description, *, draft: bool, retry: bool
) -> Receipt:
    try:
        with source.open() as stream:
            stored = store(library, stream)
    except FileTooLarge:
        return Receipt(Outcome.REFUSED, Reason.TOO_LARGE)
    except UnreadableSource as error:
        say(f"{source.path}: {error}")
        return Receipt(Outcome.REFUSED, Reason.UNREADABLE)
    except OSError as error:
        give_up(f"{source.path} could not be stored: {error}. What came before it is kept.")
    return receive(library, Arrival(stored, source.name, source.key, said, not draft, retry))


def _work_until_done(run: _Run) -> Tally:
    """Work the queue until all files of this call are read, indexed and embedded."""
    worker = Worker(run.library)
    try:
        with bar("Reading", len(run.pending)) as shown:
            for edition in _each_read(run, worker):
                run.editions.add(edition)
                shown.update(1)
        _finish(run.library, worker, run.editions)
    except IndexMismatch as error:
        give_up(f"{error}: run `passerelle index rebuild`. What was read is kept.")
    except IndexUnavailable as error:
        say(f"{error}. What was read is kept; a worker brings it into the index when it answers.")
    finally:
        worker.close()
    return worker.tally


def _each_read(run: _Run, worker: Worker) -> Iterator[str]:
    while run.pending:
        busy = worker.step_on()
        with reading(run.library.sessions) as session:
            finished = _finished(session, list(run.pending))
            for file_id, edition in finished:
                _report_read(run, session, file_id)
                yield edition
        if not busy and not finished:
            _report_removed(run)
            time.sleep(_WAIT_SECONDS)


def _report_removed(run: _Run) -> None:
    """Files that were taken out of the library while they waited to be read."""
    with reading(run.library.sessions) as session:
        gone = [file_id for file_id in run.pending if session.get(File, file_id) is None]
    for file_id in gone:
        source, _ = run.pending.pop(file_id)
        run.report(source, Receipt(Outcome.REFUSED, "removed"))


def _finished(session: Session, files: list[str]) -> list[tuple[str, str]]:
    """Of the files, those that are read or refused, each with its edition."""
    done: list[tuple[str, str]] = []
    for start in range(0, len(files), 1000):
        rows = session.execute(
            select(File.id, Version.edition_id)
            .join(Version, Version.id == File.version_id)
            .where(
                File.id.in_(files[start : start + 1000]),
                File.processing.in_([Processing.READY, Processing.REFUSED]),
            )
        )
        done += [(row.id, row.edition_id) for row in rows]
    return done


def _report_read(run: _Run, session: Session, file_id: str) -> None:
    source, receipt = run.pending.pop(file_id)
    read = progress(session, file_id)
    refused = read.processing is Processing.REFUSED
    run.pages += read.pages
    run.passages += read.passages
    run.report(
        source,
        Receipt(
            Outcome.REFUSED if refused else receipt.outcome,
            ", ".join(filter(None, (receipt.reason, read.reason))),
        ),
        language=read.language,
        pages=read.pages,
        passages=read.passages,
        seconds=read.seconds,
    )


def _finish(library: Library, worker: Worker, editions: set[str]) -> None:
    """Index and embed what was read. Raises as `Worker.step`."""
    if worker.index_problem is not None:
        raise worker.index_problem
    ids = sorted(editions)
    with reading(library.sessions) as session:
        left = sum(backlog(session)[job].waiting for job in (Job.INDEX, Job.EMBED))
    with bar("Indexing and embedding", left) as shown:
        while _waits(library, ids):
            if not worker.step():
                time.sleep(_WAIT_SECONDS)
            with reading(library.sessions) as session:
                now_left = sum(backlog(session)[job].waiting for job in (Job.INDEX, Job.EMBED))
            shown.update(max(0, left - now_left))
            left = min(left, now_left)


def _waits(library: Library, editions: list[str]) -> bool:
    with reading(library.sessions) as session:
        return any(
            is_waiting(session, job, editions[start : start + 1000])
            for job in (Job.INDEX, Job.EMBED)
            for start in range(0, len(editions), 1000)
        )


def _summarise(run: _Run, tally: Tally) -> None:
    for (outcome, reason), count in sorted(run.outcomes.items()):
        say(f"{count:6} {outcome}{f' ({reason})' if reason else ''}")
    say(f"{run.pages} pages, {run.passages} passages, {tally.embedded} embedded")
    if any(tally.seconds.values()):
        say("seconds: " + ", ".join(f"{job} {tally.seconds[job]:.1f}" for job in Job))
