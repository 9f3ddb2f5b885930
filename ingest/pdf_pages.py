"""What is made of a PDF's pages on request: an image, the places of the words, fewer pages.

Runs inside the sandbox; `sandbox.py` has the public functions of the same names. A page that does
not exist gives None.
"""

import ctypes
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.cleaning import clean_line
from ingest.parsers.edge import reading
from ingest.parsers.pdf import open_pdf
from ingest.source import Source

_WEBP_QUALITY = 80
_LARGEST_SIDE = 8000  # pixels: a page of 10 cm by 10 m is drawn smaller than asked
_WIDEST = 4000
_BREAKS = " \r\n\t\u00a0\ufffe\x02"


@dataclass(frozen=True, slots=True)
class PageImage:
    """A drawn page; `width` and `height` in pixels."""

    webp: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word's box in points, from the upper left corner of the page as it is shown."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageWords:
    """The words of a page in reading order; the page's size in points, as it is shown."""

    width: float
    height: float
    words: tuple[Word, ...]


def preload() -> None:
    """Imports pdfium and Pillow's WebP before the first fork."""
    import PIL.WebPImagePlugin
    import pypdf
    import pypdfium2

    _ = (PIL.WebPImagePlugin, pypdf, pypdfium2)


def render_page(source: Source, number: int, width: int) -> PageImage | None:
    with reading("pdf"), open_pdf(source) as document:
        page = _page(document, number)
        if page is None:
            return None
        across, down = page.get_size()
        scale = min(min(max(width, 1), _WIDEST) / across, _LARGEST_SIDE / down)
        image = page.render(scale=scale).to_pil().convert("RGB")
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=_WEBP_QUALITY)
        return PageImage(buffer.getvalue(), image.width, image.height)


def page_words(source: Source, number: int) -> PageWords | None:
    with reading("pdf"), open_pdf(source) as document:
        page = _page(document, number)
        if page is None:
            return None
        textpage = page.get_textpage()
        place = _Placement.of(page)
        words = tuple(
            Word(clean_line(text), *place.shown(*box))
            for text, box in _words(textpage)
            if clean_line(text)
        )
        width, height = page.get_size()
        return PageWords(width, height, words)


def extract_pages(source: Source, first: int, last: int) -> bytes | None:
    """By pypdf, which keeps labels and links that pdfium's import drops."""
    from pypdf import PdfReader, PdfWriter

    with reading("pdf"):
        reader = PdfReader(source.path)
        if not 1 <= first <= last <= len(reader.pages):
            return None
        writer = PdfWriter()
        writer.append(reader, pages=(first - 1, last), import_outline=False)
        writer.compress_identical_objects()
        buffer = io.BytesIO()
        writer.write(buffer)
        return buffer.getvalue()


def _page(document: Any, number: int) -> Any:
    return document[number - 1] if 1 <= number <= len(document) else None


def _words(textpage: Any) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """The characters between breaks, with the box around them (left, bottom, right, top)."""
    import pypdfium2.raw as pdfium

    text = ""
    boxes: list[tuple[float, float, float, float]] = []
    edges = [ctypes.c_double() for _ in range(4)]
    left, right, bottom, top = edges
    for index in range(textpage.count_chars()):
        char = chr(pdfium.FPDFText_GetUnicode(textpage, index))
        if char in _BREAKS or char == "\x00":
            if boxes:
                yield text, _around(boxes)
            text, boxes = "", []
            continue
        pdfium.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
        text += char
        boxes.append((left.value, bottom.value, right.value, top.value))
    if boxes:
        yield text, _around(boxes)


def _around(boxes: list[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


@dataclass(frozen=True, slots=True)
class _Placement:
    """From the page's own coordinates (origin below, unrotated) to the page as it is shown."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @classmethod
    def of(cls, page: Any) -> "_Placement":
        left, bottom, right, top = page.get_bbox()
        return cls(left, bottom, right, top, page.get_rotation())

    def shown(
        self, left: float, bottom: float, right: float, top: float
    ) -> tuple[float, float, float, float]:
        """Left, top, right, bottom from the upper left corner."""
        if self.rotation == 90:
            return bottom - self.bottom, left - self.left, top - self.bottom, right - self.left
        if self.rotation == 180:
            return self.right - right, bottom - self.bottom, self.right - left, top - self.bottom
        if self.rotation == 270:
            return self.top - top, self.right - right, self.top - bottom, self.right - left
        return left - self.left, self.top - top, right - self.left, self.top - bottom
