"""Images of PDF pages and the boxes of their words: made in the sandbox when first asked for, then
kept as files under the name of the bytes they were made from. The folder may be emptied any time.
"""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from time import time
from typing import Any

from indexes.types import Span
from ingest import sandbox
from ingest.errors import Reason, Refused

log = logging.getLogger(__name__)

WIDTH = 1100  # pixels: readable at the width of a column, about 60 KB a page of text
# A page is drawn in a process of its own; more at once would only take turns on two cores and
# leave no thread to answer those who want words.
_DRAWING = BoundedSemaphore(2)
PATIENCE = 5.0  # seconds until a thread that waits for its turn goes back to others
# A refusal may have been the machine's: it is remembered no longer than this.
_REMEMBERED = 24 * 3600
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


class TooBusy(Exception):
    """Others are drawing; ask again in a few seconds."""


class CannotBeDrawn(Exception):
    """The page was tried and refused, now or a while ago."""


class PageImages:
    """The cache of one library."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self, source: Path, sha256: str, number: int) -> Path:
        """The page as WebP.

        Raises:
            CannotBeDrawn: not this page.
            TooBusy: not now.
            Refused: the file is not there (`ingest.errors`).
        """
        return _made(
            self._path(sha256, f"{number}.webp"),
            lambda: sandbox.render_page(source, number, width=WIDTH).webp,
        )

    def sheet(self, source: Path, sha256: str, number: int, mark: Mark | None) -> Sheet:
        """The page's size, and the boxes of the words that `mark` marks in its text.

        Nothing is read from the PDF only to know its size: without marks, an A4 sheet is taken
        for a page that was not measured yet; so it is, without marks, where it cannot be measured.
        """
        target = self._path(sha256, f"{number}.json")
        if mark is None and not target.is_file():
            return Sheet(*_A4)
        try:
            _made(target, lambda: _words(source, number))
        except (TooBusy, CannotBeDrawn, Refused):
            return Sheet(*_A4)
        measured = json.loads(target.read_text("utf-8"))
        marks = tuple(_marked(measured["words"], mark)) if mark else ()
        return Sheet(measured["width"], measured["height"], marks)

    def extract(self, source: Path, first: int, last: int) -> bytes:
        """These pages as a PDF. Raises TooBusy, `ingest.errors.Refused`."""
        with _turn():
            return sandbox.extract_pages(source, first, last)

    def _path(self, sha256: str, name: str) -> Path:
        return self._folder / sha256[:2] / sha256 / name


@contextmanager
def _turn() -> Iterator[None]:
    if not _DRAWING.acquire(timeout=PATIENCE):
        raise TooBusy
    try:
        yield
    finally:
        _DRAWING.release()


def _made(target: Path, make: Callable[[], bytes]) -> Path:
    """The file with what `make` gives; made by one thread, and not again after a refusal."""
    if _is_there(target):
        return target
    with _turn():
        if _is_there(target):  # by now
            return target
        try:
            content = make()
        except Refused as error:
            if error.reason is Reason.UNREADABLE:  # says nothing of the page
                raise
            log.warning("a page cannot be drawn: %s", error)
            _keep(_marker_of(target), b"")
            raise CannotBeDrawn from error
        _keep(target, content)
    return target


def _is_there(target: Path) -> bool:
    """Whether the file was made. Raises CannotBeDrawn where it is known that it cannot be."""
    if target.is_file():
        return True
    marker = _marker_of(target)
    if marker.is_file() and time() - marker.stat().st_mtime < _REMEMBERED:
        raise CannotBeDrawn
    return False


def _marker_of(target: Path) -> Path:
    """The empty file that stands for one that cannot be made."""
    return target.with_name(f"{target.name}.refused")


def _words(source: Path, number: int) -> bytes:
    page = sandbox.page_words(source, number)
    words = [[word.text, word.left, word.top, word.right, word.bottom] for word in page.words]
    measured = {"width": page.width, "height": page.height, "words": words}
    return json.dumps(measured, ensure_ascii=False).encode()


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
