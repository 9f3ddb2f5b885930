"""A received file is read: parsed in the sandbox, stored as pages and passages, published.

The worker's part of ingestion. One transaction at its end; it can be repeated without harm.
"""

import hashlib
from collections.abc import Callable
from time import perf_counter

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.database import now, reading, writing
from app.library import Library
from app.outbox import Claim, Job, done, enqueue
from app.resources.holding import hold_resources
from app.resources.metadata import Description, describe
from app.resources.models import File, Page, Passage, Processing, Review, Version
from ingest.errors import Reason, Refused
from ingest.sandbox import ingest_file
from ingest.source import Limits
from ingest.types import Block, IngestedFile
from ingest.types import Passage as IngestedPassage

LIMITS = Limits()
ON_ITS_WAY = {Processing.RECEIVED, Processing.PARSING}


def read_file(library: Library, claim: Claim) -> None:
    """Parse a received file in the sandbox and store what was read, or why it was refused.

    The bytes are read outside any transaction; a worker that dies meanwhile has changed nothing.
    """
    with reading(library.sessions) as session:
        file = session.get(File, claim.subject)
    parsed = _parse(library, file) if file else None  # none: removed meanwhile
    began = perf_counter()
    with writing(library.sessions) as session:
        hold_resources(session, File.id == claim.subject)
        held = session.get(File, claim.subject)
        if held is not None and parsed is not None:
            if isinstance(parsed, Refused):
                _refuse(held, parsed)
                _publish_if_read(session, held.version)
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
    hold_resources(session, File.id == file_id)
    file = session.get(File, file_id)
    if file is not None:
        _refuse(file, Refused(Reason.CRASHED, "every attempt to read and store it failed"))
        _publish_if_read(session, file.version)


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
    describes = version.publish_when_ready or version.number == 1
    if describes and version.reading_file in (file, None):
        describe(session, version.edition, _from_text(parsed))
    _publish_if_read(session, version)


def _publish_if_read(session: Session, version: Version) -> None:
    """Publish once every format is read: pages first shown of one must not become another's."""
    states = {file.processing for file in version.files}
    if version.publish_when_ready and Processing.READY in states and not states & ON_ITS_WAY:
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
    place = [other.id for other in file.version.files].index(file.id)
    seen: dict[tuple[int, str], int] = {}
    rows = []
    for passage in passages:
        times = seen[passage.page, passage.text] = seen.get((passage.page, passage.text), -1) + 1
        rows.append(
            Passage(
                id=passage_id(file.version_id, passage.page, passage.text, times, place),
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


def passage_id(version_id: str, page: int, text: str, times: int = 0, place: int = 0) -> str:
    """The same version, page and text give the same id; `times` counts repeats on the page.

    Two formats of a version may say the same on the same page: `place` is the file's among them.
    """
    start = f"{version_id}/{place}" if place else version_id
    key = f"{start}\n{page}\n{times}\n{text}".encode()
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
    if shown is not version:
        edition.published_version_id = version.id
        edition.published_at = now()
    enqueue(session, Job.INDEX, edition.id)
