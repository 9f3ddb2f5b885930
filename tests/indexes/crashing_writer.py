"""Writes to an index until it is killed: `python -m tests.indexes.crashing_writer FOLDER SEED`.

Run by `test_embedded_crash`. Before and after each commit it says which one, so that the test
knows what must be there.
"""

import sys
from pathlib import Path
from random import Random

import numpy as np

from indexes.embedded import EmbeddedIndex
from indexes.types import Entry, Kind

DIMENSIONS = 8
SOURCES = 6


def open_index(folder: Path) -> EmbeddedIndex:
    return EmbeddedIndex(folder, dimensions=DIMENSIONS, fingerprint="crash")


def entries_of(source: int, seed: int) -> list[Entry]:
    """What a source holds after the change with this seed: some ids stay, languages vary."""
    random = Random(f"{source} {seed}")
    return [
        Entry(
            id=f"{source}-{number}",
            kind=Kind.PASSAGE,
            group=str(source),
            group_kind="resource",
            source=str(source),
            language=random.choice(("en", "fr")),
            title="",
            heading="",
            text=f"school {seed}",
            address=str(seed),
        )
        for number in random.sample(range(8), random.randrange(8))
    ]


def vectors_of(entries: list[Entry]) -> list[np.ndarray]:
    """Vectors that depend on the id alone: one, two or three an entry."""
    numbers = [int(entry.id[-1]) for entry in entries]
    axes = np.eye(DIMENSIONS, dtype=np.float32)
    return [np.roll(axes, -number, axis=0)[: 1 + number % 3] for number in numbers]


def change(index: EmbeddedIndex, source: int, seed: int) -> None:
    """One commit: a source replaced, its vectors added."""
    entries = entries_of(source, seed)
    with index.writer() as writer:
        writer.replace(str(source), entries)
        if entries:
            writer.add_vectors(entries, vectors_of(entries))


def rebuild(index: EmbeddedIndex, seeds: dict[int, int]) -> None:
    """All sources anew, as they are."""
    with index.rebuild() as writer:
        for source, seed in seeds.items():
            entries = entries_of(source, seed)
            writer.replace(str(source), entries)
            if entries:
                writer.add_vectors(entries, vectors_of(entries))


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201


def main(folder: Path, first_seed: int, known: dict[int, int]) -> None:
    index, seed = open_index(folder), first_seed
    say("ready")
    while True:
        source = seed % SOURCES
        say("begin", source, seed)
        change(index, source, seed)
        known[source] = seed
        say("done", source, seed)
        if seed % 5 == 0:
            rebuild(index, known)
        seed += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), eval(sys.argv[3]))
