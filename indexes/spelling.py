"""Words that stand nowhere, and the words of the library that were probably meant.

The dictionary is the library itself: the words of its own texts, names included, a vocabulary a
search language. Whether the corrected question finds anything that the reader may see is left to
the caller. Accents are no mistakes: words are compared without them and proposed with them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.analysis import OTHER, analyse, terms_of_word, words
from indexes.base import SearchIndex
from indexes.misspelling import DOUBLED, LIGHT, LONG, distances, is_inflected, mistake
from indexes.query_parser import ParsedQuery
from indexes.types import Span

MOST_WORDS: Final = 100_000  # a language: 3 MB; what is rarer is mostly noise of scans
LONGEST: Final = 24
SHORTEST: Final = 4  # "arte", "film": shorter ones have too many neighbours
MOST_UNKNOWN: Final = 2  # of a short question; of a longer one half of its words
MUCH: Final = 5  # times as frequent
_NEIGHBOURS: Final = 12


@dataclass(frozen=True, slots=True)
class Correction:
    """A question as it may have been meant. `spans` are its text, the changed words marked."""

    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(span.text for span in self.spans if span.marked)


class Vocabulary:
    """The words of one search language, ready to be compared with a misspelt one.

    `spellings` are words in lower case with the number of entries that hold them.
    """

    def __init__(self, spellings: Sequence[tuple[str, int]]) -> None:
        merged = _merged(spellings)
        plain = sorted(merged)
        self._words = np.array(plain, dtype=f"S{LONGEST}")
        self._counts = np.array([merged[word][1] for word in plain], dtype=np.int64)
        self._accented = {word: merged[word][0] for word in plain if merged[word][0] != word}
        self._letters = self._words.view(np.uint8).reshape(len(plain), LONGEST)
        self._lengths = np.count_nonzero(self._letters, axis=1)
        self._masks = _masks(self._letters)

    def __len__(self) -> int:
        return len(self._words)

    def neighbours(self, word: str) -> list[str]:
        """Words without accents that may have been meant, the likeliest first: few letters
        differ, many entries hold it.
        """
        allowed = 2 if len(word) >= LONG else 1
        near = self._near(word, allowed)
        different = distances(word, self._letters[near], self._lengths[near])
        cost = different - 0.25 * np.log10(self._counts[near])
        order = [place for place in np.argsort(cost, kind="stable") if different[place] <= allowed]
        return [self._words[near[place]].decode() for place in order[:_NEIGHBOURS]]

    def count(self, word: str) -> int:
        """In how many entries it stands as it is, accents aside."""
        sought = np.bytes_(word)
        place = int(np.searchsorted(self._words, sought))
        return int(self._counts[place]) if place < len(self) and self._words[place] == sought else 0

    def accented(self, word: str) -> str:
        """The word as most entries write it."""
        return self._accented.get(word, word)

    def _near(self, plain: str, allowed: int) -> NDArray[np.intp]:
        """Places of the words that can be as near as `allowed`, by length and by letters used.

        A mistake changes the length by one at most, and the set of letters by two.
        """
        letters = np.frombuffer(plain.encode(), np.uint8)[None]
        differing = np.bitwise_count(self._masks ^ _masks(letters)[0])
        lengths = np.abs(self._lengths - len(plain))
        return np.flatnonzero((differing <= 2 * allowed) & (lengths <= allowed))


class Speller:
    """Corrects questions to one index; several threads may use it at once.

    `vocabulary` gives that of a search language; it is asked only when a word is unknown. `pieces`
    tells into how many pieces the embedding model takes a word apart, without it less is forgiven.
    """

    def __init__(
        self,
        index: SearchIndex,
        vocabulary: Callable[[str], Vocabulary],
        pieces: Callable[[str], int] | None,
    ) -> None:
        self._index = index
        self._vocabulary = vocabulary
        self._pieces = pieces

    def correct(
        self, query: ParsedQuery, text: str, reader_language: str, finds: Callable[[str], bool]
    ) -> Correction | None:
        """`text`, which was parsed to `query`, with its unknown words replaced; none if all are
        known or nothing is near them.

        `finds` tells whether a word finds anything that the reader may see.

        Raises:
            IndexUnavailable: the index cannot answer now.
        """
        held = self._index.holding(asked := tuple(dict.fromkeys(query.words)))
        spelled = {
            code: [self._is_spelled_so(*one, code) for one in zip(asked, own, strict=True)]
            for code, own in held.items()
        }
        everywhere = zip(*spelled.values(), strict=True) if held else ()
        suspects = [place for place, own in enumerate(everywhere) if not any(own)]
        if not suspects or len(suspects) > max(MOST_UNKNOWN, len(asked) // 2):
            return None  # what is wholly unknown is rather of another language than misspelt
        language = _language_of(spelled, reader_language)
        counts = held.get(language, (0,) * len(asked))
        proposals = {
            asked[place]: next(
                filter(finds, self._meant(asked[place], counts[place], language)), ""
            )
            for place in suspects
        }
        replaced = {word: found for word, found in proposals.items() if found}
        return Correction(tuple(_spans(text, replaced))) if replaced else None

    def _is_spelled_so(self, word: str, many: int, code: str) -> bool:
        """Whether the language has the very word; that it has another one of its stem may be
        chance. A stop word, and what is too short to be misspelt, counts as known.
        """
        plain = _plain_word(word)
        if not many or code == OTHER or not _is_comparable(plain) or not terms_of_word(word, code):
            return bool(many)
        return self._vocabulary(code).count(plain) > 0

    def _meant(self, word: str, many: int, language: str) -> Iterator[str]:
        """Words that were probably meant, the lightest mistakes first, then the most frequent.

        Where `many` entries have the word in another form, what was meant has to be another word
        and far more frequent.
        """
        plain, vocabulary = _plain_word(word), self._vocabulary(language)
        near = vocabulary.neighbours(plain) if _is_comparable(plain) else []
        weights = [(mistake(plain, other), place) for place, other in enumerate(near)]
        for weight, place in sorted((w, place) for w, place in weights if w is not None):
            other = near[place]
            if not many or self._is_worth_it(plain, many, other, language):
                found = vocabulary.accented(other)
                is_light = weight <= LIGHT and not many and not is_inflected(plain, other)
                if self._is_likely(word, found, weight, is_light):
                    yield found

    def _is_worth_it(self, plain: str, many: int, other: str, language: str) -> bool:
        """Whether the other word finds something else, and far more."""
        is_other = terms_of_word(other, language) != terms_of_word(plain, language)
        return is_other and self._vocabulary(language).count(other) >= MUCH * many

    def _is_likely(self, word: str, meant: str, weight: float, is_light: bool) -> bool:
        """Whether the word is rather the other one mistyped than a word that the library lacks.

        What the model knows whole is a word, of some language; mistyped words fall into more
        pieces than those that were meant.
        """
        if self._pieces is None:
            return is_light
        pieces = self._pieces(word.lower())
        if pieces == 1 and weight > DOUBLED:
            return False
        return is_light or pieces > self._pieces(meant)


def _plain_word(word: str) -> str:
    """The word without accents, in lower case."""
    return "".join(terms_of_word(word, OTHER))


def _language_of(spelled: Mapping[str, Sequence[bool]], reader_language: str) -> str:
    """The search language that has most of the words, the reader's if several have."""
    known = {code: sum(own) for code, own in spelled.items() if code != OTHER}
    most = max(known.values(), default=0)
    best = [code for code, many in known.items() if many == most]
    return reader_language if reader_language in best or not best else best[0]


