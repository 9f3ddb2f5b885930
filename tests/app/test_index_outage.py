"""Elasticsearch goes away, is slow, is full, refuses, loses its disk: the library goes on.

Pages answer within two seconds, uploads are taken and read, and what waited is in the index when
the cluster is back, all of it and once.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from app.cli import passerelle
from app.database import writing
from app.library import Library
from app.outbox import Job, enqueue
from app.resources.ingestion import add_record
from app.resources.metadata import Description
from app.resources.models import Edition, Review
from app.worker import Worker
from indexes.elasticsearch.circuit import OPEN_SECONDS
from indexes.errors import IndexUnavailable
from tests.app.clustered import (
    LONGEST,
    UIS,
    Clustered,
    addresses,
    all_read,
    attempts,
    check_whole,
    client_of,
    close,
    clustered,
    elasticsearch_index,
    filled_cluster,
    generations,
    nothing_waits,
    opened,
    remove_index,
    timed,
    until,
    working,
)
from tests.app.databases import on_postgresql
from tests.app.ingesting import arrive, found, work
from tests.app.test_several_processes import racing, recorded
from tests.servers.elasticsearch import ElasticsearchServer, GivenServer
from tests.servers.faulty_proxy import Faults, faulty_proxy

pytestmark = [pytest.mark.elasticsearch, pytest.mark.slow]
BLOCK = "index.blocks.read_only_allow_delete"
WAY_ON = {"en": "/en/browse", "fr": "/fr/browse", "es": "/es/browse"}
Server = ElasticsearchServer | GivenServer


@pytest.fixture(scope="module")
def filled(elasticsearch: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    """One library for all outages, each of which leaves it whole."""
    folder = tmp_path_factory.mktemp("outage")
    with filled_cluster(folder, "outage", elasticsearch.url) as known:
        yield known


@pytest.fixture
def library(filled: Clustered, own_elasticsearch: ElasticsearchServer) -> Iterator[Library]:
    with opened(filled, own_elasticsearch.url) as library:
        yield library


@pytest.fixture
def proxied(
    filled: Clustered, own_elasticsearch: ElasticsearchServer
) -> Iterator[tuple[Library, Faults]]:
    with faulty_proxy(own_elasticsearch.url) as (url, faults), opened(filled, url) as library:
        yield library, faults


def check_pages(library: Library, statuses: set[int]) -> None:
    """The first after the failure, eight at once, then each kind in each language."""
    client = client_of(library)
    first = timed(client, addresses(library, "fr")[0])
    with ThreadPoolExecutor(8) as threads:
        asked = (addresses(library, "en") * 2)[:8]
        app = client.application
        at_once = list(threads.map(lambda one: timed(app.test_client(), one), asked))
    each = [(ui, one, timed(client, one)) for ui in UIS for one in addresses(library, ui)]
    answers = [first, *at_once, *(answer for _, _, answer in each)]
    slowest = max(seconds for _, seconds, _ in answers)
    print(f"first {first[1]:.2f} s, slowest {slowest:.2f} s")  # noqa: T201
    assert slowest < LONGEST
    assert {status for status, _, _ in answers} <= statuses
    assert not [text for _, _, text in answers if "Traceback" in text or "urllib3" in text]
    for ui, address, (status, _, text) in each:
        if status == 503 and "search?" in address:
            assert f'<html lang="{ui}">' in text
            assert WAY_ON[ui] in text
        elif "search" not in address:
            assert status == 200, address


def upload(library: Library) -> str:
    """A text nobody has seen; the word that finds it."""
    word = "".join(chr(ord("g") + int(digit, 16)) for digit in uuid4().hex[:12])
    arrive(library, f"# {word}\n\nA text about {word}.", f"{word}.md", language="en", title=word)
    return word


def check_outage(
    library: Library, outage: AbstractContextManager[object], statuses: set[int]
) -> None:
    """Before, during and after."""
    client = client_of(library)
    with working(library) as worker:
        with outage:
            check_pages(library, statuses)
            word = upload(library)
            until(lambda: all_read(library), 20)
            until(lambda: worker.index_problem, 30)
            assert attempts(library) <= (0, 0)
        back = until(lambda: timed(client, "/en/search?q=lighthouse")[0] == 200, 20)
        caught_up = until(lambda: word in timed(client, f"/en/search.json?q={word}")[2], 45)
        print(f"searched after {back:.1f} s, caught up after {caught_up:.1f} s")  # noqa: T201
        assert back < OPEN_SECONDS + 1.5
        until(lambda: nothing_waits(library))
    check_whole(library)


@contextmanager
def killed(server: ElasticsearchServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def paused(server: ElasticsearchServer) -> Iterator[None]:
    server.pause()
    yield
    server.resume()


@contextmanager
def faulty(faults: Faults, **values: object) -> Iterator[None]:
    before = {name: getattr(faults, name) for name in values}
    vars(faults).update(values)
    yield
    vars(faults).update(before)


@pytest.mark.parametrize("outage", [killed, paused])
def test_pages_and_uploads_while_it_is_away(
    library: Library,
    own_elasticsearch: ElasticsearchServer,
    outage: Callable[[ElasticsearchServer], AbstractContextManager[None]],
) -> None:
    client_of(library).get("/en/search?q=lighthouse")  # connections that break later
    check_outage(library, outage(own_elasticsearch), {200, 503})


@pytest.mark.parametrize(
    "values",
    [{"delay": 0.7}, {"delay": 3.0}, {"status": 429}, {"status": 503}, {"cut": True}],
    ids=lambda values: "-".join(map(str, *values.items())),
)
def test_pages_and_uploads_while_it_answers_badly(
    proxied: tuple[Library, Faults], values: dict[str, object]
) -> None:
    library, faults = proxied
    if values == {"delay": 0.7}:  # slow, and yet everything is done
        with faulty(faults, **values):
            check_pages(library, {200, 503})
    else:
        check_outage(library, faulty(faults, **values), {200, 503})


def test_the_first_search_of_a_process_while_it_is_away(
    filled: Clustered, own_elasticsearch: ElasticsearchServer
) -> None:
    own_elasticsearch.pause()
    library = filled.open(own_elasticsearch.url)
    status, seconds, _ = timed(client_of(library), "/es/search?q=faro")
    assert (status, seconds < LONGEST) == (503, True)
    done = CliRunner(env=filled.environment | {"PASSERELLE_INDEX_URL": _url(library)}).invoke(
        passerelle, ["index", "status"]
    )
    assert done.exit_code == 1
    assert "does not answer" in done.output
    close(library)


def _url(library: Library) -> str:
    assert library.config.cluster
    return f"{library.config.cluster.url}/{library.config.cluster.name}"


def test_files_are_ingested_by_command_while_it_is_away(
    proxied: tuple[Library, Faults], filled: Clustered, tmp_path: object
) -> None:
    library, faults = proxied
    text = filled_text(tmp_path)
    environment = filled.environment | {"PASSERELLE_INDEX_URL": _url(library)}
    with faulty(faults, status=503):
        done = CliRunner(env=environment).invoke(passerelle, ["ingest", text])
        assert (done.exit_code, done.exception) == (0, None)
        assert "What was read is kept" in done.output
        assert all_read(library)
        once = CliRunner(env=environment).invoke(passerelle, ["worker", "--once"])
        assert once.exit_code == 1
        assert "What waits for the index stays" in once.output
    with working(library):
        until(lambda: nothing_waits(library))
    assert found(library, "ingestedtext") == ["Ingestedtext"]
    check_whole(library)


def filled_text(folder: object) -> str:
    path = f"{folder}/ingested.md"
    with open(path, "w") as stream:  # noqa: PTH123
        stream.write("# Ingestedtext\n\nA text.")
    return path


def test_half_a_bulk_refused(proxied: tuple[Library, Faults]) -> None:
    """What was half written of a text that changed meanwhile is nowhere afterwards."""
    library, faults = proxied
    arrive(library, "# Half\n\n" + "\n\n".join(f"## H{n}\n\nold{n}" for n in range(9)), "half.md")
    with faulty(faults, half_bulk=503), pytest.raises(IndexUnavailable):
        work(library)
    arrive(library, "# Half\n\n## H\n\nnew", "half.md")
    work(library)
    check_whole(library)
    with faulty(faults, half_bulk=429):  # these are sent again at once
        arrive(library, "# Half\n\n## H\n\nnewer", "half.md")
        work(library)
    check_whole(library)
    assert attempts(library) == (0, 0)


def test_a_disk_without_room(library: Library) -> None:
    """The block that the server sets at the flood stage: read and removed, not written."""
    index = elasticsearch_index(library)

    @contextmanager
    def full() -> Iterator[None]:
        _set(library, {BLOCK: True})
        yield
        _set(library, {BLOCK: None})

    names = f"{index._generations._address.name}*"

    def _set(_library: Library, settings: dict[str, object]) -> None:
        index._connection.call(lambda c: c.indices.put_settings(index=names, settings=settings))

    check_outage(library, full(), {200})


@pytest.mark.soak
def test_a_disk_beyond_its_watermark(library: Library) -> None:
    """Really: the server finds its disk too full, blocks all writing, and lets go by itself."""
    index = elasticsearch_index(library)
    disk = "cluster.routing.allocation.disk"
    low = dict.fromkeys(("low", "high", "flood_stage"), "900tb")

    def tell(settings: dict[str, object]) -> None:
        index._connection.call(lambda c: c.cluster.put_settings(persistent=settings))

    @contextmanager
    def full() -> Iterator[None]:
        marks = {f"{disk}.watermark.{name}": own for name, own in low.items()}
        tell({"cluster.info.update.interval": "10s", f"{disk}.threshold_enabled": True, **marks})
        try:
            until(lambda: _is_blocked(library), 40)
            yield
        finally:
            tell({f"{disk}.watermark.{name}": None for name in low})
            until(lambda: not _is_blocked(library), 60)
            tell({"cluster.info.update.interval": None, f"{disk}.threshold_enabled": None})

    check_outage(library, full(), {200})


def _is_blocked(library: Library) -> bool:
    index = elasticsearch_index(library)
    name = index._generations._address.name
    told = index._connection.call(lambda c: c.indices.get_settings(index=name))
    return any("read_only_allow_delete" in str(own) for own in told.values())


def test_a_server_that_comes_back_with_an_empty_disk(
    library: Library, own_elasticsearch: ElasticsearchServer
) -> None:
    client = client_of(library)
    with working(library):
        own_elasticsearch.kill()
        own_elasticsearch.wipe()
        own_elasticsearch.start()
        until(lambda: timed(client, "/en/search?q=lighthouse")[0] == 200, 60)
        until(lambda: nothing_waits(library))
    check_whole(library)


@pytest.mark.parametrize("removed", ["alias", "index", "everything"])
def test_an_index_that_somebody_removed(library: Library, removed: str) -> None:
    index = elasticsearch_index(library)
    name, current = index._generations._address.name, index._generations.current()
    assert current
    gone: Callable[[], object] = {
        "alias": lambda: index._connection.call(
            lambda c: c.indices.delete_alias(index=current.name, name=name)
        ),
        "index": lambda: index._generations.remove(current),
        "everything": lambda: remove_index(library),
    }[removed]
    gone()
    check_pages(library, {200, 503})
    worker = Worker(library)
    worker._look_after()
    worker.finish()
    assert found(library, "lighthouse")
    check_whole(library)
    assert len(generations(library)) == 1


def test_an_index_removed_while_it_is_written_to(library: Library) -> None:
    """A write does not make another in its place, whose fields would be guessed."""
    index = elasticsearch_index(library)
    current = index._generations.current()
    assert current
    upload(library)
    worker = Worker(library)
    entries = worker._entries

    def removing(claims: object) -> object:
        if index._generations.current() == current:
            index._generations.remove(current)
        return entries(claims)  # type: ignore[arg-type]

    worker._entries = removing  # type: ignore[method-assign, assignment]
    with pytest.raises(IndexUnavailable):
        worker.finish()
    assert index._generations.all() == []
    worker = Worker(library)
    worker._look_after()
    worker.finish()
    check_whole(library)


def test_a_cluster_that_makes_no_index_by_itself(library: Library) -> None:
    index = elasticsearch_index(library)
    remove_index(library)

    def tell(value: bool | None) -> None:
        setting = {"action.auto_create_index": value}
        index._connection.call(lambda c: c.cluster.put_settings(persistent=setting))

    tell(False)
    try:
        worker = Worker(library)
        worker._look_after()
        worker.finish()
    finally:
        tell(None)
    check_whole(library)


def test_a_question_that_is_refused_does_not_stop_others(library: Library) -> None:
    index = elasticsearch_index(library)
    for _ in range(5):
        with pytest.raises(IndexUnavailable):
            index._connection.search(index._generations._address.name, query={"none": {}})
    assert found(library, "lighthouse")


def test_changes_of_every_kind_meanwhile(proxied: tuple[Library, Faults]) -> None:
    """Uploaded, changed and withdrawn while it was away; the worker's attempts are not used up."""
    library, faults = proxied
    word, gone = upload(library), upload(library)
    work(library)
    with faulty(faults, status=503):
        arrive(library, f"# {word}\n\nNow about something else.", f"{word}.md", language="en")
        _withdraw(library, gone)
        worker = Worker(library)
        for _ in range(8):
            worker._index_rests_until = 0.0
            worker.step_on()
        worker.close()
        assert attempts(library) == (0, 0)
    with working(library):
        until(lambda: nothing_waits(library))
    check_whole(library)
    assert found(library, gone) == []
    assert found(library, f'"something else" {word}')


