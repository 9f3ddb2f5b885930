"""The same text gives the same terms in both backends, on a real server.

What differs is known: Lucene brings newer Snowball stemmers than tantivy (36 of 35,000 words of a
library in three languages). A query and a passage are analysed by the same one, so that a word
still finds its other forms.
"""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch

from app.demo.texts import demo_texts
from indexes.analysis import OTHER, ROWS, analyse, shared_terms
from indexes.elasticsearch.address import Address
from indexes.elasticsearch.settings import index_settings
from tests.indexes.words_conformance import SPELLINGS
from tests.servers.elasticsearch import ElasticsearchServer, GivenServer

pytestmark = pytest.mark.elasticsearch

OTHERWISE_STEMMED = 0.002  # of all words
ODD = (
    "a\u00adb \u200bc\ufeff e\u0301te\u0301 №5 ²³ ﬁn Ａ１ ⅓ ½ x" + "y" * 90,
    "L'été l’Été jusqu’à aujourd’hui rock'n'roll don't library’s ´ ` ‘",
    "co-op e‑mail a_b C++ 3,14 1.000 a/b «a» … — · ª º ß Æ Ø ı ǆ",
    "سياسات ثقافية 文化政策 Культурная политика πολιτική",
)

Terms = Callable[[str, str], list[str]]


@pytest.fixture(scope="module")
def terms(elasticsearch: ElasticsearchServer | GivenServer) -> Iterator[Terms]:
    """A text's terms by an analyser of the index."""
    name = f"test-{uuid4().hex[:12]}"
    with Elasticsearch(elasticsearch.url) as client:
        client.indices.create(index=name, settings=index_settings(Address(elasticsearch.url)))

        def analysed(analyzer: str, text: str) -> list[str]:
            told = client.indices.analyze(index=name, analyzer=analyzer, text=text)
            return [token["token"] for token in told["tokens"]]

        yield analysed
        client.indices.delete(index=name)


@pytest.mark.parametrize("code", [row.code for row in ROWS])
def test_odd_texts_give_the_same_terms(terms: Terms, code: str) -> None:
    analyzer = "whole" if code == OTHER else code
    different = {
        text: (found, expected)
        for text in (*ODD, *(text for _, text, _ in SPELLINGS))
        if (found := terms(analyzer, text)) != (expected := analyse(text, code))
    }
    assert different == {}


def test_odd_texts_share_the_same_words(terms: Terms) -> None:
    for text in ODD:
        assert terms("shared", text) == shared_terms(text)


def test_a_turkish_capital_is_read_by_the_cluster_alone(terms: Terms) -> None:
    """Rust keeps the dot of İ as a character of its own, which no other spelling has."""
    assert terms("whole", "İzmir") == ["izmir"] != analyse("İzmir", OTHER)


@pytest.mark.parametrize("code", ["en", "fr", "es"])
def test_the_texts_of_the_demo_give_the_same_terms(terms: Terms, code: str) -> None:
    count, different = 0, set()
    for text in texts_of(code):
        expected, found = analyse(text, code), terms(code, text)
        assert len(found) == len(expected), text
        count += len(expected)
        different |= {pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]}
    assert count > 1_000
    assert len(different) <= count * OTHERWISE_STEMMED, different


def texts_of(code: str) -> Iterator[str]:
    """The demo's texts in a language, in pieces: the server gives 10,000 terms at most."""
    found = [
        block.text
        for text in demo_texts()
        if text.description.language == code
        for block in text.blocks
    ]
    for start in range(0, len(found), 40):
        yield "\n".join(found[start : start + 40])
