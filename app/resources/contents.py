"""The contents of an edition: the headings of its file and the pages that they open."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.addresses import page_address
from app.resources.models import Edition, File, Page

MOST_ITEMS = 60  # two screens; a book's finest headings are left to its own table of contents
_LONGEST_TITLE = 200
Outline = list[tuple[str, int, int]]  # title, level, page


@dataclass(frozen=True, slots=True)
class ContentsItem:
    """`level` counts from 0, the level of the main headings."""

    title: str
    level: int
    page: int
    url: str


def contents_of(
    session: Session, edition: Edition, file: File, ui: str
) -> tuple[tuple[ContentsItem, ...], bool]:
    """The headings, as deep as a screen or two can hold, and whether some were left out."""
    outline = _outline(session, file)
    top = min((level for _title, level, _page in outline), default=1)
    kept = outline
    for depth in (2, 1, 0):
        kept = [row for row in outline if row[1] <= top + depth]
        if len(kept) <= MOST_ITEMS:
            break
    items = tuple(
        ContentsItem(
            title[:_LONGEST_TITLE],
            level - top,
            page,
            page_address(ui, edition.resource_id, edition.language, None, page),
        )
        for title, level, page in kept[:MOST_ITEMS]
    )
    return items, len(items) < len(outline)


def _outline(session: Session, file: File) -> Outline:
    """What the file declares; else the names of its sections, slides or sheets."""
    if file.outline:
        return [(str(title), int(level), int(page)) for title, level, page in file.outline]
    rows = session.execute(
        select(Page.label, Page.number)
        .where(Page.file_id == file.id, Page.label.is_not(None))
        .order_by(Page.number)
        .limit(MOST_ITEMS + 1)
    )
    return [(label, 1, number) for label, number in rows if label and not label.isdigit()]
