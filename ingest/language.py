"""The language that a text is written in, whatever its name, folder or metadata say.

py3langid (naive Bayes over bytes) restricted to languages that the library can meet. What a file
declares about itself stays in its metadata.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from ingest.types import Page, Passage

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNDETERMINED = "und"
_SHORTEST = 25  # letters; below, chance decides (measured on titles of the corpus)
_SAMPLE = 1500  # characters; more changes nothing and costs 1.5 ms per 1,000
_CERTAIN = 0.55
# Lists of names pass for Malagasy, Hausa or Xhosa at 0.4 to 0.6; real texts come out over 0.9.
_CERTAIN_RARE = 0.85
_PASSAGE_SAMPLE = 500
_LONG_PASSAGE = 250  # characters from which a passage may differ from its page
_CERTAIN_PASSAGE = 0.90
# Left out: languages so close to a listed one that short texts are taken for them (ast, oc, an,
# gl for es; wa, ht for fr; nn, nb for no), and constructed ones. Latin stays:
# it keeps dummy text (lorem ipsum) from being Catalan.
_IDEOGRAPHS = re.compile("[\u3040-\ud7ff]")
_FREQUENT = frozenset(["en", "fr", "es", "ar", "ru", "zh", "pt", "it", "de", "nl", "ja", "ko"])
_LANGUAGES = """
    af am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gu ha he hi hr hu hy id
    is  it ja ka kk km kn ko ky la lo lt lv mg mk ml mn mr ms mt my ne nl no pa pl ps pt ro ru
    rw si sk  sl so sq sr sv sw ta te th tl tr uk ur uz vi xh yo zh zu
"""


def detect_language(text: str, *, certain: float = _CERTAIN, sample: int = _SAMPLE) -> str:
    """A BCP 47 code, "und" for text too short or too mixed to tell."""
    words = _words_only(text, sample)
    if _letters(words) < _SHORTEST:
        return UNDETERMINED
    language, probability = _identifier().classify(words)
    needed = certain if language in _FREQUENT else max(certain, _CERTAIN_RARE)
    return str(language) if probability >= needed else UNDETERMINED


def with_languages(pages: Sequence[Page]) -> tuple[Page, ...]:
    """Each page with its `text_language`.

    A page too short to tell takes the language of its nearest neighbour that can be told, before
    it first; a page without text keeps "und".
    """
    found = [detect_language(page.text) for page in pages]
    filled = [
        (_nearest(found, at) if language == UNDETERMINED and page.text.strip() else language)
        for at, (page, language) in enumerate(zip(pages, found, strict=True))
    ]
    return tuple(
        replace(page, text_language=language) for page, language in zip(pages, filled, strict=True)
    )


def main_language(pages: Iterable[Page]) -> str:
    """The language of most of the text, by characters."""
    letters: Counter[str] = Counter()
    for page in pages:
        letters[page.text_language] += len(page.text)
    del letters[UNDETERMINED]
    return letters.most_common(1)[0][0] if letters else UNDETERMINED


def passage_language(passage: Passage, page_language: str) -> str:
    """The page's language, unless a long passage is clearly in another."""
    if len(passage.text) < _LONG_PASSAGE:
        return page_language
    own = detect_language(passage.text, certain=_CERTAIN_PASSAGE, sample=_PASSAGE_SAMPLE)
    return page_language if own == UNDETERMINED else own


def _nearest(found: Sequence[str], at: int) -> str:
    known = [n for n, language in enumerate(found) if language != UNDETERMINED]
    return found[min(known, key=lambda n: (abs(n - at), n))] if known else UNDETERMINED


def _letters(text: str) -> int:
    """Letters, an ideograph counting for three: it says as much as a syllable or two."""
    return sum(map(str.isalpha, text)) + 2 * len(_IDEOGRAPHS.findall(text))


def _words_only(text: str, length: int) -> str:
    """A sample from the text without addresses, numbers and shouting, which mislead."""
    words = " ".join(word for word in text[: 2 * length].split() if not _is_noise(word))[:length]
    return words.lower() if sum(map(str.isupper, words)) > len(words) / 3 else words


def _is_noise(word: str) -> bool:
    return (
        "://" in word or "@" in word or word.startswith("www.") or not any(map(str.isalpha, word))
    )


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([code for code in _LANGUAGES.split() if code in identifier.labels])
    return identifier
