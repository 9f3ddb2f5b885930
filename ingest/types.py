"""The values that leave this package: a file as pages of blocks, and the passages cut from them.

A parser returns a `ParsedFile`; the pipeline adds languages and passages and returns an
`IngestedFile`. All are frozen, picklable and free of parser objects.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE = "table"
    QUOTE = "quote"
    CODE = "code"


class Notice(StrEnum):
    """What was noticed while reading, though the file was read."""

    NO_TEXT = "no_text"  # no page carries text: scanned, or only pictures
    SOME_PAGES_WITHOUT_TEXT = "some_pages_without_text"
    OWNER_PASSWORD = "owner_password"  # noqa: S105 - opened without one, restrictions noted
    REPAIRED = "repaired"  # damaged, yet its pages could be read
    ENCODING_GUESSED = "encoding_guessed"
    MISLABELLED = "mislabelled"  # the bytes are another format than the name says


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a page in reading order.

    `level` is 1-6 for headings and the nesting depth (from 1) for list items, else 0.
    A table carries its cells in `rows`; its `text` is the cells joined by tabs and newlines.
    """

    kind: BlockKind
    text: str
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide, sheet or top-level section.

    `number` counts from 1 in the file, `label` is what is printed on the page (or the sheet's or
    section's name), `headings` the path of headings open where the page begins, `text_language`
    the BCP 47 code of the text itself (`und` when there is too little of it).
    """

    number: int
    blocks: tuple[Block, ...]
    label: str | None = None
    headings: tuple[str, ...] = ()
    text_language: str = "und"

    @property
    def text(self) -> str:
        return "\n\n".join(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the file says of itself; each value may be missing or wrong."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    subject: str | None = None
    keywords: tuple[str, ...] = ()
    language: str | None = None
    date: str | None = None  # ISO 8601, as precise as known: "2014", "2014-03", "2014-03-01"
    publisher: str | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """A heading of the contents and the page it opens."""

    title: str
    level: int
    page: int


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a parser returns. `metadata.title` is only what the file declares as its title."""

    pages: tuple[Page, ...]
    metadata: Metadata = field(default_factory=Metadata)
    outline: tuple[OutlineItem, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of whole sentences that search finds and cites.

    `page` is where it begins, `last_page` differs only when its last sentence runs over.
    `first_block` is the index into the blocks of `page` where it begins. `headings` is the path
    above it. `language` is a BCP 47 code of the text. `ordinal` counts from 0 in the file.
    """

    ordinal: int
    page: int
    last_page: int
    first_block: int
    text: str
    headings: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """The one value that comes out. `language` is the language of most of the text.

    `title` is the best title known: declared and sensible, else the first heading, else none.
    """

    media_type: str
    sha256: str
    size: int
    title: str | None
    language: str
    metadata: Metadata
    pages: tuple[Page, ...]
    passages: tuple[Passage, ...]
    outline: tuple[OutlineItem, ...]
    notices: tuple[Notice, ...]
    seconds: float
