"""The default backend, on one machine: words in tantivy, exact vectors in mapped files."""

from indexes.embedded.index import EmbeddedIndex

__all__ = ["EmbeddedIndex"]
