"""Lines of a PDF to paragraphs, list items and headings.

A PDF has no paragraphs: they are told by gaps, indents, short last lines, sizes and bullets. What
stays doubtful is joined, so that sentences are whole. Hyphens at line ends are undone by what the
rest of the document writes (`Vocabulary`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from statistics import median

from ingest.cleaning import shorten_leaders
from ingest.parsers.pdf_lines import UNMAPPED, Line
from ingest.sentences import ends_sentence
from ingest.types import Block, BlockKind

_BULLET = re.compile(r"^(?:[•●○◦▪▫■□‣⁃∙·❖➢➤►✓✔➔→−–—*-]|o(?= [A-ZÀ-Ý]))\s+(?=\S)")
_NUMBERED = re.compile(
    r"^(?:\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|\d{1,2}(?:\.\d{1,2}){1,4}\.?)\s+(?=\S)"
)
_LEADER = re.compile(r"(?:[.…_·] ?){4,}\s*\S{0,6}$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_TRAILING_WORD = re.compile(r"[^\W\d_]+$")
_LEADING_WORD = re.compile(r"^[^\W\d_]+")
_JUNK = re.compile(r"^[\W_]*$")
# A lone unknown glyph before small letters, as in "de\ufffdned" or "\ufffdve".
_UNMAPPED_WORD = re.compile(rf"[^\W\d_]*{UNMAPPED}[a-zà-ÿ]+(?:{UNMAPPED}[a-zà-ÿ]+)?")
_LIGATURES = ("fi", "fl", "ff", "ffi", "ffl")  # by frequency: max() keeps the first of equals
_SIZE_CHANGE = 1.12
_GAP = 1.45  # times the usual distance of two lines
_HEADING_SIZE = 1.15
_LONGEST_HEADING = 200
_LONGEST_BOLD = 120
_LIST_OF_HEADINGS = 3
_AROUND = 12  # lines above and below that tell how wide the column is


@dataclass(slots=True)
class Vocabulary:
    """The words of the whole document, for the hyphens at line ends."""

    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, pages: Iterable[Iterable[Line]]) -> "Vocabulary":
        found = cls()
        for lines in pages:
            for line in lines:
                found.counts.update(_WORD.findall(line.text.lower()))
        return found

    def joined(self, before: str, after: str) -> str:
        """The two parts of a word that was broken after a hyphen, put together."""
        head, tail = _TRAILING_WORD.search(before), _LEADING_WORD.search(after)
        if not head or not tail or tail[0][0].isupper():
            return f"{before}-{after}"
        whole, hyphened = (f"{head[0]}{mark}{tail[0]}".lower() for mark in ("", "-"))
        if self.counts[hyphened] > self.counts[whole]:
            return f"{before}-{after}"
        parts = min(self.counts[head[0].lower()], self.counts[tail[0].lower()])
        # "long-" and "term" are words by themselves, "infor-" and "mation" are not. A part of
        # one page counts once for itself at least: the broken halves are in the vocabulary too.
        both_words = parts > 2 and min(len(head[0]), len(tail[0])) > 3
        return f"{before}-{after}" if both_words and not self.counts[whole] else before + after

    def restored(self, text: str) -> str:
        """Glyphs without a meaning: inside a word they are a ligature, elsewhere nothing."""
        if UNMAPPED not in text:
            return text
        return _UNMAPPED_WORD.sub(lambda word: self._with_ligature(word[0]), text).replace(
            UNMAPPED, ""
        )

    def _with_ligature(self, word: str) -> str:
        """The ligature that makes a word of this document; else the most frequent one."""
        spelled = [word.replace(UNMAPPED, ligature) for ligature in _LIGATURES]
        return max(spelled, key=lambda spelling: self.counts[spelling.lower()])


@dataclass(frozen=True, slots=True)
class Typography:
    """The size of the body text and the larger sizes, which are headings; largest first."""

    body: float
    larger: tuple[float, ...]
    bold_body: bool

    @classmethod
    def of(cls, pages: Sequence[Sequence[Line]]) -> "Typography":
        weights: Counter[float] = Counter()
        bold = total = 0
        for lines in pages:
            for line in lines:
                weights[line.size] += len(line.text)
                bold += len(line.text) * line.bold
                total += len(line.text)
        body = weights.most_common(1)[0][0] if weights else 0.0
        larger = sorted((size for size in weights if size > body * _HEADING_SIZE), reverse=True)
        return cls(body, tuple(larger), bold_body=bold > 0.4 * total)

    def level(self, size: float) -> int:
        """1 for the largest size; sizes within 8 % are one."""
        levels, previous = 0, 0.0
        for larger in self.larger:
            if not previous or larger < previous / 1.08:
                levels += 1
                previous = larger
            if size >= larger - 0.05:
                break
        return min(max(levels, 1), 4)


def page_blocks(
    lines: Sequence[Line], typography: Typography, vocabulary: Vocabulary, titles: dict[str, int]
) -> tuple[Block, ...]:
    """The blocks of a page. `titles`: the outline's headings on it, as `heading_key`, to levels."""
    blocks = []
    for group in _split_titles(_groups(_rows(lines)), titles):
        text = shorten_leaders(vocabulary.restored(_text(group, vocabulary))).strip()
        if text and not _JUNK.match(text):
            blocks.append(_block(group, text, typography, titles))
    return tuple(_without_lists_of_headings(blocks, titles))


