"""The one ranking: candidates by words and by meaning, of all languages, in one order.

Words only speak for passages in the query's own language, so they may order the passages of one
language among themselves and never lift a language over another: within each language passages are
ordered by F = z + 0.06 b, but hand out that language's own values of z in descending order, and
the languages are merged on those (M1 of docs/search; nDCG@10 over all languages .960 en, .944 es,
where fusing ranks gives .621 and .614). z is the cosine to the query, language directions removed;
b is BM25 divided by the query's ideal self-score. A silent signal counts 0, never a bad
rank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from indexes.base import Candidate
from indexes.types import FoundBy, Hit

CANDIDATES: Final = 50  # a list and language; all of them instead: +.0003 nDCG@10


@dataclass(frozen=True, slots=True)
class Constants:
    """What depends on the spread of a model's cosines; tuned on the development sets.

    `words_weight` of b against z. `near` and `floor` cut what only its meaning brings: further
    below the best z than `near`, or below `floor`. When no word of the query stands anywhere in
    the library it is misspelt, in a language without passages, or nonsense, which z cannot tell
    apart (.80 to .88 all three): then only those within `near_unfamiliar` of the best remain.
    """

    words_weight: float
    near: float
    floor: float
    near_unfamiliar: float


# Of the passages that answer 1 in 100 is more than .08 below the best z, or below .78 itself; a
# question on a subject that the library lacks finds its best at .75 to .80. These limits change no
# nDCG@10 by more than .0002, recall@100 by .002, and halve the candidates; a floor of .80 would
# cost .010 nDCG@10 in en→es.
E5_SMALL: Final = Constants(words_weight=0.06, near=0.09, floor=0.77, near_unfamiliar=0.03)
# The cosines of other models lie elsewhere: nothing is cut.
UNMEASURED: Final = Constants(words_weight=0.06, near=inf, floor=-inf, near_unfamiliar=inf)
MEASURED: Final = {"multilingual-e5-small": E5_SMALL}


def constants_of(fingerprint: str) -> Constants:
    """Those measured for the model whose name an embedder's fingerprint begins with."""
    found = (own for name, own in MEASURED.items() if fingerprint.startswith(name))
    return next(found, UNMEASURED)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its final place; `value` orders all languages."""

    hit: Hit
    search_language: str
    value: float
    found_by: tuple[FoundBy, ...]


@dataclass(frozen=True, slots=True)
class _Signals:
    """What is known of a candidate: z, none without a vector, and b, 0 when not among the best."""

    hit: Hit
    z: float | None
    b: float
    found_by: tuple[FoundBy, ...]


Lists = Mapping[str, Sequence[Candidate]]


def fuse(
    words: Lists,
    meaning: Lists,
    cosines: Mapping[str, float],
    *,
    familiar: bool = True,
    constants: Constants = E5_SMALL,
) -> list[Ranked]:
    """All candidates that are near enough, in one order.

    Args:
        words: the best by words a search language.
        meaning: the best by meaning a search language; all empty when only words are compared.
        cosines: z of those candidates by words that have a vector.
        familiar: whether any word of the query stands anywhere in the library.
    """
    codes = sorted({*words, *meaning})
    languages = {c: _signals(words.get(c, ()), meaning.get(c, ()), cosines) for c in codes}
    known = [one.z for signals in languages.values() for one in signals if one.z is not None]
    near = constants.near if familiar else constants.near_unfamiliar
    least = max(constants.floor, max(known, default=0.0) - near)
    ranked: list[Ranked] = []
    for code, signals in languages.items():
        kept = [one for one in signals if one.b or one.z is None or one.z >= least]
        weight = constants.words_weight
        ranked += _by_meaning(code, kept, known, weight) if known else _by_words(code, kept)
    # Stable: of equal values those of one language stay in their order, languages in that of codes.
    return sorted(ranked, key=lambda one: -one.value)


def _signals(
    words: Sequence[Candidate], meaning: Sequence[Candidate], cosines: Mapping[str, float]
) -> list[_Signals]:
    """Each candidate of one language once, both of its signals together."""
    near = {candidate.hit.id: candidate for candidate in meaning}
    by_words = {candidate.hit.id: candidate for candidate in words}
    found = []
    for entry_id, candidate in {**near, **by_words}.items():
        z = near[entry_id].score if entry_id in near else cosines.get(entry_id)
        b = by_words[entry_id].score if entry_id in by_words else 0.0
        found_by = _found_by(entry_id in by_words, entry_id in near)
        found.append(_Signals(candidate.hit, z, b, found_by))
    return found


def _found_by(words: bool, meaning: bool) -> tuple[FoundBy, ...]:
    both = ((FoundBy.WORDS, words), (FoundBy.MEANING, meaning))
    return tuple(signal for signal, spoke in both if spoke)


def _by_meaning(
    code: str, own: Sequence[_Signals], known: Sequence[float], weight: float
) -> list[Ranked]:
    """Order one language by F and hand out its values of z, highest first."""
    estimated = [(one, _estimate(one, own, known) if one.z is None else one.z) for one in own]
    estimated.sort(key=lambda pair: (-pair[1] - weight * pair[0].b, pair[0].hit.id))
    values = sorted((z for _, z in estimated), reverse=True)
    return [
        Ranked(one.hit, code, value, one.found_by)
        for (one, _), value in zip(estimated, values, strict=True)
    ]


def _estimate(one: _Signals, own: Sequence[_Signals], known: Sequence[float]) -> float:
    """z of a candidate whose vector is still to come, which cannot be unlike what its words say.

    Between the lowest and the highest z of its language (of all languages when it has none yet),
    as far up as the share b of the query's words that it holds.
    """
    values = [other.z for other in own if other.z is not None] or known
    lowest, highest = min(values), max(values)
    return lowest + (highest - lowest) * min(1.0, one.b)


def _by_words(code: str, signals: Sequence[_Signals]) -> list[Ranked]:
    """Without any vector b is all there is, and it is made to be compared across languages."""
    own = sorted(signals, key=lambda one: (-one.b, one.hit.id))
    return [Ranked(one.hit, code, one.b, one.found_by) for one in own]
