"""Pages of blocks cut into passages: whole sentences under one path of headings.

A passage aims at TARGET characters and never exceeds MAXIMUM. Which pages and languages there
are is decided before; counting a model's tokens is handed in by the caller (`split_long`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from ingest.sentences import ends_sentence, split_sentences
from ingest.types import Block, BlockKind, Page, Passage

TARGET = 700
MAXIMUM = 1200
TAIL = 200  # a shorter rest joins its neighbour in the same section
_LONGEST_HEADER = 300  # a longer first row is content, not the names of columns
_CLAUSES = ("; ", " : ", ": ", " — ", " – ", ", ", "،", "，", "、", "\n", " ")


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, a list item's sentence, a row of a table."""

    text: str
    page: int
    last_page: int
    block: int
    headings: tuple[str, ...]
    joint: str  # what separates it from the unit before
    context: str = ""  # the header row of its table


def cut_passages(pages: Sequence[Page], *, flowing: bool = True) -> tuple[Passage, ...]:
    """The passages of a file in reading order.

    `flowing` lets a sentence run over the end of its page; a slide or a sheet never does.
    """
    passages: list[Passage] = []
    for units in _sections(_units(pages, flowing=flowing)):
        passages += [_passage(group, len(passages) + n) for n, group in enumerate(_pack(units))]
    return tuple(passages)


def open_headings(pages: Sequence[Page], *, flowing: bool = True) -> tuple[Page, ...]:
    """The pages with the path of headings that is open where each begins."""
    path: dict[int, str] = {}
    opened = []
    for page in pages:
        path = path if flowing else {}
        first = page.blocks[0] if page.blocks else None
        if first and first.kind is BlockKind.HEADING:
            path = _without(path, first.level)
        opened.append(replace(page, headings=page.headings or tuple(path.values())))
        for block in page.blocks:
            path = _entered(path, block)
    return tuple(opened)


def split_long(
    passages: Iterable[Passage], count_tokens: Callable[[str], int], limit: int = 480
) -> tuple[Passage, ...]:
    """The same text in passages of at most `limit` tokens, numbered anew."""
    split = [
        replace(passage, text=text)
        for passage in passages
        for text in _within(passage.text, count_tokens, limit)
    ]
    return tuple(replace(passage, ordinal=n) for n, passage in enumerate(split))


def _without(path: dict[int, str], level: int) -> dict[int, str]:
    return {held: title for held, title in path.items() if held < level}


def _entered(path: dict[int, str], block: Block) -> dict[int, str]:
    if block.kind is not BlockKind.HEADING:
        return path
    above = _without(path, block.level)
    if block.text in above.values():  # a title page repeats the cover
        return above
    return {**above, block.level: block.text}


# --- pages to units -------------------------------------------------------------------------


def _units(pages: Sequence[Page], *, flowing: bool) -> list[_Unit]:
    units: list[_Unit] = []
    path: dict[int, str] = {}
    for page in pages:
        path = path if flowing else {}
        fresh: list[_Unit] = []
        headings: list[_Unit] = []
        for index, block in enumerate(page.blocks):
            path = _entered(path, block)
            titles = tuple(path.values())
            if block.kind is BlockKind.HEADING:
                headings.append(_Unit(block.text, page.number, page.number, index, (), "\n"))
            else:
                fresh += _block_units(block, page.number, index, titles)
        _append(units, fresh or headings, flowing=flowing)
    return units


def _append(units: list[_Unit], fresh: list[_Unit], *, flowing: bool) -> None:
    """Adds a page's units; a sentence that runs over the page break becomes one unit."""
    if units and fresh and flowing and _runs_on(units[-1], fresh[0]):
        head, tail = units.pop(), fresh.pop(0)
        joined = f"{head.text} {tail.text}"
        units.append(replace(head, text=joined, last_page=tail.page))
    units += fresh


def _runs_on(head: _Unit, tail: _Unit) -> bool:
    return (
        head.headings == tail.headings
        and not head.context
        and not ends_sentence(head.text)
        and tail.text[:1].islower()
        and len(head.text) + len(tail.text) < MAXIMUM
    )


