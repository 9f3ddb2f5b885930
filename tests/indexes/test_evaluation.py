"""Metrics against ir-measures, sets as they come and as they should not, pools, the command."""

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest

from indexes.__main__ import main
from indexes.base import Vectors
from indexes.errors import MalformedTestSet
from indexes.evaluation.asking import Request, evaluate
from indexes.evaluation.metrics import METRICS, first_relevant, ndcg, recall, reciprocal_rank
from indexes.evaluation.pools import pools_of, relevant_in
from indexes.evaluation.results import COLUMNS, Evaluation, Outcome, figures
from indexes.evaluation.sets import JudgedText, read_judged_set, sample

REFERENCE = {
    "ndcg@10": ir_measures.nDCG @ 10,
    "recall@100": ir_measures.R @ 100,
    "mrr@10": ir_measures.RR @ 10,
}


class WordEmbedder:
    """A text's vector is the sum of its words' random vectors: shared words make texts near."""

    dimensions = 64
    fingerprint = "words-1"

    def __init__(self) -> None:
        self.queries: list[str] = []

    def embed_query(self, text: str) -> Vectors:
        self.queries.append(text)
        return self._vector(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vector(text) for text in texts])

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def query_is_cut(self, text: str) -> bool:
        return False

    def _vector(self, text: str) -> Vectors:
        total = np.full(self.dimensions, 1e-3, np.float32)
        for word in text.lower().split():
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4])
            total += np.random.default_rng(seed).normal(size=self.dimensions).astype(np.float32)
        unit: Vectors = total / np.linalg.norm(total)
        return unit


def write_set(folder: Path, **parts: str) -> Path:
    """Three documents and three queries; `parts` replaces a file's content."""
    documents = [
        {"_id": "d1", "title": "a", "text": "the lighthouse keeper", "lang": "en"},
        {"_id": "d2", "title": "", "text": "le gardien du phare", "lang": "fr"},
        {"_id": "d3", "text": "the market opens", "lang": "en"},
    ]
    queries = [
        {"_id": "q1", "text": "lighthouse", "lang": "en"},
        {"_id": "q2", "text": "le gardien du phare", "lang": "fr"},
        {"_id": "q3", "text": "nothing", "lang": "en"},
    ]
    contents = {
        "corpus": "".join(json.dumps(document) + "\n" for document in documents),
        "queries": "".join(json.dumps(query) + "\n" for query in queries),
        "qrels": "query-id\tcorpus-id\tscore\n"
        "q1\td1\t1\nq1\td2\t1\nq2\td1\t2\nq2\td2\t1\nq3\td1\t0\n",
    } | parts
    folder.mkdir(exist_ok=True)
    for name, ending in {"corpus": "jsonl", "queries": "jsonl", "qrels": "tsv"}.items():
        (folder / f"{name}.{ending}").write_text(contents[name], encoding="utf-8")
    return folder


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_those_of_ir_measures(seed: int) -> None:
    chance = random.Random(seed)
    documents = [f"d{number}" for number in range(300)]
    relevant: dict[str, dict[str, int]] = {}
    rankings: dict[str, list[str]] = {}
    for number in range(60):
        judged = chance.sample(documents, chance.choice([1, 2, 5, 30, 150]))
        relevant[f"q{number}"] = {id_: chance.choice([1, 1, 2, 3]) for id_ in judged}
        rankings[f"q{number}"] = chance.sample(documents, chance.choice([0, 1, 5, 50, 300]))
    run = [
        ir_measures.ScoredDoc(query, id_, float(-rank))
        for query, ranked in rankings.items()
        for rank, id_ in enumerate(ranked)
    ]
    qrels = [
        ir_measures.Qrel(query, id_, score)
        for query, judged in relevant.items()
        for id_, score in judged.items()
    ]
    reference = {
        (found.query_id, found.measure): found.value
        for found in ir_measures.iter_calc(REFERENCE.values(), qrels, run)
    }
    for query, ranked in rankings.items():
        for name, metric in METRICS.items():
            expected = reference.get((query, REFERENCE[name]), 0.0)  # no hit: not in the run
            assert metric(ranked, relevant[query]) == pytest.approx(expected, abs=1e-9)


