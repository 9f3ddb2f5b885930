"""An HTML tree to blocks, and blocks to pages by their top headings.

Shared by the HTML, Markdown and EPUB parsers, each of which decides what part of the tree is
content before.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ingest.cleaning import clean_code, clean_line, clean_paragraph
from ingest.parsers.text import cut_blocks, text_blocks
from ingest.types import Block, BlockKind, Page

if TYPE_CHECKING:
    from lxml.etree import _Element

_DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "head",
        "nav",
        "aside",
        "svg",
        "button",
        "select",
        "option",
        "input",
        "textarea",
        "iframe",
        "object",
        "embed",
        "audio",
        "video",
        "canvas",
        "map",
        "datalist",
        "dialog",
        "progress",
        "meter",
        "annotation",
        "rp",
        "title",
        "meta",
        "link",
    ]
)
_DROPPED_ROLES = frozenset(
    [
        "navigation",
        "banner",
        "contentinfo",
        "complementary",
        "search",
        "menu",
        "menubar",
        "toolbar",
        "doc-toc",
    ]
)
_DROPPED_CLASSES = frozenset(
    [
        "headerlink",
        "anchor-link",
        "toctree-wrapper",
        "sphinxsidebar",
        "related",
        "breadcrumb",
        "breadcrumbs",
        "skip-link",
        "visually-hidden-focusable",
        "edit-link",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "body",
        "html",
        "blockquote",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "figure",
        "figcaption",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "caption",
        "pre",
        "address",
        "form",
        "fieldset",
        "legend",
        "details",
        "summary",
        "hr",
        "center",
        "hgroup",
        "search",
        "label",
    ]
)
_CODE_SIGNS = re.compile(r"[{}=;$|#\\]|\(\)|->|::")
_LONG_CODE = 300  # words
_LONGEST_PAGE = 30_000  # characters: a section without headings is cut between its blocks
_LISTS = ("ul", "ol", "menu")
_MADE_OF_BLOCKS = ("table", "h1", "h2", "h3", "h4", "h5", "h6", "pre")


def local_name(element: "_Element") -> str:
    """The tag without its namespace, lower case; empty for comments and instructions."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def blocks_of(root: "_Element") -> list[Block]:
    """The blocks under an element in document order."""
    walk = _Walk()
    walk.children(root)
    walk.close()
    return walk.blocks


