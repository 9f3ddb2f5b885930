"""Whether one run is better than another, or whether chance may have made the difference.

Paired bootstrap over queries (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
chapter 13; for retrieval: Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR
2006): queries are drawn anew with replacement, as many as there are, and the mean of the
differences is taken each time; 95 % of those means lie in the interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.evaluation.metrics import METRICS
from indexes.evaluation.results import Column, Evaluation, Scores, columns_of
from indexes.evaluation.runs import Run

RESAMPLES: Final = 10_000
SEED: Final = 2005
_INTERVAL: Final = (2.5, 97.5)  # percentiles
_AT_ONCE = 1_000  # resamples: 3,000 different differences then take 24 MB

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"  # zero lies in the interval


@dataclass(frozen=True, slots=True)
class Difference:
    """How a column's mean changed, over the queries that both runs asked.

    `low` and `high` bound the 95 % interval of the difference of means, `after` minus `before`.
    """

    column: str
    metric: str
    queries: int
    before: float
    after: float
    low: float
    high: float

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def verdict(self) -> Verdict:
        if self.low > 0:
            return Verdict.BETTER
        return Verdict.WORSE if self.high < 0 else Verdict.NO_DIFFERENCE


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences column by column; `changed` are sets whose files differ between the runs,
    whose figures so tell nothing about the search.
    """

    differences: Sequence[Difference]
    changed: Sequence[str]


def compare(before: Run, after: Run) -> Comparison:
    """What changed from one run to the other, in the columns that both have."""
    old, new = before.summary.sets, after.summary.sets
    changed = [name for name in new if name in old and old[name] != new[name]]
    both = [name for name in new if name in old and name not in changed]
    evaluations = [[e for e in run.evaluations if e.set in both] for run in (before, after)]
    differences = [
        difference
        for column in columns_of(evaluations[1])
        for difference in _differences(column, *evaluations)
    ]
    return Comparison(differences, changed)


def _differences(
    column: Column, before: Sequence[Evaluation], after: Sequence[Evaluation]
) -> list[Difference]:
    old, new = _scores(column, before), _scores(column, after)
    queries = [query for query in new if query in old]
    if not queries:
        return []
    rows = [_table([found[query] for query in queries]) for found in (old, new)]
    low, high = interval(rows[1] - rows[0])
    return [
        Difference(
            column=column.name,
            metric=metric,
            queries=len(queries),
            before=float(rows[0][:, number].mean()),
            after=float(rows[1][:, number].mean()),
            low=float(low[number]),
            high=float(high[number]),
        )
        for number, metric in enumerate(METRICS)
    ]


def _scores(column: Column, evaluations: Sequence[Evaluation]) -> Mapping[str, Scores]:
    return {o.query: o.scores for o in column.outcomes(evaluations) if o.scores is not None}


def _table(scores: Sequence[Scores]) -> Floats:
    """Shape (queries, metrics)."""
    return np.array([[one[metric] for metric in METRICS] for one in scores])


def interval(
    differences: Floats, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[Floats, Floats]:
    """The 95 % interval of the mean of each column of `differences`, shape (queries, columns).

    Most queries differ by nothing, so what is drawn is how often each distinct row comes up: the
    same as drawing queries, in a small part of the time.
    """
    rows, counts = np.unique(differences, axis=0, return_counts=True)
    total = len(differences)
    chance = np.random.default_rng(seed)
    means = []
    for start in range(0, resamples, _AT_ONCE):
        drawn = chance.multinomial(total, counts / total, min(_AT_ONCE, resamples - start))
        means.append(drawn @ rows / total)
    low, high = np.percentile(np.concatenate(means), _INTERVAL, axis=0)
    return low, high
