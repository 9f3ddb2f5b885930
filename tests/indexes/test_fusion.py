"""The one ranking on candidates made by hand."""

import pytest

from indexes.base import Candidate
from indexes.fusion import E5_SMALL, UNMEASURED, Ranked, constants_of, fuse
from indexes.types import FoundBy, Hit, Kind

WIDE = UNMEASURED  # nothing is cut, and b weighs as in the product
BOTH = (FoundBy.WORDS, FoundBy.MEANING)


def lists(**given: float) -> dict[str, list[Candidate]]:
    """Candidates by search language out of `en_a=0.8`: language, id and score."""
    found: dict[str, list[Candidate]] = {}
    for name, score in given.items():
        code = name.partition("_")[0]
        hit = Hit(name, Kind.PASSAGE, name, "resource", name, code, "", score, ())
        found.setdefault(code, []).append(Candidate(hit, code, score))
    return found


def order(ranked: list[Ranked]) -> list[str]:
    return [one.hit.id for one in ranked]


def test_words_order_within_a_language_and_hand_out_its_values() -> None:
    ranked = fuse(lists(en_b=0.5), lists(en_a=0.82, en_b=0.80, fr_c=0.81), {}, constants=WIDE)
    # F of b is .83: it goes before a, and takes over a's value; c keeps its own between the two.
    assert [(one.hit.id, one.value) for one in ranked] == [
        ("en_b", 0.82), ("fr_c", 0.81), ("en_a", 0.80),
    ]  # fmt: skip


def test_words_never_lift_a_language_over_another() -> None:
    meaning = lists(en_a=0.80, fr_b=0.81)
    assert order(fuse(lists(en_a=1.0), meaning, {}, constants=WIDE)) == ["fr_b", "en_a"]


def test_a_silent_signal_is_no_bad_rank() -> None:
    """The right passage, in another language than the words', stays first whatever they find."""
    words = lists(**{f"en_{n}": 1.0 for n in range(50)})
    meaning = lists(fr_right=0.9, **{f"en_{n}": 0.8 for n in range(50)})
    assert order(fuse(words, meaning, {}, constants=WIDE))[0] == "fr_right"


def test_a_candidate_by_words_alone_has_its_cosine() -> None:
    ranked = fuse(lists(en_b=0.1), lists(en_a=0.85), {"en_b": 0.7}, constants=WIDE)
    assert [(one.hit.id, one.value) for one in ranked] == [("en_a", 0.85), ("en_b", 0.7)]


def test_who_found_it() -> None:
    ranked = fuse(lists(en_a=1, en_b=1), lists(en_a=0.9, en_c=0.85), {"en_b": 0.8})
    assert {one.hit.id: one.found_by for one in ranked} == {
        "en_a": BOTH,
        "en_b": (FoundBy.WORDS,),
        "en_c": (FoundBy.MEANING,),
    }


@pytest.mark.parametrize(("b", "place"), [(0.0, 2), (0.3, 1), (1.7, 0)])
def test_without_a_vector_yet_the_words_say_where(b: float, place: int) -> None:
    meaning = lists(en_a=0.88, en_c=0.80)
    ranked = fuse(lists(en_new=b), meaning, {}, constants=WIDE)
    assert order(ranked).index("en_new") == place
    assert 0.80 <= ranked[place].value <= 0.88


def test_a_language_without_vectors_yet_is_placed_among_the_others() -> None:
    ranked = fuse(lists(fr_new=0.5), lists(en_a=0.9, en_b=0.82), {})
    assert [(one.hit.id, one.value) for one in ranked] == [
        ("en_a", 0.9), ("fr_new", pytest.approx(0.86)), ("en_b", 0.82),
    ]  # fmt: skip


def test_words_only() -> None:
    assert order(fuse(lists(en_a=0.4, fr_b=0.9, en_c=1.2), {}, {})) == ["en_c", "fr_b", "en_a"]


def test_equal_ones_come_by_id() -> None:
    assert order(fuse({}, lists(fr_b=0.9, en_c=0.9, es_a=0.9), {})) == ["en_c", "es_a", "fr_b"]


def test_what_only_its_meaning_brings_has_to_be_near() -> None:
    meaning = lists(en_a=0.90, en_b=0.82, en_c=0.80, fr_d=0.80)
    assert order(fuse({}, meaning, {})) == ["en_a", "en_b"]
    assert order(fuse({}, meaning, {}, familiar=False)) == ["en_a"]
    assert order(fuse(lists(en_c=0.1), meaning, {})) == ["en_a", "en_b", "en_c"]
    assert order(fuse({}, lists(en_a=E5_SMALL.floor - 0.001), {})) == []


def test_limits_belong_to_the_model_they_were_measured_for() -> None:
    assert constants_of("multilingual-e5-small-56ff+neutral-1") == E5_SMALL
    assert constants_of("another") == UNMEASURED
    assert order(fuse({}, lists(en_a=0.9, en_b=0.1), {}, constants=UNMEASURED)) == ["en_a", "en_b"]


def test_nothing_of_nothing() -> None:
    assert fuse({}, {}, {}) == []
