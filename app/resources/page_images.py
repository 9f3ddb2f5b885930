"""Images of PDF pages and the boxes of their words: made in the sandbox when first asked for, then
kept as files under the name of the bytes they were made from. The folder may be emptied any time.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from indexes.types import Span
from ingest import sandbox

WIDTH = 1100  # pixels: readable at the width of a column, about 60 KB a page of text
# A page is drawn in a process of its own; more at once would only take turns on two cores and
# leave no thread to answer those who want words.
_DRAWING = BoundedSemaphore(2)
# Before a page was measured the browser reserves the room of an A4 sheet, then takes the image's.
_A4 = (595.0, 842.0)
_WHOLE = 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """A marked word, in the units of the sheet, from its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """The size of a page's image in points and what is marked on it."""

    width: float
    height: float
    marks: tuple[Box, ...] = ()


Mark = Callable[[str], Sequence[Span]]


class PageImages:
    """The cache of one library."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self, source: Path, sha256: str, number: int) -> Path:
        """The page as WebP. Raises `ingest.errors.Refused` when it cannot be drawn."""
        target = self._path(sha256, f"{number}.webp")
        if not target.is_file():
            with _DRAWING:
                drawn = sandbox.render_page(source, number, width=WIDTH)
            _keep(target, drawn.webp)
        return target

    def sheet(self, source: Path, sha256: str, number: int, mark: Mark | None) -> Sheet:
        """The page's size, and the boxes of the words that `mark` marks in its text.

        Nothing is read from the PDF only to know its size: without marks, an A4 sheet is taken
        for a page that was not measured yet.
        """
        target = self._path(sha256, f"{number}.json")
        if mark is None and not target.is_file():
            return Sheet(*_A4)
        measured = self._measured(source, target, number)
        marks = tuple(_marked(measured["words"], mark)) if mark else ()
        return Sheet(measured["width"], measured["height"], marks)

    def extract(self, source: Path, first: int, last: int) -> bytes:
        """These pages as a PDF. Raises `ingest.errors.Refused`."""
        with _DRAWING:
            return sandbox.extract_pages(source, first, last)

    def _measured(self, source: Path, target: Path, number: int) -> dict[str, Any]:
        if target.is_file():
            kept: dict[str, Any] = json.loads(target.read_text("utf-8"))
            return kept
        with _DRAWING:
            page = sandbox.page_words(source, number)
        words = [[word.text, word.left, word.top, word.right, word.bottom] for word in page.words]
        measured = {"width": page.width, "height": page.height, "words": words}
        _keep(target, json.dumps(measured, ensure_ascii=False).encode())
        return measured

    def _path(self, sha256: str, name: str) -> Path:
        return self._folder / sha256[:2] / sha256 / name


def _keep(target: Path, content: bytes) -> None:
    """Written aside and renamed: a reader finds the whole file or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as aside:
        aside.write(content)
    Path(aside.name).chmod(0o644)
    os.replace(aside.name, target)  # noqa: PTH105 - the atomic one, named as such


def _marked(words: Sequence[Sequence[Any]], mark: Mark) -> Iterator[Box]:
    """The boxes of words that any mark touches, the text taken as the words in a row."""
    touched = list(_touched([str(word[0]) for word in words], mark))
    for word, is_touched in zip(words, touched, strict=True):
        if is_touched:
            _text, left, top, right, bottom = word
            yield Box(
                round(left - _WHOLE, 1),
                round(top - _WHOLE, 1),
                round(right - left + 2 * _WHOLE, 1),
                round(bottom - top + 2 * _WHOLE, 1),
            )


def _touched(words: Sequence[str], mark: Mark) -> Iterator[bool]:
    text = " ".join(words)
    flags = [span.marked for span in mark(text) for _character in span.text]
    start = 0
    for word in words:
        yield any(flags[start : start + len(word)])
        start += len(word) + 1
