"""The lines of a PDF page as pdfium reads them, each with its place, size and weight.

Geometry is asked for the first and the last character of a line only: pdfium answers a call in
about a microsecond, and a page has 3,000 characters but 40 lines. Making paragraphs of the lines
is left to pdf_paragraphs.
"""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.cleaning import clean_line

# pdfium writes U+FFFE (older: U+0002) for a hyphen at a line's end, and swallows the line break.
# It writes the same for a glyph without a meaning (a ligature, mostly), which UNMAPPED replaces.
_BREAKS = re.compile(r"\r\n?|\n|[\ufffe\x02]")
_HYPHENS = "\ufffe\x02"
UNMAPPED = "\ufffd"
# The Arabic ligature of lam and alef comes out the wrong way round. No word has two alefs in a row,
# which tells where; inside words it cannot be told.
_LAM_ALEF = re.compile("\u0627([\u0622\u0623\u0625\u0627])\u0644")
_BOLD = 600  # CSS weight from which pdfium's estimate means a bold face
_BOLD_NAMES = (b"bold", b"black", b"heavy", b"semibold", b"negrita", b"gras")
_NAME_BYTES = 128


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; places in points from the page's lower left corner.

    `size` is the height of the font's box, which unlike the nominal size includes every scaling.
    `hyphenated`: the line ended with a hyphen that may or may not belong to the word.
    """

    text: str
    left: float = 0.0
    right: float = 0.0
    baseline: float = 0.0
    size: float = 0.0
    bold: bool = False
    hyphenated: bool = False


def page_lines(textpage: Any) -> list[Line]:
    """The lines in pdfium's order, cleaned, without empty ones."""
    text = textpage.get_text_range(errors="replace")
    return list(_lines(textpage, _marked(textpage, text)))


def _marked(textpage: Any, text: str) -> str:
    """The text with U+FFFE left for hyphens only."""
    import pypdfium2.raw as pdfium

    if not any(mark in text for mark in _HYPHENS):
        return text
    chars = list(text)
    astral = 0
    for at, char in enumerate(chars):
        if char in _HYPHENS and not pdfium.FPDFText_GetUnicode(textpage, at + astral):
            chars[at] = UNMAPPED
        astral += char > "\uffff"
    return "".join(chars)


def _lines(textpage: Any, text: str) -> Iterator[Line]:
    start = astral = 0
    for stop in [*(found.span() for found in _BREAKS.finditer(text)), (len(text), len(text))]:
        raw = text[start : stop[0]]
        cleaned = _LAM_ALEF.sub("\u0627\u0644\\1", clean_line(raw))
        if cleaned:
            hyphenated = text[stop[0] : stop[1]] in _HYPHENS and stop[0] < len(text)
            first = start + astral + len(raw) - len(raw.lstrip())
            last = stop[0] + astral - 1 - (len(raw) - len(raw.rstrip()))
            yield _placed(textpage, cleaned, first, last, hyphenated=hyphenated)
        # pdfium counts characters beyond the BMP as two.
        astral += sum(1 for char in raw if char > "\uffff")
        start = stop[1]


def _placed(textpage: Any, text: str, first: int, last: int, *, hyphenated: bool) -> Line:
    import pypdfium2.raw as pdfium

    box, end = pdfium.FS_RECTF(), pdfium.FS_RECTF()
    if not pdfium.FPDFText_GetLooseCharBox(textpage, first, box):
        return Line(text, hyphenated=hyphenated)
    pdfium.FPDFText_GetLooseCharBox(textpage, last, end)
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(textpage, first, x, y)
    return Line(
        text,
        left=box.left,
        right=max(end.right, box.right),
        baseline=y.value,
        # A line may begin or end with a small raised number.
        size=round(max(abs(box.top - box.bottom), abs(end.top - end.bottom)), 1),
        bold=_is_bold(textpage, first) and _is_bold(textpage, last),
        hyphenated=hyphenated,
    )


def _is_bold(textpage: Any, index: int) -> bool:
    import pypdfium2.raw as pdfium

    if pdfium.FPDFText_GetFontWeight(textpage, index) >= _BOLD:
        return True
    name = ctypes.create_string_buffer(_NAME_BYTES)
    flags = ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(textpage, index, name, _NAME_BYTES, flags)
    return any(word in name.value.lower() for word in _BOLD_NAMES)
