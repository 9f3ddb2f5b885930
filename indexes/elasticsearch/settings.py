"""How an index is laid out: its settings, and a field a search language with its own analyser.

The analysers take the steps of `indexes.analysis`, spelled out in Lucene's own parts, so that both
backends find the same. The apostrophe, elision and stop words come from that table; only what
Elasticsearch brings with every installation is used.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from indexes.analysis import (
    ELISIONS,
    INVISIBLE,
    MAX_TOKEN_BYTES,
    OTHER,
    ROWS,
    SHARED_LETTERS,
    SearchLanguage,
    all_stop_words,
)
from indexes.elasticsearch.address import Address, VectorSearch

# Of what lies in the documents; a change asks for a rebuild.
SCHEMA_VERSION: Final = "es-2"
CODES: Final = tuple(row.code for row in ROWS)

ADDRESS: Final = "address"
ATTRIBUTES: Final = "attributes"
AUTHORS: Final = "authors"
FACET: Final = "facet"
ID: Final = "id"
LANGUAGE: Final = "search_language"
NAMED_WHOLE: Final = "named_whole"
NEWEST: Final = "newest"
SPELLED: Final = "spelled"
VECTOR: Final = "vector"  # the whole text's, searched
VECTORS: Final = "vectors"  # all of an entry's, to compare exactly
WHOLE: Final = "whole"
_WHOLE_ANALYZER: Final = "whole"
_SHARED_ANALYZER: Final = "shared"

# Lucene's names of the Snowball stemmers. Its `english` is the first Porter stemmer, and its
# Spanish knows the ending -ación only with the accent, which `es_accents` gives back.
_STEMMERS: Final = {"english": "porter2", "french": "french", "spanish": "spanish"}
# From so many dimensions on Elasticsearch would take another default; int8 is measured.
_QUANTISED: Final = {"type": "int8_hnsw", "m": 16, "ef_construction": 100}
_EXACT: Final = {"type": "flat"}
_BEHIND_LATIN: Final = 0x250
_FRACTION: Final = "\u2044"
_COMBINING: Final = "".join(map(chr, range(0x300, 0x370)))


def text_of(code: str) -> str:
    """The field of the text in a search language."""
    return f"text_{code}"


def shared_of(code: str) -> str:
    """The beginnings of its words, which languages share."""
    return f"text_{code}.shared"


def title_of(code: str) -> str:
    """Title and heading."""
    return f"title_{code}"


def named_of(code: str) -> str:
    """The title alone."""
    return f"named_{code}"


def heading_of(code: str) -> str:
    """Kept, and searched as part of `title_of`."""
    return f"heading_{code}"


def joined_of(code: str) -> str:
    """Words that have a hyphen, without it."""
    return f"joined_{code}"


def index_settings(address: Address) -> dict[str, Any]:
    """Shards, and no refresh but the writer's: nobody sees half a commit."""
    return {
        "index": {
            "number_of_shards": address.shards,
            "number_of_replicas": address.replicas,
            "refresh_interval": "-1",
        },
        "analysis": analysis(),
    }


def analysis() -> dict[str, Any]:
    """The analysers of all rows, of whole words and of what languages share."""
    whole = ["lowercase", "asciifolding", "sound_length"]
    languages = {row.code: _analyzer([*whole, *_last(row)]) for row in ROWS if row.code != OTHER}
    return {
        "char_filter": {
            "letters": {"type": "mapping", "mappings": _mappings()},
            "elisions": {
                "type": "pattern_replace",
                "pattern": ELISIONS,
                "flags": "CASE_INSENSITIVE|UNICODE_CASE|UNICODE_CHARACTER_CLASS",
                "replacement": " ",
            },
        },
        "tokenizer": {
            "words": {
                "type": "char_group",
                "tokenize_on_chars": ["whitespace", "punctuation", "symbol"],
            }
        },
        "filter": {
            "sound_length": {"type": "length", "min": 1, "max": MAX_TOKEN_BYTES},
            "es_accents": {
                "type": "pattern_replace",
                "pattern": "([au]c)ion$",
                "replacement": "$1i\u00f3n",
            },
            "beginning": {"type": "truncate", "length": SHARED_LETTERS},
            "all_stop": {"type": "stop", "stopwords": sorted(all_stop_words())},
            **{f"{row.code}_stop": _stop(row) for row in ROWS if row.stop_words},
            **{
                f"{row.code}_stemmer": {"type": "stemmer", "language": _STEMMERS[row.stemmer]}
                for row in ROWS
                if row.stemmer
            },
        },
        "analyzer": {
            **languages,
            _WHOLE_ANALYZER: _analyzer(whole),
            _SHARED_ANALYZER: _analyzer([*whole, "all_stop", "beginning"]),
        },
    }


