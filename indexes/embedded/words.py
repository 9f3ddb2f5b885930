"""Search by words: a tantivy index a search language, so that each has term statistics of its own.

tantivy takes document count and average length over a whole index. With all languages in one, a
passage of a language that is a tenth of the library would count as ten times the average length,
and its score shrink accordingly.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import log
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import tantivy

from indexes.analysis import ROWS, analyse, shared_terms, terms_of_word
from indexes.attributes import About
from indexes.base import Scored
from indexes.embedded import word_queries
from indexes.embedded.documents import (
    JOINED,
    KEY,
    NEWEST,
    SCHEMA,
    SEARCHED,
    SHARED,
    WHOLE,
    WRITTEN,
    Found,
    open_index,
)
from indexes.embedded.durable import stamp
from indexes.keys import Hashes
from indexes.query_parser import ParsedQuery
from indexes.types import Scope
from indexes.word_weights import BEGINNING_SCORE

REMEMBERED: Final = 1_024  # documents of a language, 0.3 MB
READERS: Final = 64  # combinations of what readers may see
LISTED_SCORE: Final = 1.0  # of entries that nothing ranks

_Hit = tuple[float, Any]  # a score and where the document lies


@dataclass(frozen=True, slots=True)
class FoundWords:
    """The best by words, and where their documents lie; to read one takes 30 microseconds."""

    scored: Scored
    places: Sequence[Any]
    read: Callable[[int, int], About]

    def documents(self) -> Iterator[tuple[int, Callable[[], About]]]:
        """A way to each document by its key."""
        for key, place in zip(self.scored.keys.tolist(), self.places, strict=True):
            yield key, partial(self.read, place.segment_ord, place.doc)


class LanguageWords:
    """The passages of one search language at one commit; several threads may search it."""

    def __init__(self, code: str, searcher: Any) -> None:
        self.code = code
        self._searcher = searcher
        # Words and shared words bring mostly the same: each document is read once a question.
        self._about = lru_cache(maxsize=REMEMBERED)(self._read_about)
        self._hidden_from = lru_cache(maxsize=READERS)(self._find_hidden_from)

    @property
    def count(self) -> int:
        return int(self._searcher.num_docs)

    def search(self, query: ParsedQuery, scope: Scope, limit: int) -> FoundWords:
        """The best by words: BM25 divided by the query's ideal self-score.

        Of a query of fields only the newest records and posts.
        """
        if query.is_listing:
            return self._listed(query, scope, limit)
        terms = _distinct(query.words, self.code)
        joined = set(_distinct(query.joined, self.code)).difference(terms) if terms else set()
        scored = [
            *word_queries.with_terms([*terms, *joined], SEARCHED),
            *self._in_compounds(terms),
        ]
        ideal = sum(self._idf("text", term) for term in terms)
        return self._best(self._scored(scored, query, scope, limit), ideal, query)

    def search_shared(self, query: ParsedQuery, scope: Scope, limit: int) -> FoundWords:
        """The best by words that languages share, scored in the same way."""
        terms = [] if query.is_listing else list(dict.fromkeys(shared_terms(" ".join(query.words))))
        ideal = sum(self._idf(SHARED, term) for term in terms)
        scored = list(word_queries.with_terms(terms, {SHARED: 1.0}))
        found = self._scored(scored, query, scope, limit) if terms else []
        return self._best(found, ideal, query)

    def _scored(
        self, scored: Sequence[Any], query: ParsedQuery, scope: Scope, limit: int
    ) -> Sequence[_Hit]:
        if not self.count or not scope.visible_to:
            return []
        if not self._hidden_from(scope.visible_to):
            scope = replace(scope, visible_to=())
        asked = word_queries.ranked(scored, query, scope, self.code)
        found: Sequence[_Hit] = []
        if asked is not None:
            found = self._searcher.search(asked, limit, count=False).hits
        return found

    def _best(self, found: Sequence[_Hit], ideal: float, query: ParsedQuery) -> FoundWords:
        ideal += BEGINNING_SCORE * len(query.beginnings)
        scores = np.array([score for score, _ in found]) / (ideal or 1.0)
        places = [place for _, place in found]
        keys = self._keys(places)
        order = np.lexsort((keys, -scores))
        ordered = [places[place] for place in order.tolist()]
        return FoundWords(Scored(keys[order], scores[order]), ordered, self._about)

    def _listed(self, query: ParsedQuery, scope: Scope, limit: int) -> FoundWords:
        asked = word_queries.listed(query, scope, self.code) if self.count else None
        hits: Sequence[_Hit] = []
        if asked is not None and scope.visible_to:
            hits = self._searcher.search(asked, limit, count=False, order_by_field=NEWEST).hits
        places = [place for _, place in hits]
        newest_first = Scored(self._keys(places), np.full(len(hits), LISTED_SCORE))
        return FoundWords(newest_first, places, self._about)

    def _keys(self, places: Sequence[Any]) -> Hashes:
        return np.array(self._searcher.fast_field_values(KEY, places), np.uint64)

    def _find_hidden_from(self, tokens: Sequence[str]) -> bool:
        """Whether there is anything that is hidden from a reader."""
        hidden = word_queries.hidden_from(tokens)
        return bool(self._searcher.search(hidden, 1, count=False).hits)

    def _in_compounds(self, terms: Sequence[str]) -> Iterator[Any]:
        """Each counts there as a word that stands once.

        Only words that are asked for in one: a compound that is asked for as one is found by its
        parts (to count it once more costs .009 nDCG@10 in the questions of piaf that have any).
        """
        for term in terms:
            if self._searcher.doc_freq(JOINED, term):
                yield word_queries.in_compounds(term, self._idf("text", term))

    def find(self, ids: Sequence[str]) -> Iterator[Found]:
        """The documents with these ids."""
        if ids and self.count:
            query = tantivy.Query.term_set_query(SCHEMA, "id", list(ids))
            for _, address in self._searcher.search(query, len(ids), count=False).hits:
                yield self._found(address)

    def all_ids(self) -> Iterator[str]:
        """Ids of all documents."""
        if self.count:
            everything = tantivy.Query.all_query()
            for _, address in self._searcher.search(everything, self.count, count=False).hits:
                yield self._searcher.doc(address).get_first("id")

    def holding(self, words: Sequence[str]) -> list[int]:
        """In how many entries each word stands in any form; a stop word counts as in all."""
        return [self._holding(terms_of_word(word, self.code)) for word in words]

    def _holding(self, terms: Sequence[str]) -> int:
        counts = [max(self._searcher.doc_freq(f, t) for f in SEARCHED) for t in terms]
        return min(counts, default=self.count)

    def spellings(self, limit: int) -> list[tuple[str, int]]:
        """The most frequent words in lower case, each with the number of entries it stands in."""
        found = self._searcher.terms_with_prefix(WHOLE, "", limit=limit)
        return [(term.rpartition(WRITTEN)[2], count) for term, count in found]

    def holds_source(self, source: str) -> bool:
        """Whether there are documents of a source; perhaps only deleted ones."""
        return bool(self._searcher.doc_freq("source", source))

    def _idf(self, field: str, term: str) -> float:
        """tantivy's own formula; a term that no passage has gets the largest value."""
        having = self._searcher.doc_freq(field, term)
        total = max(self.count, having)  # tantivy counts deleted ones until they are merged away
        return log(1 + (total - having + 0.5) / (having + 0.5))

    def _read_about(self, segment: int, document: int) -> About:
        found = self._found(tantivy.DocAddress(segment, document))
        return found.id, found.address, found.attributes

    def _found(self, address: Any) -> Found:
        return Found.of(self._searcher.doc(address))


class WordsReader:
    """The words of one generation as last committed. Several threads may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._indexes: dict[str, Any] = {}
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._views: dict[str, LanguageWords] = {}

    def current(self) -> Mapping[str, LanguageWords]:
        """Each search language that has passages, as of the last commit of any process."""
        with self._lock:
            for row in ROWS:
                now = stamp(self._folder / row.code / "meta.json")
                if now != self._stamps.get(row.code) and any(now):
                    self._reload(row.code)
                    self._stamps[row.code] = now
            return dict(self._views)

    def _reload(self, code: str) -> None:
        if code not in self._indexes:
            self._indexes[code] = open_index(self._folder, code)
        self._indexes[code].reload()
        self._views[code] = LanguageWords(code, self._indexes[code].searcher())


def _distinct(words: Sequence[str], code: str) -> list[str]:
    """The terms of the words, each once."""
    return list(dict.fromkeys(analyse(" ".join(words), code)))
