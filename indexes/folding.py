"""Text folded as the analysers fold it, a byte a letter: as fast as Python gets through a text.

What it gives is what `analysis` gives, which takes over where a text has other letters than the
three languages, or marks of their own.
"""

import unicodedata
from functools import cache
from typing import Final

from indexes.analysis import (
    INVISIBLE,
    MAX_TOKEN_BYTES,
    OTHER,
    analyse,
    spelling_analyzer,
    terms_of_word,
)

ENCODING: Final = "cp1252"  # has the letters of the three languages, œ among them, a byte each
# Of the others, marks of punctuation, spaces, signs of mathematics and currencies are in no word.
_SEPARATORS: Final = ("P", "Z", "Sm", "Sc")


@cache
def single_bytes() -> frozenset[str]:
    """The characters of the encoding; not µ, which folds to a Greek letter."""
    return frozenset(bytes(range(256)).decode(ENCODING, "ignore")).difference(INVISIBLE, "µ")


@cache
def ligatures() -> dict[str, str]:
    """Letters that fold to two, and to which."""
    found = {one.lower(): "".join(terms_of_word(one, OTHER)) for one in single_bytes()}
    return {one: letters for one, letters in found.items() if one.isalpha() and len(letters) > 1}


def folded(text: str) -> bytes | None:
    """A byte a character: folded letters and digits, ligatures in lower case, spaces for the rest.

    None where the text has letters or marks that have no byte.
    """
    found = _encoded(text)
    return None if found is None else found.translate(_folding())


def written_words(text: str) -> tuple[list[str], list[str]]:
    """The words of text that went through `prepare`: folded, and as written but in lower case.

    The first are `analyse(text, OTHER)`, in half of the time.
    """
    found = _encoded(text)
    words = None if found is None else _folded_words(found)
    if found is None or words is None:
        return analyse(text, OTHER), spelling_analyzer().analyze(text)
    if text.isascii():
        return words, words
    return words, found.translate(_lowering()).decode(ENCODING).split()


def _encoded(text: str) -> bytes | None:
    if not text.isascii() and not all(map(_separates, set(text) - single_bytes())):
        return None
    return text.encode(ENCODING, "replace")


def _folded_words(encoded: bytes) -> list[str] | None:
    """None where one is so long that the analysers leave it out."""
    found = encoded.translate(_folding())
    for one, letters in _encoded_ligatures():
        found = found.replace(one, letters)
    words = found.decode().split()
    return words if max(map(len, words), default=0) < MAX_TOKEN_BYTES else None


@cache
def _encoded_ligatures() -> list[tuple[bytes, bytes]]:
    return [(one.encode(ENCODING), letters.encode()) for one, letters in ligatures().items()]


def _separates(character: str) -> bool:
    """Whether it is of no word for certain: the analysers know letters that Python does not yet."""
    return unicodedata.category(character).startswith(_SEPARATORS)


@cache
def _folding() -> bytes:
    """For each byte the folded letter; ligatures, which fold to two, in lower case."""
    table = bytearray(_lowering())
    for character in filter(str.isalnum, single_bytes()):
        letters = "".join(terms_of_word(character, OTHER))
        if len(letters) == 1:
            table[character.encode(ENCODING)[0]] = letters.encode(ENCODING)[0]
    return bytes(table)


@cache
def _lowering() -> bytes:
    """For each byte the letter in lower case; for those of no letter or digit a space."""
    table = bytearray(b" " * 256)
    for character in filter(str.isalnum, single_bytes()):
        table[character.encode(ENCODING)[0]] = character.lower().encode(ENCODING)[0]
    return bytes(table)
