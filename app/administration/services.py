"""The history of evaluations as values for pages: runs over time, one run, two runs compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.library import Library
from indexes.evaluation.compare import Comparison, compare
from indexes.evaluation.results import Column, Outcome, columns_of
from indexes.evaluation.runs import Run, RunFolder, Summary

METRIC = "ndcg@10"  # what charts, the history and the order of queries go by
WORST = 25
CHART_WIDTH, CHART_HEIGHT = 320, 72
_MARGIN = 6.0
_LEAST_RANGE = 0.01  # of an axis: smaller changes are not blown up to the height of a chart


@dataclass(frozen=True, slots=True)
class Chart:
    """A column over time: `dots` are x and y on an area of `CHART_WIDTH` by `CHART_HEIGHT`."""

    column: str
    dots: tuple[tuple[float, float], ...]
    lowest: float
    highest: float
    last: float

    @property
    def line(self) -> str:
        return " ".join(f"{x},{y}" for x, y in self.dots)


@dataclass(frozen=True, slots=True)
class History:
    """Runs, newest first, the columns that any of them has, and a chart a column."""

    runs: tuple[Summary, ...]
    columns: tuple[str, ...]
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query of a column: `rank` is that of the first right passage, if it was found."""

    text: str
    language: str
    score: float
    rank: int | None


@dataclass(frozen=True, slots=True)
class RunPage:
    summary: Summary
    others: tuple[str, ...]  # names of the other runs, newest first
    column: str
    worst: tuple[AskedQuery, ...]


def history(library: Library) -> History:
    runs = _runs(library).history()
    columns = tuple(dict.fromkeys(name for run in runs for name in run.figures))
    charts = tuple(_chart(column, runs) for column in columns)
    return History(tuple(reversed(runs)), columns, charts)


def run_page(library: Library, name: str, column: str | None) -> RunPage:
    """A run with the worst queries of a column, the first one if none is named.

    Raises:
        RunUnknown: there is no such run.
        KeyError: the run has no such column.
    """
    runs = _runs(library)
    run = runs.load(name)
    columns = {own.name: own for own in columns_of(run.evaluations)}
    chosen = columns[column] if column else next(iter(columns.values()))
    others = tuple(one.name for one in reversed(runs.history()) if one.name != name)
    return RunPage(run.summary, others, chosen.name, _worst(run, chosen))


def difference(library: Library, before: str, after: str) -> Comparison:
    """What changed from one run to the other.

    Raises:
        RunUnknown: there is no such run.
    """
    runs = _runs(library)
    return compare(runs.load(before), runs.load(after))


def _runs(library: Library) -> RunFolder:
    return RunFolder(library.config.evaluations)


def _worst(run: Run, column: Column) -> tuple[AskedQuery, ...]:
    texts = next(e.texts for e in run.evaluations if e.set == column.set)
    asked = [_asked(outcome, texts[outcome.query]) for outcome in column.outcomes(run.evaluations)]
    return tuple(sorted(asked, key=lambda one: (one.score, one.text))[:WORST])


def _asked(outcome: Outcome, text: str) -> AskedQuery:
    score = outcome.scores[METRIC] if outcome.scores else 0.0
    return AskedQuery(text, outcome.language, score, outcome.first)


def _chart(column: str, runs: Sequence[Summary]) -> Chart:
    """Runs at equal distances, oldest first; where one lacks the column the line goes on."""
    places = [
        (number, run.figures[column].means[METRIC])
        for number, run in enumerate(runs)
        if column in run.figures
    ]
    values = [value for _, value in places]
    lowest, highest = min(values), max(values)
    middle, spread = (lowest + highest) / 2, max(highest - lowest, _LEAST_RANGE)
    wide, high = CHART_WIDTH - 2 * _MARGIN, CHART_HEIGHT - 2 * _MARGIN
    dots = tuple(
        (
            round(_MARGIN + wide * (number / (len(runs) - 1) if len(runs) > 1 else 0.5), 1),
            round(_MARGIN + high * (0.5 - (value - middle) / spread), 1),
        )
        for number, value in places
    )
    return Chart(column, dots, lowest, highest, values[-1])
