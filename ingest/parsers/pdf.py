"""PDF files: text by pdfium (some 20 times faster than pypdf), one page for each page.

Lines, furniture and paragraphs have modules of their own. pdfium also gives outline, labels and
metadata; only whether there is an owner's password is asked of the bytes.
"""

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ingest.cleaning import clean_line
from ingest.errors import Reason, Refused
from ingest.parsers.edge import reading
from ingest.parsers.pdf_furniture import without_furniture
from ingest.parsers.pdf_lines import Line, page_lines
from ingest.parsers.pdf_paragraphs import Typography, Vocabulary, heading_key, page_blocks
from ingest.source import Source
from ingest.types import Metadata, Notice, OutlineItem, Page, ParsedFile

_DATE = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?")
_OUTLINE_DEPTH = 8
_OUTLINE_ITEMS = 20_000
_OFFICE_TITLE = re.compile(
    r"^(?:Microsoft (?:Word|PowerPoint|Excel) - |untitled$|sin título$)", re.IGNORECASE
)


def parse(source: Source) -> ParsedFile:
    with reading("pdf"), open_pdf(source) as document:
        source.check_pages(len(document))
        outline = tuple(_outline(document))
        lines, damaged = _all_lines(document)
        labels = _labels(document)
        metadata = _metadata(document)
        protected = _is_protected(document)
    pages = _pages(lines, labels, outline)
    notices = [Notice.OWNER_PASSWORD] * protected + [Notice.REPAIRED] * damaged
    return ParsedFile(pages, metadata, outline, tuple(notices))


@contextmanager
def open_pdf(source: Source) -> Iterator[Any]:
    """The open document. Refused: ENCRYPTED, BROKEN."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    try:
        document = pypdfium2.PdfDocument(source.path)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        secured = code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        raise Refused(Reason.ENCRYPTED if secured else Reason.BROKEN, f"pdfium: {error}") from error
    try:
        if not len(document):
            raise Refused(Reason.BROKEN, "a PDF without pages")
        yield document
    finally:
        document.close()


def _all_lines(document: Any) -> tuple[list[list[Line]], bool]:
    """The lines of every page; a page that cannot be loaded is empty, and the file damaged."""
    import pypdfium2

    pages: list[list[Line]] = []
    damaged = False
    for number in range(len(document)):
        try:
            page = document[number]
            textpage = page.get_textpage()
            pages.append(page_lines(textpage))
            textpage.close()
            page.close()
        except pypdfium2.PdfiumError:
            pages.append([])
            damaged = True
    if damaged and not any(pages):
        raise Refused(Reason.BROKEN, "no page can be loaded")
    return pages, damaged


def _pages(
    lines: list[list[Line]], labels: list[str | None], outline: tuple[OutlineItem, ...]
) -> tuple[Page, ...]:
    kept = without_furniture(lines)
    typography, vocabulary = Typography.of(kept), Vocabulary.of(kept)
    titles: list[dict[str, int]] = [{} for _ in kept]
    for item in outline:
        if key := heading_key(item.title):
            titles[item.page - 1].setdefault(key, min(item.level, 6))
    return tuple(
        Page(number, page_blocks(page, typography, vocabulary, named), label=label)
        for number, (page, named, label) in enumerate(
            zip(kept, titles, labels, strict=True), start=1
        )
    )


def _labels(document: Any) -> list[str | None]:
    """What is printed on the pages; None where that is the number itself."""
    labels = [document.get_page_label(number) for number in range(len(document))]
    return [label if label and label != str(n) else None for n, label in enumerate(labels, start=1)]


def _outline(document: Any) -> Iterator[OutlineItem]:
    for count, bookmark in enumerate(document.get_toc(max_depth=_OUTLINE_DEPTH)):
        if count >= _OUTLINE_ITEMS:
            return
        destination = bookmark.get_dest()
        page = destination.get_index() if destination else None
        title = clean_line(bookmark.get_title())
        if title and page is not None and 0 <= page < len(document):
            yield OutlineItem(title, bookmark.level + 1, page + 1)


def _metadata(document: Any) -> Metadata:
    said = {key: clean_line(value) for key, value in document.get_metadata_dict().items()}
    dated = _DATE.match(said.get("CreationDate") or said.get("ModDate") or "")
    title = _OFFICE_TITLE.sub("", said.get("Title", ""))
    return Metadata(
        title=title or None,
        authors=tuple(a for raw in said.get("Author", "").split(";") if (a := raw.strip())),
        subject=said.get("Subject") or None,
        keywords=tuple(
            k for raw in re.split("[,;]", said.get("Keywords", "")) if (k := raw.strip())
        ),
        language=_declared_language(document),
        date="-".join(part for part in dated.groups() if part) if dated else None,
    )


def _declared_language(document: Any) -> str | None:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFCatalog_GetLanguage(document, None, 0)
    if not 2 < size < 200:
        return None
    buffer = (ctypes.c_ushort * (size // 2))()
    pdfium.FPDFCatalog_GetLanguage(document, buffer, size)
    return clean_line(bytes(buffer).decode("utf-16-le", "replace")) or None


def _is_protected(document: Any) -> bool:
    """Encrypted, though it opened without a password: only the owner's rights are held back."""
    import pypdfium2.raw as pdfium

    return bool(pdfium.FPDF_GetSecurityHandlerRevision(document) >= 0)
