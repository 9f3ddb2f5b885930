"""One question to the cluster: first how rare its words are, while it is embedded, then words and
meaning in one request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from indexes.attributes import About
from indexes.base import Candidates, Lists, Question, Scored, Vectors, VectorTable
from indexes.elasticsearch import queries
from indexes.elasticsearch.connection import Answer, Connection
from indexes.elasticsearch.documents import about, vectors
from indexes.elasticsearch.queries import Asked, Statistics
from indexes.elasticsearch.settings import CODES
from indexes.keys import Hashes, key_of

# The graph knows vectors in eight bits: a quarter as many again, and some, are compared exactly.
_SPARE = 10
LISTED_SCORE = 1.0  # of entries that nothing ranks


@dataclass(frozen=True, slots=True)
class _Search:
    """One of the searches of a request: which signal and language it is for, and what makes its
    scores a share of the ideal.
    """

    signal: str
    code: str
    body: Mapping[str, Any]
    factor: float = 1.0


@dataclass(slots=True)
class _Known:
    """What is known of all candidates, by their keys."""

    dimensions: int
    about: dict[int, About] = field(default_factory=dict)
    vectors: dict[int, Vectors] = field(default_factory=dict)

    def add(self, answer: Answer) -> tuple[Hashes, Sequence[float]]:
        """Read an answer's candidates: their keys and scores."""
        keys, scores = [], []
        for hit in answer["hits"]["hits"]:
            columns = hit["fields"]
            own = about(columns)
            keys.append(key := key_of(own[0]))
            scores.append(hit["_score"] if hit["_score"] is not None else LISTED_SCORE)
            if key not in self.about:
                self.about[key] = own
                if self.dimensions and (rows := vectors(columns, self.dimensions)) is not None:
                    self.vectors[key] = rows
        return np.array(keys, np.uint64), scores

    def table(self) -> VectorTable:
        """The vectors of all of them."""
        keys = np.array(list(self.vectors), np.uint64)
        counts = np.array([len(own) for own in self.vectors.values()], np.intp)
        none = np.empty((0, self.dimensions), np.float32)
        return VectorTable.of(keys, counts, np.concatenate([*self.vectors.values(), none]))

    def told(self, keys: Hashes) -> Sequence[About]:
        """Whose the keys are."""
        return [self.about[key] for key in keys.tolist()]


class Retrieval:
    """The way from a question to its candidates. `dimensions` are 0 where vectors may not be
    compared.
    """

    def __init__(
        self, connection: Connection, index: str, question: Question, dimensions: int
    ) -> None:
        self._connection = connection
        self._index = index
        self._question = question
        self._dimensions = dimensions
        self._known = _Known(dimensions)

    def candidates(self) -> Candidates:
        """Both signals."""
        began = perf_counter()
        if self._question.parsed.is_listing:
            words = self._lists(self._listing()).get("words", {})
            seconds = {"words": perf_counter() - began}
            return Candidates(about=self._known.told, words=words, seconds=seconds)
        asked = [Asked.of(self._question.parsed, code) for code in CODES if self._covers(code)]
        known = self._statistics(asked)
        between = perf_counter()
        vector = self._question.vector() if self._dimensions else None
        embedded = perf_counter()
        lists = self._lists(
            self._searches([one for one in asked if known[one.code].entries], known, vector)
        )
        table = self._known.table() if vector is not None else None
        meaning = self._nearest(lists.get("meaning", {}), table, vector)
        words = lists.get("words", {})
        seconds = {"words": between - began, "meaning": perf_counter() - embedded}
        return Candidates(
            about=self._known.told,
            words=words,
            shared=lists.get("shared", {}),
            meaning=meaning,
            vectors=table,
            familiar=bool(words) or self._is_familiar(asked),
            seconds=seconds,
        )

    def _covers(self, code: str) -> bool:
        languages = self._question.scope.languages
        return not languages or code in languages

    def _statistics(self, asked: Sequence[Asked]) -> dict[str, Statistics]:
        if not asked:
            return {}
        found = self._connection.search(self._index, **queries.statistics(asked))
        return queries.counted(found, asked)

    def _listing(self) -> list[_Search]:
        question = self._question
        bodies = {
            code: queries.listing(question.parsed, question.scope, code, question.limit)
            for code in CODES
            if self._covers(code)
        }
        return [_Search("words", code, body) for code, body in bodies.items() if body]

    def _searches(
        self, asked: Sequence[Asked], known: Mapping[str, Statistics], vector: Vectors | None
    ) -> list[_Search]:
        parsed, scope, limit = self._question.parsed, self._question.scope, self._question.limit
        found = []
        for one in asked:
            code, own = one.code, known[one.code]
            if body := queries.by_words(one, parsed, scope, own, limit):
                found.append(_Search("words", code, body, _share(queries.ideal(one, parsed, own))))
            if body := queries.by_shared_words(one, parsed, scope, limit):
                ideal = queries.shared_ideal(one, parsed, own)
                found.append(_Search("shared", code, body, _share(ideal)))
            if vector is not None:
                many = limit + limit // 4 + _SPARE
                body = queries.by_meaning(vector.tolist(), parsed, scope, code, many)
                found.append(_Search("meaning", code, body))
        return found

    def _lists(self, searches: Sequence[_Search]) -> dict[str, Lists]:
        """What each signal brought, by search language."""
        if not searches:
            return {}
        answers = self._connection.msearch(self._index, [one.body for one in searches])
        found: dict[str, dict[str, Scored]] = {}
        for one, answer in zip(searches, answers, strict=True):
            keys, scores = self._known.add(answer)
            if len(keys):
                own = Scored(keys, np.array(scores, np.float64) * one.factor)
                # A listing comes in the order it was asked for, and all of it is equal.
                ordered = own if self._question.parsed.is_listing else _ordered(own)
                found.setdefault(one.signal, {})[one.code] = ordered
        return dict(found)

    def _nearest(self, found: Lists, table: VectorTable | None, vector: Vectors | None) -> Lists:
        """The best of those that the graph brought, by their true cosines."""
        if table is None or vector is None:
            return {}
        query, limit = np.ascontiguousarray(vector, np.float32), self._question.limit
        # Elasticsearch fills up with entries that have no vector where there are too few.
        keys = {code: own.keys[table.places(own.keys) >= 0] for code, own in found.items()}
        return {code: table.nearest(own, query, limit) for code, own in keys.items() if len(own)}

    def _is_familiar(self, asked: Sequence[Asked]) -> bool:
        if not asked:
            return False
        body = queries.familiar(asked, self._question.parsed, self._question.scope)
        found = self._connection.search(self._index, **body)
        return bool(found["hits"]["total"]["value"])


def _ordered(found: Scored) -> Scored:
    """Best first, equal ones by key."""
    order = np.lexsort((found.keys, -found.scores))
    return Scored(found.keys[order], found.scores[order])


def _share(ideal: float) -> float:
    return 1.0 / ideal if ideal else 1.0
