"""An entry as several vectors: one of the whole text and one of each of its windows.

A question often asks for one sentence of a passage, whose vector speaks of all of them; the
ranking takes the mean of the whole and of the best window. Windows are single sentences: over the
columns of docs/evaluation.md they give nDCG@10 .930 where 320 characters of whole sentences give
.926 and no windows .911. Means of a sentence's tokens in its passage ("late chunking",
arXiv:2409.04701), which would cost no embedding of their own, give .923.

The whole is embedded below its title and headings, which say what a passage takes for granted; to
the windows they are added as a vector, which costs one embedding a heading and serves as well as
embedding them with each sentence. On the demo's questions that only another language answers:
nDCG@10 .43 without, .53 with titles above the whole text only, .68 with both. Where a title says
little (encyclopedia articles) it costs .002; added at full weight, .005.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from indexes.base import Vectors
from indexes.embedding.base import Embedder
from indexes.types import Entry

LONGEST_TITLE: Final = 160  # characters, or a title would leave no room for the text
SHORTEST: Final = 25  # characters: below, a heading or a number, which every question is near to
TITLE_SHARE: Final = np.float32(0.5)

_SENTENCE_END = re.compile(r"(?<=[.!?…;:])\s+|\n+")


def windows(text: str) -> list[str]:
    """The windows of a text, in order; none for a text of one sentence."""
    sentences = (part.strip() for part in _SENTENCE_END.split(text))
    found = [sentence for sentence in sentences if len(sentence) >= SHORTEST]
    return [] if found == [text.strip()] else found


def embed_entries(embedder: Embedder, entries: Sequence[Entry]) -> list[Vectors]:
    """Unit vectors an entry, shape (1 + windows, dimensions): of the whole, then of each window."""
    texts = list(dict.fromkeys(text for entry in entries for text in _texts(entry)))
    vectors = dict(zip(texts, embedder.embed_passages(texts), strict=True))
    return [_rows(entry, vectors) for entry in entries]


def _texts(entry: Entry) -> Iterator[str]:
    yield whole_text(entry)
    parts = windows(entry.text)
    yield from parts
    if parts and (above := _above(entry)):
        yield above


def _rows(entry: Entry, vectors: Mapping[str, Vectors]) -> Vectors:
    whole = vectors[whole_text(entry)][None]
    parts = windows(entry.text)
    if not parts:
        return whole
    own = np.stack([vectors[part] for part in parts])
    if above := _above(entry):
        own = own + TITLE_SHARE * vectors[above]
        own /= np.linalg.norm(own, axis=1, keepdims=True)
    return np.concatenate([whole, own])


def whole_text(entry: Entry) -> str:
    """What the first vector of an entry speaks for."""
    return "\n".join(filter(None, (_above(entry), entry.text)))


def _above(entry: Entry) -> str:
    parts = (part[:LONGEST_TITLE] for part in (entry.title, entry.heading))
    return "\n".join(filter(None, parts))
