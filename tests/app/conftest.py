"""A library for each test, empty and its own; and the demo library, for all tests that only ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Config, read_config
from app.demo.loading import load_demo
from app.library import Library
from app.migrations import upgrade
from app.worker import Worker

VECTORS = Path(__file__).resolve().parents[2] / ".cache" / "tests" / "demo-vectors.sqlite"


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


@pytest.fixture(scope="session")
def demo_library(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The demo library with the real model, to be asked and not to be changed.

    Its vectors stay in `.cache`: embedding them takes a minute, and texts seldom change.
    """
    folder = tmp_path_factory.mktemp("demo")
    opened = Library(read_config({"PASSERELLE_DATA": str(folder)}))
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    opened.config.vector_cache.symlink_to(VECTORS)
    upgrade(opened)
    for _receipt in load_demo(opened, lambda _name: None):
        pass
    worker = Worker(opened)
    worker.finish()
    worker.close()
    yield opened
    opened.index.close()
