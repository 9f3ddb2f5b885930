"""What a process of the portal keeps beside its search: suggestions, spelling, counters."""

from functools import cache
from typing import cast

from flask import Flask, current_app

from app.database import now
from app.library import Library
from app.search.counting import SearchCounter
from app.search.refreshing import Refreshed
from app.search.suggesting import Suggester
from indexes.errors import IndexUnavailable
from indexes.spelling import MOST_WORDS, Speller, Vocabulary

_KEY = "passerelle.search"
_VOCABULARY_SECONDS = 60.0
_VOCABULARY_PATIENCE = 0.3  # of a page whose hits are there; the next one has it


class Companions:
    """One a process, shared by its threads; each part is filled when first asked."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.suggester = Suggester(library.sessions)
        self.counter = SearchCounter(library.sessions)
        self._refreshed_vocabulary = cache(self._vocabulary)

    @property
    def speller(self) -> Speller:
        library = self._library
        return Speller(
            library.index,
            self._vocabulary_of,
            library.embedder.count_tokens if library.embedder else None,
        )

    def _vocabulary_of(self, code: str) -> Vocabulary:
        try:
            return self._refreshed_vocabulary(code).get()
        except TimeoutError as error:
            raise IndexUnavailable(f"The words of the index are {error}") from error

    def _vocabulary(self, code: str) -> Refreshed[Vocabulary]:
        index = self._library.index
        return Refreshed(
            lambda: Vocabulary(index.spellings(code, MOST_WORDS)),
            now,
            _VOCABULARY_SECONDS,
            _VOCABULARY_PATIENCE,
        )


def init_app(app: Flask, library: Library) -> None:
    app.extensions[_KEY] = Companions(library)


def warm(app: Flask) -> None:
    """Fill what the first person to type would otherwise wait for: seconds in a large library."""
    cast(Companions, app.extensions[_KEY]).suggester.refresh()


def current_companions() -> Companions:
    return cast(Companions, current_app.extensions[_KEY])
