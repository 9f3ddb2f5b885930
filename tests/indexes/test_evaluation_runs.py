"""Runs kept and read again, and compared: what is better, worse, or chance."""

import gzip
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from indexes.errors import RunRefused, RunUnknown
from indexes.evaluation.compare import Verdict, compare, interval
from indexes.evaluation.metrics import METRICS
from indexes.evaluation.results import Evaluation, Outcome
from indexes.evaluation.runs import About, Run, RunFolder, about_now, load_run, make_run
from indexes.evaluation.tables import comparison_table, history_table

ABOUT = About(datetime(2026, 5, 4, 10, 30, tzinfo=UTC), "1.2", "abc1234", "model-1", {"near": None})


def run(name: str, values: list[float], set_: str = "mine", digest: str = "d1") -> Run:
    """A query a value, each asked in two pools and left out of the second."""
    outcomes = []
    for number, value in enumerate(values):
        query, scores = f"q{number}", dict.fromkeys(METRICS, value)
        outcomes += [
            Outcome(query, "en", "all", scores, {"d2": 1}, first=2),
            Outcome(query, "en", "x-only", None),
        ]
    texts = {f"q{number}": f"question {number} – où ?" for number in range(len(values))}
    return make_run(name, ABOUT, [Evaluation(set_, digest, texts, outcomes)])


def test_a_run_is_read_again_as_it_was_kept(tmp_path: Path) -> None:
    kept = run("first", [0.5, 1.0])
    path = RunFolder(tmp_path / "runs").save(kept)
    assert RunFolder(tmp_path / "runs").load("first") == kept == load_run(path)
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        assert list(json.loads(stream.readline())) == ["about", "sets", "figures"]


def test_hits_are_in_the_file_and_not_read_again(tmp_path: Path) -> None:
    kept = run("first", [0.5])
    (evaluation,) = kept.evaluations
    ranked = [replace(o, ranked=("d1", "d2") if o.scores else ()) for o in evaluation.outcomes]
    with_hits = replace(kept, evaluations=[replace(evaluation, outcomes=ranked)])
    path = RunFolder(tmp_path).save(with_hits)
    assert load_run(path) == kept
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        assert json.loads(stream.readlines()[2]) == {"ranked": {"all": ["d1", "d2"]}}


def test_what_made_a_run_is_told() -> None:
    about = about_now("multilingual-e5-small-1", sampled=40)
    assert about.model == "multilingual-e5-small-1"
    assert about.sampled == 40
    assert about.constants["candidates"]
    assert datetime.now(UTC) - about.saved < timedelta(minutes=5)
    json.dumps(about_now("another model", None).constants, allow_nan=False)


@pytest.mark.parametrize("name", ["", ".", "../out", "a/b", "-x", "x" * 81, "café"])
def test_a_run_is_kept_under_a_plain_name_only(tmp_path: Path, name: str) -> None:
    runs = RunFolder(tmp_path / "runs")
    with pytest.raises(RunRefused):
        runs.save(run(name, [1.0]))
    with pytest.raises(RunUnknown):
        runs.load(name)
    assert list(tmp_path.rglob("*.gz")) == []


def test_no_run_is_ever_overwritten(tmp_path: Path) -> None:
    runs = RunFolder(tmp_path)
    runs.save(run("first", [1.0]))
    with pytest.raises(RunRefused, match="already"):
        runs.save(run("first", [0.0]))
    assert runs.load("first") == run("first", [1.0])


def test_the_history_is_by_date_and_passes_over_what_is_no_run(tmp_path: Path) -> None:
    runs = RunFolder(tmp_path)
    assert runs.history() == []
    later, earlier = run("a-later", [0.5]), run("b-earlier", [0.5])
    about = replace(ABOUT, saved=ABOUT.saved - timedelta(days=1))
    runs.save(later)
    runs.save(replace(earlier, summary=replace(earlier.summary, about=about)))
    (tmp_path / "broken.jsonl.gz").write_bytes(b"not gzip")
    (tmp_path / "empty.jsonl.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "other.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n'))
    assert [summary.name for summary in runs.history()] == ["b-earlier", "a-later"]
    told = "\n".join(history_table(runs.history()))
    assert "b-earlier  2026-05-03 10:30 UTC  1.2 abc1234" in told
    assert "mine all 0.5000" in told
    for name in ("broken", "empty", "other", "missing"):
        with pytest.raises(RunUnknown):
            runs.load(name)


def test_a_clear_gain_is_better_and_the_same_backwards_worse() -> None:
    chance = random.Random(1)
    low = [chance.uniform(0.2, 0.6) for _ in range(200)]
    high = [value + chance.uniform(-0.1, 0.3) for value in low]
    gain = compare(run("a", low), run("b", high)).differences[0]
    loss = compare(run("b", high), run("a", low)).differences[0]
    assert (gain.column, gain.metric, gain.queries) == ("mine all", "ndcg@10", 200)
    assert gain.verdict is Verdict.BETTER
    assert gain.low < gain.change < gain.high
    assert gain.change == pytest.approx(0.1, abs=0.02)
    assert loss.verdict is Verdict.WORSE
    assert loss.change == pytest.approx(-gain.change)


def test_a_few_queries_up_and_as_many_down_are_no_difference() -> None:
    before = [0.5] * 100
    after = [0.9] * 6 + [0.1] * 5 + [0.5] * 89
    found = compare(run("a", before), run("b", after))
    assert {one.verdict for one in found.differences} == {Verdict.NO_DIFFERENCE}
    assert [one.metric for one in found.differences] == list(METRICS)
    assert "no difference" in "\n".join(comparison_table(found))


def test_nothing_changed_is_an_interval_of_nothing() -> None:
    one = compare(run("a", [0.1, 0.9]), run("b", [0.1, 0.9])).differences[0]
    assert (one.low, one.change, one.high) == (0, 0, 0)
    assert one.verdict is Verdict.NO_DIFFERENCE


def test_only_queries_that_both_runs_asked_count() -> None:
    one = compare(run("a", [0.0, 0.0, 1.0]), run("b", [0.5, 0.5])).differences[0]
    assert (one.queries, one.before, one.after) == (2, 0.0, 0.5)


def test_a_set_that_was_changed_is_not_compared() -> None:
    found = compare(run("a", [0.5], digest="d1"), run("b", [0.9], digest="d2"))
    assert (found.differences, found.changed) == ([], ["mine"])
    assert "not compared" in "\n".join(comparison_table(found))
    elsewhere = compare(run("a", [0.5], set_="other"), run("b", [0.9]))
    assert (elsewhere.differences, elsewhere.changed) == ([], [])


def test_the_interval_is_that_of_drawing_queries_one_by_one() -> None:
    """The textbook's way, on differences as they come: most are nothing, some repeat."""
    chance = np.random.default_rng(7)
    differences = np.where(chance.random(400) < 0.8, 0, chance.choice([-0.37, 0.13, 0.5], 400))
    low, high = interval(differences[:, None])
    drawn = chance.integers(0, 400, (10_000, 400))
    expected = np.percentile(differences[drawn].mean(axis=1), (2.5, 97.5))
    assert (low[0], high[0]) == pytest.approx(tuple(expected), abs=0.002)


def test_the_interval_is_the_same_each_time() -> None:
    differences = np.random.default_rng(3).normal(0.01, 0.2, (300, 3))
    first, again = interval(differences), interval(differences)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
