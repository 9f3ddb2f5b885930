"""An embedder that remembers the last query: evaluation asks each of them in several pools."""

from collections.abc import Sequence

from indexes.base import Vectors
from indexes.embedding.base import Embedder


class RepeatedQueryEmbedder:
    """Passes everything on but a query that was asked just before. For one thread."""

    def __init__(self, engine: Embedder) -> None:
        self._engine = engine
        self._last: tuple[str, Vectors] | None = None

    @property
    def dimensions(self) -> int:
        return self._engine.dimensions

    @property
    def fingerprint(self) -> str:
        return self._engine.fingerprint

    def embed_query(self, text: str) -> Vectors:
        if self._last is None or self._last[0] != text:
            self._last = (text, self._engine.embed_query(text))
        return self._last[1]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._engine.embed_passages(texts)

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def query_is_cut(self, text: str) -> bool:
        return self._engine.query_is_cut(text)
