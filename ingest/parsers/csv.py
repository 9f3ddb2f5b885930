"""Tables as text (comma, semicolon, tab or bar between the cells): one page of table blocks."""

import csv
import io

from ingest.cleaning import clean_line
from ingest.parsers.edge import reading
from ingest.parsers.encoding import decode
from ingest.parsers.sheets import sheet_page
from ingest.source import Source
from ingest.types import Notice, ParsedFile

_DELIMITERS = ",;\t|"
_SNIFFED = 16 * 1024


def parse(source: Source) -> ParsedFile:
    decoded = decode(source.read_bytes())
    with reading("csv"):
        csv.field_size_limit(source.limits.file_bytes)
        lines = csv.reader(
            io.StringIO(decoded.text.replace("\x00", "")), delimiter=_delimiter(decoded.text)
        )
        page = sheet_page(1, None, ([clean_line(cell) for cell in row] for row in lines))
    return ParsedFile((page,), notices=(Notice.ENCODING_GUESSED,) if decoded.guessed else ())


def _delimiter(text: str) -> str:
    """The delimiter that the first lines have most of; csv.Sniffer trips over quoted text."""
    sample = text[:_SNIFFED]
    return max(_DELIMITERS, key=sample.count)
