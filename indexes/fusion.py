"""The one ranking: candidates by words and by meaning, of all languages, in one order.

Words only speak for passages in the query's own language, so they order the passages of one
language among themselves and never lift a language over another: within each language passages are
ordered by F, but hand out that language's own values of V in descending order, and the languages
are merged on those. With z the cosine to the query (`Nearness`), b and h what `Constants` says:

    V = z + shared_value * h        F = z + shared_order * h + words_order * b

Then once more with the query drawn towards the first passage, whatever its language. Fusing ranks
instead gives nDCG@10 .62 over all languages where this gives .98. A silent signal counts 0, never a
bad rank. docs/decisions/0013 has the figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.base import Candidates, Lists, Scores, Vectors, VectorTable
from indexes.keys import Hashes
from indexes.types import FoundBy

# Candidates a language and signal: all of them instead +.0003 nDCG@10. With 30 by words and 10 by
# shared words cnil loses .004; looking them up takes no longer than embedding the question beside.
CANDIDATES: Final = 50
FIRST_PAGE: Final = 10
_FOUND_BY: Final = {  # by words, by meaning
    (True, False): (FoundBy.WORDS,),
    (False, True): (FoundBy.MEANING,),
    (True, True): (FoundBy.WORDS, FoundBy.MEANING),
}
# Of h against b where nothing has a vector: nDCG@10 .746 over all columns, by b alone .668.
SHARED_ALONE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Constants:
    """What depends on the spread of a model's cosines; tuned on the development sets.

    b is BM25 in the passage's language divided by the query's ideal self-score there, and
    `words_order` its weight; h the same by the words that languages share, with a weight where the
    order within a language is made and a small one where languages are merged. `feedback` is how
    far the query is drawn towards the first passage. `near` and `floor` cut what only its meaning
    brings: further below the best z than `near`, or below `floor`. When no word of the query stands
    anywhere in the library it is misspelt, in a language without passages, or nonsense, which z
    cannot tell apart: then only those within `near_unfamiliar` of the best remain.
    """

    words_order: float
    shared_order: float
    shared_value: float
    feedback: float
    near: float
    floor: float
    near_unfamiliar: float


# `python -m benchmarks.ranking` gives the tables that these were chosen by.
E5_SMALL: Final = Constants(
    words_order=0.03,
    shared_order=0.02,
    shared_value=0.005,
    feedback=0.15,
    near=0.1,
    floor=0.77,
    near_unfamiliar=0.03,
)
# The cosines of other models lie elsewhere: nothing is cut.
UNMEASURED: Final = replace(E5_SMALL, near=inf, floor=-inf, near_unfamiliar=inf)
MEASURED: Final = {"multilingual-e5-small": E5_SMALL}


def constants_of(fingerprint: str) -> Constants:
    """Those measured for the model whose name an embedder's fingerprint begins with."""
    found = (own for name, own in MEASURED.items() if fingerprint.startswith(name))
    return next(found, UNMEASURED)


@dataclass(frozen=True, slots=True)
class Order:
    """What a ranking comes to, best first: `keys` of entries, the value of each and what found it,
    all of shape (n,).
    """

    keys: Hashes
    values: Scores
    found_by: Sequence[tuple[FoundBy, ...]]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What is known of the candidates but their vectors; a place each in every column.

    Language after language, each up to one of `ends`, and by key within each: equal ones always
    come in one order.
    """

    keys: Hashes
    ends: Sequence[int]
    b: Scores
    h: Scores
    words: NDArray[np.bool_]
    meaning: NDArray[np.bool_]

    def at(self, kept: NDArray[np.bool_]) -> "_Evidence":
        """Some of them."""
        many = np.concatenate(([0], np.cumsum(kept)))
        return _Evidence(
            self.keys[kept],
            many[list(self.ends)].tolist(),
            self.b[kept],
            self.h[kept],
            self.words[kept],
            self.meaning[kept],
        )

    def languages(self) -> Iterator[slice]:
        """Where each language's candidates are."""
        return map(slice, (0, *self.ends), self.ends)

    def order(self, places: NDArray[np.intp], values: Scores) -> Order:
        """The candidates in these places, each with its value."""
        pairs = zip(self.words[places].tolist(), self.meaning[places].tolist(), strict=True)
        return Order(self.keys[places], values, [_FOUND_BY[pair] for pair in pairs])


class Nearness:
    """How near candidates are to a query: half the whole text's cosine, half its best window's."""

    def __init__(self, query: Vectors, vectors: VectorTable) -> None:
        self._query = query
        self._vectors = vectors
        self._windowed = vectors.counts > 1

    @property
    def is_empty(self) -> bool:
        """No candidate has vectors."""
        return not len(self._vectors.keys)

    def of(self, keys: Hashes, drawn_to: Hashes | None = None, share: float = 0.0) -> Scores:
        """z of each key, nan without vectors; the query is first drawn towards the only key in
        `drawn_to`.
        """
        if self.is_empty:
            return np.full(len(keys), np.nan)
        query = self._query
        if drawn_to is not None and (place := int(self._vectors.places(drawn_to)[0])) >= 0:
            query = query + share * self._vectors.rows[self._vectors.starts[place]]
            query = query / np.linalg.norm(query)
        return np.append(self._values(query), np.nan)[self._vectors.places(keys)]

    def _values(self, query: Vectors) -> Scores:
        # vecdot, not @: on this thread alone (see `VectorTable.nearest`)
        products = np.vecdot(self._vectors.rows, query).astype(np.float64)
        starts = self._vectors.starts
        wholes = products[starts]
        products[starts[self._windowed]] = -inf
        best = np.maximum.reduceat(products, starts)
        values: Scores = (wholes + best) / 2
        return values


