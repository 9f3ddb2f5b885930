"""One conformance of answers: the same entries in both backends, the same queries, one ranking.

`conformance` says what a backend must do; this says that a reader sees the same whichever answers.
Compared are the first ten resources. What differs, and why:

- Demands (a word in the title, a word that must not be there): the cluster brings the nearest of
  those that hold what is demanded, the embedded index the nearest, less those that do not. So by
  meaning the cluster brings more, and never less.
- Scores by words of entries without a title (by up to .08): Lucene takes how rare a word is in
  titles, and their mean length, over the entries that have one, tantivy over all.
- Which of equal ones are the last of a list: beginnings of words all score the same, and with
  several shards their order is another.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from uuid import uuid4

import pytest

from indexes.base import SearchIndex, Vectors
from indexes.elasticsearch.address import read_address
from indexes.elasticsearch.index import ElasticsearchIndex
from indexes.embedded.index import EmbeddedIndex
from indexes.embedding.base import Embedder
from indexes.embedding.loading import load_embedder
from indexes.embedding.repeated_query import RepeatedQueryEmbedder
from indexes.embedding.vector_cache import VectorCache
from indexes.embedding.windows import embed_entries
from indexes.evaluation.sets import read_judged_set, sample
from indexes.query_parser import parse
from indexes.searcher import Searcher, facet_counts
from indexes.types import Entry, Kind, Ranking, Scope, SearchQuery
from tests.app.databases import SQLiteFiles
from tests.app.demo import demo_in
from tests.conftest import SHARED
from tests.indexes.asked_alike import MANY, Asked, queries
from tests.indexes.judged import JUDGED_VECTORS
from tests.servers.elasticsearch import ElasticsearchServer, GivenServer

log = logging.getLogger(__name__)
FIRST = 10
WORST = 12  # queries that a failure tells
JUDGED = "xquad-crosslingual-en-es"
FOUND_MORE = {
    "in title": 0.8
}  # overlap: the kinds of queries whose demands the cluster meets first
PATIENCE = 30.0  # seconds a search: the machine that tests may be busy

pytestmark = [
    pytest.mark.elasticsearch,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(900),  # where the documents have to be embedded first, on a busy machine
]


@dataclass(frozen=True)
class Material:
    """What both backends hold, what they are asked, and how the embedded one answers."""

    entries: Sequence[Entry]
    vectors: Mapping[str, Vectors]
    asked: Sequence[Asked]
    embedder: Embedder
    expected: Sequence[Ranking]

    def fill(self, index: SearchIndex) -> None:
        sources = defaultdict(list)
        for entry in self.entries:
            sources[entry.source].append(entry)
        with index.rebuild(lambda: len(self.entries)) as writer:
            for source, own in sources.items():
                writer.replace(source, own)
            writer.add_vectors(self.entries, [self.vectors[one.id] for one in self.entries])


@pytest.fixture(scope="module")
def material(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    embedder = RepeatedQueryEmbedder(load_embedder(model_folder, VectorCache(JUDGED_VECTORS)))
    entries, vectors = demo(tmp_path_factory.mktemp("demo"))
    documents, questions = judged()
    vectors |= {
        one.id: own for one, own in zip(documents, embed_entries(embedder, documents), strict=True)
    }
    asked = queries(entries, questions)
    found = Material([*entries, *documents], vectors, asked, embedder, ())
    with closing(_embedded(tmp_path_factory.mktemp("alike"), embedder)) as index:
        found.fill(index)
        return Material(found.entries, vectors, asked, embedder, answers(index, embedder, asked))


def demo(folder: Path) -> tuple[list[Entry], dict[str, Vectors]]:
    """The passages and records of the demo library, and their vectors."""
    with SQLiteFiles(folder).migrated(folder) as database, demo_in(folder, database) as library:
        ids = sorted(library.index.all_ids())
        return [*library.index.entries(ids).values()], dict(library.index.vectors_of(ids))


def judged() -> tuple[list[Entry], list[Asked]]:
    """Real documents and questions, where they are beside the checkout."""
    if not SHARED.is_dir():
        return [], []
    found = sample(read_judged_set(SHARED / "relevance" / JUDGED), 40)
    documents = [
        Entry(
            id=one.id,
            kind=Kind.PASSAGE,
            group=one.id,
            group_kind="document",
            source=one.id,
            language=one.language,
            title="",
            heading="",
            text=one.text,
        )
        for one in found.documents.values()
    ]
    asked = [Asked("judged", query.language, query.text) for query in found.queries.values()]
    return documents, asked


def _embedded(folder: Path, embedder: Embedder) -> EmbeddedIndex:
    return EmbeddedIndex(folder, dimensions=embedder.dimensions, fingerprint=embedder.fingerprint)


def answers(index: SearchIndex, embedder: Embedder, asked: Sequence[Asked]) -> list[Ranking]:
    searcher = Searcher(index, embedder)
    return [
        searcher.search(SearchQuery(one.text, Scope(), reader_language=one.language))
        for one in asked
    ]


@pytest.fixture(scope="module")
def opened(
    elasticsearch: ElasticsearchServer | GivenServer, material: Material
) -> Iterator[Callable[[str], list[Ranking]]]:
    """How an index on the cluster answers, by the options of its address; each is filled once."""
    answered: dict[str, list[Ranking]] = {}

    def answer(options: str) -> list[Ranking]:
        if options not in answered:
            with on_cluster(
                f"{elasticsearch.url}/alike-{uuid4().hex[:12]}?{options}", material
            ) as i:
                answered[options] = answers(i, material.embedder, material.asked)
        return answered[options]

    return answer


@contextmanager
def on_cluster(url: str, material: Material) -> Iterator[SearchIndex]:
    index = ElasticsearchIndex(
        read_address(url),
        dimensions=material.embedder.dimensions,
        fingerprint=material.embedder.fingerprint,
        patience=PATIENCE,
    )
    try:
        material.fill(index)
        yield index
    finally:
        index.remove()
        index.close()


def resources(ranking: Ranking, first: int | None = None) -> set[tuple[str, str]]:
    return {(hit.group_kind, hit.group) for hit in ranking.hits[:first]}


def overlap(found: Ranking, expected: Ranking) -> float:
    """The share of the first ten resources that both have; 1 where neither has any."""
    one, other = resources(found, FIRST), resources(expected, FIRST)
    return len(one & other) / max(len(one), len(other)) if one or other else 1.0


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ("vectors=exact", 0.95),
        ("vectors=exact&shards=3", 0.95),
        ("vectors=hnsw", 0.93),
        ("vectors=hnsw&shards=3", 0.93),
    ],
)
def test_the_first_ten_are_the_same(
    opened: Callable[[str], list[Ranking]], material: Material, options: str, least: float
) -> None:
    shares = list(map(overlap, opened(options), material.expected))
    kinds = defaultdict(list)
    for one, share in zip(material.asked, shares, strict=True):
        kinds[one.kind].append(share)
    told = {kind: round(fmean(own), 3) for kind, own in kinds.items()}
    worst = sorted(zip(shares, material.asked, strict=True))[:WORST]
    log.info("%s: %.4f, by kind %s", options, fmean(shares), told)
    assert len(shares) == MANY
    assert {one.language for one in material.asked} == {"en", "fr", "es"}
    assert fmean(shares) >= least, (told, worst)
    assert {k for k, share in told.items() if share < FOUND_MORE.get(k, least)} == set(), worst


def test_what_is_demanded_is_met_by_more_on_the_cluster_and_never_by_less(
    opened: Callable[[str], list[Ranking]], material: Material
) -> None:
    pairs = zip(material.asked, opened("vectors=exact"), material.expected, strict=True)
    missing = {
        asked: gone
        for asked, found, expected in pairs
        if parse(asked.text).demands and (gone := resources(expected) - resources(found))
    }
    assert missing == {}


def test_facets_are_counted_alike_where_nothing_is_demanded(
    opened: Callable[[str], list[Ranking]], material: Material
) -> None:
    pairs = zip(material.asked, opened("vectors=exact"), material.expected, strict=True)
    same = {
        asked: facet_counts(found.hits) == facet_counts(expected.hits)
        for asked, found, expected in pairs
        if not parse(asked.text).demands
    }
    log.info("facets are the same for %d of %d", sum(same.values()), len(same))
    assert fmean(same.values()) >= 0.95, [asked for asked, one in same.items() if not one]
