"""The directions in which a text's language stands in its vector, and vectors without them.

multilingual-e5-small puts texts of one language near each other, so that passages in the query's
own language push better ones in other languages down. The means of parallel texts differ in nothing
but language: what spans their differences is taken out of every vector. Fixed for a model: computed
from the sentences beside this file when it is built, or when one that is not built is opened.

Three languages give two directions for texts embedded as passages and two others for queries; all
four together (nDCG@10 on the development sets, all passages but the own language's: .578 → .858)
serve better than those of passages (.797) or of queries (.854). Where only the own language has an
answer they cost .01.
After Xie et al., "Discovering Low-rank Subspaces for Language-agnostic Multilingual
Representations" (EMNLP 2022, arXiv:2401.05792).
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from indexes.base import Vectors
from indexes.embedding.base import Embedder
from indexes.embedding.vector_cache import CachedEmbedder, VectorCache

SENTENCES = "parallel_sentences.tsv"
LANGUAGES = ("en", "fr", "es")
METHOD = "means-of-queries-and-passages-1"  # changes with what `language_directions` does


def parallel_sentences() -> Mapping[str, Sequence[str]]:
    """Sentences a language; those at the same place say the same."""
    with files(__package__).joinpath(SENTENCES).open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {language: [row[language] for row in rows] for language in LANGUAGES}


def directions_fingerprint(engine_fingerprint: str) -> str:
    """Names the directions by what they are computed from.

    Not by their bytes, which differ in the last bits between processors: an index may move.
    """
    content = files(__package__).joinpath(SENTENCES).read_bytes()
    text = f"{METHOD} {engine_fingerprint} ".encode() + content
    return hashlib.sha256(text).hexdigest()[:12]


class _QueriesAsPassages:
    """An engine that embeds each passage as a query, under a name of its own."""

    def __init__(self, engine: Embedder) -> None:
        self._engine = engine
        self.dimensions = engine.dimensions
        self.fingerprint = f"{engine.fingerprint} queries"
        self.embed_query = engine.embed_query
        self.count_tokens = engine.count_tokens
        self.query_is_cut = engine.query_is_cut

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._engine.embed_query(text) for text in texts])


def directions_of(engine: Embedder, cache: VectorCache | None = None) -> Vectors:
    """The directions of an engine, shape (4, dimensions); the sentences' vectors stay in `cache`.

    They are 360 vectors: some seconds without a cache that knows them.
    """
    ways: list[Embedder] = [_QueriesAsPassages(engine), engine]
    if cache is not None:
        ways = [CachedEmbedder(way, cache) for way in ways]
    sentences = parallel_sentences()
    return language_directions(
        [{code: way.embed_passages(texts) for code, texts in sentences.items()} for way in ways]
    )


def language_directions(kinds: Sequence[Mapping[str, Vectors]]) -> Vectors:
    """Orthonormal directions from parallel texts' vectors, shape (n, dimensions).

    `kinds` holds, for each way in which the model embeds a text (as query, as passage), the vectors
    by language. The directions are the right singular vectors of each kind's means minus the mean
    of these; a kind's rows sum to zero, so n is kinds x (languages - 1).
    """
    rows = [_differences(vectors) for vectors in kinds]
    _, _, directions = np.linalg.svd(np.concatenate(rows), full_matrices=False)
    return directions[: sum(len(kind) - 1 for kind in rows)].astype(np.float32)


def _differences(vectors: Mapping[str, Vectors]) -> NDArray[np.float64]:
    means = np.stack([language.mean(axis=0) for language in vectors.values()]).astype(np.float64)
    differences: NDArray[np.float64] = means - means.mean(axis=0)
    return differences


def without_language(vectors: Vectors, directions: Vectors) -> Vectors:
    """Unit vectors without what lies in `directions`; shape (dimensions,) or (n, dimensions)."""
    rest = vectors - (vectors @ directions.T) @ directions
    unit: Vectors = rest / np.linalg.norm(rest, axis=-1, keepdims=True)
    return unit
