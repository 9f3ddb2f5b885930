"""The protocol that every backend fulfils. A backend retrieves; it does not rank.

`tests/indexes/conformance.py` defines what each of these methods must do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from indexes.attributes import About
from indexes.errors import IndexIncomplete
from indexes.keys import Hashes
from indexes.query_parser import ParsedQuery
from indexes.types import Entry, IndexStatus, Scope

Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Question:
    """What candidates are wanted for: at most `limit` a signal and search language.

    `vector` waits until the question is embedded and gives its unit vector, with language
    directions removed; none where there is no model. Without words only meaning is compared.
    """

    parsed: ParsedQuery
    scope: Scope
    limit: int
    vector: Callable[[], Vectors | None] = lambda: None


class Scored(NamedTuple):
    """What one signal brought in one search language, best first, equal ones by key.

    `keys` are of the entries' ids (`keys.key_of`), shape (n,), as are the scores: from words,
    shared or not, BM25 divided by the query's ideal self-score in that language (0 to about 1);
    from meaning the cosine.
    """

    keys: Hashes
    scores: Scores


Lists = Mapping[str, Scored]


@dataclass(frozen=True, slots=True)
class VectorTable:
    """Vectors of several entries, each once: `rows` have one entry's after the other's, shape
    (vectors, dimensions); `keys`, shape (n,), say whose, and `starts`, shape (n,), where each one's
    begin. The first row of an entry speaks for the whole text.
    """

    keys: Hashes
    starts: NDArray[np.intp]
    rows: Vectors
    _by_key: NDArray[np.intp]  # places in the order of keys

    @classmethod
    def of(cls, keys: Hashes, counts: NDArray[np.intp], rows: Vectors) -> "VectorTable":
        """A table of entries in any order, with `counts` rows each."""
        starts = (np.cumsum(counts) - counts).astype(np.intp)
        return cls(keys, starts, rows, np.argsort(keys))

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many vectors each entry has, shape (n,)."""
        return np.diff(self.starts, append=len(self.rows))

    def places(self, keys: Hashes) -> NDArray[np.intp]:
        """Where the entries stand in `keys`; -1 for those that have no vectors."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.intp)
        near = np.searchsorted(self.keys, keys, sorter=self._by_key)
        places = self._by_key[np.minimum(near, len(self.keys) - 1)]
        return np.where(self.keys[places] == keys, places, -1)

    def nearest(self, keys: Hashes, vector: Vectors, limit: int) -> Scored:
        """The best `limit` of the entries, all of which have vectors, by their whole texts' dot
        products.

        A row at a time on this thread: `matrix @ vector` lets OpenBLAS divide the work among all
        cores, whose waiting for each other took 13 ms where this took 0.3.
        """
        wholes = self.rows[self.starts[self.places(keys)]]
        scores = np.vecdot(wholes, vector).astype(np.float64)
        order = np.lexsort((keys, -scores))[:limit]
        return Scored(keys[order], scores[order])


@dataclass(frozen=True, slots=True)
class Candidates:
    """What an index found for a question.

    `vectors` has those of all candidates that have any; none where the index could not be asked by
    meaning (no model, or it was built with another one). `about` tells whose the keys of candidates
    are. `familiar`: a word of the question stands somewhere in what the reader may see. `seconds`
    are those of the stages `words` and `meaning`.
    """

    about: Callable[[Hashes], Sequence[About]]
    words: Lists = field(default_factory=dict)
    shared: Lists = field(default_factory=dict)
    meaning: Lists = field(default_factory=dict)
    vectors: VectorTable | None = None
    familiar: bool = True
    seconds: Mapping[str, float] = field(default_factory=dict)

    def told(self, lists: Lists) -> Iterator[tuple[About, float]]:
        """The candidates of one signal, language after language, each with its score."""
        for own in lists.values():
            yield from zip(self.about(own.keys), own.scores.tolist(), strict=True)


def check_count(held: int, expected: Callable[[], int] | None) -> None:
    """Refuse a generation that does not hold as many entries as it must.

    Raises:
        IndexIncomplete: naming both numbers.
    """
    if expected is not None and held != (wanted := expected()):
        raise IndexIncomplete(f"The new index holds {held} entries and not {wanted}: not used")


class IndexWriter(Protocol):
    """Changes to an index; all of them are durable and searchable when the context ends.

    An exception inside the context leaves the index as it was.
    """

    def replace(self, source: str, entries: Sequence[Entry]) -> None:
        """Let `entries` be all that the index holds of `source`; none removes it. Idempotent.

        Vectors of entries whose id stays are kept; those of others go.
        """

    def add_vectors(self, entries: Sequence[Entry], vectors: Sequence[Vectors]) -> None:
        """Store unit vectors, an array an entry, shape (1 + windows, dimensions). Idempotent.

        The first row speaks for the whole text, the others for its windows, if it has any.
        """


class SearchIndex(Protocol):
    """A place that holds entries and finds candidates among them."""

    def writer(self) -> AbstractContextManager[IndexWriter]:
        """Open the only writer.

        Raises:
            WriterBusy: another process writes.
            IndexMismatch: the index was built otherwise and must be rebuilt.
        """

    def rebuild(
        self, expected: Callable[[], int] | None = None
    ) -> AbstractContextManager[IndexWriter]:
        """Build a new generation aside; it replaces the old one when the context ends well.

        `expected` tells then how many entries it must hold.

        Raises:
            WriterBusy: another process rebuilds, or writes where only one can at a time.
            IndexIncomplete: it holds more or fewer; the old one stays in use.
        """

    def roll_back(self) -> None:
        """Let the generation before the last rebuild answer again.

        Raises:
            NothingToRollBack: it is not kept.
        """

    def candidates(self, question: Question) -> Candidates:
        """The best by words, by what the words of several languages share
        (`analysis.shared_terms`), and by the whole text's vector, exact or nearly so; of a query of
        fields the newest records and posts.

        Raises:
            IndexMismatch: the index was built with another schema or analysis. Built with another
                embedder it answers by words.
        """

    def vectors_of(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors of those entries that have any, shape (1 + windows, dimensions)."""

    def with_vectors(self, ids: Sequence[str]) -> set[str]:
        """Those of the entries that have vectors."""

    def entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
        """Those of the entries that the index holds."""

    def holding(self, words: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """How many entries of each search language hold each word, in any form of it,
        whoever may see them. A stop word of the language counts as in all.
        """

    def spellings(self, code: str, limit: int) -> Sequence[tuple[str, int]]:
        """The words of a search language as they are written, but in lower case, each with the
        number of entries it stands in; the `limit` most frequent, whoever may see them.
        """

    def all_ids(self) -> Iterator[str]:
        """Ids of all entries, in no order."""

    def is_empty(self) -> bool:
        """Whether it holds no entry at all."""

    def status(self) -> IndexStatus: ...

    def close(self) -> None: ...
