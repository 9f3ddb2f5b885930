"""The embedder that the product uses, put together from its parts."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from indexes.base import Vectors
from indexes.embedding.base import Embedder
from indexes.embedding.language_directions import directions_fingerprint, directions_of
from indexes.embedding.language_neutral import LanguageNeutralEmbedder
from indexes.embedding.model_choice import Engine, ModelChoice, read_choice
from indexes.embedding.model_folder import DIRECTIONS, verify
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.embedding.sentence_transformers_engine import SentenceTransformersEmbedder
from indexes.embedding.vector_cache import CachedEmbedder, VectorCache
from indexes.errors import ModelMissing


def load_embedder(choice: ModelChoice | Path, cache: VectorCache | None = None) -> Embedder:
    """The engine chosen, its passages' vectors kept in `cache`, language taken out.

    A path is the folder of an ONNX model. That engine loads its libraries and weights with the
    first text, after its files were compared with their SHA-256; the other one loads at once.

    Raises:
        ModelMissing: the model is missing or damaged, or none was chosen.
    """
    if isinstance(choice, Path):
        choice = read_choice(choice)
    if choice.engine is Engine.ONNX:
        return _onnx(Path(choice.model), cache)
    if choice.engine is Engine.SENTENCE_TRANSFORMERS:
        return _sentence_transformers(choice, cache)
    raise ModelMissing("No embedding model was chosen: search is by words only.")


def _onnx(folder: Path, cache: VectorCache | None) -> Embedder:
    engine = OnnxEmbedder(folder)
    _verify_once(folder, tuple(_stamp(folder / name) for name in engine.manifest.files))
    try:
        directions = np.load(folder / DIRECTIONS, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{folder / DIRECTIONS} cannot be read: {error}") from error
    if directions.ndim != 2 or directions.shape[1] != engine.dimensions:
        raise ModelMissing(f"{folder / DIRECTIONS} is not of {engine.dimensions} dimensions.")
    return _neutral(engine, cache, directions, engine.manifest.directions_fingerprint)


def _sentence_transformers(choice: ModelChoice, cache: VectorCache | None) -> Embedder:
    engine = SentenceTransformersEmbedder(choice.model, choice.overrules)
    directions = directions_of(engine, cache)
    return _neutral(engine, cache, directions, directions_fingerprint(engine.fingerprint))


def _neutral(
    engine: Embedder, cache: VectorCache | None, directions: Vectors, fingerprint: str
) -> Embedder:
    kept: Embedder = CachedEmbedder(engine, cache) if cache is not None else engine
    return LanguageNeutralEmbedder(kept, directions, fingerprint)


@lru_cache(maxsize=4)
def _verify_once(folder: Path, _stamps: tuple[tuple[int, int], ...]) -> None:
    """Compare every byte, 0.1 s; a process that opens several libraries does so once."""
    verify(folder)


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
