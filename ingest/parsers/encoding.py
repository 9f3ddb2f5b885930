"""Bytes of text to characters: mark, declaration, UTF-8, then a guess that is noticed."""

import codecs
import re
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings made of ASCII bytes: valid UTF-8 proves nothing against them.
_SEVEN_BIT = ("iso-2022", "iso2022", "hz", "utf-7")
_SAMPLE = 64 * 1024
# What English, French, Spanish, Portuguese, German and Italian write in Windows-1252. A guesser
# takes a few such letters for Central European ones as easily.
_WESTERN = frozenset(
    "àâäáãåæçéèêëíîïìñóôöòõœúûüùÿß¿¡ªº«»‘’“”–—…•°€§·©®\u00a0ÀÂÄÁÃÅÆÇÉÈÊËÍÎÏÌÑÓÔÖÒÕŒÚÛÜÙ"
)
_FEW = 0.2  # share of such letters: most of a text in Cyrillic or Greek would be among them
_NON_ASCII = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Decoded:
    text: str
    guessed: bool = False


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The characters of `data`; never fails: what is undecodable becomes U+FFFD."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(data.decode(encoding, errors="replace"))
    seven_bit = bool(declared) and str(declared).lower().startswith(_SEVEN_BIT)
    for candidate in (declared, "utf-8") if seven_bit else ("utf-8", declared):
        text = _attempt(data, candidate)
        if text is not None and "\x00" not in text:
            return Decoded(text)
    return Decoded(_guess(data), guessed=True)


def _attempt(data: bytes, encoding: str | None) -> str | None:
    try:
        return data.decode(encoding) if encoding else None
    except (LookupError, UnicodeError):
        return None


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    western = _attempt(data, "cp1252") or ""
    letters = [char for char in western if char > "\x7f"]
    if western and len(letters) < _FEW * len(western) and _WESTERN.issuperset(letters):
        return western
    best = from_bytes(_telling_sample(data)).best()
    encoding = best.encoding if best else "cp1252"
    return data.decode(encoding, errors="replace")


def _telling_sample(data: bytes) -> bytes:
    """The stretch around the first byte that is not ASCII: the rest tells nothing."""
    first = _NON_ASCII.search(data)
    start = max(0, first.start() - _SAMPLE // 4) if first else 0
    # An even start keeps the halves of UTF-16 together.
    return data[start - start % 2 :][:_SAMPLE]
