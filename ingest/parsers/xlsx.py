"""Workbooks: a sheet is a page of tables, with the values that were last computed."""

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from ingest.cleaning import clean_line
from ingest.parsers.edge import reading
from ingest.parsers.ooxml import Package
from ingest.parsers.sheets import sheet_page
from ingest.source import Source
from ingest.types import Page, ParsedFile

if TYPE_CHECKING:
    from openpyxl import Workbook


def parse(source: Source) -> ParsedFile:
    from openpyxl import load_workbook

    with reading("xlsx"), source.open_zip() as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # styles and extensions it does not know: not content
        metadata = Package.of(archive).metadata()
        workbook = load_workbook(source.path.open("rb"), read_only=True, data_only=True)
        pages = tuple(_pages(workbook))
    source.check_pages(len(pages))
    return ParsedFile(pages, metadata)


def _pages(workbook: "Workbook") -> Iterator[Page]:
    # Chart sheets have no cells, yet they count as a page; hidden sheets hold lists for menus.
    for number, sheet in enumerate(workbook.worksheets, start=1):
        if hasattr(sheet, "reset_dimensions"):
            sheet.reset_dimensions()  # the declared size lies in files of some exporters
        rows = sheet.iter_rows(values_only=True)
        yield sheet_page(number, sheet.title, (_texts(row) for row in rows))


def _texts(row: Sequence[Any]) -> list[str]:
    """The cells up to the last that says something: styled rows are 16,384 cells wide."""
    texts = [_text(value) for value in row]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return (
            value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
        )
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.10g}"
    return clean_line(str(value))
