"""pytest's fixtures of a real Elasticsearch; tests that ask for one are skipped where none can be.

One server serves the whole session, so a test names its indexes so that they meet no other's.
"""

import os
from collections.abc import Iterator

import pytest

from tests.servers.elasticsearch import ElasticsearchServer, GivenServer
from tests.servers.elasticsearch_distribution import problem

GIVEN = "ELASTICSEARCH_URL"


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[ElasticsearchServer | GivenServer]:
    """The one that the environment names, or one of our own."""
    if url := os.environ.get(GIVEN):
        yield GivenServer(url.rstrip("/"))
        return
    if reason := problem():
        pytest.skip(f"no Elasticsearch: {reason}")
    with ElasticsearchServer() as server:
        yield server


@pytest.fixture
def own_elasticsearch(
    elasticsearch: ElasticsearchServer | GivenServer,
) -> Iterator[ElasticsearchServer]:
    """The same one, for a test that stops, kills or pauses it; it runs again afterwards."""
    if isinstance(elasticsearch, GivenServer):
        pytest.skip(f"{GIVEN} is set: that server is not ours to stop")
    elasticsearch.start()
    yield elasticsearch
    elasticsearch.resume()
    elasticsearch.start()
