"""Slides: a slide is a page, its title a heading, its notes paragraphs at its end."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingest.cleaning import clean_line, clean_paragraph
from ingest.parsers.edge import reading
from ingest.parsers.markup import local_name, table_block
from ingest.parsers.ooxml import Package, attribute, child
from ingest.source import Source
from ingest.types import Block, BlockKind, Page, ParsedFile

if TYPE_CHECKING:
    from lxml.etree import _Element

_TITLES = ("title", "ctrTitle")
# Placeholders that repeat the same on every slide.
_FURNITURE = ("sldNum", "ftr", "hdr", "dt", "sldImg")
_BULLETS = ("buchar", "buautonum", "bublip")


def parse(source: Source) -> ParsedFile:
    with reading("pptx"), source.open_zip() as archive:
        package = Package.of(archive)
        main = package.main_part("ppt/presentation.xml")
        slides = _slide_names(package, main)
        source.check_pages(len(slides))
        pages = tuple(_page(package, name, n) for n, name in enumerate(slides, start=1))
        return ParsedFile(pages, package.metadata())


def _slide_names(package: Package, main: str) -> list[str]:
    """The parts of the slides in the order they are shown."""
    relations = package.relations(main)
    listed = child(package.required(main), "sldIdLst")
    order = [_relation_id(entry) for entry in (listed if listed is not None else ())]
    return [relations[identity].target for identity in order if identity in relations]


def _relation_id(entry: "_Element") -> str:
    """`r:id`, beside which stands an `id` without namespace."""
    return next((str(v) for k, v in entry.attrib.items() if str(k).endswith("}id")), "")


def _page(package: Package, name: str, number: int) -> Page:
    tree = child(package.part(name), "cSld", "spTree")
    blocks = [block for shape in _shapes(tree) for block in _shape_blocks(shape)]
    # The title comes first wherever its shape stands in the drawing order.
    titles = [block for block in blocks if block.kind is BlockKind.HEADING]
    rest = [block for block in blocks if block.kind is not BlockKind.HEADING]
    notes = _notes(package, name)
    label = titles[0].text if titles else None
    return Page(number, (*titles, *rest, *notes), label=label)


def _shapes(tree: "_Element | None") -> Iterator["_Element"]:
    """Shapes in drawing order, groups opened."""
    for shape in tree if tree is not None else ():
        name = local_name(shape)
        if name in ("grpsp", "alternatecontent", "choice"):
            yield from _shapes(shape)
        elif name in ("sp", "graphicframe", "cxnsp"):
            yield shape


def _shape_blocks(shape: "_Element") -> Iterator[Block]:
    table = next(shape.iter("{*}tbl"), None)
    if table is not None:
        yield from table_block(
            [[_cell(cell) for cell in row.iterchildren("{*}tc")] for row in table.iter("{*}tr")]
        )
        return
    placeholder = _placeholder(shape)
    body = child(shape, "txBody")
    if body is None or placeholder in _FURNITURE:
        if local_name(shape) == "graphicframe":
            yield from _drawing_texts(shape)
        return
    if placeholder in _TITLES:
        title = clean_line(" ".join(_text(p) for p in body.iterchildren("{*}p")))
        yield from [Block(BlockKind.HEADING, title, 1)] if title else []
        return
    listed = placeholder in ("body", "obj", "") and placeholder is not None
    yield from _paragraphs(body, listed=listed)


def _placeholder(shape: "_Element") -> str | None:
    """The type of placeholder ("" for a plain one), None for a shape that is none."""
    for mark in shape.iter("{*}ph"):
        return mark.get("type") or ""
    return None


def _paragraphs(body: "_Element", *, listed: bool) -> Iterator[Block]:
    for paragraph in body.iterchildren("{*}p"):
        text = clean_paragraph(_text(paragraph))
        if not text:
            continue
        properties = child(paragraph, "pPr")
        depth = int(attribute(properties, "lvl") or 0)
        bullet = any(
            local_name(mark) in _BULLETS for mark in (properties if properties is not None else ())
        )
        if bullet or depth or (listed and len(body.findall("{*}p")) > 1):
            yield Block(BlockKind.LIST_ITEM, text, depth + 1)
        else:
            yield Block(BlockKind.PARAGRAPH, text)


def _drawing_texts(shape: "_Element") -> Iterator[Block]:
    for paragraph in shape.iter("{*}p"):
        if text := clean_paragraph(_text(paragraph)):
            yield Block(BlockKind.PARAGRAPH, text)


def _text(paragraph: "_Element") -> str:
    parts = []
    for run in paragraph:
        name = local_name(run)
        if name in ("r", "fld"):
            text = child(run, "t")
            parts.append((text.text or "") if text is not None else "")
        elif name == "br":
            parts.append("\n")
    return "".join(parts)


def _cell(cell: "_Element") -> str:
    return clean_paragraph("\n".join(_text(paragraph) for paragraph in cell.iter("{*}p")))


def _notes(package: Package, name: str) -> list[Block]:
    relations = package.relations(name).values()
    notes = next((r.target for r in relations if r.kind == "notesSlide"), None)
    tree = child(package.part(notes), "cSld", "spTree") if notes else None
    return [
        block
        for shape in _shapes(tree)
        if _placeholder(shape) == "body" and (body := child(shape, "txBody")) is not None
        for block in _paragraphs(body, listed=False)
    ]