def _withdraw(library: Library, title: str) -> None:
    with writing(library.sessions) as session:
        edition = session.scalars(select(Edition).where(Edition.title == title)).one()
        assert edition.published_version
        edition.published_version.review = Review.WITHDRAWN
        edition.published_version_id = edition.published_at = None
        enqueue(session, Job.INDEX, edition.id)


@on_postgresql
def test_two_workers_and_two_portals_at_once(
    elasticsearch: Server,
    database: str,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    known = clustered(folder, database, f"race-{uuid4().hex[:8]}")
    monkeypatch.setenv("PASSERELLE_INDEX_URL", f"{elasticsearch.url}/{known.name}")
    portals = [known.open(elasticsearch.url) for _ in range(2)]
    with writing(portals[0].sessions) as session:
        for number in range(60):
            said = Description(title=f"Lighthouse {number}", language="en", work=f"w{number}")
            add_record(session, said)
    began = time.monotonic()
    with racing(portals[0], "work", folder / "record", 2) as processes, ThreadPoolExecutor(2) as at:
        searching = [at.submit(_search_while, one, processes) for one in portals]
        assert [process.wait(90) for process in processes] == [0, 0]
        assert [done.result() for done in searching] == [{200}, {200}]
    times = [row for row, _ in recorded(folder / "record")]
    assert sorted(set(times)) == sorted(times)
    assert len(times) == 60
    print(f"60 records in {time.monotonic() - began:.1f} s")  # noqa: T201
    check_whole(portals[0])
    remove_index(portals[0])
    for portal in portals:
        close(portal)


def _search_while(library: Library, processes: object) -> set[int]:
    client, statuses = client_of(library), set()
    until(lambda: timed(client, "/en/search?q=lighthouse")[0] == 200)
    while any(process.poll() is None for process in processes):  # type: ignore[attr-defined]
        statuses.add(timed(client, "/en/search?q=lighthouse")[0])
    client.application.extensions["passerelle.search"].counter.write()  # while there is a database
    return statuses or {200}
