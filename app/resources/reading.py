"""A page of a resource as it is read: text, image, marks, neighbours, the same text elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.addresses import edition_address, page_address
from app.database import reading
from app.library import Library
from app.resources.alignment import Counterpart, Place, counterparts, places
from app.resources.document import Mark, Part, lay_out, plain
from app.resources.models import Edition, File, Page, Passage
from app.resources.page_images import PageImages, Sheet
from app.resources.permissions import Reader
from app.resources.services import (
    FileView,
    NotFound,
    file_view,
    find_version,
    readable_editions,
)
from indexes.highlighting import mark_words
from indexes.types import Span

PDF = "application/pdf"
MOST_QUERY_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where the same is said in another edition; not `exact`: about there."""

    language: str
    url: str
    page: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Crossings:
    """Ways to the other editions: from the page's first words, and by anchor from each passage."""

    page: tuple[Elsewhere, ...]
    passages: Mapping[str, tuple[Elsewhere, ...]]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """These pages only, as a file."""

    content: bytes
    name: str


@dataclass(frozen=True, slots=True)
class PageView:
    """`label` is what is printed on the page; `sheet` its image with marks, for PDF only.

    `permalink` names the version, so that it opens this very page for ever.
    """

    resource: str
    resource_url: str
    title: str
    language: str
    text_language: str
    version: int
    is_current: bool
    number: int
    count: int
    label: str | None
    headings: tuple[str, ...]
    parts: tuple[Part, ...]
    sheet: Sheet | None
    file: FileView
    previous_url: str
    next_url: str
    current_url: str
    permalink: str
    crossings: Crossings

    @property
    def is_empty(self) -> bool:
        """No text could be read on the page: scanned, or only pictures."""
        return not self.parts


@dataclass(frozen=True, slots=True)
class PageKey:
    """Which page is asked for; no version means the current one."""

    resource: str
    language: str
    version: int | None
    number: int


def page_view(library: Library, reader: Reader, ui: str, key: PageKey, query: str = "") -> PageView:
    """One page, the words of `query` marked on it. Raises as `services.resource_view`."""
    with reading(library.sessions) as session:
        file, edition, version = _file(session, reader, key)
        page = session.scalar(
            select(Page).where(Page.file_id == file.id, Page.number == key.number)
        )
        if page is None:
            raise NotFound
        passages = _passages(session, file, key.number)
        crossings = _crossings(library, session, reader, ui, key, file)
    language = page.text_language if page.text_language != "und" else edition.language
    mark = _marker(query[:MOST_QUERY_CHARACTERS], language)
    held = key.version

    def address(number: int) -> str:
        return page_address(ui, key.resource, key.language, held, number)

    return PageView(
        resource=key.resource,
        resource_url=edition_address(ui, key.resource, key.language),
        title=edition.title,
        language=edition.language,
        text_language=language,
        version=version,
        is_current=edition.published_version_id == file.version_id,
        number=key.number,
        count=file.page_count,
        label=page.label,
        headings=tuple(page.headings),
        parts=lay_out(page.blocks, passages, mark),
        sheet=_sheet(library, file, key.number, mark if query.strip() else None),
        file=file_view(file, ui, edition, version),
        previous_url=address(key.number - 1) if key.number > 1 else "",
        next_url=address(key.number + 1) if key.number < file.page_count else "",
        current_url=page_address(ui, key.resource, key.language, None, key.number),
        permalink=page_address(ui, key.resource, key.language, version, key.number),
        crossings=crossings,
    )


def page_image(library: Library, reader: Reader, key: PageKey) -> Path:
    """The page's image as a file, made if it is not there yet. Raises as `page_view`."""
    with reading(library.sessions) as session:
        file, _edition, _version = _file(session, reader, key)
    if file.media_type != PDF or not 1 <= key.number <= file.page_count:
        raise NotFound
    return _images(library).image(library.files.path(file.sha256), file.sha256, key.number)


