"""`passerelle evaluate`: sets in, tables or JSON out, runs kept and compared.

A judged set is indexed as it is and runs are files: no database is asked.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import passerelle
from indexes.evaluation.metrics import METRICS

Run = Callable[..., Result]
DOCUMENTS = (
    ("d1", "en", "Keeper", "The lighthouse keeper lives on the island."),
    ("d2", "fr", "Gardien", "Le gardien du phare habite l’île."),
    ("d3", "en", "Market", "The market opens at dawn."),
    ("d4", "fr", "Marché", "Le marché ouvre à l’aube."),
)
QUERIES = (("q1", "en", "Who lives on the island?"), ("q2", "fr", "Quand ouvre le marché ?"))
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t1\nq2\td3\t1\nq2\td4\t1\n"


@pytest.fixture
def run(tmp_path: Path, model_folder: Path) -> Run:
    def call(*arguments: object) -> Result:
        runner = CliRunner(env={"PASSERELLE_DATA": str(tmp_path / "data"), "LANGUAGE": "en"})
        return runner.invoke(passerelle, ["evaluate", *map(str, arguments)])

    return call


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    folder = tmp_path / "judged"
    folder.mkdir()
    documents = [dict(zip(("_id", "lang", "title", "text"), d, strict=True)) for d in DOCUMENTS]
    queries = [dict(zip(("_id", "lang", "text"), query, strict=True)) for query in QUERIES]
    for name, rows in {"corpus": documents, "queries": queries}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels.tsv").write_text(QRELS)
    return folder


def answer(done: Result) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.model
def test_one_set_answers_by_metric_language_and_pool(run: Run, judged: Path) -> None:
    found = answer(run(judged, "--json"))
    assert list(found)[:4] == [*METRICS, "queries"]
    assert found["ndcg@10"]["en"].keys() == {"all", "en", "fr", "x-only", "own-only"}
    assert found["queries"]["fr"]["x-only"] == {"scored": 1, "left_out": 0}
    assert found["columns"].keys() == {"judged all", "judged x-only", "judged own-only"}
    told = run(judged, "--queries", 1).output
    assert "left out" in told
    assert "judged x-only" in told


@pytest.mark.model
def test_several_sets_are_told_by_name_and_titles_apart(run: Run, judged: Path) -> None:
    note = judged.with_name("notes.txt")
    note.write_text("beside the sets")
    again = judged.with_name("again")
    again.mkdir()
    for file in judged.iterdir():
        (again / file.name).write_bytes(file.read_bytes())
    done = run(judged, again, note, "--with-titles", "--json")
    found = answer(done)
    assert f"{note} is not a folder" in done.stderr
    assert found["sets"].keys() == found["with_titles"].keys() == {"judged", "again"}
    assert "judged with titles all" in found["columns"]


@pytest.mark.model
def test_a_run_is_kept_listed_and_compared_by_name_or_file(
    run: Run, judged: Path, tmp_path: Path
) -> None:
    kept = answer(run(judged, "--save", "first", "--json"))
    assert kept["run"]["name"] == "first"
    path = tmp_path / "data" / "evaluations" / "first.jsonl.gz"
    assert path.is_file()
    assert run(judged, "--save", "first").exit_code == 1
    for earlier in ("first", path):
        found = answer(run(judged, "--against", earlier, "--json"))
        assert {one["verdict"] for one in found["against"]} == {"no difference"}
        assert len(found["against"]) == 3 * len(METRICS)
        assert found["not_compared"] == []
    assert "no difference" in run(judged, "--against", "first").output
    (listed,) = answer(run("--history", "--json"))
    assert listed["columns"] == kept["columns"]
    assert "first" in run("--history").output


@pytest.mark.model
def test_what_cannot_be_done_is_named_before_the_work(run: Run, judged: Path) -> None:
    assert "no run 'never'" in run(judged, "--against", "never").output
    assert "no name for a run" in run(judged, "--save", "../x").output
    assert "shards must be a number" in run(judged, "--index", "http://h/i?shards=0").output
    assert "does not answer" in run(judged, "--index", "http://127.0.0.1:9").output
    nothing = run()
    assert nothing.exit_code == 2
    assert "at least one folder" in nothing.output
    broken = judged.with_name("broken")
    broken.mkdir()
    assert "corpus.jsonl is missing" in run(judged, broken).output