def test_metrics_by_hand() -> None:
    relevant = {"a": 1, "b": 1}
    assert ndcg(["x", "a"], relevant, 10) == pytest.approx(0.6309 / 1.6309, abs=1e-4)
    assert recall(["x", "a"], relevant, 100) == 0.5
    assert reciprocal_rank(["x", "a"], relevant, 10) == 0.5
    assert reciprocal_rank(["x", "a"], relevant, 1) == 0.0
    assert first_relevant(["x", "a", "b"], relevant) == 2
    assert first_relevant(["x"], relevant) is None


def test_a_set_is_read(tmp_path: Path) -> None:
    judged = read_judged_set(write_set(tmp_path))
    assert list(judged.documents) == ["d1", "d2", "d3"]
    assert judged.queries["q2"] == JudgedText("q2", "le gardien du phare", "fr")
    assert judged.relevant["q2"] == {"d1": 2, "d2": 1}
    assert "q3" not in judged.relevant
    assert judged.name == tmp_path.name


def test_a_set_is_known_by_its_bytes(tmp_path: Path) -> None:
    first = read_judged_set(write_set(tmp_path / "one")).digest
    assert read_judged_set(write_set(tmp_path / "two")).digest == first
    changed = write_set(tmp_path / "three", qrels="header\nq1\td1\t1\n")
    assert read_judged_set(changed).digest != first


GOOD = '{"_id": "d1", "text": "t", "lang": "en"}\n'


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"corpus": ""}, r"corpus\.jsonl is empty"),
        ({"corpus": GOOD + "{oops"}, r"corpus\.jsonl, line 2: "),
        ({"corpus": GOOD + "\n[1]"}, r"corpus\.jsonl, line 3: not an object"),
        ({"corpus": '{"_id": "d1", "text": "t"}'}, r"line 1: there is no 'lang'"),
        ({"corpus": '{"_id": 1, "text": "t", "lang": "en"}'}, "have to be strings"),
        ({"corpus": GOOD + GOOD}, "line 2: the id 'd1' is there twice"),
        ({"queries": ""}, r"queries\.jsonl is empty"),
        ({"qrels": ""}, r"qrels\.tsv judges nothing"),
        ({"qrels": "header\nq1\td1\t0"}, r"qrels\.tsv judges nothing"),
        ({"qrels": "header\nq1\td1"}, "line 2: not a query id"),
        ({"qrels": "header\nq1\td1\tyes"}, "line 2: not a query id"),
        ({"qrels": "header\nq9\td1\t1"}, "line 2: there is no 'q9'"),
        ({"qrels": "header\nq1\td9\t1"}, "line 2: there is no 'd9'"),
    ],
)
def test_a_malformed_set_is_refused(tmp_path: Path, parts: dict[str, str], message: str) -> None:
    with pytest.raises(MalformedTestSet, match=message):
        read_judged_set(write_set(tmp_path, **parts))