def excerpt(library: Library, reader: Reader, key: PageKey, last: int) -> Excerpt:
    """The pages from `key.number` to `last` as a PDF of their own. Raises as `page_view`."""
    with reading(library.sessions) as session:
        file, _edition, _version = _file(session, reader, key)
    if file.media_type != PDF or not 1 <= key.number <= last <= file.page_count:
        raise NotFound
    content = _images(library).extract(library.files.path(file.sha256), key.number, last)
    pages = f"{key.number}" if last == key.number else f"{key.number}-{last}"
    return Excerpt(content, f"{Path(file.name).stem}-p{pages}.pdf")


def _file(session: Session, reader: Reader, key: PageKey) -> tuple[File, Edition, int]:
    version = find_version(session, reader, key.resource, key.language, key.version)
    file = version.reading_file
    if file is None:
        raise NotFound
    return file, version.edition, version.number


def _passages(session: Session, file: File, number: int) -> list[tuple[int, str]]:
    rows = session.execute(
        select(Passage.first_block, Passage.id)
        .where(Passage.file_id == file.id, Passage.page == number)
        .order_by(Passage.ordinal)
    )
    return [(index, passage) for index, passage in rows]


def _crossings(
    library: Library, session: Session, reader: Reader, ui: str, key: PageKey, file: File
) -> Crossings:
    """Links into the current version of every other edition that has pages."""
    ours = places(session, file)
    _resource, editions = readable_editions(session, reader, key.resource)
    page: list[Elsewhere] = []
    passages: dict[str, tuple[Elsewhere, ...]] = {}
    for edition in editions:
        version = edition.published_version
        other = version.reading_file if version else None
        if edition.language == key.language or other is None:
            continue
        found = counterparts(library.index, ours, places(session, other))
        for place, one in zip(ours, found, strict=False):
            if place.page == key.number:
                anchor = f"p-{place.passage}"
                passages[anchor] = (*passages.get(anchor, ()), _elsewhere(ui, edition, one))
        one = _first_on(key.number, ours, found) or _same_share(key.number, file, other)
        page.append(_elsewhere(ui, edition, one))
    return Crossings(tuple(page), passages)


def _elsewhere(ui: str, edition: Edition, one: Counterpart) -> Elsewhere:
    place, language = one.place, edition.language
    url = page_address(ui, edition.resource_id, language, None, place.page, place.passage)
    return Elsewhere(language, url, place.page, one.exact)


def _first_on(
    number: int, ours: Sequence[Place], found: Sequence[Counterpart]
) -> Counterpart | None:
    """Of the first passage that begins on the page, else of the one that runs on to it."""
    if not found:
        return None
    here = [at for at, place in enumerate(ours) if place.page == number]
    before = [at for at, place in enumerate(ours) if place.page < number]
    return found[here[0] if here else before[-1] if before else 0]


def _same_share(number: int, file: File, other: File) -> Counterpart:
    """The page at the same share of a text without passages."""
    share = (number - 1) / max(1, file.page_count - 1)
    return Counterpart(Place("", 1 + round(share * (other.page_count - 1))), exact=False)


def _marker(query: str, language: str) -> Mark:
    if not query.strip():
        return plain

    def mark(text: str) -> tuple[Span, ...]:
        return tuple(mark_words(text, query, language))

    return mark


def _sheet(library: Library, file: File, number: int, mark: Mark | None) -> Sheet | None:
    if file.media_type != PDF:
        return None
    return _images(library).sheet(library.files.path(file.sha256), file.sha256, number, mark)


def _images(library: Library) -> PageImages:
    return PageImages(library.config.page_images)


def numbers_of(pages: Sequence[str]) -> tuple[int, int] | None:
    """`["3", "5"]` → (3, 5); None for anything but two numbers in order."""
    if len(pages) != 2 or not all(
        page.isascii() and page.isdigit() and len(page) < 7 for page in pages
    ):
        return None
    first, last = int(pages[0]), int(pages[1])
    return (first, last) if 1 <= first <= last else None
