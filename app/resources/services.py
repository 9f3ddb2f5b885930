"""A resource as its page shows it: editions, files, contents, topics, versions, how to cite it.

Plain values come out; what may be seen is decided in the queries. Pages of the text are in
`reading`, lists of resources in `catalogue`, what is close to one in `related`.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.addresses import browse_address, edition_address, file_address, page_address
from app.database import reading
from app.library import Library
from app.resources.catalogue import lead
from app.resources.citations import Work
from app.resources.contents import ContentsItem, contents_of
from app.resources.entries import FORMATS
from app.resources.licences import Licence, licence_of
from app.resources.models import (
    DEMO,
    Edition,
    File,
    Resource,
    Review,
    Topic,
    Version,
)
from app.resources.permissions import Reader, is_readable
from app.resources.vocabulary import label


class NotFound(Exception):
    """There is no such thing, or the reader may not know of it."""


class Withdrawn(Exception):
    """It was published once and is no longer; its address is never used again."""


@dataclass(frozen=True, slots=True)
class FileView:
    """`format` is a code of the vocabulary; `pages` is 0 where nothing could be counted."""

    name: str
    url: str
    format: str
    size: int
    pages: int
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    number: int
    created_at: datetime
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class EditionView:
    """`read_url` is empty for an edition without pages; `text_language` differs from `language`
    when people said one thing and the text is another.
    """

    language: str
    text_language: str
    title: str
    url: str
    read_url: str
    availability: str
    leads: bool
    files: tuple[FileView, ...]
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class TopicView:
    scheme: str
    code: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class ResourceView:
    """Everything about a resource with one edition in front. `contents_cut`: there is more."""

    id: str
    title: str
    language: str
    abstract: str
    type: str | None
    year: int | None
    authors: tuple[str, ...]
    publisher: str | None
    licence: Licence | None
    editions: tuple[EditionView, ...]
    front: EditionView
    contents: tuple[ContentsItem, ...]
    contents_cut: bool
    topics: tuple[TopicView, ...]
    versions: tuple[VersionView, ...]
    is_demo: bool


@dataclass(frozen=True, slots=True)
class Download:
    """A stored file to be sent; `sha256` identifies its bytes."""

    path: Path
    name: str
    media_type: str
    sha256: str


def resource_view(
    library: Library, reader: Reader, ui: str, resource_id: str, language: str | None = None
) -> ResourceView:
    """A resource with the edition in `language` in front, or the reader's own.

    Raises:
        NotFound: no such resource or edition, or not for this reader.
        Withdrawn: it was published once.
    """
    with reading(library.sessions) as session:
        resource, editions = readable_editions(session, reader, resource_id)
        if language is not None and language not in {edition.language for edition in editions}:
            raise _missing(session, resource_id, language)
        front = lead(editions, ui, language)
        views = tuple(_edition_view(edition, ui, edition is front) for edition in editions)
        contents, cut = _contents(session, front, ui)
        return ResourceView(
            id=resource.id,
            title=front.title,
            language=front.language,
            abstract=front.abstract,
            type=resource.type,
            year=resource.year,
            authors=tuple(resource.authors),
            publisher=resource.publisher,
            licence=licence_of(resource.licence),
            editions=views,
            front=next(view for view in views if view.leads),
            contents=contents,
            contents_cut=cut,
            topics=tuple(_topic_view(topic, ui) for topic in resource.topics),
            versions=_versions(front, ui),
            is_demo=resource.collection == DEMO,
        )


def work_of(view: ResourceView, url: str) -> Work:
    """The resource as it is cited; `url` is absolute."""
    return Work(
        id=view.id,
        title=view.title,
        language=view.language,
        url=url,
        authors=view.authors,
        year=view.year,
        publisher=view.publisher,
        type=view.type,
        abstract=view.abstract,
        licence=view.licence.url or view.licence.name if view.licence else "",
        keywords=tuple(topic.label for topic in view.topics),
    )


def download(
    library: Library,
    reader: Reader,
    resource_id: str,
    language: str,
    version: int | None,
    name: str,
) -> Download:
    """A file of a version (None: the current one) by its name. Raises as `resource_view`."""
    with reading(library.sessions) as session:
        found = find_version(session, reader, resource_id, language, version)
        file = next((file for file in found.files if file.name == name), None)
    path = library.files.path(file.sha256) if file else None
    if file is None or path is None or not path.is_file():
        raise NotFound
    return Download(path, file.name, file.media_type or "application/octet-stream", file.sha256)


def readable_editions(
    session: Session, reader: Reader, resource_id: str
) -> tuple[Resource, list[Edition]]:
    """A resource and the editions of it that the reader may see, by language; at least one."""
    editions = list(
        session.scalars(
            select(Edition)
            .where(Edition.resource_id == resource_id, is_readable(reader))
            .options(
                selectinload(Edition.published_version).selectinload(Version.files),
                selectinload(Edition.versions),
                selectinload(Edition.resource).selectinload(Resource.topics),
            )
            .order_by(Edition.language)
        )
    )
    if not editions:
        raise _missing(session, resource_id, None)
    return editions[0].resource, editions


def find_version(
    session: Session, reader: Reader, resource_id: str, language: str, number: int | None
) -> Version:
    """The version to show: the current one, or by its number if it was ever published."""
    edition = session.scalar(
        select(Edition).where(
            Edition.resource_id == resource_id, Edition.language == language, is_readable(reader)
        )
    )
    if edition is None:
        raise _missing(session, resource_id, language)
    version = edition.published_version
    if number is not None:
        version = next((one for one in edition.versions if one.number == number), None)
    if version is not None and version.review == Review.WITHDRAWN:
        raise Withdrawn
    if version is None or version.review != Review.PUBLISHED:
        raise NotFound
    return version


def file_view(file: File, ui: str, edition: Edition, version: int) -> FileView:
    return FileView(
        name=file.name,
        url=file_address(ui, edition.resource_id, edition.language, version, file.name),
        format=FORMATS.get(file.media_type or "", "other"),
        size=file.size,
        pages=file.page_count,
        notices=tuple(file.notices),
    )


def said_otherwise(language: str, text_language: str) -> bool:
    """Whether the text is in another language than people said."""
    said, read = language.split("-")[0], text_language.split("-")[0]
    return said != read and not {said, read} & {"und", "mul"}


def _missing(session: Session, resource_id: str, language: str | None) -> Exception:
    """410 for what was withdrawn, 404 for the rest; nothing is said of what it was."""
    query = (
        select(Version.id)
        .join(Edition, Edition.id == Version.edition_id)
        .where(Edition.resource_id == resource_id, Version.review == Review.WITHDRAWN)
    )
    if language is not None:
        query = query.where(Edition.language == language)
    return Withdrawn() if session.scalar(query.limit(1)) else NotFound()


def _edition_view(edition: Edition, ui: str, leads: bool) -> EditionView:
    version = edition.published_version
    files = [file for file in version.files if file.size] if version else []
    shown = version.reading_file if version else None
    read_url = page_address(ui, edition.resource_id, edition.language, None, 1) if shown else ""
    return EditionView(
        language=edition.language,
        text_language=shown.text_language if shown else edition.language,
        title=edition.title,
        url=edition_address(ui, edition.resource_id, edition.language),
        read_url=read_url,
        availability=str(edition.availability),
        leads=leads,
        files=tuple(file_view(file, ui, edition, version.number) for file in files if version),
        published_at=edition.published_at,
    )


def _contents(session: Session, edition: Edition, ui: str) -> tuple[tuple[ContentsItem, ...], bool]:
    version = edition.published_version
    file = version.reading_file if version else None
    return contents_of(session, edition, file, ui) if file else ((), False)


def _topic_view(topic: Topic, ui: str) -> TopicView:
    name = topic.labels.get(ui) or label(topic.scheme, topic.code, ui)
    return TopicView(topic.scheme, topic.code, name, browse_address(ui, topic.scheme, topic.code))


def _versions(edition: Edition, ui: str) -> tuple[VersionView, ...]:
    """Published versions, the latest first."""
    return tuple(
        VersionView(
            version.number,
            version.created_at,
            page_address(ui, edition.resource_id, edition.language, version.number, 1),
            version.id == edition.published_version_id,
        )
        for version in reversed(edition.versions)
        if version.review == Review.PUBLISHED
    )
