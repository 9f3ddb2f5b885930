"""The backend on a cluster against the suite that every backend passes, on a real server."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from indexes.elasticsearch import writer
from indexes.elasticsearch.address import Address, read_address
from indexes.elasticsearch.index import ElasticsearchIndex
from tests.indexes.conformance import SearchIndexConformance
from tests.indexes.material import (
    DIMENSIONS,
    OpenIndex,
    assert_close,
    entry,
    put,
    some_vectors,
    some_windows,
)
from tests.servers.elasticsearch import ElasticsearchServer, GivenServer

pytestmark = pytest.mark.elasticsearch


@pytest.fixture(scope="module")
def place(elasticsearch: ElasticsearchServer | GivenServer) -> Iterator[Address]:
    """A name of its own, gone afterwards."""
    found = read_address(f"{elasticsearch.url}/test-{uuid4().hex[:12]}?vectors=exact")
    yield found
    index = ElasticsearchIndex(found, dimensions=0, fingerprint="")
    index.remove()
    index.close()


@pytest.fixture
def address(place: Address) -> Iterator[Address]:
    """There is no generation before a test. Leases stay: to make their index takes as long."""
    yield place
    index = ElasticsearchIndex(place, dimensions=0, fingerprint="")
    for generation in index._generations.all():
        index._generations.remove(generation)
    index.close()


@pytest.fixture
def open_index(address: Address) -> Iterator[Callable[..., ElasticsearchIndex]]:
    every: list[ElasticsearchIndex] = []

    def opened(fingerprint: str = "model", dimensions: int = DIMENSIONS) -> ElasticsearchIndex:
        every.append(ElasticsearchIndex(address, dimensions=dimensions, fingerprint=fingerprint))
        return every[-1]

    yield opened
    for index in every:
        index.close()


class TestElasticsearch(SearchIndexConformance):
    """All of the suite. Windows are kept in eight bits (`indexes.elasticsearch.packing`)."""

    windows = 0.005


def test_a_source_of_several_pages_is_replaced(open_index: OpenIndex) -> None:
    index = open_index()
    many = [entry(f"{n:04}", source="s") for n in range(writer._PAGE + 3)]
    put(index, *many, entry("other"), vectors=some_vectors(len(many) + 1))
    put(index, *many[-2:])
    assert sorted(index.all_ids()) == [*(one.id for one in many[-2:]), "other"]
    assert index.status().vectors == 3


def test_what_a_rebuild_has_sent_is_known_to_what_comes_after(
    open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SENT_AT", 2)
    index, vectors = open_index(), some_windows([1, 0, 2, 0])
    entries = [entry(name, source="s") for name in "abcd"]
    with index.rebuild(lambda: 3) as batch:
        batch.replace("s", entries)
        batch.add_vectors(entries, vectors)
        batch.replace("other", [entry("a", source="other")])
        batch.replace("s", entries[1:3])
    assert sorted(index.all_ids()) == ["a", "b", "c"]
    assert_close(index.vectors_of("abcd"), {"b": vectors[1], "c": vectors[2]}, 0.005)
