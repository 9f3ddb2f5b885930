"""Pairs of passages out of vectors alone: made texts whose pairs are known."""

from itertools import pairwise
from time import process_time

import numpy as np
import pytest

from indexes.alignment import Pair, align
from indexes.base import Vectors

DIMENSIONS = 384


def unit(vectors: Vectors) -> Vectors:
    made: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return made


def text(count: int, seed: int = 1) -> Vectors:
    """Passages of one subject: a common part, and each its own."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=DIMENSIONS)
    return unit(2 * unit(common[None]) + unit(rng.normal(size=(count, DIMENSIONS))))


def translated(vectors: Vectors, noise: float = 0.3, seed: int = 2) -> Vectors:
    rng = np.random.default_rng(seed)
    return unit(vectors + noise * unit(rng.normal(size=vectors.shape)))


def shapes(pairs: tuple[Pair, ...]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return [(pair.left, pair.right) for pair in pairs]


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_passage_by_passage(count: int) -> None:
    left = text(count)
    pairs = align(left, translated(left))
    assert shapes(pairs) == [((at, at + 1), (at, at + 1)) for at in range(count)]
    assert all(0.5 < pair.cosine <= 1.0001 for pair in pairs)


@pytest.mark.parametrize("parts", [2, 3])
def test_one_passage_may_be_several_there(parts: int) -> None:
    left = text(12)
    rng = np.random.default_rng(3)
    own = 0.8 * unit(rng.normal(size=(parts, DIMENSIONS)))
    split = unit(left[5] + own - own.mean(axis=0))
    right = np.concatenate([translated(left[:5]), split, translated(left[6:], seed=4)])
    assert ((5, 6), (5, 5 + parts)) in shapes(align(left, right))
    assert ((5, 5 + parts), (5, 6)) in shapes(align(right, left))


def test_what_only_one_edition_has_is_left_alone() -> None:
    passages = text(23)
    left, added = passages[:20], passages[20:]
    right = np.concatenate([translated(left[:6]), added, translated(left[9:], seed=5)])
    there = {pair.left: pair.right for pair in align(left, right)}
    for at in (*range(5), *range(10, 20)):
        assert there[at, at + 1] == (at, at + 1)
    assert not {(at, at + 1) for at in (6, 7, 8)} & set(there)


def test_a_text_without_passages_has_no_pairs() -> None:
    none = np.empty((0, DIMENSIONS), np.float32)
    assert align(none, text(3)) == align(text(3), none) == align(none, none) == ()


def test_pairs_keep_the_order_and_share_no_passage() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        left, right = (text(int(rng.integers(1, 40)), seed + n) for n in (100, 200))
        pairs = align(left, right)
        for before, after in pairwise(pairs):
            assert before.left[1] <= after.left[0]
            assert before.right[1] <= after.right[0]


def test_two_long_books_are_aligned_while_one_waits() -> None:
    left = text(3000)
    # A part was not translated.
    right = translated(np.delete(left, slice(700, 1100), axis=0))
    began = process_time()
    pairs = align(left, right)
    assert process_time() - began < 10  # five times the goal, however busy the machine
    there = {pair.left[0]: pair.right[0] for pair in pairs}
    expected = {at: at - 400 * (at >= 1100) for at in (*range(700), *range(1100, 3000))}
    assert sum(there.get(at) == place for at, place in expected.items()) > 2550
