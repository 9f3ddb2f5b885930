"""An entry as Elasticsearch holds it, and back. Pure functions.

Candidates are read from columns alone (`COLUMNS`): id, address, attributes and vectors; text is
kept beside them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from indexes.analysis import compounds_of_blanked, prepare, search_language
from indexes.attributes import (
    About,
    Attributes,
    attributes_of,
    facet_term,
    from_json,
    sortable,
    to_json,
)
from indexes.base import Vectors
from indexes.elasticsearch.packing import packed, unpacked
from indexes.elasticsearch.settings import (
    ADDRESS,
    ATTRIBUTES,
    AUTHORS,
    FACET,
    ID,
    LANGUAGE,
    NEWEST,
    SPELLED,
    VECTOR,
    VECTORS,
    heading_of,
    joined_of,
    named_of,
    text_of,
)
from indexes.folding import written_words
from indexes.sixteen_bits import Sixteen, restored
from indexes.types import Entry

Document = dict[str, Any]
COLUMNS: Final = (ID, ADDRESS, ATTRIBUTES, VECTORS)


def document(entry: Entry) -> Document:
    """An entry as it is stored, without vectors."""
    code = search_language(entry.language)
    attributes = attributes_of(entry)
    title, heading, text = map(_sound, (entry.title, entry.heading, entry.text))
    both = prepare(f"{title}\n{heading}\n{text}")
    found: Document = {
        ID: entry.id,
        "source": entry.source,
        "kind": entry.kind.value,
        "visible_to": list(entry.visible_to),
        FACET: [
            facet_term(name, value) for name, values in entry.facets.items() for value in values
        ],
        LANGUAGE: code,
        ADDRESS: entry.address,
        ATTRIBUTES: to_json(attributes).decode(),
        NEWEST: sortable(entry.date),
        AUTHORS: list(map(_sound, entry.authors)),
        text_of(code): text,
        named_of(code): title,
        heading_of(code): heading,
        joined_of(code): " ".join(word for _, _, word in compounds_of_blanked(both)),
        SPELLED: sorted(set(written_words(both)[1])),
    }
    return found


def with_vectors(found: Document, kept: Sixteen) -> Document:
    """The document with an entry's vectors, shape (1 + windows, dimensions)."""
    return found | {VECTOR: restored(kept[0]).tolist(), VECTORS: packed(kept)}


def kept_vectors(found: Document, dimensions: int) -> Document:
    """Those fields of a stored document, as they are; nothing where it has no vectors."""
    stored = found.get(VECTORS)
    if not stored:
        return {}
    return {VECTOR: unpacked(stored, dimensions)[0].tolist(), VECTORS: stored}


def entry_of(source: Mapping[str, Any]) -> Entry:
    """The entry of a stored document."""
    shared = _attributes(source[ATTRIBUTES])
    code = source[LANGUAGE]
    return Entry(
        id=source[ID],
        kind=shared.kind,
        group=shared.group,
        group_kind=shared.group_kind,
        source=shared.source,
        language=shared.language,
        title=source[named_of(code)],
        heading=source[heading_of(code)],
        text=source[text_of(code)],
        authors=tuple(source[AUTHORS]),
        visible_to=shared.visible_to,
        facets=dict(shared.facets),
        date=shared.date,
        address=source[ADDRESS],
    )


def about(columns: Mapping[str, Sequence[str]]) -> About:
    """Whose a candidate's columns are."""
    return columns[ID][0], columns[ADDRESS][0], _attributes(columns[ATTRIBUTES][0])


def vectors(columns: Mapping[str, Sequence[str]], dimensions: int) -> Vectors | None:
    """All vectors of a candidate, shape (1 + windows, dimensions); none if there are none yet."""
    stored = columns.get(VECTORS)
    return unpacked(stored[0], dimensions) if stored else None


def _attributes(stored: str) -> Attributes:
    return from_json(stored.encode())


def _sound(text: str) -> str:
    """Without lone surrogates (broken extraction), which JSON in UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
