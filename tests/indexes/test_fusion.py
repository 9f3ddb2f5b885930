"""The one ranking on candidates made by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from indexes.attributes import About
from indexes.base import Candidates, Lists, Scored, Vectors, VectorTable
from indexes.fusion import (
    E5_SMALL,
    FIRST_PAGE,
    UNMEASURED,
    Nearness,
    Order,
    constants_of,
    fuse,
)
from indexes.keys import Hashes, Keys
from indexes.types import FoundBy

# Nothing is cut, nothing draws the query, and signals weigh enough to be seen.
PLAIN = replace(UNMEASURED, words_order=0.06, shared_order=0.03, shared_value=0.01, feedback=0)
BOTH = (FoundBy.WORDS, FoundBy.MEANING)
QUERY = np.array([1, 0, 0, 0], np.float32)


NAMES: dict[int, str] = {}  # of the keys that tests made


def keys_of(names: Iterable[str]) -> Hashes:
    keys = Keys(names)
    NAMES.update(zip(keys.hashes.tolist(), keys.ids, strict=True))
    return keys.hashes


def lists(**given: float) -> Lists:
    """Candidates by search language out of `en_a=0.8`: language, id and score."""
    names: dict[str, list[str]] = {}
    for name in given:
        names.setdefault(name.partition("_")[0], []).append(name)
    return {
        code: Scored(keys_of(own), np.array([given[name] for name in own], np.float64))
        for code, own in names.items()
    }


def found_by(
    words: Lists | None = None,
    shared: Lists | None = None,
    meaning: Lists | None = None,
    familiar: bool = True,
) -> Candidates:
    def about(keys: Hashes) -> Sequence[About]:
        raise AssertionError("a ranking needs no more than keys")

    return Candidates(about, words or {}, shared or {}, meaning or {}, familiar=familiar)


def nearness(rows: Mapping[str, Vectors]) -> Nearness:
    counts = np.array([len(own) for own in rows.values()], np.intp)
    every = np.concatenate([*rows.values(), np.empty((0, 4), np.float32)])
    return Nearness(QUERY, VectorTable.of(keys_of(rows), counts, every))


def at(cosine: float, axis: int = 1) -> Vectors:
    """A unit vector with this cosine to the query; the rest of it along `axis`."""
    vector = np.zeros(4, np.float32)
    vector[0], vector[axis] = cosine, sqrt(1 - cosine**2)
    return vector


def near(**cosines: float | tuple[float, ...]) -> Nearness:
    """Candidates by their cosine, or by that of the whole and of each window."""
    rows = {name: c if isinstance(c, tuple) else (c,) for name, c in cosines.items()}
    return nearness({name: np.stack([at(c) for c in own]) for name, own in rows.items()})


def order(ranked: Order) -> list[str]:
    return [NAMES[key] for key in ranked.keys.tolist()]


def values(ranked: Order) -> list[tuple[str, float]]:
    return list(zip(order(ranked), ranked.values.round(6).tolist(), strict=True))


def test_words_order_within_a_language_and_hand_out_its_values() -> None:
    meaning = lists(en_a=0, en_b=0, fr_c=0)
    ranked = fuse(
        found_by(lists(en_b=0.5), {}, meaning),
        near(en_a=0.82, en_b=0.80, fr_c=0.81),
        constants=PLAIN,
    )
    # F of b is .83: it goes before a, and takes over a's value; c keeps its own between the two.
    assert values(ranked) == [("en_b", 0.82), ("fr_c", 0.81), ("en_a", 0.80)]


def test_words_never_lift_a_language_over_another() -> None:
    found = found_by(lists(en_a=1.0), {}, lists(en_a=0, fr_b=0))
    assert order(fuse(found, near(en_a=0.80, fr_b=0.81), constants=PLAIN)) == ["fr_b", "en_a"]


def test_words_that_languages_share_do_a_little() -> None:
    found = found_by({}, lists(en_a=0.5), lists(en_a=0, en_c=0, fr_b=0))
    ranked = fuse(found, near(en_a=0.800, en_c=0.810, fr_b=0.812), constants=PLAIN)
    # In its language a goes before c (.815 over .810), which gets its V of .805.
    assert values(ranked) == [("fr_b", 0.812), ("en_a", 0.81), ("en_c", 0.805)]


def test_a_silent_signal_is_no_bad_rank() -> None:
    """The right passage, in another language than the words', stays first whatever they find."""
    english = {f"en_{n}": 1.0 for n in range(50)}
    found = found_by(lists(**english), {}, lists(fr_right=0, **english))
    close = near(fr_right=0.9, **dict.fromkeys(english, 0.8))
    assert order(fuse(found, close, constants=PLAIN))[0] == "fr_right"


def test_a_sentence_that_answers_lifts_its_passage() -> None:
    found = found_by({}, {}, lists(en_even=0, en_holds=0))
    close = near(en_even=(0.84, 0.84, 0.84), en_holds=(0.82, 0.70, 0.92))
    assert values(fuse(found, close, constants=PLAIN)) == [("en_holds", 0.87), ("en_even", 0.84)]


def test_a_text_of_one_sentence_is_its_own_window() -> None:
    found = found_by({}, {}, lists(en_long=0, en_short=0))
    ranked = fuse(found, near(en_long=(0.80, 0.84), en_short=0.83), constants=PLAIN)
    assert values(ranked) == [("en_short", 0.83), ("en_long", 0.82)]


