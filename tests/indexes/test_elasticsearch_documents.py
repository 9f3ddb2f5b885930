"""An entry as it is stored, and back."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexes.analysis import search_language
from indexes.attributes import attributes_of
from indexes.elasticsearch.documents import (
    COLUMNS,
    about,
    document,
    entry_of,
    kept_vectors,
    vectors,
    with_vectors,
)
from indexes.elasticsearch.packing import unpacked
from indexes.elasticsearch.settings import VECTOR, VECTORS, VectorSearch, mappings
from indexes.sixteen_bits import restored, rounded
from indexes.types import Entry, Kind
from tests.indexes.golden import assert_golden
from tests.indexes.material import entry

# Of lone surrogates, which UTF-8 cannot carry, there is a test below.
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
_NAME = _TEXT.filter(bool)
_ENTRIES = st.builds(
    Entry,
    id=_NAME,
    kind=st.sampled_from(Kind),
    group=_NAME,
    group_kind=_NAME,
    source=_NAME,
    language=st.sampled_from(("en", "fr-CA", "es", "pt", "und", "EN_us")),
    title=_TEXT,
    heading=_TEXT,
    text=_TEXT,
    authors=st.lists(_TEXT, max_size=3).map(tuple),
    visible_to=st.lists(_NAME, max_size=3, unique=True).map(lambda own: tuple(sorted(own))),
    facets=st.dictionaries(_NAME, st.lists(_NAME, min_size=1, max_size=3).map(tuple), max_size=3),
    date=st.none() | st.sampled_from(("2024-05-01", "1999/2024-05-01", "", "no date")),
    address=_TEXT,
)

EXAMPLE = Entry(
    id="p-1",
    kind=Kind.PASSAGE,
    group="r-1",
    group_kind="resource",
    source="e-1",
    language="fr-CA",
    title="Les co-productions",
    heading="L’été",
    text="Une évaluation socio-économique : « l’œuvre »",
    authors=("Ana Díaz", "UNESCO"),
    visible_to=("public", "members"),
    facets={"type": ("guide",), "country": ("pe", "fr")},
    date="2024-05-01",
    address="v3/p. 7#é",
)


def test_a_document_is_as_agreed() -> None:
    kept = rounded(np.array([[0.6, 0.8], [1, 0]], np.float32))
    assert_golden("elasticsearch_document", with_vectors(document(EXAMPLE), kept))


@given(_ENTRIES)
def test_an_entry_comes_back_as_it_was(given_entry: Entry) -> None:
    assert entry_of(through_json(document(given_entry))) == given_entry


@given(_ENTRIES)
def test_a_document_has_no_field_that_the_index_does_not_know(given_entry: Entry) -> None:
    stored = with_vectors(document(given_entry), np.zeros((1, 8), np.int16))
    assert stored.keys() <= mappings(8, VectorSearch.HNSW, {})["properties"].keys()
    code = search_language(given_entry.language)
    own = {name for name in stored if name.startswith(("text_", "named_", "heading_", "joined_"))}
    assert {name.rpartition("_")[2] for name in own} == {code}


@given(_ENTRIES)
def test_a_candidate_is_read_from_columns_alone(given_entry: Entry) -> None:
    kept = np.ones((2, 4), np.int16)
    stored = through_json(with_vectors(document(given_entry), kept))
    columns = {name: [stored[name]] for name in COLUMNS}
    expected = given_entry.id, given_entry.address, attributes_of(given_entry)
    assert about(columns) == expected
    found = vectors(columns, 4)
    assert found is not None
    np.testing.assert_array_equal(found, restored(kept))
    del columns[VECTORS]
    assert vectors(columns, 4) is None


@given(
    st.tuples(st.integers(1, 5), st.integers(1, 9)).flatmap(
        lambda shape: arrays(np.int16, shape, elements=st.integers(-32_767, 32_767))
    )
)
def test_vectors_are_packed_and_come_back(kept: Any) -> None:
    """The whole text's as it was; windows within half a step of eight bits; again the same."""
    stored = through_json(with_vectors({}, kept))
    dimensions = kept.shape[1]
    found, given = unpacked(stored[VECTORS], dimensions), restored(kept)
    np.testing.assert_array_equal(found[0], given[0])
    np.testing.assert_array_equal(np.float32(stored[VECTOR]), given[0])
    steps = np.abs(given[1:]).max(axis=1, initial=0) / 127
    assert (np.abs(found[1:] - given[1:]) <= steps[:, None] * 0.501).all()
    assert kept_vectors(stored, dimensions) == stored


def test_what_utf8_cannot_carry_is_replaced() -> None:
    broken = entry("a", "one \ud800 two", title="\udfff", authors=("\ud800",))
    found = entry_of(json.loads(json.dumps(document(broken), ensure_ascii=False).encode()))
    assert (found.text, found.title, found.authors) == ("one ? two", "?", ("?",))


def through_json(stored: dict[str, Any]) -> Any:
    return json.loads(json.dumps(stored, ensure_ascii=False).encode())
