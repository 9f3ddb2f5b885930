"""All vectors of an entry in one column: the whole text's in sixteen bits, its windows' in eight.

A question reads those of some 400 candidates, and what it reads is what it waits for. Windows only
tell how near a text's best sentence is: in eight bits, with a scale each, a cosine moves by .0003.
"""

import base64
from typing import Final

import numpy as np

from indexes.base import Vectors
from indexes.sixteen_bits import Sixteen, restored

_WHOLE: Final = np.dtype("<i2")
_LARGEST: Final = np.float32(127)


def packed(kept: Sixteen) -> str:
    """An entry's vectors, shape (1 + windows, dimensions)."""
    windows = restored(kept[1:])
    largest = np.abs(windows).max(axis=1, initial=0)
    rows = np.empty(len(windows), _window(kept.shape[1]))
    rows["scale"] = np.where(largest > 0, largest, 1) / _LARGEST
    rows["codes"] = np.rint(windows / rows["scale"][:, None])
    return base64.b64encode(kept[0].astype(_WHOLE).tobytes() + rows.tobytes()).decode()


def unpacked(stored: str, dimensions: int) -> Vectors:
    """What `packed` was given, nearly."""
    data = base64.b64decode(stored)
    whole = np.frombuffer(data, _WHOLE, dimensions)
    rows = np.frombuffer(data, _window(dimensions), offset=whole.nbytes)
    found = np.empty((1 + len(rows), dimensions), np.float32)
    found[0] = restored(whole)
    np.multiply(rows["codes"], rows["scale"][:, None], out=found[1:])
    return found


def _window(dimensions: int) -> np.dtype[np.void]:
    return np.dtype([("scale", "<f4"), ("codes", "i1", (dimensions,))])