def heading_key(text: str) -> str:
    """What is compared of a title: its letters and digits."""
    return "".join(char for char in text.lower() if char.isalnum())


# --- lines to groups ------------------------------------------------------------------------


def _rows(lines: Sequence[Line]) -> list[Line]:
    """Lines that pdfium breaks though they stand side by side (cells, raised numbers)."""
    rows: list[Line] = []
    for line in lines:
        if rows and _side_by_side(rows[-1], line):
            rows[-1] = _beside(rows[-1], line)
        else:
            rows.append(line)
    return rows


def _side_by_side(first: Line, second: Line) -> bool:
    small, tall = sorted((first.size or 1.0, second.size or 1.0))
    apart = abs(first.baseline - second.baseline) / tall
    gap = (second.left - first.right) / tall
    if first.hyphenated:
        return False
    if small < 0.9 * tall:  # raised or lowered: close, and perhaps one above the other
        return apart < 0.8 and -1.2 < gap < 0.5
    return apart < 0.3 and -0.6 < gap < 3


def _beside(first: Line, second: Line) -> Line:
    space = "" if second.text[0] in ",.;:)" else " "
    return replace(
        first,
        text=f"{first.text}{space}{second.text}",
        right=max(first.right, second.right),
        size=max(first.size, second.size),
        bold=first.bold and second.bold,
        hyphenated=second.hyphenated,
    )


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines of each paragraph."""
    pitch = _pitch(lines)
    groups: list[list[Line]] = []
    for run in _columns(lines):
        for at, line in enumerate(run):
            if groups and _continues(groups[-1], line, pitch, _right_edge(run, max(at - 1, 0))):
                groups[-1].append(line)
            else:
                groups.append([line])
    return groups


def _right_edge(run: Sequence[Line], at: int) -> float:
    """How far the lines around reach that begin about where this one does."""
    line = run[at]
    near = run[max(0, at - _AROUND) : at + _AROUND]
    return max(
        (n.right for n in near if abs(n.left - line.left) < 4 * line.size), default=line.right
    )


def _pitch(lines: Sequence[Line]) -> float:
    """The usual distance between two lines of a paragraph, in heights of the font."""
    steps = [
        (above.baseline - below.baseline) / above.size
        for above, below in pairwise(lines)
        if above.size and 0 < above.baseline - below.baseline < 3 * above.size
    ]
    steps.sort()
    # The lower third: gaps between paragraphs are the larger steps.
    return median(steps[: max(1, 2 * len(steps) // 3)]) if steps else 1.2


def _columns(lines: Sequence[Line]) -> list[list[Line]]:
    """Runs of lines that go down the page; a step up begins the next column."""
    runs: list[list[Line]] = []
    for line in lines:
        last = runs[-1][-1] if runs else None
        if last and line.baseline <= last.baseline + 0.5 * last.size:
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs


def _continues(group: list[Line], line: Line, pitch: float, right: float) -> bool:
    last = group[-1]
    if last.hyphenated:
        return True
    if _starts_item(line) or _LEADER.search(last.text) or not _same_face(last, line):
        return False
    step = last.baseline - line.baseline
    if step <= 0:  # the next column
        return line.text[:1].islower() and not ends_sentence(last.text)
    if step > _GAP * pitch * max(last.size, 1.0):
        return line.text[:1].islower() and not ends_sentence(last.text) and step < 2.5 * last.size
    return not _ends_paragraph(group, line, right)


def _starts_item(line: Line) -> bool:
    return bool(_BULLET.match(line.text) or _NUMBERED.match(line.text))


def _same_face(first: Line, second: Line) -> bool:
    small, large = sorted((first.size or 1.0, second.size or 1.0))
    if large / small <= _SIZE_CHANGE:
        # A bold line before plain text is a heading, unless it is the start of a sentence.
        return first.bold == second.bold or second.text[:1].islower()
    return second.text[:1].islower() and large / small < 1.6


def _ends_paragraph(group: list[Line], line: Line, right: float) -> bool:
    """Whether the last line was broken by the author: the next word would have stood on it."""
    last = group[-1]
    ended = ends_sentence(last.text)
    word = line.text.split(" ", 1)[0]
    width = (line.right - line.left) * len(word) / len(line.text)
    if right - last.right > width + 0.8 * line.size:
        return ended or not (line.text[:1].islower() or last.text.endswith(","))
    indented = line.left > last.left + 0.8 * line.size and not _starts_item(group[0])
    return ended and indented and len(group) > 1


def _split_titles(groups: list[list[Line]], titles: dict[str, int]) -> list[list[Line]]:
    """Groups cut around the headings that the outline names."""
    if not titles:
        return groups
    return [lines for group in groups for lines in _marked(group, titles)]


def _marked(group: list[Line], titles: dict[str, int]) -> list[list[Line]]:
    for start in range(len(group)):
        for end in range(start + 1, min(start + 4, len(group)) + 1):
            if heading_key("".join(line.text for line in group[start:end])) in titles:
                parts = [group[:start], group[start:end]]
                return [*(part for part in parts if part), *_marked(group[end:], titles)]
    return [group] if group else []


# --- groups to blocks -----------------------------------------------------------------------


def _text(group: Sequence[Line], vocabulary: Vocabulary) -> str:
    text = group[0].text
    for before, line in pairwise(group):
        if before.hyphenated:
            text = vocabulary.joined(text, line.text)
        elif before.text.endswith("-") and before.text[-2:-1].isalpha() and line.text[:1].islower():
            text = vocabulary.joined(text[:-1], line.text)
        else:
            text = f"{text} {line.text}"
    return f"{text}-" if group[-1].hyphenated else text


def _block(
    group: Sequence[Line], text: str, typography: Typography, titles: dict[str, int]
) -> Block:
    level = titles.get(heading_key(text)) or _heading_level(group, text, typography)
    if level:
        return Block(BlockKind.HEADING, text, level)
    if _BULLET.match(text) or _LEADER.search(group[-1].text):
        return Block(BlockKind.LIST_ITEM, text, 1)
    if _NUMBERED.match(text) and len(text) < 400:
        return Block(BlockKind.LIST_ITEM, text, 1)
    return Block(BlockKind.PARAGRAPH, text)


def _without_lists_of_headings(blocks: list[Block], titles: dict[str, int]) -> list[Block]:
    """Bold lines one after the other are a list, not headings of nothing: they stay findable."""
    kept: list[Block] = []
    for _, run in groupby(blocks, key=lambda block: (block.kind, block.level)):
        group = list(run)
        listed = group[0].kind is BlockKind.HEADING and len(group) >= _LIST_OF_HEADINGS
        named = any(heading_key(block.text) in titles for block in group)
        kept += (
            [Block(BlockKind.PARAGRAPH, b.text) for b in group] if listed and not named else group
        )
    return kept


def _heading_level(group: Sequence[Line], text: str, typography: Typography) -> int:
    """By size, else by weight; 0 for what is no heading."""
    if len(text) > _LONGEST_HEADING or len(group) > 4 or not _looks_like_title(text):
        return 0
    size = median(line.size for line in group)
    if size > typography.body * _HEADING_SIZE and typography.body:
        return typography.level(size)
    bold = all(line.bold for line in group) and not typography.bold_body
    if bold and len(text) <= _LONGEST_BOLD and len(group) <= 2 and size >= typography.body * 0.95:
        return min(len(typography.larger), 3) + 1 if typography.larger else 2
    return 0


def _looks_like_title(text: str) -> bool:
    letters = sum(char.isalpha() for char in text)
    begins = (
        text[:1].isupper() or text[:1].isdigit() or text[:1] in "¿¡«“\"'" or not text[:1].isascii()
    )
    return (
        letters >= 3
        and letters > len(text) / 2
        and begins
        and not text.endswith((".", ";", ",", ":"))
    )
