"""Vectors as they are kept: sixteen bits a component, half of float32."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Sixteen = NDArray[np.int16]

# No component of a unit vector is beyond 1: one scale for all. A cosine moves by less than 1e-5.
_SIXTEEN_BITS: Final = np.float32(32_767)
# What rounding in float32 may make of a unit vector's component.
LARGEST: Final = 1.001


def rounded(vectors: NDArray[np.float32]) -> Sixteen:
    """Unit vectors as they are kept, shape as given."""
    found: Sixteen = np.rint(np.clip(vectors, -1, 1) * _SIXTEEN_BITS).astype(np.int16)
    return found


def restored(kept: Sixteen) -> NDArray[np.float32]:
    """What `rounded` was given, nearly."""
    found: NDArray[np.float32] = kept.astype(np.float32)
    found /= _SIXTEEN_BITS
    return found


def rounded_rows(
    vectors: Sequence[NDArray[np.float32]], entries: int, dimensions: int
) -> list[Sixteen]:
    """Vectors of so many entries, each of shape (1 + windows, dimensions), as they are kept.

    Raises:
        ValueError: there are others in number or shape, or a number is not of a unit vector.
    """
    if len(vectors) != entries:
        raise ValueError(f"Vectors for {len(vectors)} entries, not for {entries}")
    for own in vectors:
        if own.shape != (max(1, len(own)), dimensions) or not dimensions:
            raise ValueError(f"{own.shape} is not (1 + windows, {dimensions})")
    if not all((np.abs(own) <= LARGEST).all() for own in vectors):  # no NaN is
        raise ValueError("A vector has numbers that are not finite or not of a unit vector")
    return [rounded(own) for own in vectors]
