"""Vectors as integers of eight bits, to find those worth comparing exactly.

Scanning is bound by memory and by the multiplication: a byte a dimension is a quarter of float32
and takes a third of the time. Its rounding moves a cosine by about .0003, so that of the hundred
best one or two would be others; whoever scans compares some more than asked for exactly.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import simsimd
from numpy.typing import NDArray

from indexes.base import Vectors
from indexes.cores import usable_cores

_EIGHT_BITS: Final = np.float32(127)
# Bytes without sign and a zero in their middle: the library multiplies them faster than signed
# ones, 3.2 ms against 4.2 for 100,000 rows.
_ZERO: Final = 128


@dataclass(frozen=True, slots=True)
class Codes:
    """Rows in eight bits: component = (code - 128) * scale.

    `codes` has shape (rows, dimensions); `scales` and `sums` (of a row's codes) have (rows,).
    """

    codes: NDArray[np.uint8]
    scales: Vectors
    sums: NDArray[np.int32]

    def of(self, rows: NDArray[np.intp]) -> "Codes":
        """Some of the rows."""
        return Codes(self.codes[rows], self.scales[rows], self.sums[rows])

    def estimates(self, query: "Codes") -> Vectors:
        """Dot products with the one row of `query`, shape (rows,)."""
        # sum((a - z) * (b - z)) = sum(a * b) - z * sum(a) - z * sum(b) + dimensions * z * z
        offset = _ZERO * int(query.sums[0]) - self.codes.shape[1] * _ZERO * _ZERO
        products = _products(self.codes, query.codes) - _ZERO * self.sums - np.int32(offset)
        found: Vectors = products.astype(np.float32) * (self.scales * query.scales[0])
        return found


def encoded(vectors: Vectors) -> Codes:
    """Vectors in eight bits, a scale a row; shape (rows, dimensions)."""
    largest = np.abs(vectors).max(axis=1, initial=0)
    scales = np.where(largest > 0, largest, 1).astype(np.float32) / _EIGHT_BITS
    codes = (np.rint(vectors / scales[:, None]) + _ZERO).astype(np.uint8)
    return Codes(codes, scales, codes.sum(axis=1, dtype=np.int32))


def _products(codes: NDArray[np.uint8], query: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Dot products of rows with one row, on all cores: nothing else goes on in a search then."""
    # its own annotations leave out whole numbers
    found: Any = simsimd.cdist(
        codes,
        query,
        metric="dot",
        dtype="uint8",
        out_dtype="int32",  # type: ignore[arg-type]
        threads=usable_cores(),
    )
    return np.asarray(found, np.int32)[:, 0]
