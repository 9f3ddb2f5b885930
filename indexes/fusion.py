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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.base import Candidate, Vectors
from indexes.types import FoundBy, Hit

# Candidates a language: all of them instead +.0003 nDCG@10. With 30 by words and 10 by shared words
# cnil loses .004; looking them up takes no longer than embedding the question beside it.
BY_MEANING: Final = 50
BY_WORDS: Final = 50
BY_SHARED_WORDS: Final = 50
FIRST_PAGE: Final = 10
# Of h against b where nothing has a vector: nDCG@10 .746 over all columns, by b alone .668.
SHARED_ALONE: Final = 0.8

Lists = Mapping[str, Sequence[Candidate]]
Values = NDArray[np.float64]


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
class Found:
    """What each signal brought, the best a search language each."""

    words: Lists = field(default_factory=dict)
    shared: Lists = field(default_factory=dict)
    meaning: Lists = field(default_factory=dict)

    def ids(self) -> list[str]:
        """All candidates, each once."""
        lists = (self.words, self.shared, self.meaning)
        every = (one.hit.id for signal in lists for own in signal.values() for one in own)
        return list(dict.fromkeys(every))


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its final place; `value` orders all languages."""

    hit: Hit
    search_language: str
    value: float
    found_by: tuple[FoundBy, ...]


@dataclass(slots=True)
class _Evidence:
    """What is known of a candidate but its vectors."""

    hit: Hit
    code: str
    b: float = 0.0
    h: float = 0.0
    found_by: list[FoundBy] = field(default_factory=list)


class Nearness:
    """How near candidates are to a query: half the whole text's cosine, half its best window's.

    `vectors` maps an id to rows, shape (1 + windows, dimensions): the whole first.
    """

    def __init__(self, query: Vectors, vectors: Mapping[str, Vectors]) -> None:
        self._query = query
        self._places = {entry_id: place for place, entry_id in enumerate(vectors)}
        sizes = np.array([len(own) for own in vectors.values()], np.intp)
        self._starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp)
        self._windowed = sizes > 1
        self._rows = np.concatenate(list(vectors.values())) if vectors else np.empty((0, 0))

    @property
    def is_empty(self) -> bool:
        """No candidate has vectors."""
        return not self._places

    def of(self, ids: Sequence[str], drawn_to: str | None = None, share: float = 0.0) -> Values:
        """z of each id, nan without vectors; the query is first drawn towards `drawn_to`."""
        if not self._places:
            return np.full(len(ids), np.nan)
        query = self._query
        if drawn_to is not None and share and drawn_to in self._places:
            query = query + share * self._rows[self._starts[self._places[drawn_to]]]
            query = query / np.linalg.norm(query)
        values = self._values(query)
        places = [self._places.get(entry_id, -1) for entry_id in ids]
        return np.append(values, np.nan)[places]

    def _values(self, query: Vectors) -> Values:
        # vecdot, not @: on this thread alone (see `embedded.integers`)
        products = np.vecdot(self._rows, query).astype(np.float64)
        wholes = products[self._starts]
        products[self._starts[self._windowed]] = -inf
        best = np.maximum.reduceat(products, self._starts)
        values: Values = (wholes + best) / 2
        return values


def fuse(
    found: Found,
    nearness: Nearness | None,
    *,
    familiar: bool = True,
    constants: Constants = E5_SMALL,
) -> list[Ranked]:
    """All candidates that are near enough, in one order; without `nearness` by words alone.

    `familiar` says whether any word of the query stands anywhere in the library.
    """
    evidence = _gather(found)
    ids = [one.hit.id for one in evidence]
    z = nearness.of(ids) if nearness is not None else np.full(len(ids), np.nan)
    if nearness is None or np.isnan(z).all():
        return _by_words(evidence)
    kept = _near_enough(evidence, z, familiar, constants)
    evidence, z = [evidence[place] for place in kept], z[kept]
    first = _in_order(evidence, z, constants)
    if not first or not constants.feedback:
        return first
    ids = [one.hit.id for one in evidence]
    drawn = nearness.of(ids, first[0].hit.id, constants.feedback)
    return _with_feedback(first, _in_order(evidence, drawn, constants))


def _gather(found: Found) -> list[_Evidence]:
    """Each candidate once, all of its signals together, language after language."""
    known: dict[str, _Evidence] = {}
    for lists, signal in (
        (found.words, FoundBy.WORDS),
        (found.shared, FoundBy.WORDS),
        (found.meaning, FoundBy.MEANING),
    ):
        for code, own in lists.items():
            for candidate in own:
                one = known.get(candidate.hit.id)
                if one is None:
                    one = known[candidate.hit.id] = _Evidence(candidate.hit, code)
                if signal not in one.found_by:
                    one.found_by.append(signal)
                if lists is found.words:
                    one.b = candidate.score
                elif lists is found.shared:
                    one.h = candidate.score
    return sorted(known.values(), key=lambda one: (one.code, one.hit.id))


def _near_enough(
    evidence: Sequence[_Evidence], z: Values, familiar: bool, constants: Constants
) -> list[int]:
    """Places of those that words brought, or that are near."""
    near = constants.near if familiar else constants.near_unfamiliar
    least = max(constants.floor, float(np.nanmax(z)) - near)
    return [
        place
        for place, one in enumerate(evidence)
        if one.b or np.isnan(z[place]) or z[place] >= least
    ]


def _in_order(evidence: Sequence[_Evidence], z: Values, constants: Constants) -> list[Ranked]:
    """Order each language by F, hand out its values of V highest first, merge on them."""
    ranked: list[Ranked] = []
    codes = np.array([one.code for one in evidence])
    b = np.array([one.b for one in evidence])
    h = np.array([one.h for one in evidence])
    for code in sorted(set(codes.tolist())):
        own = np.flatnonzero(codes == code)
        near = _estimated(z[own], b[own], z)
        order = np.argsort(
            -(near + constants.shared_order * h[own] + constants.words_order * b[own]),
            kind="stable",
        )
        values = -np.sort(-(near + constants.shared_value * h[own]))
        for place, value in zip(own[order].tolist(), values.tolist(), strict=True):
            one = evidence[place]
            ranked.append(Ranked(one.hit, code, value, tuple(one.found_by)))
    # Stable: of equal values those of one language stay in their order, languages in that of codes.
    return sorted(ranked, key=lambda one: -one.value)


def _estimated(z: Values, b: Values, every: Values) -> Values:
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


def _with_feedback(before: Sequence[Ranked], after: Sequence[Ranked]) -> list[Ranked]:
    """The second order, with a note on what it brought onto the first page."""
    known = {one.hit.id for one in before[:FIRST_PAGE]}
    return [
        Ranked(one.hit, one.search_language, one.value, (*one.found_by, FoundBy.FEEDBACK))
        if place < FIRST_PAGE and one.hit.id not in known
        else one
        for place, one in enumerate(after)
    ]


def _by_words(evidence: Sequence[_Evidence]) -> list[Ranked]:
    """Without any vector b and h are all there is, made to be compared across languages."""
    ranked = [
        Ranked(one.hit, one.code, one.b + SHARED_ALONE * one.h, tuple(one.found_by))
        for one in evidence
    ]
    return sorted(ranked, key=lambda one: -one.value)
