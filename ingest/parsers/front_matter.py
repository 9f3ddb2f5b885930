"""YAML (and TOML) front matter, as simply as people write it: keys, values, short lists.

Not a YAML parser: what is nested deeper than a list is not metadata of the file and is skipped.
"""

import re
from html import unescape

from ingest.cleaning import clean_line
from ingest.types import Metadata

_MATTER = re.compile(
    r"\A\ufeff?\s*(?P<mark>---|\+\+\+)[ \t]*\n(?P<body>.*?)^(?P=mark)[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)
_ENTRY = re.compile(r"^(?P<key>[A-Za-z_][\w.-]*)\s*[:=]\s*(?P<value>.*)$")
_ITEM = re.compile(r"^\s*-\s+(?P<value>.+)$")
_NAMED = re.compile(r"^(?:name|given|author)\s*:\s*", re.IGNORECASE)
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")
_BLOCK_SCALARS = ("|", ">", "|-", ">-", "|+", ">+")


def split_front_matter(text: str) -> tuple[Metadata, str]:
    """What the front matter says, and the text after it."""
    matter = _MATTER.match(text)
    if not matter:
        return Metadata(), text
    # A rule (---) that opens a text is followed by prose, not by keys.
    entries = _entries(matter["body"])
    if matter["body"].strip() and not entries:
        return Metadata(), text
    return _metadata(entries), text[matter.end() :]


def _entries(body: str) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {}
    key = ""
    for line in body.split("\n"):
        entry = _ENTRY.match(line)
        if entry:
            key = entry["key"].lower()
            entries[key] = _values(entry["value"])
        elif key and line.strip() and not line.lstrip().startswith("#"):
            item = _ITEM.match(line)
            entries[key] += _values(item["value"]) if item else [_plain(line)]
    return entries


def _values(raw: str) -> list[str]:
    raw = raw.strip()
    if raw in _BLOCK_SCALARS:
        return []
    if raw.startswith("[") and raw.endswith("]"):
        return [value for part in raw[1:-1].split(",") if (value := _plain(part))]
    return [value] if (value := _plain(raw)) else []


def _plain(raw: str) -> str:
    raw = _NAMED.sub("", raw.strip())
    if raw[:1] in "\"'" and raw[-1:] == raw[:1]:
        raw = raw[1:-1]
    return clean_line(unescape(raw.replace('\\"', '"').replace("''", "'")))


def _metadata(entries: dict[str, list[str]]) -> Metadata:
    def first(*keys: str) -> str | None:
        values = next((entries[key] for key in keys if entries.get(key)), [])
        return " ".join(values) or None

    def several(*keys: str) -> tuple[str, ...]:
        return tuple(value for key in keys for value in entries.get(key, ()))

    dated = _DATE.search(first("date", "published", "created", "updated") or "")
    return Metadata(
        title=first("title"),
        authors=several("author", "authors"),
        subject=first("description", "subtitle", "summary", "excerpt"),
        keywords=several("keywords", "tags"),
        language=first("lang", "language", "locale"),
        date=dated[0] if dated else None,
        publisher=first("publisher", "institution"),
        licence=first("license", "licence", "rights"),
    )
