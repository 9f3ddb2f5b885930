"""What portal and worker hold in memory together: `python -m benchmarks.memory [PASSAGES] [DATA]`.

A library of so many passages, five windows each (as `benchmarks.search` makes it), is served as
`passerelle serve --with-worker` serves it, and asked a hundred questions over HTTP. What is told is
the proportional set size of all its processes, mapped files included. With DATA the library stays
there, and is not made again.
"""

import argparse
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from app.config import read_config
from app.library import Library
from app.migrations import upgrade
from benchmarks.portal import fetch, served
from benchmarks.search import build, read_queries

QUESTIONS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", nargs="?", type=int, default=300_000)
    parser.add_argument("data", nargs="?", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as folder:
        data = options.data or Path(folder)
        if not (data / "index").exists():
            library = Library(read_config({"PASSERELLE_DATA": str(data)}))
            upgrade(library)
            build(library, options.passages)
            library.index.close()
        with served(data, "--with-worker") as server:
            before = megabytes(server.pid)
            for text in read_queries(QUESTIONS):
                fetch(server.port, f"/en/search?{urlencode({'q': text})}")
            after = megabytes(server.pid)
    print(
        f"{options.passages:,} passages: {before:.0f} MB, after {QUESTIONS} queries {after:.0f} MB"
    )


def megabytes(pid: int) -> float:
    """Proportional set size of a process and all below it."""
    return sum(_own(one) for one in _tree(pid)) / 1e3


def _tree(pid: int) -> list[int]:
    found = [pid]
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, tasks.read_text().split()):
            found += _tree(child)
    return found


def _own(pid: int) -> int:
    """In kilobytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
