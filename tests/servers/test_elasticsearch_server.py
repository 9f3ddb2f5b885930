"""The server that the tests start is a real one, and the analysis added to it works as written."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.elasticsearch import ElasticsearchServer, GivenServer, ServerFailed

# Of what tests are made of, and not of the product. The first run fetches the server.
pytestmark = [pytest.mark.elasticsearch, pytest.mark.soak, pytest.mark.timeout(600)]

Server = ElasticsearchServer | GivenServer
INDEX = "server_tests"
ROOT = Path(__file__).resolve().parents[2]

ANALYSIS: dict[str, Any] = {
    "char_filter": {
        "signs": {
            "type": "mapping",
            "mappings": [r"\u2019 => '", "c++ => cplusplus", r"\\n => \n"],
        },
        "elided": {
            "type": "pattern_replace",
            "pattern": r"\b([cdjlmnst]|qu)['’](?=\p{L})",
            "replacement": " ",
            "flags": "CASE_INSENSITIVE",
        },
    },
    "tokenizer": {
        "words": {
            "type": "char_group",
            "tokenize_on_chars": ["whitespace", "punctuation", "symbol", r"\u00b7", "x"],
            "max_token_length": 20,
        },
        "letters": {"type": "char_group", "tokenize_on_chars": ["letter"]},
        "no_digits": {"type": "char_group", "tokenize_on_chars": ["digit", r"\n"]},
    },
    "filter": {
        "articles": {"type": "elision", "articles_case": True, "articles": ["l", "d", "qu"]},
        "both": {"type": "asciifolding", "preserve_original": True},
        "french_stop": {"type": "stop", "stopwords": ["des", "de", "la"]},
        "french": {"type": "stemmer", "language": "french"},
        "spanish": {"type": "stemmer", "name": "spanish"},
        "english": {"type": "stemmer", "language": "english"},
        "porter2": {"type": "stemmer", "language": "porter2"},
        "possessive": {"type": "stemmer", "language": "possessive_english"},
        "three": {"type": "truncate", "length": 3},
        "middling": {"type": "length", "min": 2, "max": 4},
        "starts": {"type": "edge_ngram", "min_gram": 2, "max_gram": 3},
        "once_a_place": {"type": "unique", "only_on_same_position": True},
    },
    "analyzer": {
        "french_elided": {
            "char_filter": ["signs", "elided"],
            "tokenizer": "words",
            "filter": ["lowercase", "asciifolding", "french_stop", "french"],
        },
        "french_articles": {
            "tokenizer": "standard",
            "filter": ["articles", "lowercase", "asciifolding", "french_stop", "french"],
        },
    },
    "normalizer": {
        "plain": {"char_filter": ["signs"], "filter": ["articles", "lowercase", "asciifolding"]},
    },
}
MAPPINGS = {
    "dynamic": "strict",
    "properties": {
        "text": {"type": "text", "analyzer": "french_elided"},
        "label": {"type": "keyword", "normalizer": "plain"},
        "language": {"type": "keyword"},
        "vector": {
            "type": "dense_vector",
            "dims": 4,
            "similarity": "dot_product",
            "index_options": {"type": "int8_hnsw"},
        },
    },
}
ENTRIES: dict[str, dict[str, Any]] = {
    "a": {"text": "L’évaluation", "label": "L’Été", "language": "fr", "vector": [1, 0, 0, 0]},
    "b": {"text": "evaluation", "label": "x", "language": "en", "vector": [0.8, 0.6, 0, 0]},
    "c": {"text": "rien", "label": "y", "language": "en", "vector": [0, 0, 0, 1]},
}


def ask(server: Server, method: str, path: str, body: object = None, seconds: float = 30) -> Any:
    """What the server answers, from JSON."""
    request = urllib.request.Request(
        f"{server.url}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        return json.load(answer)


def found(answer: Any) -> list[str]:
    return [hit["_id"] for hit in answer["hits"]["hits"]]


@pytest.fixture(scope="module")
def index(elasticsearch: Server) -> Iterator[Server]:
    """The server with the index in it."""
    settings = {"number_of_replicas": 0, "analysis": ANALYSIS}
    ask(elasticsearch, "PUT", INDEX, {"settings": settings, "mappings": MAPPINGS})
    for key, entry in ENTRIES.items():
        ask(elasticsearch, "PUT", f"{INDEX}/_doc/{key}?refresh=true", entry)
    yield elasticsearch
    ask(elasticsearch, "DELETE", INDEX)


def terms(server: Server, text: str, **chain: object) -> list[str]:
    answer = ask(server, "POST", f"{INDEX}/_analyze", {"text": text, **chain})
    return [token["token"] for token in answer["tokens"]]


@pytest.mark.parametrize("analyzer", ["french_elided", "french_articles"])
def test_a_chain_of_index_settings(index: Server, analyzer: str) -> None:
    text = "L’évaluation des politiques culturelles nationales"
    expected = ["evalu", "polit", "culturel", "national"]
    assert terms(index, text, analyzer=analyzer) == expected


@pytest.mark.parametrize(
    ("filters", "text", "expected"),
    [
        (["lowercase"], "Été", ["été"]),
        (["asciifolding"], "Été", ["Ete"]),
        (["both"], "Été", ["Ete", "Été"]),
        (["articles"], "L’Été d'hiver aujourd'hui", ["Été", "hiver", "aujourd'hui"]),
        (["spanish"], "bibliotecas", ["bibliotec"]),
        (["english"], "generously national", ["gener", "nation"]),
        (["porter2"], "generously national", ["generous", "nation"]),
        (["possessive"], "library’s", ["library"]),
        (["stemmer"], "running", ["run"]),
        (["three"], "école", ["éco"]),
        (["middling"], "a ab abcd abcde", ["ab", "abcd"]),
        (["starts"], "a ab abcd", ["ab", "ab", "abc"]),
        (["unique"], "a b a b", ["a", "b"]),
        (["lowercase", "both", "once_a_place"], "été ete", ["ete", "été", "ete"]),
    ],
)
def test_token_filters(index: Server, filters: list[str], text: str, expected: list[str]) -> None:
    assert terms(index, text, tokenizer="standard", filter=filters) == expected


@pytest.mark.parametrize(
    ("tokenizer", "text", "expected"),
    [
        ("words", "art-déco (1925): 5€·6 axb 𝒳", ["art", "déco", "1925", "5", "6", "a", "b", "𝒳"]),
        ("words", "a" * 25, ["a" * 20, "a" * 5]),
        ("letters", "1é2", ["1", "2"]),
        ("no_digits", "a1b\nc d", ["a", "b", "c d"]),
    ],
)
def test_char_group(index: Server, tokenizer: str, text: str, expected: list[str]) -> None:
    assert terms(index, text, tokenizer=tokenizer) == expected


def test_char_filters_keep_offsets(index: Server) -> None:
    body = {"text": r"C’est c++\nici", "char_filter": ["signs", "elided"], "tokenizer": "words"}
    tokens = ask(index, "POST", f"{INDEX}/_analyze", body)["tokens"]
    places = [(token["token"], token["start_offset"], token["end_offset"]) for token in tokens]
    assert places == [("est", 2, 5), ("cplusplus", 6, 9), ("ici", 11, 14)]


def test_positions_after_a_dropped_token(index: Server) -> None:
    body = {"text": "a a b", "tokenizer": "standard", "filter": ["unique"]}
    tokens = ask(index, "POST", f"{INDEX}/_analyze", body)["tokens"]
    assert [(token["token"], token["position"]) for token in tokens] == [("a", 0), ("b", 1)]


def test_normalizer(index: Server) -> None:
    query = {"query": {"term": {"label": "ete"}}}
    assert found(ask(index, "POST", f"{INDEX}/_search", query)) == ["a"]


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("filter", {"type": "stemmer", "language": "klingon"}),
        ("filter", {"type": "truncate"}),
        ("filter", {"type": "elision"}),
        ("char_filter", {"type": "mapping", "mappings": ["a -> b"]}),
        ("char_filter", {"type": "mapping", "mappings": [r"\u20 => b"]}),
        ("char_filter", {"type": "pattern_replace"}),
        ("tokenizer", {"type": "char_group", "tokenize_on_chars": ["emoji"]}),
    ],
)
def test_wrong_settings_are_refused(
    elasticsearch: Server, kind: str, part: dict[str, object]
) -> None:
    chain = {"tokenizer": "standard", kind: "wrong" if kind == "tokenizer" else ["wrong"]}
    analysis = {kind: {"wrong": part}, "analyzer": {"default": chain}}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(elasticsearch, "PUT", "server_tests_wrong", {"settings": {"analysis": analysis}})


def test_filtered_neighbours(index: Server) -> None:
    knn = {"field": "vector", "query_vector": [1, 0, 0, 0], "k": 2, "num_candidates": 10}
    assert found(ask(index, "POST", f"{INDEX}/_search", {"knn": knn})) == ["a", "b"]
    english = knn | {"filter": {"term": {"language": "en"}}}
    assert found(ask(index, "POST", f"{INDEX}/_search", {"knn": english})) == ["b", "c"]


def test_an_alias_is_swapped(elasticsearch: Server) -> None:
    alias, old, new = (f"{INDEX}_{name}" for name in ("alias", "old", "new"))
    for name in (old, new):
        ask(elasticsearch, "PUT", name, {"settings": {"number_of_replicas": 0}})
    ask(elasticsearch, "PUT", f"{old}/_doc/a?refresh=true", {})
    ask(elasticsearch, "POST", "_aliases", {"actions": [{"add": {"index": old, "alias": alias}}]})
    assert ask(elasticsearch, "GET", f"{alias}/_count")["count"] == 1
    swap = [{"remove_index": {"index": old}}, {"add": {"index": new, "alias": alias}}]
    ask(elasticsearch, "POST", "_aliases", {"actions": swap})
    assert ask(elasticsearch, "GET", f"{alias}/_count")["count"] == 0
    ask(elasticsearch, "DELETE", new)


def test_killed_and_started_again(index: Server, own_elasticsearch: ElasticsearchServer) -> None:
    url, pid = own_elasticsearch.url, own_elasticsearch.pid
    own_elasticsearch.kill()
    assert not own_elasticsearch.running
    with pytest.raises(urllib.error.URLError):
        ask(own_elasticsearch, "GET", f"{INDEX}/_count")
    own_elasticsearch.start()
    assert own_elasticsearch.url == url
    assert own_elasticsearch.pid != pid
    assert ask(own_elasticsearch, "GET", f"{INDEX}/_count")["count"] == len(ENTRIES)


def test_paused(own_elasticsearch: ElasticsearchServer) -> None:
    own_elasticsearch.pause()
    with pytest.raises(TimeoutError):
        ask(own_elasticsearch, "GET", "_cluster/health", seconds=1)
    own_elasticsearch.resume()
    assert ask(own_elasticsearch, "GET", "_cluster/health")["status"] in ("green", "yellow")


def test_wiped(own_elasticsearch: ElasticsearchServer) -> None:
    with ElasticsearchServer(heap="512m") as server:
        ask(server, "PUT", INDEX)
        with pytest.raises(RuntimeError):
            server.wipe()
        server.stop()
        server.wipe()
        server.start()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(server, "GET", INDEX)
    assert not server.log.parent.exists()


def test_why_it_did_not_start(own_elasticsearch: ElasticsearchServer) -> None:
    server = ElasticsearchServer({"no.such.setting": "1"})
    with pytest.raises(ServerFailed, match=r"unknown setting \[no\.such\.setting\]"):
        server.start()
    server.close()


def test_it_ends_with_whoever_started_it(own_elasticsearch: ElasticsearchServer) -> None:
    """Even with one that is killed while it has paused the server."""
    script = (
        "from tests.servers.elasticsearch import ElasticsearchServer as Server\n"
        "server = Server(heap='512m'); server.start(); server.pause()\n"
        "print(server.pid, server.log.parent, flush=True); input()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    said = starter.stdout.readline().split()
    pid, folder = int(said[0]), Path(said[1])
    os.kill(pid, 0)
    assert folder.is_dir()
    starter.kill()
    starter.communicate()
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists() and not folder.exists():
            return
        time.sleep(0.1)
    pytest.fail("the server outlived its starter, or left its folder")