def test_the_first_passage_draws_the_query_whatever_its_language() -> None:
    """Of two equally near ones the one that says what the first says goes up."""
    rows = {"fr_first": at(0.9, 1), "en_like": at(0.8, 1), "en_unlike": at(0.8001, 2)}
    found = found_by({}, {}, lists(fr_first=0, en_like=0, en_unlike=0))
    close = nearness({name: row[None] for name, row in rows.items()})
    assert order(fuse(found, close, constants=PLAIN)) == ["fr_first", "en_unlike", "en_like"]
    drawn = fuse(found, close, constants=replace(PLAIN, feedback=0.2))
    assert order(drawn) == ["fr_first", "en_like", "en_unlike"]


def test_what_feedback_brings_onto_the_first_page_says_so() -> None:
    crowd = {f"en_{n:02}": at(0.8, 2)[None] for n in range(FIRST_PAGE)}
    rows = {"fr_first": at(0.9, 1)[None], **crowd, "es_like": at(0.799, 1)[None]}
    found = found_by({}, {}, lists(**dict.fromkeys(rows, 0.0)))
    ranked = fuse(found, nearness(rows), constants=replace(PLAIN, feedback=0.2))
    pairs = zip(order(ranked), ranked.found_by, strict=True)
    marked = [name for name, signals in pairs if FoundBy.FEEDBACK in signals]
    assert marked == ["es_like"]


def test_a_candidate_by_words_alone_has_its_cosine() -> None:
    found = found_by(lists(en_b=0.1), {}, lists(en_a=0))
    ranked = fuse(found, near(en_a=0.85, en_b=0.7), constants=PLAIN)
    assert values(ranked) == [("en_a", 0.85), ("en_b", 0.7)]


def test_who_found_it() -> None:
    found = found_by(lists(en_a=1, en_b=1), lists(en_a=1, fr_d=1), lists(en_a=0, en_c=0))
    ranked = fuse(found, near(en_a=0.9, en_b=0.8, en_c=0.85, fr_d=0.85))
    assert dict(zip(order(ranked), ranked.found_by, strict=True)) == {
        "en_a": BOTH,
        "en_b": (FoundBy.WORDS,),
        "en_c": (FoundBy.MEANING,),
        "fr_d": (FoundBy.WORDS,),
    }


@pytest.mark.parametrize(("b", "place"), [(0.0, 2), (0.3, 1), (1.7, 0)])
def test_without_a_vector_yet_the_words_say_where(b: float, place: int) -> None:
    found = found_by(lists(en_new=b), {}, lists(en_a=0, en_c=0))
    ranked = fuse(found, near(en_a=0.88, en_c=0.80), constants=PLAIN)
    assert order(ranked).index("en_new") == place
    assert 0.80 <= ranked.values[place] <= 0.88


def test_a_language_without_vectors_yet_is_placed_among_the_others() -> None:
    found = found_by(lists(fr_new=0.5), {}, lists(en_a=0, en_b=0))
    ranked = fuse(found, near(en_a=0.9, en_b=0.82), constants=replace(E5_SMALL, feedback=0))
    assert values(ranked) == [("en_a", 0.9), ("fr_new", 0.86), ("en_b", 0.82)]


def test_words_only() -> None:
    """What languages share counts too, or nothing in another language would ever be found."""
    found = found_by(lists(en_a=0.4, fr_b=0.9, en_c=1.2), lists(es_d=1.0))
    for compared in (None, near()):
        assert values(fuse(found, compared)) == [
            ("en_c", 1.2), ("fr_b", 0.9), ("es_d", 0.8), ("en_a", 0.4),
        ]  # fmt: skip


def test_equal_ones_come_by_language_then_by_key() -> None:
    found = found_by({}, {}, lists(fr_b=0, en_c=0, es_a=0))
    assert order(fuse(found, near(fr_b=0.9, en_c=0.9, es_a=0.9))) == ["en_c", "es_a", "fr_b"]
    same = {f"en_{n}": 0.9 for n in range(5)}
    by_key = [NAMES[key] for key in sorted(keys_of(same).tolist())]
    assert order(fuse(found_by({}, {}, lists(**same)), near(**same))) == by_key


def test_what_only_its_meaning_brings_has_to_be_near() -> None:
    meaning = lists(en_a=0, en_b=0, en_c=0, fr_d=0)
    close = near(en_a=0.90, en_b=0.82, en_c=0.79, fr_d=0.79)
    assert order(fuse(found_by({}, {}, meaning), close)) == ["en_a", "en_b"]
    assert order(fuse(found_by({}, {}, meaning, familiar=False), close)) == ["en_a"]
    words = found_by(lists(en_c=0.1), {}, meaning)
    assert order(fuse(words, close)) == ["en_a", "en_b", "en_c"]
    far = E5_SMALL.floor - 0.001
    assert order(fuse(found_by({}, {}, lists(en_a=0)), near(en_a=far))) == []


def test_limits_belong_to_the_model_they_were_measured_for() -> None:
    assert constants_of("multilingual-e5-small-56ff+neutral-1") == E5_SMALL
    assert constants_of("another") == UNMEASURED
    found = found_by({}, {}, lists(en_a=0, en_b=0))
    assert order(fuse(found, near(en_a=0.9, en_b=0.1), constants=UNMEASURED)) == ["en_a", "en_b"]


def test_nothing_of_nothing() -> None:
    assert order(fuse(found_by(), None)) == order(fuse(found_by(), near())) == []