def mappings(
    dimensions: int, vectors: VectorSearch, fingerprint: Mapping[str, str], *, whole: bool = False
) -> Any:
    """The fields; `fingerprint` is kept with them, and whether nothing is missing any more.
    Without dimensions there are no vectors.
    """
    return {
        "dynamic": "strict",
        "_meta": {"fingerprint": dict(fingerprint), "whole": whole},
        "properties": {
            **dict.fromkeys((ID, "source", "kind", "visible_to", FACET, LANGUAGE), _KEYWORD),
            ADDRESS: _COLUMN,
            ATTRIBUTES: _COLUMN,
            SPELLED: _COLUMN,
            NEWEST: {"type": "long", "index": False},
            WHOLE: _words(_WHOLE_ANALYZER, positions=False),
            NAMED_WHOLE: _words(_WHOLE_ANALYZER, positions=False),
            AUTHORS: _words(_WHOLE_ANALYZER, positions=False),
            **{name: own for code in CODES for name, own in _language(code).items()},
            **(_vector_fields(dimensions, vectors) if dimensions else {}),
        },
    }


_KEYWORD: Final = {"type": "keyword"}
_COLUMN: Final = {"type": "keyword", "index": False}


def _language(code: str) -> dict[str, Any]:
    analyzer = _WHOLE_ANALYZER if code == OTHER else code
    text = _words(analyzer, copy_to=[WHOLE])
    text["fields"] = {
        "shared": {
            "type": "text",
            "analyzer": _SHARED_ANALYZER,
            "index_options": "freqs",
        }
    }
    return {
        text_of(code): text,
        title_of(code): _words(analyzer),
        named_of(code): _words(analyzer, copy_to=[title_of(code), WHOLE, NAMED_WHOLE]),
        heading_of(code): {
            "type": "text",
            "index": False,
            "copy_to": [title_of(code), WHOLE],
        },
        joined_of(code): _words(analyzer, positions=False, copy_to=[WHOLE]),
    }


def _words(
    analyzer: str, *, positions: bool = True, copy_to: list[str] | None = None
) -> dict[str, Any]:
    """A field of words. A title and the heading below it are read as one."""
    found: dict[str, Any] = {"type": "text", "analyzer": analyzer}
    if positions:
        found["position_increment_gap"] = 0
    else:
        found |= {"index_options": "docs", "norms": False}
    return found | ({"copy_to": copy_to} if copy_to else {})


def _vector_fields(dimensions: int, vectors: VectorSearch) -> dict[str, Any]:
    return {
        VECTOR: {
            "type": "dense_vector",
            "dims": dimensions,
            "index": True,
            "similarity": "dot_product",
            "index_options": _QUANTISED if vectors is VectorSearch.HNSW else _EXACT,
        },
        VECTORS: {"type": "binary", "doc_values": True},
    }


def _analyzer(filters: list[str]) -> dict[str, Any]:
    return {
        "type": "custom",
        "char_filter": ["letters", "elisions"],
        "tokenizer": "words",
        "filter": filters,
    }


def _last(row: SearchLanguage) -> list[str]:
    accents = ["es_accents"] if row.code == "es" else []
    return [f"{row.code}_stop", *accents, *([f"{row.code}_stemmer"] * row.stemmer_passes)]


def _stop(row: SearchLanguage) -> dict[str, Any]:
    return {"type": "stop", "stopwords": list(row.stop_words)}


def _mappings() -> list[str]:
    """What stands inside of words and is no letter goes; what is letters in disguise becomes them.

    Accents and ligatures are left to `asciifolding`.
    """
    gone = [f"{_escaped(c)} => " for c in INVISIBLE + _COMBINING]
    between = [f"{_escaped(c)} => {_escaped(' ')}" for c in _separating()]
    letters = [f"{_escaped(c)} => {_escaped(plain)}" for c, plain in _disguised().items()]
    return [*gone, *between, *letters]


def _separating() -> Iterator[str]:
    """What stands between words and the tokenizer does not take for a space."""
    for character in map(chr, range(0x10000)):
        category = unicodedata.category(character)
        if category in ("Cc", "Cf", "Zs", "Zl", "Zp") and character not in INVISIBLE + " \t\n\r":
            yield character


def _disguised() -> dict[str, str]:
    """Characters of the basic plane with Latin letters or digits as their compatible form (NFKC):
    №, ², ㎏, full width.
    """
    found = {}
    for character in map(chr, range(0x80, 0x10000)):
        if unicodedata.decomposition(character).startswith("<"):
            plain = unicodedata.normalize("NFKC", character)
            if all(ord(c) < _BEHIND_LATIN or c == _FRACTION for c in plain) and any(
                map(str.isalnum, plain)
            ):
                found[character] = plain.replace(_FRACTION, " ")
    return found


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)
