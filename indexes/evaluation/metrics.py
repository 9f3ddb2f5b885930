"""Measures of one ranking, from their definitions; compared with ir-measures by the tests.

`ranked` are ids, best first; `relevant` maps ids to judged scores above 0.
"""

import math
from collections.abc import Callable, Mapping, Sequence

Judgements = Mapping[str, int]


def ndcg(ranked: Sequence[str], relevant: Judgements, depth: int) -> float:
    """Discounted gain divided by that of the best possible order, 0 to 1.

    Gain is the judged score itself and the discount 1 / log2(rank + 1), as in trec_eval (Järvelin
    and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 20(4), 2002).
    """
    gains = [relevant.get(document, 0) for document in ranked[:depth]]
    best = sorted(relevant.values(), reverse=True)[:depth]
    return _discounted(gains) / _discounted(best)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def recall(ranked: Sequence[str], relevant: Judgements, depth: int) -> float:
    """The share of the relevant documents among the first `depth` (Manning et al., IIR, 8.3)."""
    return len(relevant.keys() & set(ranked[:depth])) / len(relevant)


def reciprocal_rank(ranked: Sequence[str], relevant: Judgements, depth: int) -> float:
    """1 / rank of the first relevant document, 0 beyond `depth` (Voorhees, TREC-8 QA, 1999)."""
    rank = first_relevant(ranked[:depth], relevant)
    return 1 / rank if rank else 0.0


def first_relevant(ranked: Sequence[str], relevant: Judgements) -> int | None:
    """The rank of the first relevant document, from 1; none if there is none."""
    ranks = (rank for rank, document in enumerate(ranked, 1) if document in relevant)
    return next(ranks, None)


METRICS: Mapping[str, Callable[[Sequence[str], Judgements], float]] = {
    "ndcg@10": lambda ranked, relevant: ndcg(ranked, relevant, 10),
    "recall@100": lambda ranked, relevant: recall(ranked, relevant, 100),
    "mrr@10": lambda ranked, relevant: reciprocal_rank(ranked, relevant, 10),
}
