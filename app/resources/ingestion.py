"""A file comes in: its bytes stored, what people said of it registered, the parse asked for.

One transaction, which can be repeated without harm. Reading it is left to the worker and to
`file_reading`.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import now, writing
from app.library import Library
from app.outbox import Job, enqueue, is_waiting
from app.resources.file_reading import LIMITS, publish
from app.resources.fitting import fitting_key, fitting_name
from app.resources.holding import hold_resources, register_in_turn
from app.resources.metadata import Description, describe
from app.resources.models import (
    Edition,
    File,
    Processing,
    Resource,
    Review,
    Version,
)
from app.storage import StoredFile
from ingest.media_types import format_of_name


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
    arrival = _fitting(arrival)
    with writing(library.sessions) as session:
        _hold(session, arrival)
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
        replaced = _replaced(edition, arrival)
        version = _version_for(session, edition, arrival, replaced)
        file = _register(
            session, version, arrival.stored, name=arrival.name, source_key=arrival.source_key
        )
        return Receipt(
            Outcome.UPDATED if before else Outcome.ADDED,
            "" if before or not replaced else f"replaces {replaced.source_key}",
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


def _fitting(arrival: Arrival) -> Arrival:
    return replace(
        arrival,
        name=fitting_name(arrival.name),
        source_key=fitting_key(arrival.source_key),
        description=_fitting_work(arrival.description),
    )


def _fitting_work(said: Description) -> Description:
    return replace(said, work=said.work and fitting_key(said.work))


def _hold(session: Session, arrival: Arrival) -> None:
    """What may be found to be the same stays as it is until that is decided."""
    register_in_turn(session)
    same = (File.source_key == arrival.source_key) | (File.sha256 == arrival.stored.sha256)
    hold_resources(session, same)


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
        held = select(Resource).where(Resource.work_key == work).with_for_update(key_share=True)
        resource = session.scalar(held)
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


def _replaced(edition: Edition, arrival: Arrival) -> File | None:
    """The file of the same format in the edition's last version, which this one takes the place of.

    One that was refused is in nobody's way.
    """
    files = edition.versions[-1].files if edition.versions else []
    wanted = format_of_name(arrival.name)
    return next(
        (
            file
            for file in files
            if format_of_name(file.name) == wanted and file.processing is not Processing.REFUSED
        ),
        None,
    )


def _version_for(
    session: Session, edition: Edition, arrival: Arrival, replaced: File | None
) -> Version:
    """The version that the file belongs to: the last one if it is another format of that.

    A PDF leads, for its pages have images. Where pages of another format can be read already,
    their addresses stay: a new version holds both formats.
    """
    last = edition.versions[-1] if edition.versions else None
    joins = last and not replaced and last.publish_when_ready == arrival.publish
    if last and joins and not (last.reading_file and _leads(arrival.name)):
        return last
    version = Version(
        edition=edition,
        number=last.number + 1 if last else 1,
        publish_when_ready=arrival.publish,
    )
    session.add(version)
    session.flush()
    for file in last.files if last and joins else ():
        if file.processing is not Processing.REFUSED:
            _register(session, version, file, name=file.name, source_key=file.source_key)
    return version


def _leads(name: str) -> bool:
    return format_of_name(name) == "pdf"


def _register(
    session: Session, version: Version, stored: StoredFile | File, *, name: str, source_key: str
) -> File:
    """A row for stored bytes, and the wish that they be read."""
    file = File(
        version=version,
        sha256=stored.sha256,
        size=stored.size,
        name=name,
        source_key=source_key,
    )
    session.add(file)
    session.flush()
    enqueue(session, Job.PARSE, file.id)
    return file


def add_record(session: Session, said: Description) -> Edition:
    """A resource known by its description alone, shown at once; again the same: nothing new.

    Work and language are what it is known by.
    """
    register_in_turn(session)
    edition, changed = _edition_for(session, _fitting_work(said), said.title or "")
    if edition.published_at is None:
        edition.published_at = now()
        changed = True
    if changed:
        session.flush()
        _look_again(session, edition)
    return edition
