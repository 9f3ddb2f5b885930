"""Word files: headings by outline level, lists, tables and footnotes in document order.

A page is what stands between explicit page breaks; a file without any is cut at its top-level
headings. Headers and footers are left out; tracked deletions too.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.cleaning import clean_line, clean_paragraph, shorten_leaders
from ingest.parsers.edge import reading
from ingest.parsers.markup import local_name, pages_by_heading, table_block
from ingest.parsers.ooxml import Package, attribute, child
from ingest.source import Source
from ingest.types import Block, BlockKind, Page, ParsedFile

if TYPE_CHECKING:
    from lxml.etree import _Element

_PAGE_BREAK = "\f"
_INVISIBLE = frozenset(
    ["del", "movefrom", "instrtext", "deltext", "ppr", "rpr", "fallback", "pict", "object"]
)
_WRAPPERS = frozenset(["sdt", "sdtcontent", "customxml", "ins", "moveto", "smarttag"])
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "nobreakhyphen": "-", "sym": " "}
_QUOTES = ("quote", "intensequote", "cita", "citation", "citadestacada", "citationintense")
_CAPTIONS = ("toc", "tdc", "tm", "tabledesmatières")
_HEADINGS = ("heading", "titre", "título", "ttulo", "überschrift")
_BODY_LEVEL = 9


@dataclass(frozen=True, slots=True)
class _Style:
    name: str = ""
    outline: int | None = None
    listed: bool = False
    parent: str = ""


@dataclass(slots=True)
class _Reader:
    """The state of one parse: the styles, and the pages so far."""

    styles: dict[str, _Style]
    notes: dict[str, str]
    pages: list[list[Block]] = field(default_factory=lambda: [[]])
    pending: list[str] = field(default_factory=list)


def parse(source: Source) -> ParsedFile:
    with reading("docx"), source.open_zip() as archive:
        package = Package.of(archive)
        main = package.main_part("word/document.xml")
        body = child(package.required(main), "body")
        related = {r.kind: r.target for r in package.relations(main).values()}
        reader = _Reader(_styles(package.part(related.get("styles", ""))), _notes(package, related))
        _read(reader, body if body is not None else ())
        metadata = package.metadata()
    pages = _pages(reader)
    source.check_pages(len(pages))
    return ParsedFile(pages, metadata)


def _pages(reader: _Reader) -> tuple[Page, ...]:
    _place_notes(reader)
    if len(reader.pages) == 1:
        return pages_by_heading(reader.pages[0])
    return tuple(Page(n, tuple(blocks)) for n, blocks in enumerate(reader.pages, start=1))


def _read(reader: _Reader, elements: "_Element | tuple[()]") -> None:
    for element in elements:
        name = local_name(element)
        if name == "p":
            _read_paragraph(reader, element)
        elif name == "tbl":
            reader.pages[-1] += table_block(_rows(reader, element))
        elif name in _WRAPPERS:
            _read(reader, element)


def _read_paragraph(reader: _Reader, paragraph: "_Element") -> None:
    style = attribute(child(paragraph, "pPr", "pStyle"), "val") or ""
    before = child(paragraph, "pPr", "pageBreakBefore")
    if before is not None and attribute(before, "val") not in ("0", "false", "off"):
        _break_page(reader)
    for number, text in enumerate(_text(reader, paragraph).split(_PAGE_BREAK)):
        if number:
            _break_page(reader)
        if cleaned := clean_paragraph(shorten_leaders(text)):
            reader.pages[-1].append(_block(reader, paragraph, style, cleaned))
    for box in paragraph.iter("{*}txbxContent"):
        if not any(local_name(up) == "fallback" for up in box.iterancestors()):
            _read(reader, box)


def _break_page(reader: _Reader) -> None:
    _place_notes(reader)
    reader.pages.append([])


def _place_notes(reader: _Reader) -> None:
    """Footnotes end the page that refers to them, as they do on paper."""
    reader.pages[-1] += [Block(BlockKind.PARAGRAPH, note) for note in reader.pending]
    reader.pending.clear()


def _block(reader: _Reader, paragraph: "_Element", style: str, text: str) -> Block:
    level = _heading_level(reader, paragraph, style)
    if level and len(text) <= 300:
        return Block(BlockKind.HEADING, clean_line(text), level)
    names = [held.name for held in _lineage(reader, style)]
    if any(name.startswith(_QUOTES) for name in names):
        return Block(BlockKind.QUOTE, text)
    depth = _list_depth(reader, paragraph, style)
    return Block(BlockKind.LIST_ITEM, text, depth) if depth else Block(BlockKind.PARAGRAPH, text)


def _heading_level(reader: _Reader, paragraph: "_Element", style: str) -> int:
    own = attribute(child(paragraph, "pPr", "outlineLvl"), "val")
    if own and own.isdigit():
        return _level(int(own))
    for held in _lineage(reader, style):
        if held.name.startswith(_CAPTIONS):
            return 0
        if held.outline is not None:
            return _level(held.outline)
        if held.name == "title":
            return 1
        if held.name.startswith(_HEADINGS) and held.name[-1:].isdigit():
            return min(int(held.name[-1]), 6)
    return 0


def _level(outline: int) -> int:
    return 0 if outline >= _BODY_LEVEL else min(outline + 1, 6)


def _list_depth(reader: _Reader, paragraph: "_Element", style: str) -> int:
    numbering = child(paragraph, "pPr", "numPr")
    if numbering is not None and attribute(child(numbering, "numId"), "val") != "0":
        depth = attribute(child(numbering, "ilvl"), "val") or "0"
        return int(depth) + 1 if depth.isdigit() else 1
    listed = any(
        held.listed or held.name.startswith("list") for held in _lineage(reader, style)[:2]
    )
    return 1 if listed and numbering is None else 0


def _lineage(reader: _Reader, style: str) -> list[_Style]:
    """The style and those it is based on."""
    found: list[_Style] = []
    while style in reader.styles and len(found) < 12:
        found.append(reader.styles[style])
        style = reader.styles[style].parent
    return found or ([_Style(name=style.lower())] if style else [])


def _styles(root: "_Element | None") -> dict[str, _Style]:
    return {
        attribute(style, "styleId") or "": _style(style)
        for style in (root if root is not None else ())
        if local_name(style) == "style"
    }


def _style(style: "_Element") -> _Style:
    outline = attribute(child(style, "pPr", "outlineLvl"), "val")
    return _Style(
        name=(attribute(child(style, "name"), "val") or "").lower().replace(" ", ""),
        outline=int(outline) if outline and outline.isdigit() else None,
        listed=child(style, "pPr", "numPr") is not None,
        parent=attribute(child(style, "basedOn"), "val") or "",
    )


def _notes(package: Package, related: dict[str, str]) -> dict[str, str]:
    """Footnotes and endnotes by kind and id; separators have a type and are no notes."""
    notes = {}
    for kind, tag in (("footnotes", "footnote"), ("endnotes", "endnote")):
        root = package.part(related[kind]) if kind in related else None
        for note in root if root is not None else ():
            texts = (
                [_text(None, p) for p in note.iter("{*}p")] if not attribute(note, "type") else []
            )
            notes[f"{tag}{attribute(note, 'id')}"] = clean_paragraph("\n".join(texts))
    return notes


def _text(reader: _Reader | None, element: "_Element") -> str:
    parts = []
    for inner in element:
        name = local_name(inner)
        if name == "t":
            parts.append(inner.text or "")
        elif name == "br" and attribute(inner, "type") == "page":
            parts.append(_PAGE_BREAK)
        elif name in _CHARACTERS:
            parts.append(_CHARACTERS[name])
        elif name in ("footnotereference", "endnotereference") and reader:
            note = reader.notes.get(f"{name.removesuffix('reference')}{attribute(inner, 'id')}")
            reader.pending += [note] if note else []
        elif name and name not in _INVISIBLE and name != "txbxcontent":
            parts.append(_text(reader, inner))
    return "".join(parts)


def _rows(reader: _Reader, table: "_Element") -> list[list[str]]:
    """Cells as text; a cell that goes on from the row above is empty, not repeated."""
    rows = []
    for row in _direct(table, "tr"):
        cells = _direct(row, "tc")
        rows.append([_cell(reader, cell) for cell in cells])
    return rows


def _cell(reader: _Reader, cell: "_Element") -> str:
    texts = [_text(reader, paragraph).replace(_PAGE_BREAK, "\n") for paragraph in cell.iter("{*}p")]
    return clean_paragraph("\n".join(text for text in texts if text.strip()))


def _direct(element: "_Element", name: str) -> list["_Element"]:
    """Children of that name, also those wrapped by content controls."""
    found = []
    for inner in element:
        if local_name(inner) == name:
            found.append(inner)
        elif local_name(inner) in _WRAPPERS:
            found += _direct(inner, name)
    return found
