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

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import inf
from operator import attrgetter
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
_FOUND_BY: Final = {  # by words, by meaning
    (True, False): (FoundBy.WORDS,),
    (False, True): (FoundBy.MEANING,),
    (True, True): (FoundBy.WORDS, FoundBy.MEANING),
}
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


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What is known of the candidates but their vectors; a place each in every column.

    Language after language, and by id within each: equal ones always come in one order.
    """

    ids: Sequence[str]
    candidates: Sequence[Candidate]
    b: Values
    h: Values
    found_by: Sequence[tuple[FoundBy, ...]]

    def at(self, places: Sequence[int]) -> "_Evidence":
        """Some of them."""
        return _Evidence(
            [self.ids[place] for place in places],
            [self.candidates[place] for place in places],
            self.b[places],
            self.h[places],
            [self.found_by[place] for place in places],
        )

    def languages(self) -> Iterator[slice]:
        """Where each language's candidates are."""
        start = 0
        for _, own in groupby(self.candidates, key=attrgetter("search_language")):
            end = start + sum(1 for _ in own)
            yield slice(start, end)
            start = end

    def hits(self, places: Sequence[int], values: Values) -> list[Hit]:
        """Hits on the candidates in these places, each with its value."""
        return [
            one.hit(value, found_by)
            for one, value, found_by in zip(
                [self.candidates[place] for place in places],
                values.tolist(),
                [self.found_by[place] for place in places],
                strict=True,
            )
        ]


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
) -> list[Hit]:
    """All candidates that are near enough, in one order; without `nearness` by words alone.

    `familiar` says whether any word of the query stands anywhere in the library.
    """
    evidence = _gather(found)
    z = nearness.of(evidence.ids) if nearness is not None else np.full(len(evidence.ids), np.nan)
    if nearness is None or np.isnan(z).all():
        return _by_words(evidence)
    kept = np.flatnonzero(_near_enough(evidence, z, familiar, constants))
    evidence, z = evidence.at(kept.tolist()), z[kept]
    places, values = _in_order(evidence, z, constants)
    if not places or not constants.feedback:
        return evidence.hits(places, values)
    before = {evidence.ids[place] for place in places[:FIRST_PAGE]}
    drawn = nearness.of(evidence.ids, evidence.ids[places[0]], constants.feedback)
    return _with_feedback(before, evidence.hits(*_in_order(evidence, drawn, constants)))


def _gather(found: Found) -> _Evidence:
    """Each candidate once, all of its signals together."""
    languages: dict[str, dict[str, Candidate]] = {}
    words: dict[str, float] = {}
    shared: dict[str, float] = {}
    meaning: dict[str, float] = {}
    signals = ((found.words, words), (found.shared, shared), (found.meaning, meaning))
    for lists, scores in signals:
        for code, own in lists.items():
            known = languages.setdefault(code, {})
            for candidate in own:
                known[candidate.id] = candidate
                scores[candidate.id] = candidate.score
    ids = [entry_id for code in sorted(languages) for entry_id in sorted(languages[code])]
    every = {entry_id: one for known in languages.values() for entry_id, one in known.items()}
    return _Evidence(
        ids,
        [every[entry_id] for entry_id in ids],
        np.array([words.get(entry_id, 0.0) for entry_id in ids], np.float64),
        np.array([shared.get(entry_id, 0.0) for entry_id in ids], np.float64),
        [_FOUND_BY[one in words or one in shared, one in meaning] for one in ids],
    )


def _near_enough(
    evidence: _Evidence, z: Values, familiar: bool, constants: Constants
) -> NDArray[np.bool_]:
    """Those that words brought, or that are near."""
    near = constants.near if familiar else constants.near_unfamiliar
    least = max(constants.floor, float(np.nanmax(z)) - near)
    kept: NDArray[np.bool_] = (evidence.b > 0) | np.isnan(z) | (z >= least)
    return kept


def _in_order(evidence: _Evidence, z: Values, constants: Constants) -> tuple[list[int], Values]:
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
    return np.concatenate(places)[order].tolist(), every[order]


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


def _with_feedback(before: Collection[str], hits: Sequence[Hit]) -> list[Hit]:
    """The second order, with a note on what it brought onto the first page."""
    return [
        one._replace(found_by=(*one.found_by, FoundBy.FEEDBACK))
        if place < FIRST_PAGE and one.id not in before
        else one
        for place, one in enumerate(hits)
    ]


def _by_words(evidence: _Evidence) -> list[Hit]:
    """Without any vector b and h are all there is, made to be compared across languages."""
    values = evidence.b + SHARED_ALONE * evidence.h
    order = np.argsort(-values, kind="stable")
    return evidence.hits(order.tolist(), values[order])
