"""Words of a text by how they begin, so that nine in ten need not be looked at one by one.

A text is folded in place and searched for the first letters of terms: half the time of going
through its words, and nothing has to be compiled for a question.
"""

from collections.abc import Iterator
from functools import lru_cache

from indexes.analysis import WORD, blank_elisions, is_of_word, words
from indexes.folding import ENCODING, folded, ligatures, single_bytes


def head(term: str) -> str:
    """The letters that a word has to begin with, folded, for this to be its term.

    No stemmer changes the first three where it leaves four, nor the first two otherwise (38,000
    words, in each row of the table), but English that of dying, lying and tying.
    """
    if len(term) > 3:
        return term[:3]
    return term[:1] if term.endswith("ie") else term[:2]


def words_beginning(text: str, heads: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Those of `analysis.words` whose term may begin with one of the heads.

    All of them in a text that has other letters than the three languages, or marks of their own.
    """
    blanked = blank_elisions(text)
    if (plain := folded(blanked)) is None:
        yield from words(text)
        return
    starts = {place for sought in _spelled(heads) for place in _places(blanked, plain, sought)}
    for start in sorted(starts):
        if match := WORD.match(blanked, start):
            yield start, match.end(), match.group()


def _places(text: str, plain: bytes, sought: bytes) -> Iterator[int]:
    """Where a word begins so."""
    at = plain.find(sought)
    while at >= 0:
        if not at or not is_of_word(text[at - 1]):
            yield at
        at = plain.find(sought, at + 1)


@lru_cache(maxsize=64)
def _spelled(heads: frozenset[str]) -> frozenset[bytes]:
    """How words that begin so may be written: œuvre for oeu, chœur for cho."""
    found = set(heads)
    for ligature, letters in ligatures().items():
        for own in heads:
            if letters in own:
                found.add(own.replace(letters, ligature))
            elif own[-1:] == letters[0]:
                found.add(own[:-1] + ligature)
    encoded = (own.encode(ENCODING, "ignore") for own in found if set(own) <= single_bytes())
    return frozenset(own for own in encoded if own)
