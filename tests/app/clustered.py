"""A library whose index is on Elasticsearch, and what tests of outages ask of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app
from app.config import read_config
from app.database import reading
from app.library import Library
from app.outbox import OutboxRow
from app.resources.entries import edition_entries
from app.resources.models import Edition, File, Processing
from app.worker import Worker
from indexes.elasticsearch.index import ElasticsearchIndex
from indexes.errors import IndexesError
from tests.app.databases import SQLiteFiles
from tests.app.ingesting import arrive, work

UIS = ("en", "fr", "es")
TEXTS = {
    "en": (
        "Counting work",
        "The lighthouse of culture: who works there and how many.",
    ),
    "fr": ("Compter le travail", "Le phare de la culture : qui y travaille et comment on compte."),
    "es": ("Contar el trabajo", "El faro de la cultura: quién trabaja allí y cómo se cuenta."),
}
LONGEST = 2.0  # seconds that a page may take


@dataclass(frozen=True)
class Clustered:
    """A library on a cluster, by words only; `name` is its index's."""

    environment: dict[str, str]
    name: str

    def open(self, url: str, **more: str) -> Library:
        """The same library, its cluster reached under an address."""
        index = {"PASSERELLE_INDEX_URL": f"{url}/{self.name}"}
        return Library(read_config(self.environment | index | more))

    def fill(self, url: str) -> None:
        library = self.open(url)
        for language, (title, text) in TEXTS.items():
            said = {"work": "work", "language": language, "topics": (("domain", "statistics"),)}
            arrive(library, f"# {title}\n\n{text}", f"{language}.md", title=title, **said)
        other = {"language": "en", "title": "Other", "topics": (("domain", "statistics"),)}
        arrive(library, "# Other\n\nA text about harbours.", "other.md", **other)
        work(library)
        library.engine.dispose()


@contextmanager
def filled_cluster(folder: Path, name: str, url: str) -> Iterator[Clustered]:
    """A library of texts that is indexed under an address; its index goes in the end."""
    with SQLiteFiles(folder).migrated(folder) as database:
        known = clustered(folder, database, f"{name}-{uuid4().hex[:8]}")
        known.fill(url)
        yield known
        remove_index(last := known.open(url))
        close(last)


@contextmanager
def opened(known: Clustered, url: str) -> Iterator[Library]:
    """The library, reached under an address."""
    library = known.open(url)
    yield library
    close(library)


def clustered(folder: Path, database: str, name: str) -> Clustered:
    environment = {
        "PASSERELLE_DATA": str(folder / "data"),
        "PASSERELLE_DATABASE_URL": database,
        "PASSERELLE_MODEL": "none",
    }
    return Clustered(environment, name)


def addresses(library: Library, ui: str) -> list[str]:
    """Of all kinds of page that ask the index, and of some that must not."""
    with reading(library.sessions) as session:
        query = select(Edition).where(Edition.title == TEXTS["en"][0])
        resource = session.scalars(query).one().resource_id
    question = {"en": "lighthouse", "fr": "phare", "es": "faro"}[ui]
    own = f"/{ui}/resources/{resource}"
    return [
        f"/{ui}/search?q={question}",
        f"/{ui}/search.json?q={question}",
        f"/{ui}/search.atom?q={question}",
        f"/{ui}/suggest.json?q={question[:4]}",
        f"/{ui}/",
        f"/{ui}/browse",
        f"/{ui}/browse/all",
        own,
        f"{own}/similar",
        f"{own}/{ui}/pages/1",
    ]


def timed(client: FlaskClient, address: str) -> tuple[int, float, str]:
    """Status, seconds and text of a page."""
    began = time.perf_counter()
    answer = client.get(address)
    return answer.status_code, time.perf_counter() - began, answer.get_data(as_text=True)


def until(holds: Callable[[], object], seconds: float = 60.0) -> float:
    """Wait; how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "in vain"
        time.sleep(0.05)
    return time.monotonic() - began


@contextmanager
def working(library: Library) -> Iterator[Worker]:
    """A worker beside it, as `passerelle worker` runs one."""
    worker, stop = Worker(library), Event()
    thread = Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        thread.join()


def client_of(library: Library) -> FlaskClient:
    return create_app(library=library).test_client()


def all_read(library: Library) -> bool:
    with reading(library.sessions) as session:
        states = session.scalars(select(File.processing)).all()
    return set(states) == {Processing.READY}


def nothing_waits(library: Library) -> bool:
    with reading(library.sessions) as session:
        return session.query(OutboxRow).count() == 0


def attempts(library: Library) -> tuple[int, int]:
    """The most that a row has used up, and how many gave up."""
    with reading(library.sessions) as session:
        rows = session.execute(select(OutboxRow.attempts, OutboxRow.leased_by, OutboxRow.failed))
        told = [(used - (lease is not None), failed) for used, lease, failed in rows]
    return max((used for used, _ in told), default=0), sum(failed for _, failed in told)


def wanted(library: Library) -> list[str]:
    """Ids of all that the database says is to be found."""
    with reading(library.sessions) as session:
        editions = session.scalars(select(Edition.id)).all()
        return sorted(one.id for own in editions for one in edition_entries(session, own))


def check_whole(library: Library) -> None:
    """Nothing is lost, nothing is there twice, nothing waits, nothing gave up."""
    index = elasticsearch_index(library)
    index._connection.call(lambda c: c.indices.refresh(index=f"{index._generations._address.name}"))
    held = Counter(index.all_ids())
    assert sorted(held.elements()) == wanted(library)
    assert nothing_waits(library)


def elasticsearch_index(library: Library) -> ElasticsearchIndex:
    assert isinstance(library.index, ElasticsearchIndex)
    return library.index


def generations(library: Library) -> list[str]:
    """The number of each, with a star at the one in use and a minus at those not whole."""
    known = elasticsearch_index(library)._generations
    current = known.current()
    return [one.name[-1] + "*" * (one == current) + "-" * (not one.whole) for one in known.all()]


def remove_index(library: Library) -> None:
    """All of it, locks included."""
    index = elasticsearch_index(library)
    with suppress(IndexesError):
        for one in index._generations.all():
            index._generations.remove(one)
        name = f"{index._generations._address.name}-locks"
        index._connection.found(lambda c: c.indices.delete(index=name))


def close(library: Library) -> None:
    library.index.close()
    library.engine.dispose()


def other_fingerprint(library: Library, **parts: str) -> None:
    """As if the index in use had been built otherwise."""
    index = elasticsearch_index(library)
    current: Any = index._generations.current()
    changed = replace(current, fingerprint={**current.fingerprint, **parts})
    meta = {"fingerprint": changed.fingerprint, "whole": True, "fields": current.fields}
    index._connection.call(lambda c: c.indices.put_mapping(index=current.name, meta=meta))
