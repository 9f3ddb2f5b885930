"""Running headers, footers and page numbers: found by their recurrence, and taken off.

Conservative: a line is furniture only when it stands at the same height, at the edge of the text,
on many pages, word for word or with a number that counts the pages. A running title is kept where
it first appears, so that words which stand nowhere else stay findable, and no page loses all of
its words.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.parsers.pdf_lines import Line

_EDGE = 3  # lines from the top or the bottom of a page that can be furniture
_FEWEST = 3  # pages it must recur on
_SHARE = 0.25  # and the share of all pages: left and right pages may differ, chapters too
_CHAPTER = 8  # pages are enough for many words: a chapter's title recurs within its chapter
_HEIGHT = 6.0  # points by which its place may vary
_STEADY = 0.8  # of the pages on which the number counts on
_NUMBER = re.compile(r"\d+")
_LETTER = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True, slots=True)
class _Spot:
    page: int
    line: int
    height: float
    text: str


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages' lines without what recurs at their edges."""
    dropped = _recurring(pages)
    kept = []
    for number, lines in enumerate(pages):
        rest = [line for at, line in enumerate(lines) if (number, at) not in dropped]
        worded = any(_LETTER.search(line.text) for line in lines)
        kept.append(list(lines) if worded and not rest else rest)
    return kept


def _recurring(pages: Sequence[Sequence[Line]]) -> set[tuple[int, int]]:
    spots: dict[str, list[_Spot]] = defaultdict(list)
    for page, lines in enumerate(pages):
        for at in _edge_lines(lines):
            text = lines[at].text
            spots[_NUMBER.sub("#", text.lower())].append(_Spot(page, at, lines[at].baseline, text))
    enough = max(_FEWEST, int(_SHARE * sum(1 for lines in pages if lines)))
    dropped: set[tuple[int, int]] = set()
    for key, found in spots.items():
        needed = min(enough, _CHAPTER) if len(key) >= 15 else enough
        for group in _same_height(found):
            if len(group) >= needed and _is_furniture(group):
                kept = 1 if _LETTER.search(key) else 0
                dropped |= {(spot.page, spot.line) for spot in group[kept:]}
    return dropped


def _is_furniture(group: Sequence[_Spot]) -> bool:
    """Word for word the same, or numbered by the page."""
    texts = Counter(spot.text for spot in group)
    if texts.most_common(1)[0][1] >= _STEADY * len(group) and _LETTER.search(group[0].text):
        return True
    numbers = [(spot.page, _NUMBER.findall(spot.text)) for spot in group]
    columns = min(len(found) for _, found in numbers)
    offsets = (
        Counter(int(found[column][:9]) - page for page, found in numbers)
        for column in range(columns)
    )
    return any(count.most_common(1)[0][1] >= _STEADY * len(group) for count in offsets)


def _edge_lines(lines: Sequence[Line]) -> set[int]:
    """By height: the order of the text is the writer's, a footer may come first."""
    by_height = sorted(range(len(lines)), key=lambda at: lines[at].baseline)
    return {*by_height[:_EDGE], *by_height[-_EDGE:]}


def _same_height(spots: list[_Spot]) -> list[list[_Spot]]:
    groups: list[list[_Spot]] = []
    for spot in sorted(spots, key=lambda spot: spot.height):
        if groups and spot.height - groups[-1][-1].height <= _HEIGHT:
            groups[-1].append(spot)
        else:
            groups.append([spot])
    return [sorted(group, key=lambda spot: spot.page) for group in groups]
