"""Rows of a sheet to the blocks of a page. Reading the rows is left to the xlsx and csv parsers."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ingest.parsers.markup import table_block
from ingest.types import Block, Page

# Rows of one table block: nothing is lost beyond it, the next block goes on under the same header.
_ROWS = 200


def sheet_page(number: int, name: str | None, rows: Iterable[Sequence[str]]) -> Page:
    """A sheet as a page: empty rows part its tables, empty columns are dropped."""
    blocks = tuple(block for table in _tables(rows) for block in _blocks(table))
    return Page(number, blocks, label=name)


def _tables(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    table: list[Sequence[str]] = []
    for row in rows:
        if any(row):
            table.append(row)
        elif table:
            yield table
            table = []
    if table:
        yield table


def _blocks(table: list[Sequence[str]]) -> Iterator[Block]:
    width = max(len(row) for row in table)
    used = [n for n in range(width) if any(n < len(row) and row[n] for row in table)]
    trimmed = iter([tuple(row[n] if n < len(row) else "" for n in used) for row in table])
    header = next(trimmed)
    first = True
    while rows := list(islice(trimmed, _ROWS)):
        yield from table_block([header, *rows])
        first = False
    if first:
        yield from table_block([header])
