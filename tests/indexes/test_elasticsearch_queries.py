"""What Elasticsearch is asked, and what is made of its counts."""

from math import log

import pytest

from indexes.elasticsearch import queries
from indexes.elasticsearch.queries import Asked, Statistics
from indexes.query_parser import parse
from indexes.types import Scope
from indexes.word_weights import BEGINNING_SCORE
from tests.indexes.golden import assert_golden

QUESTION = "Les co-productions de l’école, une coproduction"
DEMANDING = '"droit de la mer" cultur* OR title:atlas author:"Ana Díaz" -rivières -"the of"'
WHERE = Scope(
    visible_to=("public", "members"),
    languages=("fr",),
    filters={"type": ("guide", "video")},
    hidden_sources=("one", "other"),
    any_of=((("topic", "music"), ("country", "pe")),),
    none_of=(("type", "post"),),
)
KNOWN = Statistics(10, {("text_fr", "Les"): 3, ("text_fr", "productions"): 2})


def asked(text: str, code: str = "fr") -> Asked:
    return Asked.of(parse(text), code)


def test_the_bodies_of_a_question_are_as_agreed() -> None:
    query, own = parse(QUESTION), asked(QUESTION)
    bodies = {
        "statistics": queries.statistics([own, asked(QUESTION, "other")]),
        "by words": queries.by_words(own, query, Scope(), KNOWN, 50),
        "by shared words": queries.by_shared_words(own, query, Scope(), 50),
        "by meaning": queries.by_meaning([0.5, 0.25], query, Scope(), "fr", 72),
        "familiar": queries.familiar([own], query, WHERE),
    }
    assert_golden("elasticsearch_question", bodies)


def test_the_bodies_of_demands_and_scopes_are_as_agreed() -> None:
    demanding, own = parse(DEMANDING), asked(DEMANDING)
    fields = parse("author:unesco -title:rivers")
    bodies = {
        "by words": queries.by_words(own, demanding, Scope(), KNOWN, 50),
        "in scope": queries.in_scope(WHERE, "fr"),
        "listing": queries.listing(fields, Scope(), "en", 1_000),
        "holding": queries.holding(["school", "zebra"], ["en", "fr"]),
        "of source or ids": queries.of_source_or_ids("edition", ["a", "b"]),
    }
    assert_golden("elasticsearch_demands", bodies)


def test_what_says_nothing_is_not_asked() -> None:
    stop_words = parse("les de la")
    assert queries.by_words(asked("les de la"), stop_words, Scope(), KNOWN, 5) is None
    assert queries.by_shared_words(asked("les de la"), stop_words, Scope(), 5) is None
    assert queries.listing(parse("title:the"), Scope(), "en", 5) is None
    assert queries.listing(parse("-author:x"), Scope(), "en", 5) is None
    assert queries.familiar([asked("les")], stop_words, Scope())["query"] == {"match_none": {}}


def test_a_term_is_asked_once_by_a_word_that_gives_it() -> None:
    found = asked("école écoles ECOLE coopération co-opération")
    assert found.words == ("école", "coopération", "co", "opération")
    assert found.joined == ()  # the term of coopération is asked already
    assert asked("co-opération").joined == ("coopération",)
    assert found.shared == ("école", "coopération", "co", "opération")


def test_the_graph_looks_at_no_more_than_the_server_allows() -> None:
    body = queries.by_meaning([1.0], parse("x"), Scope(), "en", 9_000)
    assert body["knn"]["num_candidates"] == 10_000


# ---- counts ------------------------------------------------------------------------------------


def test_counts_are_read_by_field_and_word_a_language() -> None:
    both = [asked("red house", "en"), asked("red house", "fr")]
    body = queries.statistics(both)
    names = body["aggs"]["words"]["filters"]["filters"]
    counts = dict(zip(names, range(1, 9), strict=True))
    found = queries.counted(
        {
            "aggregations": {
                "languages": {"buckets": {"en": {"doc_count": 40}, "fr": {"doc_count": 0}}},
                "words": {"buckets": {name: {"doc_count": n} for name, n in counts.items()}},
            }
        },
        both,
    )
    assert {code: own.entries for code, own in found.items()} == {"en": 40, "fr": 0}
    assert found["en"].having["text_en", "red"] == counts["text_en red"]
    assert found["fr"].having["text_fr.shared", "house"] == counts["text_fr.shared house"]


def test_without_words_only_languages_are_counted() -> None:
    own = [asked("the", "en")]
    assert "words" not in queries.statistics(own)["aggs"]
    told = {"aggregations": {"languages": {"buckets": {"en": {"doc_count": 7}}}}}
    assert queries.counted(told, own) == {"en": Statistics(7, {})}


@pytest.mark.parametrize(
    ("entries", "having", "expected"),
    [
        (10, 3, log(1 + (10 - 3 + 0.5) / (3 + 0.5))),
        (10, 0, log(22)),  # 1 + 10.5 / 0.5
        (10, 10, log(1 + 0.5 / 10.5)),
        (2, 5, log(1 + 0.5 / 5.5)),  # counted between two commits: never below nothing
        (0, 0, log(2)),
    ],
)
def test_how_rare_a_word_is(entries: int, having: int, expected: float) -> None:
    known = Statistics(entries, {("text_en", "red"): having})
    assert known.idf("text_en", "red") == pytest.approx(expected)


def test_the_ideal_is_the_sum_over_the_words_of_a_language() -> None:
    known = Statistics(
        10,
        {
            ("text_en", "red"): 3,
            ("text_en", "house"): 1,
            ("text_en.shared", "red"): 4,
            ("text_en.shared", "house"): 2,
        },
    )
    query, own = parse("red house gard*"), asked("red house gard*", "en")
    words = log(1 + 7.5 / 3.5) + log(1 + 9.5 / 1.5)
    shared = log(1 + 6.5 / 4.5) + log(1 + 8.5 / 2.5)
    assert queries.ideal(own, query, known) == pytest.approx(words + BEGINNING_SCORE)
    assert queries.shared_ideal(own, query, known) == pytest.approx(shared + BEGINNING_SCORE)
