"""A passage as several vectors: one of the whole text and one of each of its windows.

A question often asks for one sentence of a passage, whose vector speaks of all of them; the ranking
takes the mean of the whole and of the best window. Windows are single sentences: they give nDCG@10
.930 over the columns of docs/evaluation.md where 320 characters of whole sentences give .926 and no
windows .911. Means of the tokens of a sentence in its passage ("late chunking", arXiv:2409.04701),
which would cost no embedding of their own, give .923.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from indexes.base import Vectors
from indexes.embedding.base import Embedder

SHORTEST: Final = 25  # characters: below, a heading or a number, which every question is near to

_SENTENCE_END = re.compile(r"(?<=[.!?…;:])\s+|\n+")


def windows(text: str) -> list[str]:
    """The windows of a text, in order; none for a text of one sentence."""
    sentences = (part.strip() for part in _SENTENCE_END.split(text))
    found = [sentence for sentence in sentences if len(sentence) >= SHORTEST]
    return [] if found == [text.strip()] else found


def embed_with_windows(
    embedder: Embedder, texts: Sequence[str], titles: Sequence[str] = ()
) -> list[Vectors]:
    """Vectors a text, shape (1 + windows, dimensions): of the whole first, then of each window.

    The whole is embedded below its title, if there are `titles`; windows speak for themselves.
    """
    above = titles or [""] * len(texts)
    parts = [
        [f"{title}\n{text}" if title else text, *windows(text)]
        for text, title in zip(texts, above, strict=True)
    ]
    vectors = embedder.embed_passages([part for own in parts for part in own])
    ends = list(accumulate(map(len, parts)))
    return np.split(vectors, ends[:-1]) if ends else []
