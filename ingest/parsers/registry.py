"""The one table of parsers, by the name that `media_types.FORMATS` gives them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ingest.parsers import csv, docx, epub, html, markdown, pdf, pptx, text, xlsx
from ingest.source import Source
from ingest.types import ParsedFile

PARSERS: Mapping[str, Callable[[Source], ParsedFile]] = MappingProxyType(
    {
        "pdf": pdf.parse,
        "docx": docx.parse,
        "pptx": pptx.parse,
        "xlsx": xlsx.parse,
        "epub": epub.parse,
        "html": html.parse,
        "markdown": markdown.parse,
        "csv": csv.parse,
        "text": text.parse,
    }
)
