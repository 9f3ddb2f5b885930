"""The demo library with the real model, for tests of any package."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import read_config
from app.demo.loading import load_demo
from app.library import Library
from app.worker import Worker

# Embedding them takes a minute, and texts seldom change.
VECTORS = Path(__file__).resolve().parents[2] / ".cache" / "tests" / "demo-vectors.sqlite"


@contextmanager
def demo_in(folder: Path, database: str) -> Iterator[Library]:
    """The demo in a folder and in a database, which has its tables."""
    opened = Library(
        read_config({"PASSERELLE_DATA": str(folder), "PASSERELLE_DATABASE_URL": database})
    )
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    opened.config.vector_cache.symlink_to(VECTORS)
    for _receipt in load_demo(opened, lambda _name: None):
        pass
    worker = Worker(opened)
    worker.finish()
    worker.close()
    yield opened
    opened.index.close()
    opened.engine.dispose()
