"""A page's blocks as the parts of clean HTML: headings that never skip a level, nested lists,
tables with a head, an anchor where each passage begins. The template only writes them down.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from indexes.types import Span

Spans = tuple[Span, ...]
Mark = Callable[[str], Spans]
_FIRST_HEADING = 2  # the page's own title is the only h1
_LAST_HEADING = 6
_OWN_MARK = re.compile(r"(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxlIVXL]{1,5})[.)]|[•◦▪‣–—*-])\s")
_NUMBER = re.compile(r"[\d\s.,%€$()+-]+")


@dataclass(frozen=True, slots=True)
class Item:
    """A list item; what is nested below it comes as `items`. `numbered`: its text begins with a
    number or a bullet of its own, as lists read from a PDF do.
    """

    spans: Spans
    anchors: tuple[str, ...]
    items: tuple["Item", ...] = ()

    @property
    def numbered(self) -> bool:
        return bool(_OWN_MARK.match("".join(span.text for span in self.spans)))


@dataclass(frozen=True, slots=True)
class Part:
    """One element. `level` is that of the HTML heading; `head`: `rows[0]` names the columns."""

    kind: str
    spans: Spans = ()
    anchors: tuple[str, ...] = ()
    level: int = 0
    items: tuple[Item, ...] = ()
    rows: tuple[tuple[Spans, ...], ...] = ()
    head: bool = False


def plain(text: str) -> Spans:
    """Text with nothing marked."""
    return (Span(text),) if text else ()


def lay_out(
    blocks: Sequence[Mapping[str, Any]],
    passages: Sequence[tuple[int, str]] = (),
    mark: Mark = plain,
) -> tuple[Part, ...]:
    """The parts of a page. `passages` pairs a block's index with the passage that begins there."""
    levels = _heading_levels(blocks)
    anchors: dict[int, tuple[str, ...]] = {}
    for index, passage in passages:
        anchors[index] = (*anchors.get(index, ()), f"p-{passage}")
    parts: list[Part] = []
    numbered = list(enumerate(blocks))
    for is_list, run in groupby(numbered, key=lambda pair: pair[1]["kind"] == "list_item"):
        if is_list:
            entries = [
                (max(1, block.get("level", 1)), Item(mark(block["text"]), anchors.get(index, ())))
                for index, block in run
            ]
            parts.append(Part("list", items=_nest(entries)))
            continue
        parts.extend(
            _part(block, anchors.get(index, ()), levels.get(index, 0), mark) for index, block in run
        )
    return tuple(parts)


def _part(block: Mapping[str, Any], anchors: tuple[str, ...], level: int, mark: Mark) -> Part:
    rows = block.get("rows") or ()
    if block["kind"] == "table" and rows:
        cells = tuple(tuple(mark(cell) for cell in row) for row in rows)
        return Part("table", anchors=anchors, rows=cells, head=_has_head(rows))
    return Part(block["kind"], mark(block["text"]), anchors, level)


def _has_head(rows: Sequence[Sequence[str]]) -> bool:
    """A first row of words only, above others, names the columns."""
    return len(rows) > 1 and all(
        cell.strip() and not _NUMBER.fullmatch(cell.strip()) for cell in rows[0]
    )


def _heading_levels(blocks: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Levels as deep as the headings really nest: a text that jumps from 1 to 4 gets 2 and 3."""
    levels: dict[int, int] = {}
    above: list[int] = []
    for index, block in enumerate(blocks):
        if block["kind"] != "heading":
            continue
        level = block.get("level", 1)
        while above and above[-1] >= level:
            above.pop()
        levels[index] = min(_FIRST_HEADING + len(above), _LAST_HEADING)
        above.append(level)
    return levels


def _nest(entries: Sequence[tuple[int, Item]]) -> tuple[Item, ...]:
    """Items deeper than the first belong to the one before them."""
    if not entries:
        return ()
    floor, starts = entries[0][0], []
    for at, (level, _item) in enumerate(entries):
        if level <= floor:  # a list may begin deeper than it goes on
            floor = level
            starts.append(at)
    nested = []
    for start, end in zip(starts, [*starts[1:], len(entries)], strict=True):
        item = entries[start][1]
        nested.append(Item(item.spans, item.anchors, _nest(entries[start + 1 : end])))
    return tuple(nested)
