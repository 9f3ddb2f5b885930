"""What the index should hold of an edition: one record, and a passage entry for each passage.

Made from the database each time it is asked for, so that the index can always be rebuilt from it.
"""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.resources.models import Edition, File, Passage, Resource
from app.resources.permissions import visible_to
from indexes.types import Entry, Kind

GROUP_KIND = "resource"
# Media type -> the word people use; the value of the facet `format`.
FORMATS = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/epub+zip": "epub",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
    "text/csv": "csv",
}


def edition_entries(session: Session, edition_id: str) -> list[Entry]:
    """The entries of an edition's current published version; none if it has nothing published.

    Of several formats only one is searched, or every passage would be found twice.
    """
    edition = session.get(Edition, edition_id)
    if edition is None or edition.published_at is None:
        return []
    version = edition.published_version
    facets = _facets(edition, version.files if version else [])
    record = _record(edition, facets)
    file = version.reading_file if version else None
    return [record, *(_passages(session, edition, file, facets) if file else ())]


def count_entries(session: Session, edition_id: str) -> int:
    """How many `edition_entries` gives, without reading a text."""
    edition = session.get(Edition, edition_id)
    if edition is None or edition.published_at is None:
        return 0
    file = edition.published_version.reading_file if edition.published_version else None
    query = select(func.count()).select_from(Passage).where(Passage.file_id == (file and file.id))
    return 1 + (session.scalar(query) or 0)


def record_id(edition: Edition) -> str:
    """The id of the entry that stands for an edition without its text."""
    return f"r-{edition.id}"


def _record(edition: Edition, facets: dict[str, tuple[str, ...]]) -> Entry:
    """Title, abstract, authors and topics of an edition, findable without its text."""
    resource = edition.resource
    language = edition.language.split("-")[0]
    topics = [label for topic in resource.topics if (label := topic.labels.get(language))]
    about = (edition.abstract, ", ".join(resource.authors), ", ".join(topics))
    return Entry(
        id=record_id(edition),
        kind=Kind.RECORD,
        group=resource.id,
        group_kind=GROUP_KIND,
        source=edition.id,
        language=edition.language,
        title=edition.title,
        heading="",
        text="\n".join(part for part in about if part),
        authors=tuple(resource.authors),
        visible_to=visible_to(resource),
        facets=facets,
        date=_date(resource, edition),
        address=edition.published_version_id or "",
    )


def _passages(
    session: Session, edition: Edition, file: File, facets: dict[str, tuple[str, ...]]
) -> Iterator[Entry]:
    query = select(Passage).where(Passage.file_id == file.id).order_by(Passage.ordinal)
    for passage in session.scalars(query):
        yield Entry(
            id=passage.id,
            kind=Kind.PASSAGE,
            group=edition.resource_id,
            group_kind=GROUP_KIND,
            source=edition.id,
            language=passage.language if passage.language != "und" else edition.language,
            title=edition.title,
            heading=" › ".join(passage.headings),
            text=passage.text,
            authors=tuple(edition.resource.authors),
            visible_to=visible_to(edition.resource),
            facets=facets,
            date=_date(edition.resource, edition),
            address=edition.published_version_id or "",
        )


def _facets(edition: Edition, files: list[File]) -> dict[str, tuple[str, ...]]:
    resource = edition.resource
    facets: dict[str, list[str]] = {"language": [edition.language]}
    if resource.type:
        facets["type"] = [resource.type]
    if resource.year:
        facets["year"] = [str(resource.year)]
    if files:
        facets["format"] = sorted({FORMATS.get(file.media_type or "", "other") for file in files})
    for topic in resource.topics:
        facets.setdefault(topic.scheme, []).append(topic.code)
    return {scheme: tuple(values) for scheme, values in facets.items()}


def _date(resource: Resource, edition: Edition) -> str:
    """What "newest" sorts by: the year of the work, then when it was published here."""
    published = edition.published_at.date().isoformat() if edition.published_at else ""
    return f"{resource.year or published[:4]}/{published}"
