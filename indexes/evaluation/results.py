"""What a set's queries scored, and the columns in which the project reports it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from indexes.evaluation.metrics import METRICS, Judgements
from indexes.evaluation.pools import ALL, OWN_ONLY, X_ONLY

Scores = Mapping[str, float]  # by metric


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a query scored in a pool, a metric; none when nothing there is relevant to it.

    `relevant` is what should have been found, `first` the rank of the first of it, `ranked` the ids
    of the first hits, best first: none when the run was read from a file.
    """

    query: str
    language: str
    pool: str
    scores: Scores | None
    relevant: Judgements = field(default_factory=dict)
    first: int | None = None
    ranked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What every query of a set scored in every pool; `texts` are the queries' by id."""

    set: str
    digest: str
    texts: Mapping[str, str]
    outcomes: Sequence[Outcome]

    def as_json(self) -> dict[str, Any]:
        """Means by metric, query language and pool; `queries` counts those scored and left out."""
        groups: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
        for outcome in self.outcomes:
            groups[outcome.language][outcome.pool].append(outcome)
        means = {
            metric: {
                language: {
                    pool: fmean(scores)
                    for pool, outcomes in pools.items()
                    if (scores := [o.scores[metric] for o in outcomes if o.scores])
                }
                for language, pools in groups.items()
            }
            for metric in METRICS
        }
        counts = {
            language: {pool: _count(outcomes) for pool, outcomes in pools.items()}
            for language, pools in groups.items()
        }
        return {**means, "queries": counts}


def _count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    counts = Counter("left_out" if outcome.scores is None else "scored" for outcome in outcomes)
    return {"scored": counts["scored"], "left_out": counts["left_out"]}


@dataclass(frozen=True, slots=True)
class Column:
    """A figure reported by name: the mean over queries of a set asked in a pool.

    `languages` are the queries', none meaning all.
    """

    name: str
    set: str
    pool: str
    languages: tuple[str, ...] = ()

    def outcomes(self, evaluations: Iterable[Evaluation]) -> Iterator[Outcome]:
        """Those that were scored."""
        for evaluation in evaluations:
            if evaluation.set == self.set:
                for outcome in evaluation.outcomes:
                    own = not self.languages or outcome.language in self.languages
                    if own and outcome.pool == self.pool and outcome.scores is not None:
                        yield outcome


@dataclass(frozen=True, slots=True)
class Figure:
    """What a column comes to: means by metric, over so many queries."""

    queries: int
    means: Scores


_XQUAD = "xquad-crosslingual-en-es"
_TRILINGUAL = "trilingual-mixed"
# Those of the sets that search was designed on. The French questions of the trilingual set have
# no answer elsewhere, so that x-only is of the English and Spanish ones; own-only is of the same.
COLUMNS: Final = (
    Column("en mono", _XQUAD, "en", ("en",)),
    Column("es mono", _XQUAD, "es", ("es",)),
    Column("en→es", _XQUAD, "es", ("en",)),
    Column("es→en", _XQUAD, "en", ("es",)),
    Column("en all", _XQUAD, ALL, ("en",)),
    Column("es all", _XQUAD, ALL, ("es",)),
    Column("piaf", "piaf-fr", ALL),
    Column("cnil", "cnil-faq-fr", ALL),
    Column("pool of 3", _TRILINGUAL, ALL),
    Column("x-only", _TRILINGUAL, X_ONLY, ("en", "es")),
    Column("own-only", _TRILINGUAL, OWN_ONLY, ("en", "es")),
)


def columns_of(evaluations: Sequence[Evaluation]) -> list[Column]:
    """The columns that these sets fill; of a set without a name here: all, x-only, own-only."""
    sets = [evaluation.set for evaluation in evaluations]
    named = [column for column in COLUMNS if column.set in sets]
    known = {column.set for column in COLUMNS}
    others = [
        Column(f"{name} {pool}", name, pool)
        for name in sets
        if name not in known
        for pool in (ALL, X_ONLY, OWN_ONLY)
    ]
    return [column for column in (*named, *others) if any(column.outcomes(evaluations))]


def figures(evaluations: Sequence[Evaluation]) -> dict[str, Figure]:
    """The figure of every column that these sets fill."""
    return {column.name: _figure(column, evaluations) for column in columns_of(evaluations)}


def _figure(column: Column, evaluations: Sequence[Evaluation]) -> Figure:
    scored = [outcome.scores for outcome in column.outcomes(evaluations) if outcome.scores]
    means = {metric: fmean(scores[metric] for scores in scored) for metric in METRICS}
    return Figure(len(scored), means)
