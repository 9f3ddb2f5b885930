"""An entry as tantivy holds it: which fields there are, and what is written to and read from them.

How the fields are asked is in `word_queries`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import tantivy

from indexes.analysis import (
    analyzer,
    compounds_of_blanked,
    prepare,
    shared_of,
)
from indexes.attributes import Attributes, facet_term, from_json, sortable, to_json
from indexes.folding import written_words
from indexes.keys import key_of
from indexes.types import Entry
from indexes.word_weights import TITLE_WEIGHT

SEARCHED: Final = {"text": 1.0, "title": TITLE_WEIGHT}  # `title`: title and heading
NAMED: Final = "named"  # the title alone
JOINED: Final = "joined"  # words that have a hyphen, without it
SHARED: Final = "shared"
# Whole words, folded, in no order: of the title, of the authors, of all that is searched; these
# followed by the word as it is written where that is another.
WHOLE: Final = "whole"
WRITTEN: Final = "/"  # before the word as it is written
NAMED_WHOLE: Final = "named_whole"
AUTHORS: Final = "authors"
NEWEST: Final = "newest"
KEY: Final = "key"  # of the id: a column, where the id itself lies in compressed blocks
EXACT: Final = ("id", "source", "kind", "visible_to", "facet")
STORED: Final = ("address", "attributes", "body")
_ANALYSED = {"text": "position", "title": "position", NAMED: "position", JOINED: "basic"}
_SPLIT = {SHARED: "freq", WHOLE: "basic", NAMED_WHOLE: "basic", AUTHORS: "basic"}


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    for name, option in _ANALYSED.items():
        builder.add_text_field(name, tokenizer_name="analysed", index_option=option)
    for name, option in _SPLIT.items():
        builder.add_text_field(name, tokenizer_name="whitespace", index_option=option)
    for name in EXACT:
        builder.add_text_field(
            name, tokenizer_name="raw", index_option="basic", stored=name == "id"
        )
    builder.add_unsigned_field(NEWEST, fast=True)
    builder.add_unsigned_field(KEY, fast=True)
    for name in STORED:
        builder.add_bytes_field(name, stored=True)
    return builder.build()


SCHEMA: Final = _schema()


def open_index(folder: Path, code: str) -> Any:
    """The tantivy index of a search language in a generation's folder, made if not there."""
    path = folder / code
    path.mkdir(exist_ok=True)
    index = tantivy.Index(SCHEMA, str(path))
    index.register_tokenizer("analysed", analyzer(code))
    index.config_reader("manual")
    return index


def document(entry: Entry, attributes: Attributes) -> Any:
    """An entry as tantivy stores it; `attributes` are its own."""
    found = tantivy.Document()
    _add_words(found, entry)
    exact = {"id": (entry.id,), "source": (entry.source,), "kind": (entry.kind.value,)}
    facets = [facet_term(code, value) for code, values in entry.facets.items() for value in values]
    for name, values in {**exact, "visible_to": entry.visible_to, "facet": facets}.items():
        for value in values:
            found.add_text(name, value)
    about = _about(entry.title, entry.heading, entry.authors)
    found.add_unsigned(NEWEST, sortable(entry.date))
    found.add_unsigned(KEY, key_of(entry.id))
    found.add_bytes("address", entry.address.encode())
    found.add_bytes("attributes", to_json(attributes))
    found.add_bytes("body", about + b"\n" + entry.text.encode("utf-8", "surrogatepass"))
    return found


def _add_words(found: Any, entry: Entry) -> None:
    text, title = prepare(entry.text), prepare(f"{entry.title}\n{entry.heading}")
    both = f"{title}\n{text}"
    joined = " ".join(word for _, _, word in compounds_of_blanked(both))
    of_text, written = written_words(text)
    whole = dict.fromkeys(_terms(of_text, written))
    whole.update(_terms_of(title))
    whole.update(dict.fromkeys(_terms(*written_words(joined))))
    words = {
        "text": text,
        "title": title,
        NAMED: prepare(entry.title),
        JOINED: joined,
        SHARED: " ".join(shared_of(of_text)),
        WHOLE: " ".join(whole),
        NAMED_WHOLE: " ".join(_whole(entry.title)),
        AUTHORS: " ".join(_whole("\n".join(entry.authors))),
    }
    for name, value in words.items():
        if value:
            found.add_text(name, value)


# The passages of an edition have all of this in common and come one after the other.
@lru_cache(maxsize=64)
def _terms_of(title: str) -> dict[str, None]:
    return dict.fromkeys(_terms(*written_words(title)))


def _terms(words: Sequence[str], written: Sequence[str]) -> Sequence[str]:
    if words is written:
        return words
    pairs = zip(words, written, strict=True)
    return [one if one == other else f"{one}{WRITTEN}{other}" for one, other in pairs]


@lru_cache(maxsize=64)
def _whole(text: str) -> Sequence[str]:
    return written_words(prepare(text))[0]


@lru_cache(maxsize=64)
def _about(title: str, heading: str, authors: tuple[str, ...]) -> bytes:
    return json.dumps((title, heading, authors)).encode()


@dataclass(frozen=True, slots=True)
class Found:
    """A document as stored."""

    id: str
    address: str
    attributes: Attributes
    body: bytes

    @classmethod
    def of(cls, stored: Any) -> "Found":
        """What tantivy gives back."""
        where, attributes, body = (stored.get_first(name) for name in STORED)
        return cls(stored.get_first("id"), where.decode(), from_json(attributes), body)

    def entry(self) -> Entry:
        about, _, text = self.body.partition(b"\n")
        title, heading, authors = json.loads(about)
        shared = self.attributes
        return Entry(
            id=self.id,
            kind=shared.kind,
            group=shared.group,
            group_kind=shared.group_kind,
            source=shared.source,
            language=shared.language,
            title=title,
            heading=heading,
            text=text.decode("utf-8", "surrogatepass"),
            authors=tuple(authors),
            visible_to=shared.visible_to,
            facets=dict(shared.facets),
            date=shared.date,
            address=self.address,
        )
