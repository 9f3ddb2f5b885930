"""Whether a word may be another one misspelt: what people mistype, weighed by how they do.

Words are compared without accents, in lower case, as ASCII. Limits were set on the judged queries
of cnil, piaf and xquad, each over its own library, and on 2,834 words mistyped at random.
"""

from itertools import takewhile
from typing import Final

import numpy as np
from numpy.typing import NDArray

LIGHT: Final = 1.0  # one letter too many, too few, swapped with the next, or like it in sound
HEAVY: Final = 1.6  # one letter that is another one altogether, or two doubled ones
LONG: Final = 7  # from so many letters on, a heavy mistake is forgiven
_SWAPPED = 0.9
DOUBLED: Final = 0.7
_ALIKE = 0.9
_SOUNDS = ("aeiouy", "cksqzx", "bv", "gj", "mn", "iy", "fph", "td")
# A word that differs from another one in such an ending is another form of it, not a mistake.
_FORMS = """
a aba aban ado ada ados adas ais ait aient al ales ando ant ants ar as aux d de e ed ee ees el
elle en ent er ers es eur eurs ez i ia ian ida ido ie iendo if ien ing io ion ir iste it ive
ly ment n nt o on ons or ors os que r ra re ron ront s t te ti tion ts ure us x
"""
_ENDINGS = frozenset(("", *_FORMS.split()))


def mistake(word: str, meant: str) -> float | None:
    """How heavy a mistake made `word` out of `meant`; none where it hardly was one.

    What is more than `LIGHT` needs further evidence that `word` is no word.
    """
    if word[:1] != meant[:1]:
        return None
    weight = _weight(word, meant)
    return weight if weight <= (HEAVY if len(word) >= LONG else LIGHT) else None


def is_inflected(word: str, other: str) -> bool:
    """Whether the words are two forms of one: contiennent, contenant; building, builders."""
    same = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))
    )
    return same >= 3 and word[same:] in _ENDINGS and other[same:] in _ENDINGS


def _weight(word: str, meant: str) -> float:
    """Optimal string alignment distance, in which likely mistakes weigh less."""
    before: list[float] = []
    last = [float(place) for place in range(len(meant) + 1)]
    for i, a in enumerate(word):
        row = [i + 1.0]
        added = DOUBLED if i and word[i - 1] == a else 1.0
        for j, b in enumerate(meant):
            left_out = DOUBLED if j and meant[j - 1] == b else 1.0
            best = min(last[j] + _changed(a, b), last[j + 1] + added, row[j] + left_out)
            if i and j and a == meant[j - 1] and word[i - 1] == b:
                best = min(best, before[j - 1] + _SWAPPED)
            row.append(best)
        before, last = last, row
    return last[-1]


def _changed(a: str, b: str) -> float:
    if a == b:
        return 0.0
    return _ALIKE if any(a in sound and b in sound for sound in _SOUNDS) else HEAVY


def distances(word: str, letters: NDArray[np.uint8], lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """Unweighted distances of `word` to many words at once, to tell which are worth weighing.

    Args:
        word: ASCII.
        letters: the others' letters, shape (words, longest), zeros after each word's end.
        lengths: how many letters each has, shape (words,).
    """
    width = int(lengths.max(initial=0))
    others = np.ascontiguousarray(letters[:, :width].T)
    before = last = np.tile(np.arange(width + 1, dtype=np.uint8)[:, None], len(lengths))
    own = word.encode()
    for i, letter in enumerate(own):
        row = np.empty_like(last)
        row[0] = i + 1
        kept = last[:-1] + (others != letter)
        np.minimum(kept, last[1:] + 1, out=kept)
        if i:
            swapped = (others[1:] == own[i - 1]) & (others[:-1] == letter)
            np.minimum(kept[1:], before[:-2] + 1, out=kept[1:], where=swapped)
        for j in range(width):
            np.minimum(kept[j], row[j] + 1, out=row[j + 1])
        before, last = last, row
    found: NDArray[np.intp] = last[lengths, np.arange(len(lengths))].astype(np.intp)
    return found