def _spans(text: str, replaced: Mapping[str, str]) -> Iterator[Span]:
    end = 0
    for start, stop, word in words(text):
        if word in replaced:
            if start > end:
                yield Span(text[end:start])
            yield Span(_in_case_of(word, replaced[word]), marked=True)
            end = stop
    if end < len(text):
        yield Span(text[end:])


def _in_case_of(word: str, found: str) -> str:
    if word.isupper():
        return found.upper()
    return found[:1].upper() + found[1:] if word[:1].isupper() else found


def _merged(spellings: Sequence[tuple[str, int]]) -> dict[str, tuple[str, int]]:
    """Word without accents → its most frequent spelling, and how many entries hold any of them."""
    own = [(word, many) for word, many in spellings if word.isalpha() and len(word) <= LONGEST]
    merged: dict[str, tuple[str, int]] = {}
    for (word, many), plain in zip(own, _plain([word for word, _ in own]), strict=True):
        if _is_comparable(plain):
            spelling, before = merged.get(plain, (word, 0))
            merged[plain] = (spelling, before + many)
    return merged


def _plain(spelled: Sequence[str]) -> list[str]:
    """Each word without accents, all in one call, which is ten times as fast as one by one."""
    plain = analyse("\n".join(spelled), OTHER)
    if len(plain) == len(spelled):
        return plain
    return ["".join(analyse(word, OTHER)) for word in spelled]  # a letter that is two in lower case


def _is_comparable(word: str) -> bool:
    return SHORTEST <= len(word) <= LONGEST and word.isascii() and word.isalpha()


def _masks(letters: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """A bit for each letter a to z that a word has; `letters` are ASCII, zeros after the end."""
    bits = np.where(letters == 0, 0, np.uint32(1) << (letters % 32).astype(np.uint32))
    masks: NDArray[np.uint32] = np.bitwise_or.reduce(bits.astype(np.uint32), axis=1)
    return masks
