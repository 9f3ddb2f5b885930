"""EPUB books: the spine in order, each item a page or several by its top headings.

Read with zipfile and lxml (EbookLib is AGPL). DRM is told from the mere obfuscation of fonts.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ingest.cleaning import clean_line
from ingest.errors import Reason, Refused
from ingest.parsers.edge import reading
from ingest.parsers.encoding import decode
from ingest.parsers.html import html_tree
from ingest.parsers.markup import blocks_of, local_name, pages_by_heading
from ingest.parsers.ooxml import Package, attribute
from ingest.source import Source
from ingest.types import BlockKind, Metadata, OutlineItem, Page, ParsedFile

if TYPE_CHECKING:
    from lxml.etree import _Element

_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")
_DOCUMENTS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "")


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    media_type: str
    properties: tuple[str, ...]


def parse(source: Source) -> ParsedFile:
    with reading("epub"), source.open_zip() as archive:
        package = Package.of(archive)
        _check_rights(package)
        opf_name = _opf_name(package)
        opf = package.required(opf_name)
        items = _manifest(opf, posixpath.dirname(opf_name))
        pages, openings = _pages(package, list(_spine(opf, items)))
        source.check_pages(len(pages))
        outline = _outline(package, items, openings)
        return ParsedFile(tuple(pages), _metadata(opf), outline)


def _check_rights(package: Package) -> None:
    root = package.part("META-INF/encryption.xml")
    methods = (
        [] if root is None else [m.get("Algorithm", "") for m in root.iter("{*}EncryptionMethod")]
    )
    if any(method not in _OBFUSCATION for method in methods):
        raise Refused(Reason.ENCRYPTED, "digital rights management")


def _opf_name(package: Package) -> str:
    container = package.part("META-INF/container.xml")
    for rootfile in [] if container is None else container.iter("{*}rootfile"):
        if name := rootfile.get("full-path"):
            return unquote(name)
    found = next((name for name in package.names.values() if name.endswith(".opf")), None)
    if found is None:
        raise Refused(Reason.BROKEN, "no package document")
    return found


def _manifest(opf: "_Element", folder: str) -> dict[str, _Item]:
    return {
        item.get("id", ""): _Item(
            posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "")))),
            item.get("media-type", ""),
            tuple(item.get("properties", "").split()),
        )
        for item in opf.iter("{*}item")
    }


def _spine(opf: "_Element", items: dict[str, _Item]) -> Iterator[_Item]:
    for reference in opf.iter("{*}itemref"):
        item = items.get(reference.get("idref", ""))
        # The contents are the outline; as a page they would only repeat it.
        if item and item.media_type in _DOCUMENTS and "nav" not in item.properties:
            yield item


def _pages(package: Package, spine: list[_Item]) -> tuple[list[Page], dict[str, list[Page]]]:
    """All pages, and by document the pages it gave."""
    pages: list[Page] = []
    openings: dict[str, list[Page]] = {}
    for item in spine:
        blocks = blocks_of(_body(package, item.name))
        made = pages_by_heading(blocks, len(pages) + 1) or (Page(len(pages) + 1, ()),)
        pages += made
        openings[item.name] = list(made)
    return pages, openings


def _body(package: Package, name: str) -> "_Element":
    stored = package.names.get(name.lower())
    if stored is None:
        empty: _Element = html_tree("")
        return empty
    root: _Element = html_tree(decode(package.archive.read(stored)).text)
    return next(iter(root.iter("body")), root)


def _outline(
    package: Package, items: dict[str, _Item], openings: dict[str, list[Page]]
) -> tuple[OutlineItem, ...]:
    """The contents: the EPUB 3 navigation document, else the NCX of EPUB 2."""
    nav = next((item for item in items.values() if "nav" in item.properties), None)
    ncx = next((item for item in items.values() if item.media_type.endswith("dtbncx+xml")), None)
    entries = list(_nav_entries(package, nav.name)) if nav else []
    if not entries and ncx:
        entries = list(_ncx_entries(package, ncx.name))
    return tuple(
        OutlineItem(title, level, page)
        for title, level, target in entries
        if title and (page := _page_of(title, target, openings))
    )


def _nav_entries(package: Package, name: str) -> Iterator[tuple[str, int, str]]:
    for nav in _body(package, name).iter("nav"):
        kind = attribute(nav, "type") or nav.get("epub:type") or "toc"
        if kind != "toc":
            continue
        for link in nav.iter("a"):
            level = sum(1 for up in link.iterancestors() if local_name(up) in ("ol", "ul"))
            yield (
                clean_line("".join(map(str, link.itertext()))),
                max(level, 1),
                _target(name, link.get("href", "")),
            )


def _ncx_entries(package: Package, name: str) -> Iterator[tuple[str, int, str]]:
    root = package.part(name)
    for point in [] if root is None else root.iter("{*}navPoint"):
        label = next(point.iter("{*}text"), None)
        content = next(point.iter("{*}content"), None)
        level = 1 + sum(1 for up in point.iterancestors() if local_name(up) == "navpoint")
        title = clean_line((label.text or "") if label is not None else "")
        yield title, level, _target(name, content.get("src", "") if content is not None else "")


def _target(name: str, href: str) -> str:
    path = unquote(href.partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name


def _page_of(title: str, target: str, openings: dict[str, list[Page]]) -> int:
    """The page of the document with that heading, else its first; 0 where it has none."""
    candidates = openings.get(target, [])
    for page in candidates:
        if any(b.kind is BlockKind.HEADING and b.text == title for b in page.blocks):
            return page.number
    return candidates[0].number if candidates else 0


def _metadata(opf: "_Element") -> Metadata:
    said: dict[str, list[str]] = {}
    for element in opf.iter("{http://purl.org/dc/elements/1.1/}*"):
        if text := clean_line("".join(map(str, element.itertext()))):
            said.setdefault(local_name(element), []).append(text)
    first = {name: values[0] for name, values in said.items()}
    dated = _DATE.match(first.get("date", ""))
    return Metadata(
        title=first.get("title"),
        authors=tuple(said.get("creator", ())),
        subject=first.get("description"),
        keywords=tuple(said.get("subject", ())),
        language=first.get("language"),
        date=dated[0] if dated else None,
        publisher=first.get("publisher"),
        licence=first.get("rights"),
    )
