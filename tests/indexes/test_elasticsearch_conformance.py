"""The backend on a cluster against the suite that every backend passes, on a real server."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from indexes.elasticsearch.address import Address, read_address
from indexes.elasticsearch.index import ElasticsearchIndex
from tests.indexes.conformance import SearchIndexConformance
from tests.indexes.material import DIMENSIONS
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
