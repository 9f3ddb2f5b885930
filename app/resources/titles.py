"""By what titles are sorted: the same on every database, whatever rules of order it has itself.

Case, accents, ligatures and punctuation do not count, so that « Écrire » stands beside « ecrire »
and “¿Qué es…?” under Q. Only ñ is a letter of its own, after n, as Spanish readers look for it.
"""

import re
import unicodedata

LONGEST = 200
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
_SEPARATORS = re.compile(r"[^\w~]+|_")
_ENYE, _AFTER_Z = "n\u0303", "n~"  # "~" has a higher number than every letter from a to z


def sort_key(title: str) -> str:
    """What to sort by, character by character; equal keys differ only in what does not count."""
    plain = title.replace("~", " ").casefold().translate(_LIGATURES)
    letters = unicodedata.normalize("NFKD", plain).replace(_ENYE, _AFTER_Z)
    unmarked = "".join(one for one in letters if not unicodedata.combining(one))
    return " ".join(_SEPARATORS.sub(" ", unmarked).split())[:LONGEST]
