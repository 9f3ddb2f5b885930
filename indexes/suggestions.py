"""Completions of what is being typed: texts of which each typed word begins a word.

Held in memory, as arrays: 20,000 titles are 3 MB and are looked through in a millisecond. Where
the texts come from, and whether a reader may see one when it is shown, is left to the caller.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.analysis import OTHER, analyse

FEWEST_LETTERS: Final = 2
_AFTER_ALL: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that may be proposed. `language` is a BCP 47 tag; `key` is the caller's own way back;
    of completions with the same `group` one is enough. `visible_to` holds tokens.
    """

    text: str
    language: str
    key: str
    group: str
    visible_to: frozenset[str]


class Completions:
    """Texts to be found by the beginnings of their words; equal matches keep the order given."""

    def __init__(self, completions: Iterable[Completion]) -> None:
        self._all = tuple(completions)
        self._languages = np.array([one.language.partition("-")[0] for one in self._all])
        texts = [typed_words(one.text) for one in self._all]
        self._words = sorted({word for text in texts for word in text})
        numbers = {word: number for number, word in enumerate(self._words)}
        occurring = np.array([numbers[word] for text in texts for word in text], np.int32)
        order = np.argsort(occurring, kind="stable")
        lengths = [len(text) for text in texts]
        self._items = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)[order]
        leads = [place == 0 for text in texts for place in range(len(text))]
        self._leads = np.array(leads, bool)[order]
        self._starts = np.searchsorted(occurring[order], np.arange(len(self._words) + 1))

    def __len__(self) -> int:
        return len(self._all)

    def find(
        self, typed: str, language: str, tokens: Sequence[str], limit: int
    ) -> list[Completion]:
        """The best `limit` for what was typed, of each group one: those in `language` first, then
        those that begin with the first word typed.
        """
        words = typed_words(typed)
        if max(map(len, words), default=0) < FEWEST_LETTERS or not self._all:
            return []
        matching = np.ones(len(self._all), bool)
        for word in words:
            matching &= self._having(word)
        held = frozenset(tokens)
        found: dict[str, Completion] = {}
        for number in self._ordered(np.flatnonzero(matching), words[0], language):
            one = self._all[number]
            if not held.isdisjoint(one.visible_to):
                found.setdefault(one.group, one)
            if len(found) == limit:
                break
        return list(found.values())

    def _having(self, word: str) -> NDArray[np.bool_]:
        """Which texts have a word that begins so."""
        matching = np.zeros(len(self._all), bool)
        matching[self._items[self._span(word)]] = True
        return matching

    def _ordered(self, numbers: NDArray[np.intp], first: str, language: str) -> NDArray[np.intp]:
        span = self._span(first)
        leading = np.zeros(len(self._all), bool)
        leading[self._items[span][self._leads[span]]] = True
        foreign = self._languages[numbers] != language
        return numbers[np.lexsort((numbers, ~leading[numbers], foreign))]

    def _span(self, beginning: str) -> slice:
        """Where the occurrences of words that begin so are."""
        first = bisect_left(self._words, beginning)
        last = bisect_left(self._words, beginning + _AFTER_ALL)
        return slice(int(self._starts[first]), int(self._starts[last]))


def typed_words(text: str) -> list[str]:
    """The words of a text as they are compared: no accents, no capitals, no elided articles."""
    return analyse(text, OTHER)
