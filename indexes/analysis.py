"""Text to terms: one row a search language, and the same steps for passages, queries and marking.

Steps: NFKC and elisions blanked here; then in tantivy split at what is no letter or digit → drop
tokens over 80 bytes → lowercase → fold to ASCII → stop words → stemmer. Folding comes *before* the
stemmer, so that a word and its unaccented spelling end as one term whatever the stemmer does with
accents (folding after it parts `universite` from `université`); it costs nothing on piaf (.786 →
.786), cnil (.649 → .655) and xquad es (.964 → .963), nDCG@10 by words alone.

To add a language add a row to `ROWS`; the fingerprint changes and the index asks to be rebuilt.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, Final

import tantivy

OTHER: Final = "other"
MAX_TOKEN_BYTES: Final = 80
SHARED_LETTERS: Final = 5

# Function words, spelled without accents. Left out although lists in circulation have them:
# "été" (summer), "estado" (the State), single letters ("vitamine C"; elisions go otherwise).
_ENGLISH = """
a about an and are as at be been but by can could did do does for from had has have he her his
how i if in into is it its me my no not of on or our she should so such than that the their them
then there these they this to us was we were what when where which who why will with would you
your
"""
_FRENCH = """
a ai aient ait au auront aux avaient avait avec avez avons ayant ce ceci cela ces cet cette ceux
combien comme comment dans de des donc dont du elle elles en es est et etaient etait etant etes
etre eu eux furent fut il ils je la le les leur leurs lui ma mais me meme mes moi mon ne ni nos
notre nous on ont ou par pas plus pour pourquoi quand que quel quelle quelles quels qui quoi sa
sans se sera serait seront ses si soi soient soit sommes son sont sous suis sur ta te tes toi
ton tu un une vos votre vous y
"""
_SPANISH = """
a al ante antes aquel aquella como con cual cuales cuando cuanto cuantos de del desde donde e el
ella ellas ellos en era eran es esa esas ese eso esos esta estaba estaban estan estas este esto
estos fue fueron ha habia habian han has hasta hay he la las le les lo los mas me mi mis muy ni
no nos nosotros nuestra nuestras nuestro nuestros o os otra otras otro otros para pero por
porque que quien quienes se sea sean ser sera si sido sin sobre son su sus tambien te ti tu tus
u un una unas uno unos y ya yo
"""


@dataclass(frozen=True, slots=True)
class SearchLanguage:
    """How text of one language becomes terms.

    `stemmer` is tantivy's name of a Snowball stemmer, none meaning that words stay whole;
    `stemmer_passes` how often it is applied. French takes two: without accents the first leaves
    `evaluee` one letter longer than `evalue`.
    """

    code: str
    stemmer: str | None
    stemmer_passes: int
    stop_words: tuple[str, ...]


ROWS: Final = (
    SearchLanguage("en", "english", 1, tuple(_ENGLISH.split())),
    SearchLanguage("fr", "french", 2, tuple(_FRENCH.split())),
    SearchLanguage("es", "spanish", 1, tuple(_SPANISH.split())),
    SearchLanguage(OTHER, None, 0, ()),
)
TABLE: Final = {row.code: row for row in ROWS}

_APOSTROPHE = "['’ʼ‘`´′＇]"
ELISIONS: Final = (
    # l’évaluation, d'une, jusqu’à: the elided word before the apostrophe …
    rf"(?<![^\W_])(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu){_APOSTROPHE}"
    # … and what English hangs behind one: library’s, don't, we're
    rf"|(?<=[^\W_])(?:n{_APOSTROPHE}t|{_APOSTROPHE}(?:s|re|ve|ll|d|m))(?![^\W_])"
)
_ELISION = re.compile(ELISIONS, re.IGNORECASE)
_APOSTROPHES = re.compile(_APOSTROPHE)
_BEFORE_APOSTROPHE: Final = 7  # characters that decide: lorsqu, and what must not be a letter
_BEHIND_APOSTROPHE: Final = 4
# Soft hyphens and zero-width characters stand inside words of PDF and web texts.
INVISIBLE: Final = "\u00ad\u200b\u200c\u200d\u2060\ufeff"


def _marks() -> str:
    """All combining marks of the basic plane: é may be written as two characters."""
    codes = [c for c in range(0x300, 0x10000) if unicodedata.category(chr(c)) in ("Mn", "Mc")]
    return "".join(map(chr, codes))


_BETWEEN: Final = _marks() + INVISIBLE  # what may stand in a word beside letters and digits
_LETTERS = rf"[^\W_]+(?:[{_BETWEEN}]+[^\W_]*)*"
WORD: Final = re.compile(_LETTERS)
_HYPHEN: Final = "[-‐‑]"
_HYPHENS = re.compile(_HYPHEN)
_COMPOUND = re.compile(rf"(?=[^\W\d_]){_LETTERS}(?:{_HYPHEN}{_LETTERS})+")
_INSIDE: Final = frozenset(_BETWEEN)


@lru_cache(maxsize=1_024)
def search_language(tag: str) -> str:
    """The code of the row that a BCP 47 tag belongs to: `fr-CA` → `fr`, `pt`, `und` → `other`."""
    code = re.split("[-_]", tag.strip().lower(), maxsplit=1)[0]
    return code if code in TABLE else OTHER


@lru_cache(maxsize=16)  # a passage is given to several analysers one after the other
def prepare(text: str) -> str:
    """Text as it is given to an analyser: one form for each character, elided words blanked."""
    # Elisions first: NFKC makes a combining accent of the apostrophe ´.
    plain = unicodedata.normalize("NFKC", blank_elisions(text))
    for invisible in INVISIBLE:
        plain = plain.replace(invisible, "")
    # A lone surrogate (broken extraction) cannot be handed to tantivy.
    return plain.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=16)  # a text is looked at for words and for compounds
def blank_elisions(text: str) -> str:
    """Replace elided words and their apostrophe by as many spaces: offsets stay."""
    # Looking at each apostrophe takes a tenth of the time of looking at each letter.
    pieces: list[str] = []
    done = 0
    for apostrophe in _APOSTROPHES.finditer(text):
        at = apostrophe.start()
        first, last = max(done, at - _BEFORE_APOSTROPHE), apostrophe.end() + _BEHIND_APOSTROPHE
        if at >= done and (found := _ELISION.search(text, first, last)):
            pieces += text[done : found.start()], " " * len(found.group())
            done = found.end()
    return "".join((*pieces, text[done:])) if pieces else text


@cache
def analyzer(code: str) -> Any:
    """The tantivy analyser of a row; its input has gone through `prepare`."""
    row = TABLE[code]
    stemmers = [tantivy.Filter.stemmer(row.stemmer)] * row.stemmer_passes if row.stemmer else []
    return _analyzer(row.stop_words, stemmers)


@cache
def spelling_analyzer() -> Any:
    """Words as people write them, accents and all, in lower case; input as for `analyzer`."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    steps = (tantivy.Filter.remove_long(MAX_TOKEN_BYTES), tantivy.Filter.lowercase())
    for step in steps:
        builder = builder.filter(step)
    return builder.build()


