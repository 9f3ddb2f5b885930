"""A file comes in: stored, registered, read, published.

Two steps, each one transaction. `receive` keeps the bytes and what people said of them and asks for
the parse; `read_file` (the worker) parses in the sandbox, stores pages and passages, publishes if
so asked, and asks for the index. Both can be repeated without harm.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database import now, reading, writing
from app.library import Library
from app.outbox import Claim, Job, done, enqueue, is_waiting
from app.resources.metadata import Description, describe
from app.resources.models import (
    Edition,
    File,
    Page,
    Passage,
    Processing,
    Resource,
    Review,
    Version,
)
from app.storage import StoredFile
from ingest.errors import Reason, Refused
from ingest.sandbox import ingest_file
from ingest.source import Limits
from ingest.types import Block, IngestedFile
from ingest.types import Passage as IngestedPassage

LIMITS = Limits()


class Outcome(StrEnum):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file as it comes: its bytes already stored, where it came from and what was said of it."""

    stored: StoredFile
    name: str
    source_key: str
    description: Description = field(default_factory=Description)
    publish: bool = True
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an arrival. `file_id` is the file to wait for if it has to be read, `editions`
    those that the index was asked to look at again.
    """

    outcome: Outcome
    reason: str = ""
    file_id: str | None = None
    editions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a file has come, for those who wait for it."""

    processing: Processing
    reason: str
    language: str
    pages: int
    passages: int
    seconds: float


def store(library: Library, stream: BinaryIO) -> StoredFile:
    """Keep the bytes; raises `FileTooLarge` beyond the limit of the sandbox."""
    return library.files.add(stream, LIMITS.file_bytes)


def receive(library: Library, arrival: Arrival) -> Receipt:
    """Register a stored file and ask for it to be read, unless it is here already."""
    with writing(library.sessions) as session:
        before = _latest(session, arrival.source_key)
        if before and before.sha256 == arrival.stored.sha256:
            return _seen_again(session, before, arrival)
        twin = None if before else _same_bytes(session, arrival.stored.sha256)
        if twin:
            return _duplicate(session, twin, arrival)
        if before:
            edition = before.version.edition
            changed = describe(session, edition, arrival.description)
        else:
            edition, changed = _edition_for(session, arrival.description, arrival.name)
        file = _new_version(session, edition, arrival)
        enqueue(session, Job.PARSE, file.id)
        return Receipt(
            Outcome.UPDATED if before else Outcome.ADDED,
            file_id=file.id,
            editions=_look_again(session, edition) if changed else (),
        )


def progress(session: Session, file_id: str) -> Reading:
    file = session.get_one(File, file_id)
    return Reading(
        processing=file.processing,
        reason=file.reason or ", ".join(file.notices),
        language=file.text_language,
        pages=file.page_count,
        passages=file.passage_count,
        seconds=round(file.parse_seconds + file.store_seconds, 3),
    )


def _latest(session: Session, source_key: str) -> File | None:
    query = select(File).where(File.source_key == source_key).order_by(File.id.desc()).limit(1)
    return session.scalar(query)


def _same_bytes(session: Session, sha256: str) -> File | None:
    """A file of these bytes that is shown, on its way to be, or refused. Drafts and versions that
    were replaced do not count: nobody would find the text.
    """
    query = (
        select(File)
        .join(Version, Version.id == File.version_id)
        .join(Edition, Edition.id == Version.edition_id)
        .where(
            File.sha256 == sha256,
            (File.processing != Processing.READY) | (Edition.published_version_id == Version.id),
        )
    )
    return session.scalar(query.order_by(File.id).limit(1))


def _seen_again(session: Session, file: File, arrival: Arrival) -> Receipt:
    """The same file from the same place: nothing new, unless it was refused and is tried again.

    What people say of it may be new all the same.
    """
    edition, version = file.version.edition, file.version
    changed = describe(session, edition, arrival.description)
    editions = _look_again(session, edition) if changed else _on_its_way(session, edition)
    if file.processing is Processing.REFUSED and not arrival.retry:
        return Receipt(Outcome.REFUSED, file.reason or "")
    if file.processing is not Processing.READY:
        return _read_again(session, file)
    if arrival.publish and version.review is Review.DRAFT:
        publish(session, version)
        return Receipt(Outcome.UPDATED, editions=(edition.id,))
    return Receipt(Outcome.UNCHANGED, _not_joined(edition, arrival.description), editions=editions)


