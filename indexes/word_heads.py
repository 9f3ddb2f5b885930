"""Words of a text by how they begin, so that nine in ten need not be looked at one by one.

A text is folded in place, a byte a letter, and searched for the first letters of terms: a third of
the time of going through its words, and nothing has to be compiled for a question.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

from indexes.analysis import (
    INVISIBLE,
    OTHER,
    WORD,
    blank_elisions,
    is_of_word,
    terms_of_word,
    words,
)

# Has the letters of the three languages, œ among them, a byte each.
_ENCODING: Final = "cp1252"


def head(term: str) -> str:
    """The letters that a word has to begin with, folded, for this to be its term.

    No stemmer changes the first three where it leaves four (38,000 words, in each row of the
    table); of shorter ones it may (dying, die).
    """
    return term[: 3 if len(term) > 3 else 2]


def words_beginning(text: str, heads: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Those of `analysis.words` whose term may begin with one of the heads.

    All of them in a text that has other letters than the three languages, or marks of their own.
    """
    blanked = blank_elisions(text)
    if not blanked.isascii() and any(map(is_of_word, set(blanked) - _single_bytes())):
        yield from words(text)
        return
    folded = blanked.encode(_ENCODING, "replace").translate(_folding())
    starts = {place for sought in _spelled(heads) for place in _places(blanked, folded, sought)}
    for start in sorted(starts):
        if match := WORD.match(blanked, start):
            yield start, match.end(), match.group()


def _places(text: str, folded: bytes, sought: bytes) -> Iterator[int]:
    """Where a word begins so."""
    at = folded.find(sought)
    while at >= 0:
        if not at or not is_of_word(text[at - 1]):
            yield at
        at = folded.find(sought, at + 1)


@cache
def _single_bytes() -> frozenset[str]:
    """The characters of the encoding; not µ, which folds to a Greek letter."""
    return frozenset(bytes(range(256)).decode(_ENCODING, "ignore")).difference(INVISIBLE, "µ")


@cache
def _folding() -> bytes:
    """For each byte the one that its letter folds to; ligatures stay, as they fold to two."""
    table = bytearray(range(256))
    for character in _single_bytes():
        folded = "".join(terms_of_word(character, OTHER))
        if len(folded) != 1:
            folded = character.lower()
        table[character.encode(_ENCODING)[0]] = folded.encode(_ENCODING)[0]
    return bytes(table)


@lru_cache(maxsize=64)
def _spelled(heads: frozenset[str]) -> frozenset[bytes]:
    """How words that begin so may be written: œuvre for oeu, chœur for cho."""
    found = set(heads)
    for ligature in "æœß":
        letters = "".join(terms_of_word(ligature, OTHER))
        for own in heads:
            if letters in own:
                found.add(own.replace(letters, ligature))
            elif own[-1:] == letters[0]:
                found.add(own[:-1] + ligature)
    encoded = (own.encode(_ENCODING, "ignore") for own in found if set(own) <= _single_bytes())
    return frozenset(own for own in encoded if own)
