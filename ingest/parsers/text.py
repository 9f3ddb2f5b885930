"""Plain text: paragraphs between blank lines, pages between form feeds."""

import re
from collections.abc import Sequence

from ingest.cleaning import clean_paragraph
from ingest.parsers.encoding import decode
from ingest.source import Source
from ingest.types import Block, BlockKind, Notice, Page, ParsedFile

_BLANK_LINES = re.compile(r"\n[ \t]*\n+")
_ITEM = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+(?=\S)")
# A text without form feeds is cut into pages of about this size, between paragraphs, so that
# a hit in a long file opens near its words.
_PAGE = 5000


def parse(source: Source) -> ParsedFile:
    """Raises nothing beyond Refused(UNREADABLE): any bytes are some text."""
    decoded = decode(source.read_bytes())
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    sheets = [text_blocks(sheet) for sheet in text.split("\f")]
    if len(sheets) == 1:
        sheets = cut_blocks(sheets[0], _PAGE)
    pages = tuple(Page(n, tuple(blocks)) for n, blocks in enumerate(sheets, start=1))
    source.check_pages(len(pages))
    return ParsedFile(pages, notices=(Notice.ENCODING_GUESSED,) if decoded.guessed else ())


def text_blocks(text: str) -> list[Block]:
    """Paragraphs and list items."""
    return [
        block
        for paragraph in _BLANK_LINES.split(text)
        for lines in _items(paragraph.split("\n"))
        if (block := _block(lines)).text
    ]


def _items(lines: list[str]) -> list[list[str]]:
    """The lines of a paragraph, apart where a list item begins."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if _ITEM.match(line) and groups[-1]:
            groups.append([])
        groups[-1].append(line)
    return groups


def _block(lines: list[str]) -> Block:
    text = clean_paragraph("\n".join(lines))
    if _ITEM.match(text):
        return Block(BlockKind.LIST_ITEM, text, 1)
    return Block(BlockKind.PARAGRAPH, text)


def cut_blocks(blocks: Sequence[Block], size: int) -> list[list[Block]]:
    """The blocks in groups of about `size` characters."""
    sheets: list[list[Block]] = [[]]
    length = 0
    for block in blocks:
        if sheets[-1] and length + len(block.text) > size:
            sheets.append([])
            length = 0
        sheets[-1].append(block)
        length += len(block.text)
    return sheets
