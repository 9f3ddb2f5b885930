"""What each constant of the ranking does: `python -m benchmarks.ranking [--queries N]`.

The judged sets of `../shared/relevance` are asked once with the constants as they are and once with
each of the variations below, all else equal; a line a variation, nDCG@10 a column of
docs/evaluation.md. Constants were chosen by such tables on a half of the queries, and by the other
half and the demo's own questions together.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from app.config import read_config
from app.library import Library
from indexes import fusion
from indexes.evaluation.asking import Request, evaluate
from indexes.evaluation.results import COLUMNS, figures

SHARED = Path(__file__).resolve().parents[2] / "shared" / "relevance"
SETS = tuple(sorted({column.set for column in COLUMNS}))
VARIATIONS: Mapping[str, Mapping[str, float]] = {
    "as it is": {},
    "no feedback": {"feedback": 0},
    "feedback .3": {"feedback": 0.3},
    "no words": {"words_order": 0},
    "words .06": {"words_order": 0.06},
    "no shared words": {"shared_order": 0, "shared_value": 0},
    "shared words .04": {"shared_order": 0.04},
    "shared words in value .02": {"shared_value": 0.02},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=400, help="of each set")
    options = parser.parse_args()
    embedder = Library(read_config()).embedder
    assert embedder, "the model is not built: make model"
    request = Request(tuple(SHARED / name for name in SETS), queries=options.queries)
    measured = fusion.constants_of(embedder.fingerprint)
    print(f"{'nDCG@10':26}" + "".join(f"{column.name:>11}" for column in COLUMNS) + "       mean")
    for name, changes in VARIATIONS.items():
        found = figures(
            evaluate(replace(request, constants=replace(measured, **changes)), embedder)
        )
        values = [found[column.name].means["ndcg@10"] for column in COLUMNS]
        cells = "".join(f"{value:11.4f}" for value in (*values, fmean(values)))
        print(f"{name:26}{cells}", flush=True)


if __name__ == "__main__":
    main()
