"""The real model through its engine, raw and with language taken out."""

from pathlib import Path

import pytest

from indexes.embedding.base import Embedder
from indexes.embedding.loading import load_embedder
from indexes.embedding.onnx_engine import OnnxEmbedder


@pytest.fixture(scope="session")
def engine(model_folder: Path) -> OnnxEmbedder:
    return OnnxEmbedder(model_folder)


@pytest.fixture(scope="session")
def neutral(model_folder: Path) -> Embedder:
    return load_embedder(model_folder)
