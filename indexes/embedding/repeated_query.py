"""An embedder that remembers queries: evaluation asks each in several pools, or several sets."""

from collections.abc import Sequence

from indexes.base import Vectors
from indexes.embedding.base import Embedder


class RepeatedQueryEmbedder:
    """Passes everything on but queries asked before; 10,000 of them take 15 MB.

    Threads may share it: at worst two of them embed the same query at the same time.
    """

    def __init__(self, engine: Embedder) -> None:
        self._engine = engine
        self._known: dict[str, Vectors] = {}

    @property
    def dimensions(self) -> int:
        return self._engine.dimensions

    @property
    def fingerprint(self) -> str:
        return self._engine.fingerprint

    def embed_query(self, text: str) -> Vectors:
        if text not in self._known:
            self._known[text] = self._engine.embed_query(text)
        return self._known[text]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._engine.embed_passages(texts)

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def query_is_cut(self, text: str) -> bool:
        return self._engine.query_is_cut(text)
