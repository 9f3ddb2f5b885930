"""A reader's hold on the index: always the last commit, whichever process made it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

from indexes.embedded.durable import stamp
from indexes.embedded.generations import Generation, Generations
from indexes.embedded.vectors import MANIFEST, VectorView, open_view
from indexes.embedded.words import LanguageWords, WordsReader
from indexes.errors import IndexUnavailable

# How often to begin again when a writer swaps files while they are opened.
ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """A generation at its last commit. It stays readable for as long as it is held."""

    generation: Generation
    words: Mapping[str, LanguageWords]
    vectors: VectorView


@dataclass(slots=True)
class _Held:
    """What is kept open from one search to the next."""

    generation: Generation
    words: WordsReader
    vectors: VectorView
    vectors_stamp: tuple[int, int, int]
    dimensions: int


class Reader:
    """Opens what changed and nothing else. Several threads may use it."""

    def __init__(self, generations: Generations) -> None:
        self._generations = generations
        self._lock = Lock()
        self._held: _Held | None = None
        self._current_stamp = (0, 0, 0)

    @contextmanager
    def opened(self) -> Iterator[Opened | None]:
        """The last commit; none before the first generation. Costs six looks at files, no more,
        when nothing changed.

        Raises:
            IndexUnavailable: the files cannot be read.
        """
        with foreign_errors():
            yield self._open()

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._held = None

    def _open(self) -> Opened | None:
        with self._lock:
            for _ in range(ATTEMPTS - 1):
                try:
                    return self._refreshed()
                except FileNotFoundError:
                    self._held = None
            return self._refreshed()

    def _refreshed(self) -> Opened | None:
        now = stamp(self._generations.current_file)
        if self._held is None or now != self._current_stamp:
            self._held = self._hold()
            self._current_stamp = now
        if self._held is None:
            return None
        self._refresh_vectors(self._held)
        return Opened(self._held.generation, self._held.words.current(), self._held.vectors)

    def _hold(self) -> _Held | None:
        generation = self._generations.current()
        if generation is None:
            return None
        dimensions = int(generation.fingerprint.get("dimensions", 0))
        words = WordsReader(generation.words)
        return _Held(generation, words, VectorView(()), (0, 0, 0), dimensions)

    def _refresh_vectors(self, held: _Held) -> None:
        now = stamp(held.generation.vectors / MANIFEST)
        if now != held.vectors_stamp:
            folder = held.generation.vectors
            held.vectors = open_view(folder, held.dimensions, before=held.vectors)
            held.vectors_stamp = now


@contextmanager
def foreign_errors() -> Iterator[None]:
    """Wrap what the file system and tantivy raise (the latter ValueError for nearly everything)."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise IndexUnavailable(f"The index cannot be read or written: {error}") from error
