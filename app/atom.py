"""Atom feeds (RFC 4287), of lists and of searches alike."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from flask import Response

_NAMESPACE = "http://www.w3.org/2005/Atom"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# What XML 1.0 cannot hold, however it is escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """`id` and `url` are absolute."""

    id: str
    title: str
    url: str
    updated: datetime
    summary: str
    language: str


@dataclass(frozen=True, slots=True)
class Feed:
    """`own_url` is the feed itself, `page_url` the page that shows the same; both absolute."""

    id: str
    title: str
    own_url: str
    page_url: str
    language: str
    entries: Sequence[Entry]


def write(feed: Feed) -> bytes:
    """The feed as a document. Its date is that of its latest entry."""
    root = ET.Element("feed", {"xmlns": _NAMESPACE, _XML_LANG: feed.language})
    updated = max((entry.updated for entry in feed.entries), default=_EPOCH)
    _head(root, feed.id, feed.title, updated)
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=_clean(feed.own_url))
    ET.SubElement(root, "link", rel="alternate", type="text/html", href=_clean(feed.page_url))
    author = ET.SubElement(root, "author")
    ET.SubElement(author, "name").text = "Passerelle"
    for entry in feed.entries:
        node = ET.SubElement(root, "entry", {_XML_LANG: entry.language})
        _head(node, entry.id, entry.title, entry.updated)
        ET.SubElement(node, "link", rel="alternate", href=_clean(entry.url))
        ET.SubElement(node, "summary").text = _clean(entry.summary)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def response(feed: Feed) -> Response:
    return Response(write(feed), content_type="application/atom+xml; charset=utf-8")


def _head(node: ET.Element, identity: str, title: str, updated: datetime) -> None:
    ET.SubElement(node, "id").text = _clean(identity)
    ET.SubElement(node, "title").text = _clean(title)
    ET.SubElement(node, "updated").text = updated.isoformat(timespec="seconds")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub(" ", text)
