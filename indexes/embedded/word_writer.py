"""Changes to the words of a generation."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from indexes.analysis import ROWS, search_language
from indexes.attributes import Attributes
from indexes.embedded.documents import Found, document, open_index
from indexes.embedded.words import LanguageWords
from indexes.types import Entry

# tantivy's memory before it writes a part to the disk, a language; below 15 MB it refuses.
HEAP_BYTES: Final = 30_000_000


class _LanguageWriter:
    """One language's index while it is written to; tantivy's writer is opened when needed."""

    def __init__(self, folder: Path, code: str) -> None:
        self._index: Any = open_index(folder, code)
        self._writer: Any = None
        self._sources: set[str] = set()  # of what was added
        self.before = LanguageWords(code, self._index.searcher())

    def writer(self) -> Any:
        if self._writer is None:
            self._writer = self._index.writer(HEAP_BYTES, 1)
            # A writer killed in its commit leaves files whose names the next one would give again,
            # which tantivy refuses (FileAlreadyExists).
            self._writer.garbage_collect_files()
        return self._writer

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    def add(self, entry: Entry, attributes: Attributes) -> None:
        self._sources.add(entry.source)
        self.writer().add_document(document(entry, attributes))

    def holds_source(self, source: str) -> bool:
        """Whether there is anything to delete, which costs tantivy a look-up in every part."""
        return source in self._sources or self.before.holds_source(source)

    def delete(self, field: str, value: str) -> None:
        self.writer().delete_documents_by_term(field, value)

    def commit(self) -> None:
        if self.is_open:
            self._writer.commit()

    def rollback(self) -> None:
        if self.is_open:
            self._writer.rollback()

    def close(self) -> None:
        """Wait for merges that the commit began, so that none is left when the lock is given up."""
        if self.is_open:
            self._writer.wait_merging_threads()
            self._writer = None


class WordWriter:
    """Writes to the words of one generation. Only while writing."""

    def __init__(self, folder: Path) -> None:
        self._languages = {row.code: _LanguageWriter(folder, row.code) for row in ROWS}

    def committed(self, ids: Sequence[str]) -> Iterator[Found]:
        """The entries with these ids as they were before this writer."""
        for language in self._languages.values():
            yield from language.before.find(ids)

    def remove_source(self, source: str) -> None:
        """Remove all entries of a source."""
        for language in self._languages.values():
            if language.holds_source(source):
                language.delete("source", source)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove entries by id."""
        for entry_id in ids:
            for language in self._languages.values():
                language.delete("id", entry_id)

    def add(self, entries: Iterable[tuple[Entry, Attributes]]) -> None:
        """Add entries with their attributes; the caller has removed those with the same ids."""
        for entry, attributes in entries:
            self._languages[search_language(entry.language)].add(entry, attributes)

    def commit(self) -> None:
        """Make all changes last, language after language."""
        for language in self._languages.values():
            language.commit()

    def rollback(self) -> None:
        """Forget all changes since the last commit."""
        for language in self._languages.values():
            language.rollback()

    def close(self) -> None:
        for language in self._languages.values():
            language.close()