def fuse(
    found: Candidates,
    nearness: Nearness | None,
    *,
    constants: Constants = E5_SMALL,
) -> Order:
    """All candidates that are near enough, in one order; without `nearness` by words alone."""
    evidence = _gather(found)
    z = nearness.of(evidence.keys) if nearness else np.full(len(evidence.keys), np.nan)
    if nearness is None or np.isnan(z).all():
        return _by_words(evidence)
    kept = _near_enough(evidence, z, found.familiar, constants)
    evidence, z = evidence.at(kept), z[kept]
    places, values = _in_order(evidence, z, constants)
    if not len(places) or not constants.feedback:
        return evidence.order(places, values)
    before = evidence.keys[places[:FIRST_PAGE]]
    drawn = nearness.of(evidence.keys, evidence.keys[places[:1]], constants.feedback)
    return _with_feedback(before, evidence.order(*_in_order(evidence, drawn, constants)))


def _gather(found: Candidates) -> _Evidence:
    """Each candidate once, all of its signals together."""
    signals = (found.words, found.shared, found.meaning)
    keys, columns = [], []
    for code in sorted({code for lists in signals for code in lists}):
        own = [lists[code].keys for lists in signals if code in lists]
        keys.append(np.unique(np.concatenate(own)))
        columns.append([_scores(lists, code, keys[-1]) for lists in signals])
    if not keys:
        none = np.empty(0)
        return _Evidence(np.empty(0, np.uint64), (), none, none, none > 0, none > 0)
    b, h, meaning = (np.concatenate(own) for own in zip(*columns, strict=True))
    words = ~np.isnan(b) | ~np.isnan(h)
    ends = np.cumsum([len(own) for own in keys]).tolist()
    silent = np.nan_to_num
    return _Evidence(np.concatenate(keys), ends, silent(b), silent(h), words, ~np.isnan(meaning))


def _scores(lists: Lists, code: str, keys: Hashes) -> Scores:
    """The score of each key by one signal, nan where that is silent; `keys` are in order."""
    scores = np.full(len(keys), np.nan)
    if code in lists:
        scores[np.searchsorted(keys, lists[code].keys)] = lists[code].scores
    return scores


def _near_enough(
    evidence: _Evidence, z: Scores, familiar: bool, constants: Constants
) -> NDArray[np.bool_]:
    """Those that words brought, or that are near."""
    near = constants.near if familiar else constants.near_unfamiliar
    known = z[~np.isnan(z)]
    least = max(constants.floor, float(known.max(initial=-inf)) - near)
    kept: NDArray[np.bool_] = (evidence.b > 0) | np.isnan(z) | (z >= least)
    return kept


def _in_order(
    evidence: _Evidence, z: Scores, constants: Constants
) -> tuple[NDArray[np.intp], Scores]:
    """Order each language by F, hand out its values of V highest first, merge on them.

    Places of the candidates in their final order, and the value of each.
    """
    places, values = [np.empty(0, np.intp)], [np.empty(0)]
    for own in evidence.languages():
        b, h = evidence.b[own], evidence.h[own]
        near = _estimated(z[own], b, z)
        f = near + constants.shared_order * h + constants.words_order * b
        places.append(own.start + np.argsort(-f, kind="stable"))
        values.append(-np.sort(-(near + constants.shared_value * h)))
    every = np.concatenate(values)
    # Stable: of equal values those of one language stay in their order, languages in that of codes.
    order = np.argsort(-every, kind="stable")
    return np.concatenate(places)[order], every[order]


def _estimated(z: Scores, b: Scores, every: Scores) -> Scores:
    """z, and for a candidate whose vector is still to come what its words say.

    Between the lowest and the highest z of its language (of all languages when it has none yet),
    as far up as the share b of the query's words that it holds.
    """
    missing = np.isnan(z)
    if not missing.any():
        return z
    known = every if missing.all() else z
    lowest, highest = float(np.nanmin(known)), float(np.nanmax(known))
    return np.where(missing, lowest + (highest - lowest) * np.minimum(1.0, b), z)


def _with_feedback(before: Hashes, order: Order) -> Order:
    """The second order, with a note on what it brought onto the first page."""
    is_new = (~np.isin(order.keys[:FIRST_PAGE], before)).tolist()
    first = [
        (*own, FoundBy.FEEDBACK) if new else own
        for own, new in zip(order.found_by, is_new, strict=False)
    ]
    return replace(order, found_by=[*first, *order.found_by[len(first) :]])


def _by_words(evidence: _Evidence) -> Order:
    """Without any vector b and h are all there is, made to be compared across languages."""
    values = evidence.b + SHARED_ALONE * evidence.h
    order = np.argsort(-values, kind="stable")
    return evidence.order(order, values[order])