def _block_units(block: Block, page: int, index: int, headings: tuple[str, ...]) -> Iterator[_Unit]:
    context = ""
    if block.kind is BlockKind.TABLE and block.rows:
        texts = [text for row in block.rows if (text := _row_text(row))]
        context = _header(block)
    elif block.kind is BlockKind.CODE:
        texts = [line for line in block.text.split("\n") if line.strip()]
    else:
        texts = split_sentences(block.text)
    inner = "\n" if block.kind in (BlockKind.TABLE, BlockKind.CODE) else " "
    for number, whole in enumerate(texts):
        for piece_number, text in enumerate(_bounded(whole, MAXIMUM - len(context) - 1)):
            joint = " " if piece_number else (inner if number else "\n")
            repeated = "" if whole == context else context
            yield _Unit(text, page, page, index, headings, joint, repeated)


def _row_text(row: Sequence[str]) -> str:
    return " | ".join(cell.replace("\n", " ") for cell in row if cell.strip())


def _header(block: Block) -> str:
    """The first row, where it can be the names of the columns; else nothing."""
    first, rest = block.rows[0], block.rows[1:]
    text = _row_text(first)
    named = len(first) > 1 and all(cell.strip() for cell in first) and len(text) <= _LONGEST_HEADER
    return text if rest and named else ""


def _bounded(text: str, maximum: int) -> Iterator[str]:
    """The text in pieces of at most `maximum` characters, cut at the last clause or space."""
    while len(text) > maximum:
        cut = _cut_before(text, maximum)
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    if text:
        yield text


def _cut_before(text: str, maximum: int) -> int:
    for separator in _CLAUSES:
        at = text.rfind(separator, maximum // 3, maximum - len(separator) + 1)
        if at > 0:
            return at + len(separator)
    return maximum


# --- units to passages ----------------------------------------------------------------------


def _sections(units: Iterable[_Unit]) -> Iterator[list[_Unit]]:
    for _, section in groupby(units, key=lambda unit: (unit.page, unit.headings)):
        yield list(section)


def _pack(units: list[_Unit]) -> list[list[_Unit]]:
    """Groups of units that make a passage each, in order."""
    groups: list[list[_Unit]] = [[]]
    for unit in units:
        if groups[-1] and _length([*groups[-1], unit]) > TARGET:
            groups.append(_introduction(groups[-1], unit))
        groups[-1].append(unit)
    return _merge_tails(groups)


def _introduction(closing: list[_Unit], unit: _Unit) -> list[_Unit]:
    """ "The steps are:" goes with the first step, unless it is all there is."""
    follows = unit.joint == "\n" and closing[-1].text.endswith(":")
    if len(closing) > 1 and follows and _length([closing[-1], unit]) <= MAXIMUM:
        return [closing.pop()]
    return []


def _merge_tails(groups: list[list[_Unit]]) -> list[list[_Unit]]:
    merged: list[list[_Unit]] = []
    for group in groups:
        short = merged and min(_length(group), _length(merged[-1])) < TAIL
        if short and _length(merged[-1] + group) <= MAXIMUM:
            merged[-1] = merged[-1] + group
        else:
            merged.append(group)
    return merged


def _length(units: list[_Unit]) -> int:
    return len(_joined(units))


def _joined(units: list[_Unit]) -> str:
    text = f"{units[0].context}\n{units[0].text}" if units[0].context else units[0].text
    for before, unit in pairwise(units):
        fresh_table = unit.context and unit.context not in (before.context, before.text)
        context = f"\n{unit.context}" if fresh_table else ""
        text += f"{context}{unit.joint}{unit.text}"
    return text


def _passage(units: list[_Unit], ordinal: int) -> Passage:
    first = units[0]
    return Passage(
        ordinal=ordinal,
        page=first.page,
        last_page=units[-1].last_page,
        first_block=first.block,
        text=_joined(units),
        headings=first.headings,
        language="und",
    )


# --- tokens ---------------------------------------------------------------------------------


def _within(text: str, count_tokens: Callable[[str], int], limit: int) -> Iterator[str]:
    """Halves at the sentence, line or clause nearest to the middle until each half fits."""
    if count_tokens(text) <= limit or len(text) < 2:
        yield text
        return
    cut = _middle(text)
    for half in (text[:cut].strip(), text[cut:].strip()):
        if half:
            yield from _within(half, count_tokens, limit)


def _middle(text: str) -> int:
    sentences = split_sentences(text)
    ends, position = [], 0
    for sentence in sentences[:-1]:
        position = text.index(sentence, position) + len(sentence)
        ends.append(position)
    ends = ends or [at for at, char in enumerate(text) if char == "\n" and 0 < at < len(text) - 1]
    ends = ends or [at for at, char in enumerate(text) if char == " " and 0 < at < len(text) - 1]
    return min(ends, key=lambda end: abs(end - len(text) // 2)) if ends else len(text) // 2
