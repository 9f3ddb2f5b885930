"""An embedder whose vectors do not say which language a text is in."""

from collections.abc import Sequence

from indexes.base import Vectors
from indexes.embedding.base import Embedder
from indexes.embedding.language_directions import without_language


class LanguageNeutralEmbedder:
    """Takes the language directions out of another embedder's vectors, of queries and passages.

    It stands outside of a cache, which so keeps vectors that do not depend on the directions.
    `directions` are orthonormal, shape (directions, dimensions).
    """

    def __init__(self, engine: Embedder, directions: Vectors, directions_fingerprint: str) -> None:
        self._engine = engine
        self._directions = directions
        self._directions_fingerprint = directions_fingerprint

    @property
    def dimensions(self) -> int:
        return self._engine.dimensions

    @property
    def fingerprint(self) -> str:
        return f"{self._engine.fingerprint}+neutral-{self._directions_fingerprint}"

    def embed_query(self, text: str) -> Vectors:
        return without_language(self._engine.embed_query(text), self._directions)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return without_language(self._engine.embed_passages(texts), self._directions)

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def query_is_cut(self, text: str) -> bool:
        return self._engine.query_is_cut(text)
