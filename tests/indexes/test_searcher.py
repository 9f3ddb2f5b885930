"""Questions to the real embedded index, with vectors set by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.base import Vectors
from indexes.embedded import EmbeddedIndex
from indexes.errors import QueryTooLong
from indexes.fusion import CANDIDATES
from indexes.searcher import Searcher, collapse, facet_counts
from indexes.types import Entry, FoundBy, Hit, Kind, Ranking, Scope, SearchQuery
from tests.indexes.material import DIMENSIONS, entry, put


def at(cosine: float) -> Vectors:
    """A unit vector with this cosine to every query."""
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[:2] = cosine, np.sqrt(1 - cosine**2)
    return vector


class OneDirection:
    """Every query is the first axis."""

    dimensions = DIMENSIONS
    fingerprint = "multilingual-e5-small, so to say"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_query(self, text: str) -> Vectors:
        self.asked.append(text)
        return at(1)

    def embed_passages(self, texts: Any) -> Vectors:
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def query_is_cut(self, text: str) -> bool:
        return self.count_tokens(text) > 64


@pytest.fixture
def embedder() -> OneDirection:
    return OneDirection()


@pytest.fixture
def index(tmp_path: Path) -> EmbeddedIndex:
    return EmbeddedIndex(tmp_path, dimensions=DIMENSIONS, fingerprint=OneDirection.fingerprint)


@pytest.fixture
def searcher(index: EmbeddedIndex, embedder: OneDirection) -> Searcher:
    return Searcher(index, embedder)


def fill(index: EmbeddedIndex, cosines: Mapping[Entry, float | None]) -> None:
    """Entries with the cosine that each has to any query, none meaning no vector yet."""
    put(index, *cosines)
    having = {one: cosine for one, cosine in cosines.items() if cosine is not None}
    with index.writer() as writer:
        writer.add_vectors(list(having), [at(cosine)[None] for cosine in having.values()])


def ids(ranking: Ranking) -> list[str]:
    return [hit.id for hit in ranking.hits]


def others(hit: Hit) -> tuple[str, ...]:
    return tuple(other.id for other in hit.others)


def ask(searcher: Searcher, text: str, **given: Any) -> Ranking:
    return searcher.search(SearchQuery(text, **given))


# Mappings are no keys: entries here are found again by their id.
@pytest.fixture(autouse=True)
def _hash_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Entry, "__hash__", lambda self: hash(self.id))


def test_both_signals_make_one_ranking(index: EmbeddedIndex, searcher: Searcher) -> None:
    fill(index, {
        entry("words", "cocoa farms"): 0.84,
        entry("near", "chocolate"): 0.85,
        entry("french", "le cacaoyer", language="fr"): 0.83,
        entry("new", "cocoa trees"): None,
    })  # fmt: skip
    ranking = ask(searcher, "cocoa farms")
    assert ids(ranking) == ["words", "french", "near", "new"] or ids(ranking)[:2] == [
        "words",
        "new",
    ]
    found_by = {hit.id: hit.found_by for hit in ranking.hits}
    assert found_by == {
        "words": (FoundBy.WORDS, FoundBy.MEANING),
        "near": (FoundBy.MEANING,),
        "french": (FoundBy.MEANING,),
        "new": (FoundBy.WORDS,),
    }
    assert [hit.score for hit in ranking.hits] == sorted(
        (h.score for h in ranking.hits), reverse=True
    )
    assert (ranking.by_meaning, ranking.capped) == (True, False)
    assert set(ranking.seconds) == {"embedding", "words", "meaning", "ranking"}


def test_a_group_is_shown_once(index: EmbeddedIndex, searcher: Searcher) -> None:
    fill(index, {
        entry("a1", group="a"): 0.90,
        entry("b1", group="b"): 0.88,
        entry("a2", group="a"): 0.86,
        entry("a3", group="a"): 0.84,
        entry("thread", group="a", group_kind="thread"): 0.80,
    })  # fmt: skip
    ranking = ask(searcher, "unheard river")
    assert [(hit.id, others(hit)) for hit in ranking.hits] == [
        ("a1", ("a2", "a3")), ("b1", ()), ("thread", ()),
    ]  # fmt: skip
    assert ids(ask(searcher, "unheard river", collapse=False)) == ["a1", "b1", "a2", "a3", "thread"]


@pytest.mark.parametrize(
    ("reader", "lead"), [("en", "en"), ("es", "es"), ("es-MX", "es"), ("fr", "fr"), ("de", "fr")]
)
def test_of_about_equal_editions_the_readers_leads(
    index: EmbeddedIndex, searcher: Searcher, reader: str, lead: str
) -> None:
    cosines = {"en": 0.895, "fr": 0.90, "es": 0.892, "pt": 0.88}
    fill(index, {entry(code, language=code, group="g"): z for code, z in cosines.items()})
    (hit,) = ask(searcher, "unheard", reader_language=reader).hits
    assert hit.id == lead
    alone = ask(searcher, "unheard", reader_language=reader, collapse=False).hits
    assert hit.score == alone[0].score  # in the place of the best
    assert others(hit) == tuple(code for code in ("fr", "en", "es", "pt") if code != lead)


def test_an_edition_clearly_behind_does_not_lead(index: EmbeddedIndex, searcher: Searcher) -> None:
    fill(index, {entry("fr", language="fr", group="g"): 0.9, entry("en", group="g"): 0.85})
    assert ids(ask(searcher, "unheard", reader_language="en")) == ["fr"]


def test_a_passage_leads_its_record_when_about_equal(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    fill(index, {
        entry("record", kind=Kind.RECORD, group="g"): 0.9,
        entry("passage", group="g"): 0.895,
        entry("only record", kind=Kind.RECORD, group="h"): 0.9,
        entry("far passage", group="h"): 0.86,
    })  # fmt: skip
    assert sorted(ids(ask(searcher, "unheard"))) == ["only record", "passage"]


def test_where_nothing_is_in_scope_meaning_is_not_said_to_be_away(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    fill(index, {entry("a", "cocoa"): 0.9})
    elsewhere = ask(searcher, "cocoa", scope=Scope(languages=("fr",)))
    assert (elsewhere.hits, elsewhere.by_meaning) == ((), True)
    put(index, entry("b", "coffee"))  # its vector is still to come
    with index.writer() as writer:
        writer.replace("edition of a", [])
    assert not ask(searcher, "coffee").by_meaning


def test_a_query_that_nothing_answers_finds_nothing(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    fill(index, {entry("a", "cocoa"): 0.74, entry("b", "tea"): 0.75})
    assert ids(ask(searcher, "xqzt")) == []
    assert ids(ask(searcher, "tea")) == ["b"]


def test_a_query_of_unknown_words_brings_only_the_nearest(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    fill(index, {entry("a", "cocoa"): 0.9, entry("b", "tea", language="fr"): 0.85})
    assert ids(ask(searcher, "xqzt")) == ["a"]
    assert ids(ask(searcher, "cocoa")) == ["a", "b"]
    # Known is what stands anywhere, not only where one looks.
    fill(index, {entry("c", "milk", language="fr"): 0.84})
    assert ids(ask(searcher, "cocoa", scope=Scope(languages=("fr",)))) == ["b", "c"]


def test_phrases_and_without_hold_for_meaning_too(
    index: EmbeddedIndex, searcher: Searcher, embedder: OneDirection
) -> None:
    fill(index, {
        entry("a", "the law of the sea"): 0.86,
        entry("b", "sea law"): 0.88,
        entry("c", "fish", title="The Law of the Sea"): 0.87,
        entry("d", "maritime rules"): 0.89,
    })  # fmt: skip
    assert sorted(ids(ask(searcher, '"law of the sea"'))) == ["a", "c"]
    assert embedder.asked == ["law of the sea"]
    assert sorted(ids(ask(searcher, "maritime -sea"))) == ["d"]
    assert embedder.asked[-1] == "maritime"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cultur*", {"a", "b"}),
        ("cultur* -law", {"a"}),
        ("fish OR law", {"b", "c"}),
        ("rules title:atlas", {"c"}),
        ("rules author:unesco", {"d"}),
        ("rules -author:unesco", {"a", "b", "c"}),
    ],
)
def test_what_is_demanded_holds_for_meaning_too(
    index: EmbeddedIndex, searcher: Searcher, query: str, expected: set[str]
) -> None:
    fill(index, {
        entry("a", "culture of the sea"): 0.86,
        entry("b", "cultural law"): 0.88,
        entry("c", "fish", title="Atlas"): 0.87,
        entry("d", "maritime rules", authors=("UNESCO",)): 0.89,
    })  # fmt: skip
    assert set(ids(ask(searcher, query))) == expected


def test_a_query_of_fields_lists_and_embeds_nothing(
    index: EmbeddedIndex, searcher: Searcher, embedder: OneDirection
) -> None:
    record: dict[str, Any] = {"kind": Kind.RECORD, "authors": ("UNESCO",)}
    fill(index, {
        entry("old", date="2001/2024-01-01", **record): 0.9,
        entry("new", date="2012/2024-01-01", language="fr", **record): 0.8,
        entry("passage", date="2015/2024-01-01", authors=("UNESCO",)): 0.9,
    })  # fmt: skip
    ranking = ask(searcher, "author:unesco")
    assert (ids(ranking), ranking.by_meaning, ranking.capped) == (["new", "old"], True, False)
    assert embedder.asked == []


def test_stop_words_alone_are_asked_by_their_meaning(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    fill(index, {entry("a", "to be or not to be"): 0.9})
    (hit,) = ask(searcher, "to be or not to be").hits
    assert (hit.id, hit.found_by) == ("a", (FoundBy.MEANING,))


def test_scope_holds_for_both_signals(index: EmbeddedIndex, searcher: Searcher) -> None:
    fill(index, {entry("a", visible_to=("members",)): 0.9, entry("b"): 0.85})
    assert ids(ask(searcher, "school")) == ["b"]
    assert ids(ask(searcher, "school", scope=Scope(visible_to=("public", "members")))) == ["a", "b"]


def test_without_a_model_words_are_compared(index: EmbeddedIndex) -> None:
    put(index, entry("a", "cocoa farms in Ghana"), entry("b", "cocoa"), entry("c", "tea"))
    ranking = ask(Searcher(index, None), "cocoa Ghana")
    assert ids(ranking) == ["a", "b"]
    assert not ranking.by_meaning


def test_an_index_of_another_model_answers_by_words(tmp_path: Path, embedder: OneDirection) -> None:
    put(EmbeddedIndex(tmp_path, dimensions=4, fingerprint="older"), entry("a"))
    index = EmbeddedIndex(tmp_path, dimensions=DIMENSIONS, fingerprint=OneDirection.fingerprint)
    ranking = ask(Searcher(index, embedder), "school")
    assert (ids(ranking), ranking.by_meaning) == (["a"], False)


def test_nothing_asked_nothing_found(index: EmbeddedIndex, searcher: Searcher) -> None:
    fill(index, {entry("a"): 0.9})
    for text in ("", "  ", "!?", "-school"):
        assert ids(ask(searcher, text)) == []
    with pytest.raises(QueryTooLong):
        ask(searcher, "x" * 2001)


def test_says_what_was_cut(index: EmbeddedIndex, searcher: Searcher) -> None:
    put(index, *(entry(f"{n}") for n in range(CANDIDATES + 1)))
    assert ask(searcher, "school").capped
    assert ask(searcher, "school", collapse=False).capped
    assert not ask(searcher, "xqzt").capped
    long, longer = ask(searcher, "w " * 40), ask(searcher, "w " * 70)
    assert (long.words_cut, long.meaning_cut) == (True, False)
    assert (longer.words_cut, longer.meaning_cut) == (True, True)


def test_facet_counts(index: EmbeddedIndex, searcher: Searcher) -> None:
    fill(index, {
        entry("a", facets={"type": ("guide", "guide"), "country": ("pe", "fr")}): 0.9,
        entry("b", facets={"type": ("video",)}): 0.9,
        entry("c", facets={"type": ("guide",), "country": ("fr",)}): 0.9,
    })  # fmt: skip
    assert facet_counts(ask(searcher, "school").hits) == {
        "type": [("guide", 2), ("video", 1)],
        "country": [("fr", 2), ("pe", 1)],
    }
    assert facet_counts(()) == {}


def test_a_record_lifts_its_group_and_a_passage_opens_it(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    record = entry("r", group="g", kind=Kind.RECORD, text="about bridges")
    passage = entry("p", group="g", text="a bridge is built of stone")
    other = entry("o", group="h", text="a ford is crossed on foot")
    fill(index, {record: 0.95, passage: 0.88, other: 0.87})
    first, second = searcher.search(SearchQuery("ford")).hits
    assert (first.id, others(first)) == ("p", ("r",))
    assert first.score > second.score + 0.05  # the record's
    assert second.id == "o"


def test_what_is_dropped_before_collapsing_neither_leads_nor_lifts(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    fill(index, {
        entry("stale", group="g", source="old"): 0.925,
        entry("other", group="h"): 0.92,
        entry("kept", group="g", language="fr"): 0.90,
        entry("record", group="g", kind=Kind.RECORD): 0.91,
    })  # fmt: skip
    single = ask(searcher, "unheard", collapse=False).hits
    assert collapse(single, "en") == ask(searcher, "unheard").hits
    found = collapse([hit for hit in single if hit.source != "old"], "en")
    assert [(hit.id, others(hit)) for hit in found] == [("other", ()), ("kept", ("record",))]
    assert found[1].score == next(hit.score for hit in single if hit.id == "record")


def test_a_group_is_counted_under_the_values_of_all_its_entries(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    fill(index, {
        entry("a", group="g", facets={"language": ("en",), "format": ("pdf",)}): 0.9,
        entry("b", group="g", facets={"language": ("fr",), "format": ("pdf",)}): 0.85,
        entry("c", group="h", facets={"language": ("fr",)}): 0.85,
    })  # fmt: skip
    assert facet_counts(ask(searcher, "school").hits) == {
        "language": [("fr", 2), ("en", 1)],
        "format": [("pdf", 1)],
    }


def test_counts_are_exact_where_what_follows_is_too_far_off(
    index: EmbeddedIndex, searcher: Searcher
) -> None:
    near = {entry(f"n{i}", "by the lake", group=f"n{i}"): 0.9 for i in range(5)}
    far = {entry(f"f{i}", group=f"f{i}"): 0.5 for i in range(CANDIDATES)}
    fill(index, {**near, **far})
    ranking = searcher.search(SearchQuery("lake"))
    assert (len(ranking.hits), ranking.capped) == (5, False)