def _on_its_way(session: Session, edition: Edition) -> tuple[str, ...]:
    """The edition, if an interrupted run left it to be indexed or embedded."""
    waits = any(is_waiting(session, job, [edition.id]) for job in (Job.INDEX, Job.EMBED))
    return (edition.id,) if waits else ()


def _not_joined(edition: Edition, said: Description) -> str:
    """A resource keeps its address: what came in alone is not moved into another one later."""
    apart = said.work and said.language and edition.resource.work_key != said.work
    return "not_joined" if apart else ""


def _duplicate(session: Session, twin: File, arrival: Arrival) -> Receipt:
    if twin.processing is not Processing.REFUSED:
        return Receipt(Outcome.UNCHANGED, f"duplicate_of {twin.source_key}")
    if arrival.retry:
        return _read_again(session, twin)
    return Receipt(Outcome.REFUSED, twin.reason or "")


def _read_again(session: Session, file: File) -> Receipt:
    file.processing = Processing.RECEIVED
    if not is_waiting(session, Job.PARSE, [file.id]):
        enqueue(session, Job.PARSE, file.id)
    return Receipt(Outcome.ADDED, file_id=file.id)


def _look_again(session: Session, edition: Edition) -> tuple[str, ...]:
    """Ask the index to look at all editions of the resource: they share type, year and topics."""
    resource = session.get_one(Resource, edition.resource_id)
    shown = tuple(one.id for one in resource.editions if one.published_at is not None)
    for edition_id in shown:
        enqueue(session, Job.INDEX, edition_id)
    return shown


def _edition_for(session: Session, said: Description, name: str) -> tuple[Edition, bool]:
    """The edition that a file or a description belongs to, made if it is not there yet, and whether
    what is said of it is new.

    Only a description that names both work and language joins an edition to others.
    """
    work = said.work if said.language else None
    resource = None
    if work:
        resource = session.scalar(select(Resource).where(Resource.work_key == work))
    if resource is None:
        resource = Resource(work_key=work)
        session.add(resource)
        session.flush()
    edition = _edition_in(session, resource, said.language)
    if edition is None:
        edition = Edition(resource_id=resource.id, title=_title_from(name))
        session.add(edition)
        session.flush()
    return edition, describe(session, edition, said)


def _title_from(name: str) -> str:
    """A title until a better one is known: `Guia_de_datos.pdf` reads as `Guia de datos`."""
    return " ".join((Path(name).stem or name).replace("_", " ").split())


def _edition_in(session: Session, resource: Resource, language: str | None) -> Edition | None:
    """The edition that is there already as a record without a file, or with another format."""
    if not language:
        return None
    return session.scalar(
        select(Edition).where(Edition.resource_id == resource.id, Edition.language == language)
    )


def _new_version(session: Session, edition: Edition, arrival: Arrival) -> File:
    last = session.scalar(
        select(Version.number)
        .where(Version.edition_id == edition.id)
        .order_by(Version.number.desc())
        .limit(1)
    )
    version = Version(
        edition_id=edition.id, number=(last or 0) + 1, publish_when_ready=arrival.publish
    )
    session.add(version)
    session.flush()
    file = File(
        version_id=version.id,
        sha256=arrival.stored.sha256,
        size=arrival.stored.size,
        name=arrival.name,
        source_key=arrival.source_key,
    )
    session.add(file)
    session.flush()
    return file


def read_file(library: Library, claim: Claim) -> None:
    """Parse a received file in the sandbox and store what was read, or why it was refused.

    The bytes are read outside any transaction; a worker that dies meanwhile has changed nothing.
    """
    with reading(library.sessions) as session:
        file = session.get(File, claim.subject)
    parsed = _parse(library, file) if file else None  # none: removed meanwhile
    began = perf_counter()
    with writing(library.sessions) as session:
        held = session.get(File, claim.subject)
        if held is not None and parsed is not None:
            if isinstance(parsed, Refused):
                _refuse(held, parsed)
            else:
                _keep(session, held, parsed)
            held.store_seconds = perf_counter() - began
        done(session, claim)


def _parse(library: Library, file: File) -> IngestedFile | Refused:
    count: Callable[[str], int] | None = None
    if library.embedder is not None:
        count = library.embedder.count_tokens
    try:
        return ingest_file(
            library.files.path(file.sha256), name=file.name, limits=LIMITS, count_tokens=count
        )
    except Refused as refused:
        return refused