def test_a_missing_or_undecodable_file_is_refused(tmp_path: Path) -> None:
    folder = write_set(tmp_path)
    (folder / "queries.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(MalformedTestSet, match="not UTF-8"):
        read_judged_set(folder)
    (folder / "qrels.tsv").unlink()
    (folder / "queries.jsonl").write_text(GOOD)
    with pytest.raises(MalformedTestSet, match=r"qrels\.tsv is missing"):
        read_judged_set(folder)


def test_a_sample_is_spread_and_always_the_same(tmp_path: Path) -> None:
    queries = "".join(GOOD.replace("d1", f"q{number}") for number in range(100))
    judged = read_judged_set(write_set(tmp_path, queries=queries))
    assert list(sample(judged, 4).queries) == ["q0", "q25", "q50", "q75"]
    assert len(sample(judged, 7).queries) == 7
    assert sample(judged, 100) is sample(judged, None) is judged


def test_the_query_itself_is_taken_out_of_every_pool(tmp_path: Path) -> None:
    judged = read_judged_set(write_set(tmp_path))
    pools = pools_of(judged)
    assert [pool.name for pool in pools] == ["all", "en", "fr", "x-only", "own-only"]
    for pool in pools:
        assert "d2" in pool.hidden(judged.queries["q2"])
    assert pools[0].hidden(judged.queries["q1"]) == frozenset()


def test_x_only_and_own_only_take_out_what_answers_elsewhere(tmp_path: Path) -> None:
    judged = read_judged_set(write_set(tmp_path))
    x_only, own_only = pools_of(judged)[-2:]
    english = judged.queries["q1"]  # d1 (en) and d2 (fr) are relevant to it
    assert x_only.hidden(english) == {"d1"}
    assert relevant_in(judged, x_only, english) == {"d2": 1}
    assert own_only.hidden(english) == {"d2"}
    assert relevant_in(judged, own_only, english) == {"d1": 1}
    french = judged.queries["q2"]  # d2 is the query itself; d1 (en) remains
    assert relevant_in(judged, x_only, french) == {"d1": 2}
    assert relevant_in(judged, own_only, french) == {}


def test_queries_are_asked_of_the_product(tmp_path: Path) -> None:
    reported: list[tuple[str, int, int]] = []
    embedder = WordEmbedder()
    folder = write_set(tmp_path / "set")
    (found,) = evaluate(
        Request((folder,)), embedder, progress=lambda *values: reported.append(values)
    )
    result = found.as_json()
    assert result["queries"] == {
        "en": {
            pool: {"scored": 1, "left_out": 1} for pool in ("all", "en", "fr", "x-only", "own-only")
        },
        "fr": {
            "all": {"scored": 1, "left_out": 0},
            "en": {"scored": 1, "left_out": 0},
            "fr": {"scored": 0, "left_out": 1},  # only the query itself would be relevant
            "x-only": {"scored": 1, "left_out": 0},
            "own-only": {"scored": 0, "left_out": 1},
        },
    }
    assert result["mrr@10"]["en"]["all"] == 1.0
    assert result["recall@100"]["fr"].keys() == {"all", "en", "x-only"}
    assert found.texts["q1"] == "lighthouse"
    assert reported == [
        ("indexing set", 3, 3),
        *(("asking set", number, 3) for number in (1, 2, 3)),
    ]
    assert sorted(embedder.queries) == [
        "le gardien du phare",
        "lighthouse",
    ]  # once, not once a pool


def test_what_a_pool_hides_is_not_found(tmp_path: Path) -> None:
    (found,) = evaluate(Request((write_set(tmp_path),)), WordEmbedder())
    ranked = {(o.query, o.pool): o.ranked for o in found.outcomes if o.scores}
    assert ranked["q1", "all"][0] == "d1"
    assert "d1" not in ranked["q1", "x-only"]
    assert "d2" not in ranked["q1", "own-only"]
    assert "d2" not in ranked["q2", "all"]
    assert set(ranked["q1", "fr"]) == {"d2"}


def test_titles_are_indexed_only_when_asked_for_and_told_apart(tmp_path: Path) -> None:
    documents = [
        {"_id": "d1", "title": "harbour", "text": "boats at rest", "lang": "en"},
        {"_id": "d2", "title": "forest", "text": "trees at rest", "lang": "en"},
    ]
    corpus = "".join(json.dumps(document) + "\n" for document in documents)
    queries = json.dumps({"_id": "q1", "text": "forest", "lang": "en"}) + "\n"
    qrels = "header\nq1\td2\t1\n"
    folder = write_set(tmp_path / "set", corpus=corpus, queries=queries, qrels=qrels)
    plain, titled = evaluate(Request((folder,), with_titles=True), WordEmbedder())
    assert (plain.set, titled.set) == ("set", "set with titles")
    assert titled.as_json()["mrr@10"]["en"]["all"] == 1.0
    by_words = {o.set: o.outcomes[0].ranked for o in (plain, titled)}
    assert by_words["set with titles"][0] == "d2"


def test_several_sets_are_all_read_before_one_is_asked(tmp_path: Path) -> None:
    reported: list[str] = []
    good, bad = write_set(tmp_path / "good"), write_set(tmp_path / "bad", qrels="")
    with pytest.raises(MalformedTestSet, match="bad"):
        evaluate(Request((good, bad)), WordEmbedder(), lambda what, *_: reported.append(what))
    assert reported == []


def test_pools_of_languages_that_share_a_search_language(tmp_path: Path) -> None:
    lines = [
        {"_id": id_, "text": "farol do porto", "lang": language}
        for id_, language in (("d1", "pt"), ("d2", "gl"), ("d3", "pt"))
    ]
    corpus = "".join(json.dumps(line) + "\n" for line in lines)
    folder = write_set(tmp_path, corpus=corpus, qrels="header\nq1\td2\t1\n")
    (found,) = evaluate(Request((folder,)), WordEmbedder())
    result = found.as_json()
    assert result["ndcg@10"]["en"]["gl"] == 1.0
    assert result["queries"]["en"]["pt"] == {"scored": 0, "left_out": 2}


def scored(query: str, pool: str, value: float, language: str = "en") -> Outcome:
    return Outcome(query, language, pool, dict.fromkeys(METRICS, value))


def test_means_are_over_scored_queries() -> None:
    outcomes = [
        scored("q1", "all", 1.0),
        scored("q2", "all", 0.5),
        Outcome("q3", "en", "all", None),
    ]
    result = Evaluation("set", "", {}, outcomes).as_json()
    assert result["ndcg@10"] == {"en": {"all": 0.75}}
    assert result["queries"] == {"en": {"all": {"scored": 2, "left_out": 1}}}


def test_columns_are_named_queries_of_named_sets_in_a_pool() -> None:
    trilingual = [
        scored("q1", "all", 1.0),
        scored("q2", "all", 0.0, "fr"),
        scored("q1", "own-only", 0.8),
        scored("q2", "own-only", 0.2, "fr"),
    ]
    own = [scored("q1", "all", 0.4), scored("q1", "x-only", 0.3)]
    found = figures(
        [Evaluation("trilingual-mixed", "", {}, trilingual), Evaluation("mine", "", {}, own)]
    )
    assert {name: figure.means["ndcg@10"] for name, figure in found.items()} == {
        "pool of 3": 0.5,
        "own-only": 0.8,  # of the questions that could be answered elsewhere
        "mine all": 0.4,
        "mine x-only": 0.3,
    }
    assert found["pool of 3"].queries == 2
    assert len({column.name for column in COLUMNS}) == len(COLUMNS) == 11


@pytest.mark.material
def test_each_named_column_is_filled_by_the_real_sets(shared: Path) -> None:
    for column in COLUMNS:
        judged = read_judged_set(shared / "relevance" / column.set)
        (pool,) = [pool for pool in pools_of(judged) if pool.name == column.pool]
        asked = [
            q for q in judged.queries.values() if q.language in (column.languages or q.language)
        ]
        answered = [query for query in asked if relevant_in(judged, pool, query)]
        assert len(answered) == len(asked) > 500, column.name


@pytest.mark.model
def test_the_command_prints_json(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "set")
    cache = tmp_path / "vectors.sqlite"
    assert main(["evaluate", str(folder), "--json", "--queries", "2", "--cache", str(cache)]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(result) == [*METRICS, "queries"]
    assert result["ndcg@10"]["en"]["all"] == 1.0
    assert cache.is_file()
    assert main(["evaluate", str(folder), str(folder)]) == 0
    told = capsys.readouterr().out
    assert told.count("left out") == 2
    assert "set all" in told


@pytest.mark.model
def test_the_command_names_what_is_wrong(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path)]) == 1
    assert "corpus.jsonl is missing" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path), "--model", str(tmp_path)]) == 1
    assert "model build" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(tmp_path), "--queries", "0"])
    assert stopped.value.code == 2


def test_the_command_refuses_an_address_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(tmp_path), "--index", "http://a:secret@h/i?shards=0"])
    assert stopped.value.code == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "shards must be a number from 1" in told
    assert "secret" not in told
