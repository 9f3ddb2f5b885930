"""The index on one machine: a folder, no service. Many processes search it, one writes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from indexes.base import Candidates, IndexWriter, Question, Vectors, check_count
from indexes.embedded.batch import batch
from indexes.embedded.candidates import Retrieval
from indexes.embedded.generations import Generation, Generations
from indexes.embedded.reader import Reader, foreign_errors
from indexes.embedded.words import WordsReader
from indexes.errors import NothingToRollBack
from indexes.fingerprints import WORDS, Fingerprint
from indexes.types import Entry, IndexStatus

# Of what lies in the files; a change asks for a rebuild.
SCHEMA_VERSION: Final = "6"


class EmbeddedIndex:
    """A `SearchIndex` in a folder, which need not exist yet. Several threads may search it at once.

    `dimensions` are those of the vectors; 0 means that there are none and only words are searched.
    `fingerprint` is the embedder's. An index built with another embedder still answers by words
    until it is rebuilt; `meaning`, `vectors_of` and `writer` then raise IndexMismatch.
    """

    def __init__(self, folder: Path, *, dimensions: int, fingerprint: str) -> None:
        self._generations = Generations(folder)
        self._dimensions = dimensions
        self._fingerprint = Fingerprint.of(SCHEMA_VERSION, fingerprint, dimensions)
        self._reader = Reader(self._generations)

    @contextmanager
    def writer(self) -> Iterator[IndexWriter]:
        """Open the only writer; see `SearchIndex.writer`."""
        with self._generations.writing():
            with foreign_errors():
                generation = self._generations.current()
                if generation is None:
                    generation = self._generations.create(self._fingerprint.parts)
                    self._generations.publish(generation)
                self._fingerprint.check(generation.fingerprint)
                self._generations.sweep()
            with batch(generation, self._dimensions) as writer:
                yield writer

    @contextmanager
    def rebuild(self, expected: Callable[[], int] | None = None) -> Iterator[IndexWriter]:
        """Build a new generation aside; see `SearchIndex.rebuild`."""
        with self._generations.writing():
            with foreign_errors():
                self._generations.sweep()
                generation = self._generations.create(self._fingerprint.parts)
            try:
                with batch(generation, self._dimensions) as writer:
                    yield writer
                check_count(_count(generation), expected)
                self._generations.publish(generation)
            finally:
                del generation  # lets go of it, so that one not published can be removed
                self._generations.sweep()

    def roll_back(self) -> None:
        """Never possible: on one machine earlier generations would fill the disk."""
        raise NothingToRollBack("An index on one machine keeps no earlier generation: rebuild it")

    def candidates(self, question: Question) -> Candidates:
        """The best by words and by meaning; see `SearchIndex.candidates`.

        Raises:
            IndexMismatch: the index was built with another schema or analysis.
        """
        with self._reader.opened() as opened:
            if opened is None:
                return Candidates(about=lambda _keys: (), familiar=False)
            self._fingerprint.check(opened.generation.fingerprint, WORDS)
            compares = not self._fingerprint.differing(opened.generation.fingerprint)
            return Retrieval(opened, question, compares=compares).candidates()

    def vectors_of(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors of those entries that have some; see `SearchIndex.vectors_of`.

        Raises:
            IndexMismatch: the index was built with another embedder.
        """
        with self._reader.opened() as opened:
            if opened is None:
                return {}
            self._fingerprint.check(opened.generation.fingerprint)
            return opened.vectors.vectors_of(ids)

    def with_vectors(self, ids: Sequence[str]) -> set[str]:
        """Those of the entries that have vectors.

        Raises:
            IndexMismatch: the index was built with another embedder.
        """
        with self._reader.opened() as opened:
            if opened is None:
                return set()
            self._fingerprint.check(opened.generation.fingerprint)
            return opened.vectors.holds(ids)

    def entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
        """Those of the entries that the index holds."""
        with self._reader.opened() as opened:
            languages = opened.words.values() if opened else ()
            return {found.id: found.entry() for own in languages for found in own.find(ids)}

    def holding(self, words: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """How many entries of each search language hold each word; see `SearchIndex.holding`."""
        with self._reader.opened() as opened:
            languages = opened.words if opened else {}
            return {code: language.holding(words) for code, language in languages.items()}

    def spellings(self, code: str, limit: int) -> Sequence[tuple[str, int]]:
        """The most frequent words of a search language; see `SearchIndex.spellings`."""
        with self._reader.opened() as opened:
            language = opened.words.get(code) if opened else None
            return language.spellings(limit) if language else ()

    def all_ids(self) -> Iterator[str]:
        """Ids of all entries, in no order."""
        with self._reader.opened() as opened:
            for language in opened.words.values() if opened else ():
                yield from language.all_ids()

    def is_empty(self) -> bool:
        """Whether it holds no entry at all."""
        with self._reader.opened() as opened:
            return opened is None or not any(own.count for own in opened.words.values())

    def status(self) -> IndexStatus:
        """What the index holds; before the first generation, nothing."""
        with self._reader.opened() as opened:
            if opened is None:
                return IndexStatus("embedded", "", {}, 0, 0, 0)
            return IndexStatus(
                backend="embedded",
                generation=opened.generation.name,
                fingerprint=opened.generation.fingerprint,
                entries=sum(language.count for language in opened.words.values()),
                vectors=opened.vectors.count,
                size=opened.generation.size(),
                outdated=self._fingerprint.differing(opened.generation.fingerprint),
            )

    def close(self) -> None:
        """Let go of the generation; a later search opens it again."""
        self._reader.close()


def _count(generation: Generation) -> int:
    return sum(language.count for language in WordsReader(generation.words).current().values())
