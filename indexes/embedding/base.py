"""The protocol that every embedding engine fulfils."""

from collections.abc import Sequence
from typing import Protocol

from indexes.base import Vectors


class Embedder(Protocol):
    """Turns texts into unit vectors of `dimensions` floats."""

    @property
    def dimensions(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """Names model, weights, pooling, prefixes, processing: another one, other vectors."""

    def embed_query(self, text: str) -> Vectors:
        """One vector, shape (dimensions,). Only the first 64 tokens count."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One vector a text, shape (len(texts), dimensions)."""

    def count_tokens(self, text: str) -> int:
        """How many tokens the text is for this model, without prefix and special tokens."""

    def query_is_cut(self, text: str) -> bool:
        """Whether the query has more tokens than `embed_query` looks at."""
