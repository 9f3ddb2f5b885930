"""A paragraph cut into sentences, in English, French, Spanish and most other scripts.

Rules and lists, no model: a wrong join makes a passage a little longer, a wrong cut makes an
extract that starts in the middle, so doubtful stops do not end a sentence.
"""

import re
from collections.abc import Iterator

# What a full stop follows without ending the sentence; lower case, without the last stop.
_ENGLISH = """
    mr mrs ms dr prof rev hon st sr jr vs viz cf eg e.g i.e ie approx dept est fig figs gen gov
    no nos op pp vol vols ed eds ch chap sec art arts para paras par ref refs ibid resp
    jan feb mar apr jun jul aug sep sept oct nov dec col lt sgt capt maj al inc ltd corp
"""
_FRENCH = """
    m mm mme mmes mlle mgr me dr p ex env réf réf art al n° nos éd éds chap tél av bd boul
    janv févr avr juil déc hab vol op c.-à-d c.à.d p.ex part fasc trad dir coll suiv ss st ste
"""
_SPANISH = """
    sr sra sres sras srta dra prof profa lic ing arq ud uds vd vds pág págs cap núm núms nro
    ej p.ej art arts tel teléf av avda cía dpto depto edo ee.uu ee uu aprox máx mín ene
    abr ago dic gral cnel ee.uu a.c d.c
"""
_ABBREVIATIONS = frozenset(f"{_ENGLISH} {_FRENCH} {_SPANISH}".split())
_CLOSERS = r"(?:[\"”’'\)\]\*]|\s?[»›]|[」』）】])*"
# A stop, what closes with it, then white space; or a full-width stop, which needs none.
_STOP = re.compile(
    rf"(?:[.!?…]+|[؟۔।]+){_CLOSERS}(?:\[\d+\])*(?=\s)\s+|[。！？]+{_CLOSERS}\s*|\n{{2,}}"
)
_LAST_WORD = re.compile(r"[^\s(\[«“\"'’]*$")
_INITIAL = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})")
_OPENERS = "\"'«“‘¿¡([—–-•*‹„ "
# "etc. The" ends a sentence, "etc. and" does not: the letter that follows decides.
_NEVER_ALONE = frozenset({"n°", "no", "nos", "p", "pp", "art", "arts", "fig", "vol", "núm", "pág"})


def split_sentences(text: str) -> list[str]:
    """The sentences of a paragraph, stripped; joined by spaces they are the paragraph again."""
    return [sentence for sentence in (piece.strip() for piece in _pieces(text)) if sentence]


def ends_sentence(text: str) -> bool:
    """Whether the text ends with a stop (closing quotes and brackets aside)."""
    return bool(re.search(rf"[.!?…:;؟۔।。！？]{_CLOSERS}(?:\[\d+\]|\d{{1,3}})?$", text.rstrip()))


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for stop in _STOP.finditer(text):
        if _is_boundary(text, start, stop):
            yield text[start : stop.end()]
            start = stop.end()
    yield text[start:]


def _is_boundary(text: str, start: int, stop: re.Match[str]) -> bool:
    mark = stop[0][0]
    if mark in "。！？؟۔।\n":
        return True
    following = text[stop.end() :].lstrip(_OPENERS)[:1]
    if following.islower() and not stop[0].rstrip().endswith(("»", "”")):
        return False
    if mark != "." or stop[0].startswith(".."):
        return bool(following) and not following.islower()
    return not following.islower() and not _is_abbreviation(text, start, stop.start(), following)


def _is_abbreviation(text: str, start: int, end: int, following: str) -> bool:
    last = _LAST_WORD.search(text, start, end)
    word = last[0] if last else ""
    if not text[start : end - len(word)].strip(_OPENERS) and _ENUMERATOR.fullmatch(word):
        return True  # "1. Scope", "a. Purpose": the number belongs to what it numbers
    if word.lower() in _ABBREVIATIONS:
        return word.lower() not in _NEVER_ALONE or following.isdigit()
    return bool(_INITIAL.fullmatch(word)) and word.upper() == word