@cache
def all_stop_words() -> frozenset[str]:
    return frozenset(word for row in ROWS for word in row.stop_words)


def _analyzer(stop_words: Sequence[str], last: Sequence[Any]) -> Any:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(MAX_TOKEN_BYTES),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.custom_stopword(list(stop_words)),
        *last,
    ):
        builder = builder.filter(step)
    return builder.build()


def analyse(text: str, code: str) -> list[str]:
    """The terms of a text in the row `code`, in order, repeated as often as they occur."""
    terms: list[str] = analyzer(code).analyze(prepare(text))
    return terms


def shared_terms(text: str) -> list[str]:
    """The terms of a text in whichever language: the first letters of its words, folded.

    Names, numbers and words of one root (culture, cultural, culturel) so meet across languages.
    """
    return shared_of(analyse(text, OTHER))


def shared_of(whole_words: Sequence[str]) -> list[str]:
    """The same of the terms that a text has in the row `OTHER`."""
    stop_words = all_stop_words()
    return [term[:SHARED_LETTERS] for term in whole_words if term not in stop_words]


def positions(text: str, code: str) -> list[tuple[int, str]]:
    """The terms of a text with their places, where stop words leave gaps: for phrases."""
    tokens = analyzer(code).pre_tokenize(prepare(text)).tokens
    return [(token.position, token.text) for token in tokens]


@lru_cache(maxsize=65_536)  # a page has about 400 words, half of them distinct
def terms_of_word(word: str, code: str) -> tuple[str, ...]:
    """The terms of one word: none for a stop word, seldom more than one."""
    return tuple(analyse(word, code))


def words(text: str) -> Iterator[tuple[int, int, str]]:
    """The words of a text but elided ones: (start, end, word), counted in characters of it."""
    for match in WORD.finditer(blank_elisions(text)):
        yield match.start(), match.end(), match.group()


def is_of_word(character: str) -> bool:
    """Whether it stands inside of words."""
    return character.isalnum() or character in _INSIDE


def compounds(text: str) -> Iterator[tuple[int, int, str]]:
    """Words that have a hyphen, each with its places and without it: co-operation, cooperation.

    Not those that end with a stop word (puis-je, peut-on, celui-ci): nobody writes them in one.
    """
    if _HYPHENS.search(text):
        yield from compounds_of_blanked(blank_elisions(text))


def compounds_of_blanked(blanked: str) -> Iterator[tuple[int, int, str]]:
    """The same of a text that has gone through `blank_elisions` or `prepare`."""
    done = 0
    for hyphen in _HYPHENS.finditer(blanked):
        start = _word_start(blanked, hyphen.start(), done)
        if match := _COMPOUND.match(blanked, start):
            done = match.end()
            *_, last = _HYPHENS.split(match.group())
            if last.lower() not in all_stop_words():
                yield start, done, _HYPHENS.sub("", match.group())


def _word_start(text: str, end: int, least: int) -> int:
    """Where the word that ends at `end` begins. Looking from each hyphen back, and not for words
    that have one, takes a fifth of the time.
    """
    start = end
    while start > least and is_of_word(text[start - 1]):
        start -= 1
    return start


def fingerprint() -> str:
    """Names everything that decides which terms a text gives: other value, other terms."""
    limits = f"{MAX_TOKEN_BYTES} {SHARED_LETTERS}"
    patterns = (ELISIONS, _COMPOUND.pattern)
    parts = (repr(ROWS), *patterns, limits, version("tantivy"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
