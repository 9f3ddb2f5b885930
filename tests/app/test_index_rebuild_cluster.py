"""The index built anew on Elasticsearch, while people search and upload, whoever is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from app.cli import passerelle
from app.database import writing
from app.library import Library
from app.outbox import Job, enqueue
from app.rebuilding import rebuild_index
from app.replay import Change, Rebuild
from app.resources.models import Edition, Review
from app.worker import Worker
from indexes.elasticsearch import leases
from indexes.errors import IndexesError, IndexMismatch, IndexUnavailable, WriterBusy
from tests.app.clustered import (
    Clustered,
    check_whole,
    client_of,
    close,
    elasticsearch_index,
    filled_cluster,
    generations,
    nothing_waits,
    opened,
    other_fingerprint,
    timed,
    until,
    working,
)
from tests.app.ingesting import arrive, found, work
from tests.servers.elasticsearch import ElasticsearchServer, GivenServer
from tests.servers.faulty_proxy import faulty_proxy

pytestmark = [pytest.mark.elasticsearch, pytest.mark.slow]
Server = ElasticsearchServer | GivenServer
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def known(elasticsearch: Server, tmp_path: Path) -> Iterator[Clustered]:
    with filled_cluster(tmp_path, "rebuild", elasticsearch.url) as made:
        yield made


@pytest.fixture
def library(known: Clustered, elasticsearch: Server) -> Iterator[Library]:
    with opened(known, elasticsearch.url) as library:
        yield library


@pytest.fixture
def run(known: Clustered, elasticsearch: Server) -> Callable[..., Result]:
    environment = known.environment | {"PASSERELLE_INDEX_URL": f"{elasticsearch.url}/{known.name}"}
    return lambda *arguments: CliRunner(env=environment).invoke(passerelle, list(arguments))


def silent(_done: int, _total: int) -> None:
    """Nobody watches."""


@contextmanager
def searched_all_the_time(library: Library) -> Iterator[list[int]]:
    """Never an error and never nothing; the counts of hits."""
    stop, totals, problems = Event(), [], []

    def ask() -> None:
        while not stop.is_set():
            try:
                totals.append(len(found(library, "lighthouse OR phare OR faro")))
            except IndexesError as error:
                problems.append(error)

    thread = Thread(target=ask)
    thread.start()
    yield totals
    stop.set()
    thread.join()
    assert problems == []
    assert totals
    assert min(totals) > 0


def withdraw(library: Library, title: str) -> None:
    with writing(library.sessions) as session:
        edition = session.scalars(select(Edition).where(Edition.title == title)).one()
        assert edition.published_version
        edition.published_version.review = Review.WITHDRAWN
        edition.published_version_id = edition.published_at = None
        enqueue(session, Job.INDEX, edition.id)


def test_searches_and_changes_go_on_meanwhile(library: Library) -> None:
    arrive(library, "# Gone\n\nIt is withdrawn.", "gone.md", language="en", title="Gone")
    arrive(library, "# Changed\n\nbefore", "changed.md", language="en", title="Changed")
    work(library)

    def change(done: int, _total: int) -> None:
        if done == 1:
            arrive(library, "# New\n\nnewcomer", "new.md", language="en", title="New")
            arrive(library, "# Changed\n\nafterwards", "changed.md", language="en", title="Changed")
            withdraw(library, "Gone")
            until(lambda: found(library, "newcomer"))  # by the worker, in the old one

    with searched_all_the_time(library), working(library):
        rebuild_index(library, change)
        assert found(library, "newcomer") == ["New"]
        until(lambda: nothing_waits(library))
    assert found(library, "afterwards") == ["Changed"]
    assert found(library, "before") == []
    check_whole(library)
    assert generations(library) == ["1", "2*"]


def test_a_second_one_is_refused_and_harms_nothing(
    library: Library, run: Callable[..., Result]
) -> None:
    def beside(done: int, _total: int) -> None:
        if done == 1:
            second = run("index", "rebuild")
            assert second.exit_code == 1
            assert "Another process holds the index (to rebuild)" in second.output
            arrive(library, "# New\n\nnewcomer", "new.md")
            work(library)

    rebuild_index(library, beside)
    assert found(library, "newcomer") == ["New"]
    check_whole(library)


def test_one_that_is_killed_leaves_nothing_behind(
    library: Library, known: Clustered, elasticsearch: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging_rebuild(known, elasticsearch) as process:
        until(lambda: "2-" in generations(library))
        arrive(library, "# New\n\nnewcomer", "new.md")
        work(library)
        assert generations(library) == ["1*", "2-"]  # that one goes on
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert found(library, "newcomer") == ["New"]
    with pytest.raises(WriterBusy):
        rebuild_index(library, silent)
    monkeypatch.setattr(leases, "time", lambda: __import__("time").time() + leases.LEASE_SECONDS)
    arrive(library, "# Next\n\nfollower", "next.md")
    work(library)  # whoever writes next sweeps
    assert generations(library) == ["1*"]
    rebuild_index(library, silent)
    check_whole(library)
    assert generations(library) == ["1", "2*"]


@contextmanager
def hanging_rebuild(known: Clustered, server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """`passerelle index rebuild` in a process of its own that stops half-way."""
    code = (
        "import time, app.rebuilding as r\n"
        "r._catch_up = lambda *_: time.sleep(600)\n"
        "from app.cli import main\nmain()"
    )
    environment = os.environ | known.environment
    process = subprocess.Popen(
        [sys.executable, "-c", code, "index", "rebuild"],
        cwd=ROOT,
        env=environment | {"PASSERELLE_INDEX_URL": f"{server.url}/{known.name}"},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_what_changed_when_one_was_killed_is_brought_in(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the swap and before the changes of the last moment were asked for."""
    monkeypatch.setattr("app.rebuilding._catch_up", lambda *_: None)
    monkeypatch.setattr("app.rebuilding.index_what_was_left", lambda _library: 0)

    def change(done: int, _total: int) -> None:
        if done == 4:
            arrive(library, "# New\n\nnewcomer", "new.md")
            work(library)

    rebuild_index(library, change)
    assert found(library, "newcomer") == []
    monkeypatch.undo()
    worker = Worker(library)
    assert worker._look_after()
    worker.finish()
    assert found(library, "newcomer") == ["New"]
    check_whole(library)
    with library.sessions() as session:
        assert session.query(Change).count() == session.query(Rebuild).count() == 0


