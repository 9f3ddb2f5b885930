"""Figures as lines of text, for a terminal."""

from collections.abc import Iterator, Mapping, Sequence

from indexes.evaluation.compare import Comparison
from indexes.evaluation.metrics import METRICS
from indexes.evaluation.results import Evaluation, Figure
from indexes.evaluation.runs import Summary


def evaluation_table(evaluation: Evaluation) -> Iterator[str]:
    """A line a query language and pool, a column a metric."""
    result = evaluation.as_json()
    yield evaluation.set
    head = f"{'query':<8}{'pool':<10}{'queries':>8}{'left out':>10}"
    yield head + "".join(f"{metric:>12}" for metric in METRICS)
    for language, pools in result["queries"].items():
        for pool, counts in pools.items():
            line = f"{language:<8}{pool:<10}{counts['scored']:>8}{counts['left_out']:>10}"
            values = [result[metric][language].get(pool) for metric in METRICS]
            cells = ["–" if value is None else f"{value:.4f}" for value in values]
            yield line + "".join(f"{cell:>12}" for cell in cells)


def figures_table(figures: Mapping[str, Figure]) -> Iterator[str]:
    """A line a column."""
    wide = _width(figures)
    yield f"{'column':<{wide}}{'queries':>8}" + "".join(f"{metric:>12}" for metric in METRICS)
    for name, figure in figures.items():
        values = "".join(f"{figure.means[metric]:>12.4f}" for metric in METRICS)
        yield f"{name:<{wide}}{figure.queries:>8}{values}"


def comparison_table(comparison: Comparison) -> Iterator[str]:
    """A line a column and metric, with the 95 % interval of the difference."""
    wide = _width([difference.column for difference in comparison.differences])
    yield (
        f"{'column':<{wide}}{'metric':<12}{'queries':>8}{'before':>9}{'after':>9}{'change':>10}"
        f"{'95 % interval':>20}  verdict"
    )
    for one in comparison.differences:
        yield (
            f"{one.column:<{wide}}{one.metric:<12}{one.queries:>8}{one.before:>9.4f}"
            f"{one.after:>9.4f}{one.change:>+10.4f}{f'{one.low:+.4f} to {one.high:+.4f}':>20}"
            f"  {one.verdict}"
        )
    for name in comparison.changed:
        yield f"{name}: its files are not those of the other run, so it is not compared."


def history_table(history: Sequence[Summary]) -> Iterator[str]:
    """A line a run, with its nDCG@10 by column."""
    for summary in history:
        about = summary.about
        made = f"{about.saved:%Y-%m-%d %H:%M} UTC  {about.version} {about.commit or ''}".rstrip()
        asked = f"  {about.index}" * (about.index != "embedded")
        sampled = f"  {about.sampled} queries a set" * bool(about.sampled)
        yield f"{summary.name}  {made}{asked}{sampled}"
        means = (f"{name} {own.means['ndcg@10']:.4f}" for name, own in summary.figures.items())
        yield f"  {'  '.join(means)}"


def _width(names: Sequence[str] | Mapping[str, Figure]) -> int:
    return max((len(name) for name in names), default=0) + 2
