"""The embedder that the product uses, put together from its parts."""

from pathlib import Path

import numpy as np

from indexes.embedding.base import Embedder
from indexes.embedding.language_neutral import LanguageNeutralEmbedder
from indexes.embedding.model_folder import DIRECTIONS
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.embedding.vector_cache import CachedEmbedder, VectorCache
from indexes.errors import ModelMissing


def load_embedder(folder: Path, cache: VectorCache | None = None) -> Embedder:
    """The ONNX engine in `folder`, its passages' vectors kept in `cache`, language taken out.

    Libraries and weights are loaded with the first text.

    Raises:
        ModelMissing: the folder is missing or not whole.
    """
    engine = OnnxEmbedder(folder)
    try:
        directions = np.load(folder / DIRECTIONS, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{folder / DIRECTIONS} cannot be read: {error}") from error
    kept: Embedder = CachedEmbedder(engine, cache) if cache is not None else engine
    return LanguageNeutralEmbedder(kept, directions, engine.manifest.directions_fingerprint)