def test_elasticsearch_is_killed_meanwhile(
    library: Library, own_elasticsearch: ElasticsearchServer
) -> None:
    def kill(done: int, _total: int) -> None:
        if done == 2:
            own_elasticsearch.kill()

    with pytest.raises(IndexUnavailable):
        rebuild_index(library, kill)
    own_elasticsearch.start()
    until(lambda: timed(client_of(library), "/en/search?q=lighthouse")[0] == 200, 20)
    arrive(library, "# New\n\nnewcomer", "new.md")
    rebuild_index(library, silent)  # our own lease does not keep us waiting
    work(library)
    check_whole(library)
    assert len(generations(library)) == 2


def test_the_generation_goes_when_the_bulk_is_refused(known: Clustered, library: Library) -> None:
    assert library.config.cluster
    with faulty_proxy(library.config.cluster.url) as (url, faults):
        through = known.open(url)

        def refuse(done: int, _total: int) -> None:
            if done == 2:
                faults.status, faults.where = 403, "_bulk"

        with pytest.raises(IndexUnavailable, match="too much at once"):
            rebuild_index(through, refuse)
        close(through)
    assert generations(library) == ["1*"]


def by_hand(library: Library) -> None:
    index = elasticsearch_index(library)
    name = index._generations._address.name
    field = {"added": {"type": "keyword"}}
    index._connection.call(lambda c: c.indices.put_mapping(index=name, properties=field))


@pytest.mark.parametrize(
    ("drift", "told", "searches"),
    [
        (by_hand, "fields", True),
        (lambda library: other_fingerprint(library, schema="es-0"), "schema", False),
        (lambda library: other_fingerprint(library, embedder="another"), "model", True),
    ],
    ids=["a field by hand", "another schema", "another model"],
)
def test_an_index_built_otherwise(
    library: Library,
    run: Callable[..., Result],
    drift: Callable[[Library], None],
    told: str,
    searches: bool,
) -> None:
    drift(library)
    status, seconds, page = timed(client_of(library), "/fr/search?q=phare")
    assert status == (200 if searches else 503)
    assert seconds < 2
    assert "Traceback" not in page
    arrive(library, "# New\n\nnewcomer", "new.md")
    with pytest.raises(IndexMismatch, match="rebuild it"):
        work(library)
    doctor = run("doctor")
    assert doctor.exit_code == 1
    assert "run `passerelle index rebuild`: it was built with another" in doctor.output
    assert told in doctor.output
    assert run("index", "rebuild").exit_code == 0
    assert "index rebuild" not in run("doctor").output
    work(library)
    check_whole(library)


def test_rollback(library: Library, run: Callable[..., Result]) -> None:
    assert run("index", "rebuild").exit_code == 0
    arrive(library, "# New\n\nnewcomer", "new.md")
    withdraw(library, "Other")
    work(library)
    done = run("index", "rollback")
    assert done.exit_code == 0, done.output
    assert generations(library) == ["1*", "2"]
    assert found(library, "newcomer") == []
    work(library)
    assert found(library, "newcomer") == ["New"]
    check_whole(library)


def test_an_alias_of_two_and_an_index_of_its_name(
    library: Library, run: Callable[..., Result]
) -> None:
    index = elasticsearch_index(library)
    name = index._generations._address.name
    run("index", "rebuild")
    index._connection.call(lambda c: c.indices.put_alias(index=f"{name}-000001", name=name))
    assert timed(client_of(library), "/en/search?q=lighthouse")[0] == 503
    assert run("index", "rebuild").exit_code == 0
    assert found(library, "lighthouse")
    for number in ("2", "3"):
        index._connection.call(lambda c, n=number: c.indices.delete(index=f"{name}-00000{n}"))
    index._connection.call(lambda c: c.indices.create(index=name))
    try:
        assert timed(client_of(library), "/en/search?q=lighthouse")[0] == 503
        refused = run("index", "rebuild")
        assert (refused.exit_code, "remove it first" in refused.output) == (1, True)
    finally:
        index._connection.call(lambda c: c.indices.delete(index=name))


def test_rollback_of_an_embedded_index_says_what_to_do(known: Clustered) -> None:
    done = CliRunner(env=known.environment).invoke(passerelle, ["index", "rollback"])
    assert done.exit_code == 1
    assert "rebuild it" in done.output