def _refuse(file: File, refused: Refused) -> None:
    file.processing = Processing.REFUSED
    file.reason = refused.reason.value
    file.detail = refused.detail[:2000]


def give_up_reading(session: Session, file_id: str) -> None:
    """The parse failed for a reason of ours, again and again: the file can be tried later."""
    file = session.get(File, file_id)
    if file is not None:
        _refuse(file, Refused(Reason.CRASHED, "every attempt to read and store it failed"))


def _keep(session: Session, file: File, parsed: IngestedFile) -> None:
    session.execute(delete(Page).where(Page.file_id == file.id))
    session.execute(delete(Passage).where(Passage.file_id == file.id))
    passages = _passage_rows(file, parsed.passages)
    session.add_all(_page_rows(file, parsed))
    session.add_all(passages)
    file.processing, file.reason, file.detail = Processing.READY, None, ""
    file.media_type = parsed.media_type
    file.notices = [notice.value for notice in parsed.notices]
    file.text_language = parsed.language
    file.page_count, file.passage_count = len(parsed.pages), len(passages)
    file.outline = [[item.title, item.level, item.page] for item in parsed.outline]
    file.parse_seconds = parsed.seconds
    version = file.version
    if version.publish_when_ready or version.number == 1:
        describe(session, version.edition, _from_text(parsed))
    if version.publish_when_ready:
        publish(session, version)


def _from_text(parsed: IngestedFile) -> Description:
    """What the file says of itself; it never overrules what people said."""
    found = parsed.metadata
    year = int(found.date[:4]) if found.date and found.date[:4].isdigit() else None
    return Description(
        read_from_text=True,
        language=parsed.language,
        title=parsed.title,
        abstract=found.subject,
        authors=found.authors,
        year=year if year and 1000 <= year <= now().year + 1 else None,
        publisher=found.publisher,
        licence=found.licence,
    )


def _page_rows(file: File, parsed: IngestedFile) -> list[Page]:
    return [
        Page(
            file_id=file.id,
            number=page.number,
            label=page.label and page.label[:200],
            text_language=page.text_language,
            headings=list(page.headings),
            blocks=[_block(block) for block in page.blocks],
        )
        for page in parsed.pages
    ]


def _block(block: Block) -> dict[str, object]:
    kept: dict[str, object] = {"kind": block.kind.value, "text": block.text}
    if block.level:
        kept["level"] = block.level
    if block.rows:
        kept["rows"] = [list(row) for row in block.rows]
    return kept


def _passage_rows(file: File, passages: tuple[IngestedPassage, ...]) -> list[Passage]:
    seen: dict[tuple[int, str], int] = {}
    rows = []
    for passage in passages:
        times = seen[passage.page, passage.text] = seen.get((passage.page, passage.text), -1) + 1
        rows.append(
            Passage(
                id=passage_id(file.version_id, passage.page, passage.text, times),
                file_id=file.id,
                ordinal=passage.ordinal,
                page=passage.page,
                last_page=passage.last_page,
                first_block=passage.first_block,
                language=passage.language,
                headings=list(passage.headings),
                text=passage.text,
            )
        )
    return rows


def passage_id(version_id: str, page: int, text: str, times: int = 0) -> str:
    """The same version, page and text give the same id; `times` counts repeats on the page."""
    key = f"{version_id}\n{page}\n{times}\n{text}".encode()
    return hashlib.blake2b(key, digest_size=10).hexdigest()


def publish(session: Session, version: Version) -> None:
    """Show this version in place of the one before, which keeps its pages and addresses.

    A version that was read late does not replace a later one.
    """
    version.review = Review.PUBLISHED
    edition = version.edition
    shown = edition.published_version
    if shown is not None and shown.number > version.number:
        return
    edition.published_version_id = version.id
    edition.published_at = now()
    enqueue(session, Job.INDEX, edition.id)


def add_record(session: Session, said: Description) -> Edition:
    """A resource known by its description alone, shown at once; again the same: nothing new.

    Work and language are what it is known by.
    """
    edition, changed = _edition_for(session, said, said.title or "")
    if edition.published_at is None:
        edition.published_at = now()
        changed = True
    if changed:
        session.flush()
        _look_again(session, edition)
    return edition
