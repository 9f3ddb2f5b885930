"""The steps from a file to its passages, in order. Runs inside the sandbox; trusts nobody."""

import hashlib
import time
from dataclasses import replace

from ingest.errors import Reason, Refused
from ingest.language import detect_language, main_language, passage_language, with_languages
from ingest.media_types import Recognised, recognise
from ingest.parsers.registry import PARSERS
from ingest.passages import cut_passages, open_headings
from ingest.source import Source
from ingest.titles import best_title
from ingest.types import IngestedFile, Notice, Page, ParsedFile, Passage


def ingest(source: Source) -> IngestedFile:
    """Reads one file. Raises Refused."""
    started = time.perf_counter()
    size, digest = _fingerprint(source)
    recognised = recognise(source)
    flowing = recognised.format.flowing
    parsed = PARSERS[recognised.format.parser](source)
    # An empty document is one empty page: there is always a page to open.
    pages = with_languages(open_headings(parsed.pages or (Page(1, ()),), flowing=flowing))
    return IngestedFile(
        media_type=recognised.format.media_type,
        sha256=digest,
        size=size,
        title=best_title(parsed, source.name),
        language=main_language(pages),
        metadata=parsed.metadata,
        pages=pages,
        passages=_passages(pages, flowing=flowing),
        outline=parsed.outline,
        notices=_notices(parsed, recognised),
        seconds=time.perf_counter() - started,
    )


def _fingerprint(source: Source) -> tuple[int, str]:
    try:
        size = source.path.stat().st_size
        if size > source.limits.file_bytes:
            raise Refused(Reason.TOO_LARGE, f"{size} bytes")
        with source.path.open("rb") as file:
            return size, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Refused(Reason.UNREADABLE, str(error)) from error


def _passages(pages: tuple[Page, ...], *, flowing: bool) -> tuple[Passage, ...]:
    languages = {page.number: page.text_language for page in pages}
    return tuple(
        replace(passage, language=passage_language(passage, languages[passage.page]))
        for passage in cut_passages(pages, flowing=flowing)
    )


def _notices(parsed: ParsedFile, recognised: Recognised) -> tuple[Notice, ...]:
    silent = sum(1 for page in parsed.pages if not page.text.strip())
    found = {
        Notice.NO_TEXT: silent == len(parsed.pages),
        Notice.SOME_PAGES_WITHOUT_TEXT: 0 < silent < len(parsed.pages),
        Notice.MISLABELLED: recognised.mislabelled,
    }
    return (*parsed.notices, *(notice for notice, holds in found.items() if holds))


def preload() -> None:
    """Imports what most parses need, before the first fork.

    Markdown is asked to read a line: it imports its extensions only then, 80 ms a file in a child.
    """
    import heapq

    import openpyxl
    import pypdf
    import pypdfium2

    from ingest.parsers.markdown import slides_in_markdown

    _ = (heapq, openpyxl, pypdf, pypdfium2)
    slides_in_markdown("# A heading")
    detect_language("The model of languages is loaded by the first text that is long enough.")
