"""HTML files: the content without what surrounds it, a page for each top-level section."""

import re
from typing import TYPE_CHECKING

from ingest.cleaning import clean_line
from ingest.parsers.edge import reading
from ingest.parsers.encoding import decode
from ingest.parsers.front_matter import split_front_matter
from ingest.parsers.markdown import slides_in_markdown
from ingest.parsers.markup import blocks_of, is_dropped, local_name, pages_by_heading
from ingest.parsers.templates import strip_template_tags
from ingest.source import Source
from ingest.types import Metadata, Notice, Page, ParsedFile

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_CHARSET = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w:.-]+)|<\?xml[^>]+encoding=[\"']([\w.-]+)",
    re.IGNORECASE,
)
_DECLARATION_WINDOW = 4096
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# A <main> of two lines beside a long body is a fragment, not the content.
_LEAST_SHARE = 0.2
_META_NAMES = {
    "title": ("dcterms.title", "dc.title", "og:title", "citation_title"),
    "subject": ("description", "dcterms.description", "dc.description", "og:description"),
    "date": ("dcterms.issued", "dc.date", "date", "article:published_time", "dcterms.modified"),
    "publisher": ("dcterms.publisher", "dc.publisher", "og:site_name"),
    "licence": ("dcterms.license", "dc.rights", "dcterms.rights"),
    "language": ("dcterms.language", "dc.language", "content-language"),
}
_AUTHORS = ("author", "dcterms.creator", "dc.creator", "citation_author", "article:author")
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


def parse(source: Source) -> ParsedFile:
    """Raises Refused(BROKEN) where not even a tree can be made."""
    data = source.read_bytes()
    decoded = decode(data, _declared_charset(data))
    # Sources of site generators open with front matter that browsers never see.
    front, text = split_front_matter(decoded.text.replace("\r\n", "\n"))
    with reading("html"):
        root = html_tree(strip_template_tags(text))
        metadata = front if front.title else _metadata(root)
        slides = _slides(root)
        pages = slides or pages_by_heading(blocks_of(_content(root)))
    notices = (Notice.ENCODING_GUESSED,) if decoded.guessed else ()
    return ParsedFile(pages, metadata, notices=notices)


def html_tree(text: str) -> "HtmlElement":
    """A tree of whatever the text is; an empty one for no text."""
    from lxml import html

    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    text = _XML_DECLARATION.sub("", text.replace("\x00", ""))
    # lxml refuses a string without any element.
    return html.document_fromstring(text if "<" in text else f"<p>{text or ' '}</p>", parser=parser)


def _declared_charset(data: bytes) -> str | None:
    found = _CHARSET.search(data[:_DECLARATION_WINDOW])
    return (found[1] or found[2]).decode("ascii", "ignore") if found else None


def _content(root: "HtmlElement") -> "HtmlElement":
    """<main>, a lone <article> or the body, without the page's own header and footer."""
    body = next(iter(root.iter("body")), root)
    whole = len(_text(body)) or 1
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = body.xpath(path)
        if len(found) == 1 and len(_text(found[0])) >= _LEAST_SHARE * whole:
            return _without_frame(found[0])
    return _without_frame(body)


def _without_frame(content: "HtmlElement") -> "HtmlElement":
    """A header or footer of a section belongs to it; one of the whole page does not."""
    for frame in list(content.iter("header", "footer")):
        inner = any(
            local_name(up) in ("article", "section", "main") for up in frame.iterancestors()
        )
        holds_title = frame.tag == "header" and frame.find(".//h1") is not None
        if frame is not content and not inner and not holds_title and frame.getparent() is not None:
            frame.drop_tree()
    return content


def _text(element: "HtmlElement") -> str:
    if is_dropped(element):
        return ""
    parts = [element.text or ""]
    for child in element:
        parts += [_text(child), child.tail or ""]
    return "".join(parts).strip()


def _slides(root: "HtmlElement") -> tuple[Page, ...]:
    """remark.js (xaringan) keeps its slides as Markdown in a <textarea id="source">."""
    sources = root.xpath("//textarea[@id='source']")
    return slides_in_markdown(sources[0].text_content()) if sources else ()


def _metadata(root: "HtmlElement") -> Metadata:
    said: dict[str, list[str]] = {}
    for meta in root.iter("meta"):
        name = meta.get("name") or meta.get("property") or meta.get("http-equiv") or ""
        said.setdefault(name.lower(), []).append(clean_line(meta.get("content") or ""))
    first = {
        key: next((value for name in names for value in said.get(name, ()) if value), None)
        for key, names in _META_NAMES.items()
    }
    title = next((clean_line(t.text_content()) for t in root.iter("title")), "") or first["title"]
    authors = next((said[name] for name in _AUTHORS if any(said.get(name, ()))), [])
    dated = _DATE.match(first["date"] or "")
    return Metadata(
        title=title or None,
        authors=tuple(author for author in authors if author),
        subject=first["subject"],
        keywords=_keywords(said.get("keywords", [])),
        language=root.get("lang")
        or root.get("{http://www.w3.org/XML/1998/namespace}lang")
        or first["language"],
        date=dated[0] if dated else None,
        publisher=first["publisher"],
        licence=first["licence"],
    )


def _keywords(values: list[str]) -> tuple[str, ...]:
    return tuple(word for value in values for raw in value.split(",") if (word := raw.strip()))
