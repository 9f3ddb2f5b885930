"""A passage as several vectors: one of the whole text and one of each of its windows.

A question often asks for one sentence of a passage, whose vector speaks of all of them. Windows
are whole sentences of about `WINDOW_CHARACTERS`; the ranking takes the mean of the whole and of the
best window.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from indexes.base import Vectors
from indexes.embedding.base import Embedder

WINDOW_CHARACTERS: Final = 320
# A window may grow this much to take in a whole sentence; a last one below the share joins the
# one before.
_LONGEST: Final = 1.15
_SHORTEST: Final = 0.35

_SENTENCE_END = re.compile(r"(?<=[.!?…;:])\s+|\n+")


def windows(text: str) -> list[str]:
    """The windows of a text, in order; none for a text that is itself no longer than one."""
    found: list[str] = []
    for sentence in filter(None, map(str.strip, _SENTENCE_END.split(text))):
        if found and len(found[-1]) + 1 + len(sentence) <= WINDOW_CHARACTERS * _LONGEST:
            found[-1] = f"{found[-1]} {sentence}"
        else:
            found.append(sentence)
    if len(found) > 1 and len(found[-1]) < WINDOW_CHARACTERS * _SHORTEST:
        last = found.pop()
        found[-1] = f"{found[-1]} {last}"
    return found if len(found) > 1 else []


def embed_with_windows(embedder: Embedder, texts: Sequence[str]) -> list[Vectors]:
    """Vectors a text, shape (1 + windows, dimensions): of the whole first, then of each window."""
    parts = [[text, *windows(text)] for text in texts]
    vectors = embedder.embed_passages([part for own in parts for part in own])
    ends = list(accumulate(map(len, parts)))
    return np.split(vectors, ends[:-1]) if ends else []
