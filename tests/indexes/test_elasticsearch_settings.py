"""How an index is laid out, and where: settings and mappings as agreed, addresses as typed."""

import hashlib
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from indexes.analysis import INVISIBLE, ROWS
from indexes.elasticsearch.address import Address, VectorSearch, read_address
from indexes.elasticsearch.settings import CODES, VECTOR, analysis, index_settings, mappings
from indexes.errors import UnknownIndex
from tests.indexes.golden import assert_golden
from tests.servers.certificates import make_certificates


def test_the_settings_are_as_agreed() -> None:
    found = index_settings(Address("http://h:9200", shards=3, replicas=1))
    assert_golden("elasticsearch_settings", readable(found))


def readable(settings: dict[str, Any]) -> dict[str, Any]:
    """A thousand characters by their number and digest, stop words on a line."""
    parts = settings["analysis"]
    letters = parts["char_filter"]["letters"]["mappings"]
    digest = hashlib.sha256("\n".join(letters).encode()).hexdigest()[:16]
    told = {"type": "mapping", "mappings": f"{len(letters)} of digest {digest}"}
    filters = {
        name: {key: " ".join(own) if key == "stopwords" else own for key, own in given.items()}
        for name, given in parts["filter"].items()
    }
    char_filter = parts["char_filter"] | {"letters": told}
    return settings | {"analysis": parts | {"char_filter": char_filter, "filter": filters}}


def test_the_mappings_are_as_agreed() -> None:
    fingerprint = {"schema": "es-1", "embedder": "model"}
    assert_golden("elasticsearch_mappings", mappings(384, VectorSearch.HNSW, fingerprint))


def test_exact_vectors_differ_in_how_they_are_searched_and_nothing_else() -> None:
    quantised, exact = (mappings(8, kind, {}) for kind in VectorSearch)
    assert exact["properties"].pop(VECTOR)["index_options"] == {"type": "flat"}
    assert quantised["properties"].pop(VECTOR)["index_options"]["type"] == "int8_hnsw"
    assert quantised == exact


def test_without_dimensions_there_are_no_vectors() -> None:
    assert not any("vector" in name for name in mappings(0, VectorSearch.HNSW, {})["properties"])


def test_every_analyser_that_a_field_names_is_there() -> None:
    defined = analysis()["analyzer"].keys()
    properties = mappings(8, VectorSearch.HNSW, {})["properties"]
    fields = [
        *properties.values(),
        *(s for p in properties.values() for s in p.get("fields", {}).values()),
    ]
    named = {field["analyzer"] for field in fields if "analyzer" in field}
    assert named == defined
    assert {name for name in properties if name.startswith("text_")} == {f"text_{c}" for c in CODES}
    assert {row.code for row in ROWS} == set(CODES)


def test_characters_become_what_python_makes_of_them() -> None:
    pairs = dict(map(_read, analysis()["char_filter"]["letters"]["mappings"]))
    assert all(pairs[character] == "" for character in INVISIBLE)
    assert pairs["\u0301"] == ""
    assert pairs["\u00a0"] == " "
    for character in "ﬁ²Ａ№":
        assert pairs[character] == unicodedata.normalize("NFKC", character)
    assert not {"é", "œ", "a", "-", "’"} & pairs.keys()  # folding and the tokenizer see to these


def _read(line: str) -> tuple[str, str]:
    given, _, becomes = line.partition(" => ")
    return _plain(given), _plain(becomes)


def _plain(escaped: str) -> str:
    return escaped.encode().decode("unicode_escape")


# ---- address -----------------------------------------------------------------------------------


def test_an_address_says_where_and_how(tmp_path: Path) -> None:
    ca = make_certificates(tmp_path).authority
    text = "https://r%40x:s%3Acret@es.example.org/library?shards=3&replicas=1&vectors=exact"
    assert read_address(text, "key", str(ca)) == Address(
        url="https://es.example.org:9200",
        name="library",
        user="r@x",
        password="s:cret",
        api_key="key",
        ca=ca,
        shards=3,
        replicas=1,
        vectors=VectorSearch.EXACT,
    )


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1", "http://127.0.0.1:9200"),
        ("http://127.0.0.1:9300/", "http://127.0.0.1:9300"),
        ("https://[::1]:9300", "https://[::1]:9300"),
    ],
)
def test_what_an_address_leaves_out(text: str, url: str) -> None:
    assert read_address(text) == Address(url)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "http:// or https://"),
        ("es.example.org:9200", "http:// or https://"),
        ("ftp://u:secret@h/i", "http:// or https://"),
        ("http://u:secret@h:port/i", "http:// or https://"),
        ("http://u:secret@h:99999/i", "http:// or https://"),
        ("http://u:secret@/i", "host"),
        ("http://u:secret@h/Upper", "'Upper'"),
        ("http://u:secret@h/a/b", "'a/b'"),
        ("http://u:secret@h/-a", "'-a'"),
        ("http://u:secret@h/a_b*", "'a_b*'"),
        (f"http://u:secret@h/{'a' * 101}", "name of an index"),
        ("http://u:secret@h/i?shard=3", "'shard'"),
        ("http://u:secret@h/i?shards=0", "shards"),
        ("http://u:secret@h/i?shards=", "shards"),
        ("http://u:secret@h/i?shards=1001", "shards"),
        ("http://u:secret@h/i?shards=²", "shards"),
        ("http://u:secret@h/i?replicas=-1", "replicas"),
        ("http://u:secret@h/i?vectors=ivf", "vectors"),
    ],
)
def test_a_refusal_names_what_is_wrong_and_never_the_password(text: str, named: str) -> None:
    with pytest.raises(UnknownIndex) as refused:
        read_address(text)
    assert named in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownIndex, match=r"no-such\.pem"):
        read_address("https://u:secret@h/i", ca=str(tmp_path / "no-such.pem"))


def test_an_address_shows_no_secret() -> None:
    assert "secret" not in repr(read_address("http://u:secret@h/i", api_key="secret key"))
