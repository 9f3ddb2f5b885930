"""What people type, read forgivingly: words, "phrases" and -without. Nothing is an error.

Only a query over `MAX_CHARACTERS` is refused. What each language makes of the words is left to
`analysis`; what a phrase or a -without demands of a passage is left to the backends (by words) and
to `Searcher` (by meaning).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from indexes.analysis import positions, search_language
from indexes.analysis import words as words_of
from indexes.errors import QueryTooLong

MAX_CHARACTERS: Final = 2_000
MAX_TERMS: Final = 32
# Quotation marks and hyphens in a sentence ("What did the « Black Death » change?", "fut -elle")
# are no operators: to obey them cost nDCG@10 .008 in xquad en→es, .013 in cnil, .04 in sib en. So
# a query with a question mark has none, and no phrase is demanded by a long one, or beside much.
MAX_WORDS_WITH_PHRASE: Final = 12
MAX_WORDS_BESIDE_PHRASE: Final = 4

_QUOTES = str.maketrans(dict.fromkeys("“”„«»‟", '"'))
# An optional minus and a quotation (its end may be missing), or an optional minus and a word.
_PART = re.compile(r'(?P<minus>(?<!\S)-(?=["\w]))?(?:"(?P<phrase>[^"]*)(?:"|$)|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart.

    `words` are all words asked for, those of phrases among them, at most `MAX_TERMS`; `words_cut`
    says that there were more. `phrases` must stand in a passage, `without` must not; either may be
    of several words. `meaning` is the text to embed: the query less its quotes and -without.
    """

    words: tuple[str, ...]
    phrases: tuple[str, ...]
    without: tuple[str, ...]
    meaning: str
    words_cut: bool

    @property
    def is_empty(self) -> bool:
        """Nothing is asked for: no word and nothing to embed."""
        return not self.words

    def admits(self, texts: Sequence[str], language: str) -> bool:
        """Whether an entry of these texts holds each of the phrases and nothing of what is without.

        The same rule as that of the index, for entries that came by meaning.
        """
        code = search_language(language)
        places = [positions(text, code) for text in texts]

        def held(phrase: str) -> bool | None:
            wanted = positions(phrase, code)  # of stop words only: neither demanded nor forbidden
            return any(_holds(own, wanted) for own in places) if wanted else None

        return all(held(phrase) is not False for phrase in self.phrases) and not any(
            held(phrase) for phrase in self.without
        )


def parse(text: str) -> ParsedQuery:
    """Take a query apart.

    Raises:
        QueryTooLong: over `MAX_CHARACTERS` characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise QueryTooLong(f"{len(text)} characters; at most {MAX_CHARACTERS} are accepted")
    cleaned = _clean(text)
    wanted: list[str] = []
    phrases: list[str] = []
    without: list[str] = []
    for part in _PART.finditer(cleaned):
        content = (part["word"] or part["phrase"] or "").strip()
        if part["minus"] and "?" not in cleaned:
            without.append(content)
        else:
            wanted.append(content)
            phrases += [content] if part["word"] is None else []
    meaning = " ".join(filter(None, wanted))
    words = _words(meaning, MAX_TERMS + 1)
    return ParsedQuery(
        words=words[:MAX_TERMS],
        phrases=_demanded(phrases, meaning),
        without=tuple(filter(None, (" ".join(_words(part, MAX_TERMS)) for part in without))),
        meaning=meaning if words else "",
        words_cut=len(words) > MAX_TERMS,
    )


def _words(text: str, limit: int) -> tuple[str, ...]:
    return tuple(word for _, _, word in islice(words_of(text), limit))


def _demanded(phrases: Sequence[str], meaning: str) -> tuple[str, ...]:
    """The phrases that a passage has to hold; none in a sentence."""
    taken_apart = [_words(phrase, MAX_CHARACTERS) for phrase in phrases]
    total = len(_words(meaning, MAX_CHARACTERS))
    beside = total - sum(map(len, taken_apart))
    if "?" in meaning or total > MAX_WORDS_WITH_PHRASE or beside > MAX_WORDS_BESIDE_PHRASE:
        return ()
    return tuple(" ".join(phrase) for phrase in taken_apart if phrase)


def _clean(text: str) -> str:
    """Control characters and lone surrogates become spaces, quotation marks of all sorts `"`."""
    blanked = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return blanked.translate(_QUOTES)


def _holds(places: Sequence[tuple[int, str]], wanted: Sequence[tuple[int, str]]) -> bool:
    """Whether the wanted terms stand somewhere at the same distances from each other."""
    start, first = wanted[0]
    held = set(places)
    return any(
        all((place + offset - start, term) in held for offset, term in wanted)
        for place, found in places
        if found == first
    )
