"""What pypdf does with a PDF: the other reader of `benchmarks.ingest`.

A module of its own because the sandbox's child has to be able to import it by its name.
"""

from ingest.source import Source


def read_pages(source: Source) -> tuple[str, ...]:
    """The text of each page, as `PageObject.extract_text` gives it by default."""
    from pypdf import PdfReader

    return tuple(page.extract_text() for page in PdfReader(source.path).pages)
