"""kill -9 at any moment: the index opens, and repeating what was begun makes it right."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

import numpy as np
import pytest

from indexes.base import Vectors
from indexes.types import Entry, Scope
from tests.indexes.crashing_writer import (
    SOURCES,
    change,
    entries_of,
    open_index,
    vectors_of,
)
from tests.indexes.material import CLOSE, meaning

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20


def killed_run(folder: Path, seed: int, known: dict[int, int], after: float) -> list[list[str]]:
    """Let a writer begin at `seed` and kill it so many seconds after it is ready; what it said."""
    command = [sys.executable, "-m", "tests.indexes.crashing_writer", folder, seed, known]
    writer = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    time.sleep(after)
    writer.kill()
    said, _ = writer.communicate()
    return [line.split() for line in said.splitlines() if line.count(" ") == 2]


def check(folder: Path, known: dict[int, int], begun: tuple[int, int] | None) -> None:
    """All sources whole as last committed; the one begun in either state, or between languages."""
    index = open_index(folder)
    ids = list(index.all_ids())
    for source, seed in known.items():
        if begun and begun[0] == source:
            continue
        expected = {entry.id: entry for entry in entries_of(source, seed)}
        of_source = [i for i in ids if i.startswith(f"{source}-")]
        assert sorted(of_source) == sorted(expected)
        assert index.entries(of_source) == expected
        vectors = index.vectors_of(of_source)
        assert vectors.keys() == expected.keys()
        check_vectors(vectors, list(expected.values()))
    near = meaning(index, np.ones(8, np.float32), Scope(), 99)
    found = [candidate.id for own in near.values() for candidate in own]
    assert len(found) == len(set(found))
    assert set(found) <= set(ids)
    index.close()


def check_vectors(found: Mapping[str, Vectors], entries: list[Entry]) -> None:
    """Each entry's own, windows included."""
    for entry, vectors in zip(entries, vectors_of(entries), strict=True):
        np.testing.assert_allclose(found[entry.id], vectors, atol=CLOSE)


def outcome(said: list[list[str]], known: dict[int, int]) -> tuple[int, int] | None:
    """Note in `known` what was committed; which change had begun and was not told to be done."""
    begun = None
    for what, source, seed in said:
        begun = (int(source), int(seed)) if what == "begin" else None
        if what == "done":
            known[int(source)] = int(seed)
    return begun


@pytest.mark.timeout(120)
def test_killed_while_writing(tmp_path: Path) -> None:
    random, folder = Random(7), tmp_path / "index"
    known: dict[int, int] = {}
    during = 0
    for _ in range(KILLS):
        next_seed = max(known.values(), default=0) + 1
        begun = outcome(killed_run(folder, next_seed, known, random.uniform(0, 0.4)), known)
        check(folder, known, begun)
        if begun:
            during += 1
            index = open_index(folder)
            change(index, *begun)
            known[begun[0]] = begun[1]
            index.close()
            check(folder, known, None)
    assert during > KILLS / 4, "too few were killed in the middle of a commit"
    assert len(known) == SOURCES
    expected = [entry for source, seed in known.items() for entry in entries_of(source, seed)]
    index = open_index(folder)
    assert sorted(index.all_ids()) == sorted(entry.id for entry in expected)
    assert index.status().vectors == len(expected)
    check_vectors(index.vectors_of([entry.id for entry in expected]), expected)
    index.close()
    with index.writer():  # what a killed rebuild left goes when the next writer comes
        pass
    assert len([path for path in folder.iterdir() if path.name.isdigit()]) == 1
