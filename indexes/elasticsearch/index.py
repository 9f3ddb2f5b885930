"""The index on a cluster, behind the protocol of `indexes.base`."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from indexes.analysis import terms_of_word
from indexes.base import Candidates, IndexWriter, Question, Vectors, check_count
from indexes.elasticsearch import queries
from indexes.elasticsearch.address import Address
from indexes.elasticsearch.candidates import Retrieval
from indexes.elasticsearch.connection import SEARCH_SECONDS, Connection
from indexes.elasticsearch.documents import entry_of
from indexes.elasticsearch.generations import Generation, Generations
from indexes.elasticsearch.leases import Leases
from indexes.elasticsearch.packing import unpacked
from indexes.elasticsearch.settings import (
    CODES,
    ID,
    LANGUAGE,
    SCHEMA_VERSION,
    SPELLED,
    VECTOR,
    VECTORS,
)
from indexes.elasticsearch.writer import Batch
from indexes.errors import IndexMismatch, IndexUnavailable
from indexes.fingerprints import WORDS, Fingerprint
from indexes.types import Entry, IndexStatus

MOST_SPELLINGS: Final = 60_000  # Elasticsearch gives 65,535 buckets
_PAGE: Final = 1_000
_WRITING: Final = "writer"
_REBUILDING: Final = "rebuild"

log = logging.getLogger(__name__)


class ElasticsearchIndex:
    """A `SearchIndex` on a cluster. Several threads and processes may search it at once.

    `dimensions` and `fingerprint` are as in `EmbeddedIndex`; `patience` is how many seconds a
    search may take. Nothing is asked of the cluster before the first call.
    """

    def __init__(
        self,
        address: Address,
        *,
        dimensions: int,
        fingerprint: str,
        patience: float = SEARCH_SECONDS,
    ) -> None:
        self._connection = Connection(address, patience)
        self._generations = Generations(self._connection, address)
        self._leases = Leases(self._connection, address.name)
        self._dimensions = dimensions
        self._fingerprint = Fingerprint.of(SCHEMA_VERSION, fingerprint, dimensions)

    @contextmanager
    def writer(self) -> Iterator[IndexWriter]:
        """Open the only writer; see `SearchIndex.writer`."""
        with self._leases.held(_WRITING) as check_lease:
            self._sweep()
            generation = self._generations.current() or self._first()
            self._fingerprint.check(generation.fingerprint)
            if not self._generations.is_as_built(generation):
                raise IndexMismatch("The fields of the index were changed by hand: rebuild it")
            batch = self._batch(generation, at_once=True)
            yield batch
            check_lease()
            batch.commit()

    @contextmanager
    def rebuild(self, expected: Callable[[], int] | None = None) -> Iterator[IndexWriter]:
        """Build a new generation aside; see `SearchIndex.rebuild`. Others write meanwhile."""
        with self._leases.held(_REBUILDING) as check_lease:
            self._generations.check_name()
            self._remove(self._generations.unfinished())
            generation = self._generations.create(self._fingerprint.parts, self._dimensions)
            try:
                batch = self._batch(generation, at_once=False)
                yield batch
                batch.commit()
                check_count(self._count(generation), expected)
                check_lease()
            except BaseException:
                self._remove([generation])
                raise
            self._generations.publish(generation)

    def roll_back(self) -> None:
        """Let the generation before the last rebuild answer again; see `SearchIndex.roll_back`."""
        with self._leases.held(_REBUILDING):
            self._generations.roll_back()

    def candidates(self, question: Question) -> Candidates:
        """The best by words and by meaning; see `SearchIndex.candidates`.

        Raises:
            IndexMismatch: the index was built with another schema or analysis.
        """
        generation = self._generations.answering()
        if generation is None or not question.scope.visible_to:
            return Candidates(about=lambda _keys: (), familiar=False)
        self._fingerprint.check(generation.fingerprint, WORDS)
        compares = not self._fingerprint.differing(generation.fingerprint)
        dimensions = self._dimensions if compares else 0
        return Retrieval(self._connection, generation.name, question, dimensions).candidates()

    def vectors_of(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors of those entries that have some; see `SearchIndex.vectors_of`."""
        found = self._columns(ids, [VECTORS])
        return {
            one[ID][0]: unpacked(one[VECTORS][0], self._dimensions)
            for one in found
            if VECTORS in one
        }

    def with_vectors(self, ids: Sequence[str]) -> set[str]:
        """Those of the entries that have vectors."""
        return {one[ID][0] for one in self._columns(ids, [], {"exists": {"field": VECTOR}})}

    def entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
        """Those of the entries that the index holds."""
        generation = self._generations.answering()
        if generation is None or not ids:
            return {}
        found: dict[str, Entry] = {}
        for start in range(0, len(ids), _PAGE):
            some = list(ids[start : start + _PAGE])
            told = self._connection.search(
                generation.name,
                query={"ids": {"values": some}},
                size=len(some),
                source_excludes=[VECTORS],
            )
            found |= {hit["_id"]: entry_of(hit["_source"]) for hit in told["hits"]["hits"]}
        return found

    def holding(self, words: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """How many entries of each search language hold each word; see `SearchIndex.holding`."""
        generation = self._generations.answering()
        if generation is None:
            return {}
        body = queries.holding(words, CODES)
        told = self._connection.search(generation.name, **body)
        counts = {
            name: own["doc_count"] for name, own in told["aggregations"]["all"]["buckets"].items()
        }
        return {
            code: [
                counts[f"{code} {word}"] if terms_of_word(word, code) else counts[code]
                for word in words
            ]
            for code in CODES
            if counts[code]
        }

    def spellings(self, code: str, limit: int) -> Sequence[tuple[str, int]]:
        """The most frequent words of a search language; see `SearchIndex.spellings`."""
        generation = self._generations.current()
        if generation is None:
            return ()
        order = [{"_count": "desc"}, {"_key": "asc"}]
        terms = {"field": SPELLED, "size": min(limit, MOST_SPELLINGS), "order": order}
        # Of a large library this takes longer than a search may, and nobody waits for it.
        told = self._connection.call(
            lambda client: client.search(
                index=generation.name,
                query={"term": {LANGUAGE: code}},
                size=0,
                aggs={"words": {"terms": terms}},
            )
        )
        buckets = told["aggregations"]["words"]["buckets"]
        return [(bucket["key"], bucket["doc_count"]) for bucket in buckets]

    def all_ids(self) -> Iterator[str]:
        """Ids of all entries, in no order."""
        generation = self._generations.current()
        if generation is not None:
            everything: Mapping[str, Any] = {"match_all": {}}
            for hit in self._connection.pages(
                generation.name, everything, size=_PAGE, source=False
            ):
                yield hit["_id"]

    def is_empty(self) -> bool:
        """Whether it holds no entry at all."""
        generation = self._generations.answering()
        if generation is None:
            return True
        told = self._connection.search(
            generation.name, size=0, terminate_after=1, track_total_hits=True
        )
        return not told["hits"]["total"]["value"]

    def status(self) -> IndexStatus:
        """What the index holds; before the first generation, nothing."""
        generation = self._generations.answering()
        if generation is None:
            return IndexStatus("elasticsearch", "", {}, 0, 0, 0)
        with_vector = {"filter": {"exists": {"field": VECTOR}}}
        told = self._connection.search(
            generation.name, size=0, track_total_hits=True, aggs={"vectors": with_vector}
        )
        return IndexStatus(
            backend="elasticsearch",
            generation=generation.name,
            fingerprint=generation.fingerprint,
            entries=told["hits"]["total"]["value"],
            vectors=told["aggregations"]["vectors"]["doc_count"],
            size=self._generations.size(generation),
            outdated=self._outdated(generation),
        )

    def remove(self) -> None:
        """Take all generations off the cluster, and who wrote them: for indexes of a while."""
        for generation in self._generations.all():
            self._generations.remove(generation)
        self._leases.remove()

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()

    def _first(self) -> Generation:
        """A new one; or, where only the alias is gone, the last one that can be used."""
        self._generations.check_name()
        for one in reversed(self._generations.all()):
            if one.whole and not self._fingerprint.differing(one.fingerprint):
                self._generations.use(one)
                return one
        return self._generations.create_first(self._fingerprint.parts, self._dimensions)

    def _sweep(self) -> None:
        """Drop what rebuilds left that never ended. A rebuild that goes on had its lease before
        its generation was there to be seen.
        """
        left = self._generations.unfinished()
        if left and not self._leases.is_held(_REBUILDING):
            self._remove(left)

    def _remove(self, generations: Sequence[Generation]) -> None:
        """What cannot be removed now is removed by whoever writes next."""
        for one in generations:
            try:
                self._generations.remove(one)
            except IndexUnavailable as error:
                log.warning("%s is not removed: %s", one.name, error)

    def _count(self, generation: Generation) -> int:
        told = self._connection.call(lambda client: client.count(index=generation.name))
        return int(told["count"])

    def _batch(self, generation: Generation, *, at_once: bool) -> Batch:
        return Batch(self._connection, generation.name, self._dimensions, at_once=at_once)

    def _columns(
        self, ids: Sequence[str], names: Sequence[str], only: Mapping[str, Any] | None = None
    ) -> Iterator[Mapping[str, Sequence[str]]]:
        """Columns of those of the entries that the index holds.

        Raises:
            IndexMismatch: the index was built with another embedder.
        """
        generation = self._generations.answering()
        if generation is None:
            return
        self._fingerprint.check(generation.fingerprint)
        for start in range(0, len(ids), _PAGE):
            some = list(ids[start : start + _PAGE])
            told = self._connection.search(
                generation.name,
                query={"bool": {"filter": [{"ids": {"values": some}}, *([only] if only else [])]}},
                size=len(some),
                source=False,
                stored_fields="_none_",
                docvalue_fields=[ID, *names],
            )
            yield from (hit["fields"] for hit in told["hits"]["hits"])

    def _outdated(self, generation: Generation) -> tuple[str, ...]:
        changed = () if self._generations.is_as_built(generation) else ("fields",)
        return (*self._fingerprint.differing(generation.fingerprint), *changed)
