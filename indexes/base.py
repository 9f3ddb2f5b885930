"""The protocol that every backend fulfils. A backend retrieves; it does not rank.

`tests/indexes/conformance.py` defines what each of these methods must do.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from indexes.attributes import Attributes
from indexes.query_parser import ParsedQuery
from indexes.types import Entry, FoundBy, Hit, IndexStatus, Scope

Vectors = NDArray[np.float32]


class Candidate(NamedTuple):
    """An entry that one signal brought, with that signal's score.

    From words, shared or not, the score is BM25 divided by the query's ideal self-score in the
    passage's language (0 to about 1); from meaning it is the cosine of unit vectors with language
    directions removed. `search_language` is the row of the analysis table that the entry's language
    belongs to. `vectors` are the entry's, shape (1 + windows, dimensions), where the signal had to
    read them. The other columns are as in `Entry`.
    """

    id: str
    address: str
    attributes: Attributes
    search_language: str
    score: float
    vectors: Vectors | None = None

    def hit(self, score: float, found_by: tuple[FoundBy, ...]) -> Hit:
        """A hit on the entry."""
        shared = self.attributes
        return Hit(
            id=self.id,
            kind=shared.kind,
            group=shared.group,
            group_kind=shared.group_kind,
            source=shared.source,
            language=shared.language,
            address=self.address,
            score=score,
            found_by=found_by,
            facets=shared.values,
            date=shared.date,
        )


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

    def rebuild(self) -> AbstractContextManager[IndexWriter]:
        """Build a new generation aside; it replaces the old one when the context ends well."""

    def words(
        self, query: ParsedQuery, scope: Scope, limit: int
    ) -> Mapping[str, Sequence[Candidate]]:
        """The best `limit` candidates a search language by words."""

    def shared_words(
        self, query: ParsedQuery, scope: Scope, limit: int
    ) -> Mapping[str, Sequence[Candidate]]:
        """The same by what the words of several languages share (`analysis.shared_terms`)."""

    def meaning(
        self, vector: Vectors, scope: Scope, limit: int
    ) -> Mapping[str, Sequence[Candidate]]:
        """The best `limit` candidates a search language by the whole text's vector, exact or
        nearly so.
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

    def status(self) -> IndexStatus: ...

    def close(self) -> None: ...
