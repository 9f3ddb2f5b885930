"""Which passages of two editions of one text say the same: vectors in, pairs out.

Both editions run in the same order, so that the best pairs are found by dynamic programming, as
sentences of parallel texts are (Gale and Church 1993, https://aclanthology.org/J93-1004) but by the
likeness of their vectors and not of their lengths (Vecalign, Thompson and Koehn 2019,
https://aclanthology.org/D19-1136). What a pair is shown as is left to the caller.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.base import Vectors

# How many passages of each edition one pair may hold: passages are cut by length, so that a longer
# language needs two where the other has one.
SHAPES: Final = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1))
# Passages less alike than this are left alone.
LEAST: Final = 0.15
# What a pair has to be better by for each passage beyond two.
UNEVEN: Final = 0.05
# An edition's mean vector is taken off its passages, as if this many more were zero: of a short
# edition the mean is mostly the passages themselves.
PRIOR: Final = 1.0
# Passages of the longer edition up to which all ways are tried, and how far from where the runs are
# a passage is sought in longer ones.
EXACT: Final = 1000
MARGIN: Final = 100
_ROWS: Final = 64  # that share a window
_MOST: Final = max(ours for ours, _ in SHAPES)
_LEFT_ALONE, _RIGHT_ALONE = len(SHAPES), len(SHAPES) + 1

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pair:
    """Passages `left[0]` to before `left[1]` of one edition say what those of `right` say.

    `cosine` is between the sums of their vectors, each edition's mean taken off.
    """

    left: tuple[int, int]
    right: tuple[int, int]
    cosine: float


def align(left: Vectors, right: Vectors) -> tuple[Pair, ...]:
    """The pairs of highest total likeness that run in the same order in both editions.

    `left` and `right` have shape (passages, dimensions), unit vectors in the order of the text. A
    passage is in one pair at most. Long editions are first aligned in runs of passages, then
    passage by passage near to where the runs are (as Vecalign does); a byte a cell of memory.
    """
    if not len(left) or not len(right):
        return ()
    return tuple(_aligned(_centred(left), _centred(right)))


def _aligned(left: Vectors, right: Vectors) -> list[Pair]:
    windows = [(0, len(right))] * (1 + (len(left) - 1) // _ROWS)
    size = -(-max(len(left), len(right)) // EXACT)
    if size > 1:
        windows = _windows(_aligned(_runs(left, size), _runs(right, size)), left, right, size)
    return _pairs(_steps(left, right, windows), left, right)


def _runs(vectors: Vectors, size: int) -> Vectors:
    """The mean of each run of `size` passages, the last one shorter."""
    return _unit(np.add.reduceat(vectors, np.arange(0, len(vectors), size)))


def _windows(
    coarse: Sequence[Pair], left: Vectors, right: Vectors, size: int
) -> list[tuple[int, int]]:
    """For each `_ROWS` passages on the left, from where to where on the right their like may be.

    Everything from the run that ends before them to the one that begins after them, and a margin.
    """
    found = []
    for start in range(0, len(left), _ROWS):
        end = start + _ROWS
        before = [pair.right[1] for pair in coarse if pair.left[1] * size <= start]
        after = [pair.right[0] for pair in coarse if pair.left[0] * size >= end]
        first = max(before, default=0) * size - MARGIN
        last = min(after) * size + MARGIN if after else len(right)
        found.append((max(0, first), min(last, len(right))))
    return found


def _centred(vectors: Vectors) -> Vectors:
    """Unit vectors of what a passage says beside what the whole edition is about."""
    mean = vectors.sum(axis=0) / (len(vectors) + PRIOR)
    return _unit(vectors - mean)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit


def _steps(left: Vectors, right: Vectors, windows: Sequence[tuple[int, int]]) -> NDArray[np.int8]:
    """The last step of the best way to each cell, shape (left + 1, right + 1).

    A cell (i, j) stands for the first i and j passages; outside the windows there is no way.
    Leaving a passage alone costs nothing; a pair brings its likeness above what it costs, for each
    passage in it.
    """
    steps = np.full((len(left) + 1, len(right) + 1), _LEFT_ALONE, np.int8)
    steps[0] = _RIGHT_ALONE
    best: deque[Values] = deque([np.zeros(len(right) + 1, np.float32)], maxlen=_MOST)
    for row, gains in enumerate(_gains(left, right, windows), 1):
        first, last = windows[(row - 1) // _ROWS]
        now = np.full(len(right) + 1, -np.inf, np.float32)
        now[first : last + 1] = best[-1][first : last + 1]
        for number, ((ours, theirs), gain) in enumerate(zip(SHAPES, gains, strict=True)):
            if gain is not None:
                reached = best[-ours][first : last + 1 - theirs] + gain
                there = slice(first + theirs, last + 1)
                np.copyto(steps[row, there], number, where=reached > now[there])
                np.maximum(now[there], reached, out=now[there])
        ahead = np.maximum.accumulate(now[first : last + 1])
        np.copyto(steps[row, first : last + 1], _RIGHT_ALONE, where=ahead > now[first : last + 1])
        now[first : last + 1] = ahead
        best.append(now)
    return steps


def _gains(
    left: Vectors, right: Vectors, windows: Sequence[tuple[int, int]]
) -> Iterator[list[Values | None]]:
    """For each passage on the left, what a pair of each shape that ends with it brings.

    Each array runs over where the pair begins on the right, in the passage's window; None where
    there is no room for it.
    """
    ours = {count: _inverse_lengths(left, count) for count, _ in SHAPES}
    theirs = {count: _inverse_lengths(right, count) for _, count in SHAPES}
    for at, (first, last) in enumerate(windows):
        start = at * _ROWS
        above = max(0, start - _MOST + 1)
        cosines = left[above : start + _ROWS] @ right[first:last].T
        for end in range(start + 1, min(start + _ROWS, len(left)) + 1):
            gains: list[Values | None] = []
            for mine, other in SHAPES:
                if mine > end or other > last - first:
                    gains.append(None)
                    continue
                total = _sum(cosines[end - mine - above : end - above])
                run = _sum([total[by : len(total) - other + 1 + by] for by in range(other)])
                scale = theirs[other][first : last - other + 1] * ours[mine][end - mine]
                gains.append((run * scale - _cost(mine, other)) * np.float32((mine + other) / 2))
            yield gains


def _cost(ours: int, theirs: int) -> np.float32:
    return np.float32(LEAST + UNEVEN * (ours + theirs - 2))


def _sum(arrays: Sequence[Values] | Values) -> Values:
    total: Values = arrays[0]
    for other in arrays[1:]:
        total = total + other
    return total


def _inverse_lengths(vectors: Vectors, count: int) -> Values:
    """One over the length of the sum of each run of `count` vectors."""
    ends = len(vectors) - count + 1
    if ends <= 0:
        return np.empty(0, np.float32)
    runs = sum(vectors[at : ends + at] for at in range(count))
    inverse: Values = 1.0 / np.maximum(np.linalg.norm(runs, axis=1), 1e-9)
    return inverse


def _pairs(steps: NDArray[np.int8], left: Vectors, right: Vectors) -> list[Pair]:
    """The pairs on the way that ends with both editions read."""
    found: list[Pair] = []
    row, column = len(left), len(right)
    while row and column:
        step = int(steps[row, column])
        if step == _LEFT_ALONE:
            row -= 1
        elif step == _RIGHT_ALONE:
            column -= 1
        else:
            ours, theirs = SHAPES[step]
            row, column = row - ours, column - theirs
            whole = left[row : row + ours].sum(0), right[column : column + theirs].sum(0)
            cosine = float(np.dot(*_unit(np.stack(whole))))
            found.append(Pair((row, row + ours), (column, column + theirs), cosine))
    return found[::-1]
