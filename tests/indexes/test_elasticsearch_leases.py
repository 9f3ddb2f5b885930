"""Who writes: one at a time, also when a holder dies, stands still or loses its lease."""

import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from indexes.elasticsearch import leases
from indexes.elasticsearch.address import Address, read_address
from indexes.elasticsearch.connection import Connection
from indexes.elasticsearch.index import ElasticsearchIndex
from indexes.elasticsearch.leases import Leases
from indexes.errors import WriterBusy
from tests.indexes.material import DIMENSIONS, by_words, entry, put
from tests.servers.elasticsearch import ElasticsearchServer, GivenServer

pytestmark = pytest.mark.elasticsearch

WHAT = "writer"


@pytest.fixture(scope="module")
def address(elasticsearch: ElasticsearchServer | GivenServer) -> Iterator[Address]:
    found = read_address(f"{elasticsearch.url}/test-{uuid4().hex[:12]}")
    yield found
    index = ElasticsearchIndex(found, dimensions=DIMENSIONS, fingerprint="model")
    index.remove()
    index.close()


@pytest.fixture
def connection(address: Address) -> Iterator[Connection]:
    opened = Connection(address)
    yield opened
    opened.found(lambda client: client.delete(index=f"{address.name}-locks", id=WHAT))
    opened.close()


@pytest.fixture
def own(connection: Connection, address: Address) -> Leases:
    return Leases(connection, address.name)


@pytest.fixture
def other(connection: Connection, address: Address) -> Leases:
    return Leases(connection, address.name)


def written_by_another(connection: Connection, address: Address, seconds: float) -> None:
    """What a process that is gone has left: a lease that ends in so many seconds."""
    document = {"owner": "another", "until": time.time() + seconds}
    connection.call(lambda c: c.index(index=f"{address.name}-locks", id=WHAT, document=document))


def owner(connection: Connection, address: Address) -> str | None:
    found = connection.found(lambda c: c.get(index=f"{address.name}-locks", id=WHAT))
    return found["_source"]["owner"] if found else None


def test_one_holds_it_and_the_other_is_refused(own: Leases, other: Leases) -> None:
    with own.held(WHAT) as check:
        assert other.is_held(WHAT)
        with pytest.raises(WriterBusy), other.held(WHAT):
            pass
        with other.held("rebuild"):  # another lease
            check()
    assert not other.is_held(WHAT)
    with other.held(WHAT):
        pass


def test_an_exception_gives_it_back(own: Leases, other: Leases) -> None:
    with pytest.raises(KeyError), own.held(WHAT):
        raise KeyError("mine")
    assert not other.is_held(WHAT)


def test_of_many_at_once_one_gets_it(own: Leases) -> None:
    start, results = threading.Barrier(8), []

    def take() -> None:
        start.wait()
        try:
            with own.held(WHAT):
                results.append("held")
                time.sleep(1)
        except WriterBusy:
            results.append("refused")

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["held", *["refused"] * 7]


def test_that_of_a_process_that_died_runs_out(
    connection: Connection, address: Address, own: Leases
) -> None:
    written_by_another(connection, address, seconds=0.8)
    with pytest.raises(WriterBusy), own.held(WHAT):
        pass
    time.sleep(0.9)
    assert not own.is_held(WHAT)
    with own.held(WHAT):
        assert owner(connection, address) != "another"


def test_it_is_renewed_as_long_as_it_is_held(
    own: Leases, other: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(leases, "RENEWAL_SECONDS", 0.2)
    with own.held(WHAT) as check:
        time.sleep(2.5)
        check()
        with pytest.raises(WriterBusy), other.held(WHAT):
            pass


def test_one_that_was_lost_is_told_and_not_taken_from_its_new_holder(
    connection: Connection,
    address: Address,
    own: Leases,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(leases, "RENEWAL_SECONDS", 0.2)
    with own.held(WHAT) as check:
        written_by_another(connection, address, seconds=30)
        with pytest.raises(WriterBusy):
            check()
        time.sleep(0.6)
    assert "the lease to writer was lost" in caplog.text
    assert owner(connection, address) == "another"


def test_a_writer_that_lost_it_changes_nothing(connection: Connection, address: Address) -> None:
    index = ElasticsearchIndex(address, dimensions=DIMENSIONS, fingerprint="model")
    put(index, entry("before"))

    def lose() -> None:
        with index.writer() as writer:
            writer.replace("edition of after", [entry("after")])
            written_by_another(connection, address, seconds=30)

    with pytest.raises(WriterBusy):
        lose()
    assert by_words(index, "school") == ["before"]
    index.close()
