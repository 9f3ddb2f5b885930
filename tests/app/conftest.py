"""A library for each test, empty and its own."""

from pathlib import Path

import pytest

from app.config import Config, read_config
from app.library import Library
from app.migrations import upgrade


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return read_config({"PASSERELLE_DATA": str(tmp_path / "data")})


@pytest.fixture
def library(config: Config) -> Library:
    """An empty library with the real model, or by words only where the model is not built."""
    opened = Library(config)
    upgrade(opened)
    return opened


@pytest.fixture
def words_library(tmp_path: Path) -> Library:
    """An empty library without a model: quick to open, found by words only."""
    opened = Library(
        read_config(
            {
                "PASSERELLE_DATA": str(tmp_path / "words"),
                "PASSERELLE_MODEL": str(tmp_path / "no-model"),
            }
        )
    )
    upgrade(opened)
    return opened
