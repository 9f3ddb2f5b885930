"""An index for as long as a measurement lasts, in a folder of its own or on a cluster."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from indexes.base import SearchIndex
from indexes.elasticsearch.address import Address
from indexes.embedded.index import EmbeddedIndex
from indexes.embedding.base import Embedder

# Nobody waits at a screen for one of some thousand searches.
PATIENCE: Final = 60.0  # seconds


@contextmanager
def temporary_index(embedder: Embedder, cluster: Address | None) -> Iterator[SearchIndex]:
    """An empty index, gone when the context ends; without a cluster on this machine."""
    opened = _on_a_cluster(embedder, cluster) if cluster else _in_a_folder(embedder)
    with opened as index:
        yield index


@contextmanager
def _in_a_folder(embedder: Embedder) -> Iterator[SearchIndex]:
    with tempfile.TemporaryDirectory(prefix="passerelle-evaluation-") as folder:
        index = EmbeddedIndex(
            Path(folder), dimensions=embedder.dimensions, fingerprint=embedder.fingerprint
        )
        try:
            yield index
        finally:
            index.close()


@contextmanager
def _on_a_cluster(embedder: Embedder, cluster: Address) -> Iterator[SearchIndex]:
    """Beside the index that the address names, which stays as it is."""
    # Here, as the client takes a third of a second to import.
    from indexes.elasticsearch.index import ElasticsearchIndex

    index = ElasticsearchIndex(
        replace(cluster, name=f"{cluster.name}-evaluation-{uuid4().hex[:12]}"),
        dimensions=embedder.dimensions,
        fingerprint=embedder.fingerprint,
        patience=PATIENCE,
    )
    try:
        yield index
    finally:
        index.remove()
        index.close()