def is_dropped(element: "_Element") -> bool:
    """Scripts, navigation, form controls and what is hidden."""
    if local_name(element) in _DROPPED or element.get("hidden") is not None:
        return True
    if element.get("aria-hidden") == "true" or element.get("role") in _DROPPED_ROLES:
        return True
    style = (element.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or not _DROPPED_CLASSES.isdisjoint(
        (element.get("class") or "").split()
    )


class _Walk:
    """Collects inline text until a block begins or ends. Lives for one call of `blocks_of`."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._inline: list[str] = []
        self._kind = BlockKind.PARAGRAPH
        self._depth = 0

    def children(self, element: "_Element") -> None:
        self._inline.append(_collapsed(element.text))
        for child in element:
            if not is_dropped(child):
                self._element(child)
            self._inline.append(_collapsed(child.tail))

    def close(self) -> None:
        """Ends the block under way."""
        text = clean_paragraph("".join(self._inline))
        self._inline = []
        if text:
            level = self._depth if self._kind is BlockKind.LIST_ITEM else 0
            self.blocks.append(Block(self._kind, text, level))

    def _element(self, element: "_Element") -> None:
        name = local_name(element)
        if name in _HEADINGS:
            self._heading(element, _HEADINGS[name])
        elif name == "pre":
            self._code(element)
        elif name == "table" and _is_data(element):
            self._table(element)
        elif name == "br":
            self._inline.append("\n")
        elif name in _LISTS:
            self._within(element, self._kind, self._depth + 1)
        elif name == "li":
            self._within(element, BlockKind.LIST_ITEM, max(self._depth, 1))
        elif name == "blockquote":
            self._within(element, BlockKind.QUOTE, self._depth)
        elif name in _BLOCKS:
            self._within(element, self._kind, self._depth)
        elif name:
            self.children(element)

    def _within(self, element: "_Element", kind: BlockKind, depth: int) -> None:
        self.close()
        outer = self._kind, self._depth
        self._kind, self._depth = kind, depth
        self.children(element)
        self.close()
        self._kind, self._depth = outer

    def _heading(self, element: "_Element", level: int) -> None:
        self.close()
        if text := _flat_text(element):
            self.blocks.append(Block(BlockKind.HEADING, text, level))

    def _code(self, element: "_Element") -> None:
        self.close()
        text = clean_code(_raw_text(element))
        if _is_prose(text):
            self.blocks += text_blocks(text)
        elif text:
            self.blocks.append(Block(BlockKind.CODE, text))

    def _table(self, element: "_Element") -> None:
        self.close()
        rows = tuple(
            tuple(_flat_text(cell) for cell in row if local_name(cell) in ("td", "th"))
            for row in element.iter()
            if local_name(row) == "tr"
        )
        for caption in element.iter("caption", "{*}caption"):
            self.blocks.append(Block(BlockKind.PARAGRAPH, _flat_text(caption)))
        self.blocks += table_block(rows)


def table_block(rows: Iterable[Sequence[str]]) -> list[Block]:
    """One table block, without rows that are empty; no block where all are."""
    kept = tuple(tuple(row) for row in rows if any(cell.strip() for cell in row))
    if not kept:
        return []
    return [Block(BlockKind.TABLE, "\n".join("\t".join(row) for row in kept), rows=kept)]


def _is_prose(text: str) -> bool:
    """Old pages wrap whole documents in <pre>: many words, hardly a sign of code."""
    words, signs = len(text.split()), len(_CODE_SIGNS.findall(text))
    return words > _LONG_CODE and signs < words / 20


def _is_data(table: "_Element") -> bool:
    """Whether it is a table and not a page laid out by one."""
    if any(local_name(inner) in _MADE_OF_BLOCKS for inner in table.iterdescendants()):
        return False
    return any(local_name(inner) == "tr" for inner in table.iterdescendants())


def _flat_text(element: "_Element") -> str:
    """The text of an element on one line."""
    walk = _Walk()
    walk.children(element)
    walk.close()
    return clean_line(" ".join(block.text for block in walk.blocks))


def _raw_text(element: "_Element") -> str:
    parts = [element.text or ""]
    for child in element:
        if local_name(child) == "br":
            parts.append("\n")
        elif local_name(child):
            parts.append(_raw_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _collapsed(text: str | None) -> str:
    """White space in HTML source is one space, line breaks included."""
    if not text:
        return ""
    inner = " ".join(
        text.split(None) if "\u00a0" not in text else text.replace("\u00a0", " ").split()
    )
    if not inner:
        return " "
    return f"{' ' if text[0].isspace() else ''}{inner}{' ' if text[-1].isspace() else ''}"


# --- pages ----------------------------------------------------------------------------------


def pages_by_heading(blocks: Sequence[Block], first_number: int = 1) -> tuple[Page, ...]:
    """A page for each top-level section: by h1 where there are several, else by h2.

    What stands before the first section (with the one h1) is a page of its own when it says
    something, else it opens the first section's page.
    """
    level = _page_level(blocks)
    groups: list[list[Block]] = [[]]
    for block in blocks:
        starts = block.kind is BlockKind.HEADING and block.level <= level
        if starts and any(held.kind is not BlockKind.HEADING for held in groups[-1]):
            groups.append([])
        groups[-1].append(block)
    sheets = [sheet for group in groups for sheet in cut_blocks(group, _LONGEST_PAGE) if sheet]
    return tuple(
        Page(number, tuple(sheet), label=_label(sheet))
        for number, sheet in enumerate(sheets, start=first_number)
    )


def _page_level(blocks: Sequence[Block]) -> int:
    levels = [block.level for block in blocks if block.kind is BlockKind.HEADING]
    return next((level for level in (1, 2) if levels.count(level) > 1), 2)


def _label(group: Sequence[Block]) -> str | None:
    return next((block.text for block in group if block.kind is BlockKind.HEADING), None)
