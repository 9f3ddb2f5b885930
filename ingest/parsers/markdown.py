"""Markdown (also .Rmd, .qmd and the dialects of site generators), through HTML to blocks.

Front matter becomes metadata; template marks, attribute lists and bare HTML containers are taken
off first, so that what Markdown is inside them is read as Markdown.
"""

import re
from collections.abc import Callable

from ingest.parsers.edge import reading
from ingest.parsers.encoding import decode
from ingest.parsers.front_matter import split_front_matter
from ingest.parsers.markup import blocks_of, pages_by_heading
from ingest.parsers.templates import strip_template_tags
from ingest.source import Source
from ingest.types import Block, BlockKind, Notice, Page, ParsedFile

_FENCE = re.compile(
    r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
# ```{r, echo=FALSE}: a chunk that is run when the page is made and never shown.
_HIDDEN_CHUNK = re.compile(
    r"^ {0,3}(`{3,})\s*\{\w+[^}\n]*(?:echo|include)\s*=\s*F(?:ALSE)?[^}\n]*\}.*?^ {0,3}\1[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_CHUNK_HEAD = re.compile(r"^( {0,3}`{3,})\s*\{(\w+)[^}\n]*\}[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CONTAINER_LINE = re.compile(
    r"^[ \t]*(?:</?(?:div|section|article|aside|main|center|span|figure|picture|details|font|nav|"
    r"br|hr|a|img|source|iframe|p)\b[^<>\n]*/?>[ \t]*)+$",
    re.MULTILINE | re.IGNORECASE,
)
# What stood indented within a container is no code: a line that reads and ends as a sentence.
_INDENTED_CONTENT = re.compile(
    r"(?<=\n\n)[ \t]{2,}([^\W\d_][^\n{}=;$]* [^\n{}=$]*[.!?:»\"”)])$", re.MULTILINE
)
_ATTRIBUTES = re.compile(r"\{:[^{}\n]*\}|\{(?:[#.][\w:-]+|[\w-]+=\"[^\"\n]*\")(?:\s+[^{}\n]*)?\}")
_CONTENTS_LINE = re.compile(
    r"^\s*(?:[-*]\s+(?:TOC|toc)|\[\[?_?TOC_?\]?\]|\$toc)\s*$", re.MULTILINE | re.IGNORECASE
)
_ADMONITION = re.compile(
    r"^(?P<indent>[ \t]*)(?::{3,}|!!!|\?\?\?\+?)[ \t]*(?P<rest>[^\n]*)$", re.MULTILINE
)
_CALLOUT = re.compile(r"^(?P<quote>[ \t]*>[ \t]*)\[!\w+\][ \t]*$", re.MULTILINE)
_FOOTNOTE_DEFINITION = re.compile(r"^\[\^([^\]]+)\]:[ \t]*", re.MULTILINE)
_FOOTNOTE_MARK = re.compile(r"\[\^[^\]]+\]")
_EMOJI_CODE = re.compile(r"(?<=\s):[a-z0-9]+(?:[_+-][a-z0-9]+)+:(?=\s|$)")
_LIST_LINE = re.compile(r"^(?P<indent>[ \t]*)(?:[*+-]|\d{1,3}[.)])[ \t]+\S")
_REMARK_CLASS = re.compile(r"(?<![\w/])\.[a-zA-Z][\w.-]*\[((?:[^\[\]]|!?\[[^\[\]]*\])*)\]")
_JS_LINE = re.compile(
    r"^(?:import\s.+\sfrom\s.+|export\s(?:default|const)\s.+);?\s*$", re.MULTILINE
)


def parse(source: Source) -> ParsedFile:
    decoded = decode(source.read_bytes())
    metadata, body = split_front_matter(decoded.text.replace("\r\n", "\n").replace("\r", "\n"))
    with reading("markdown"):
        pages = pages_by_heading(_blocks(body))
    notices = (Notice.ENCODING_GUESSED,) if decoded.guessed else ()
    return ParsedFile(pages, metadata, notices=notices)


def slides_in_markdown(text: str) -> tuple[Page, ...]:
    """A page for each slide of a remark.js deck: slides are parted by lines of `---` or `--`."""
    slides = re.split(r"^--(?:-)?[ \t]*$", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    pages: list[Page] = []
    for slide in slides:
        # Properties ("class: center, middle") open a slide, "???" opens the speaker's notes.
        body = re.sub(r"\A(?:\s*[a-z][\w-]*:[^\n]*\n)+", "", slide.lstrip("\n"))
        body = _without_classes(body)
        blocks = tuple(_blocks(re.sub(r"^\?\?\?.*$", "", body, flags=re.MULTILINE)))
        if blocks:
            label = next((b.text for b in blocks if b.kind is BlockKind.HEADING), None)
            pages.append(Page(len(pages) + 1, blocks, label=label))
    return tuple(pages)


def _without_classes(text: str) -> str:
    """ ".center[.small[text]]" is the text; innermost first."""
    for _ in range(4):
        text = _REMARK_CLASS.sub(r"\1", text)
    return text


def _blocks(text: str) -> list[Block]:
    from lxml import html
    from markdown import Markdown

    convert = Markdown(extensions=["tables", "fenced_code", "def_list", "sane_lists"])
    made = convert.convert(_prepared(text))
    if not made.strip():
        return []
    return blocks_of(html.fragment_fromstring(made, create_parent="div"))


def _prepared(text: str) -> str:
    """Markdown that the library understands, outside code; code is left as it is."""
    text = _CHUNK_HEAD.sub(r"\1 \2", _HIDDEN_CHUNK.sub("", text))
    parts, start = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_prose(text[start : fence.start()]), f"\n{_dedented(fence[0])}\n"]
        start = fence.end()
    return "".join([*parts, _prose(text[start:])])


def _dedented(fence: str) -> str:
    """The library knows fences only at the margin."""
    indent = len(fence) - len(fence.lstrip(" "))
    return "\n".join(
        line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in fence.split("\n")
    )


def _prose(text: str) -> str:
    for step in _STEPS:
        text = step(text)
    return text


def _without_admonition(mark: re.Match[str]) -> str:
    """ "::: tip Title", "!!! note "Title"": the kind is a mark, the title is text."""
    words = mark["rest"].strip().strip("{}").split(maxsplit=1)
    title = words[1].strip("\"' ") if len(words) > 1 else ""
    return f"\n**{title}**\n" if title and not title.startswith((".", "#", "{")) else "\n"


def _with_lists_apart(text: str) -> str:
    """CommonMark lets a list follow a paragraph's line and nest by two spaces; this library wants
    a blank line and four."""
    lines: list[str] = []
    indents: list[int] = []
    for line in text.split("\n"):
        item = _LIST_LINE.match(line)
        if item:
            if lines and lines[-1].strip() and not indents:
                lines.append("")
            line = _renested(line, item, indents)
        elif indents and _ends_list(line, lines):
            indents.clear()
        lines.append(line)
    return "\n".join(lines)


def _ends_list(line: str, before: list[str]) -> bool:
    """A line at the margin ends the list when a blank line stands before it."""
    return bool(line.strip()) and line[0] not in " \t" and not (before and before[-1].strip())


def _renested(line: str, item: re.Match[str], indents: list[int]) -> str:
    width = len(item["indent"].expandtabs(4))
    if not indents and width >= 4:
        return line  # indented code, or a list inside something unknown
    while indents and width < indents[-1]:
        indents.pop()
    if not indents or width >= indents[-1] + 2:
        indents.append(width)
    return "    " * (len(indents) - 1) + line.lstrip()


def _sub(pattern: re.Pattern[str], replacement: str) -> Callable[[str], str]:
    return lambda text: pattern.sub(replacement, text)


# The order matters: comments hide anything, containers stand alone only once tags are gone.
_STEPS: tuple[Callable[[str], str], ...] = (
    _sub(_COMMENT, ""),
    strip_template_tags,
    _sub(_CONTENTS_LINE, ""),
    _sub(_ATTRIBUTES, ""),
    _sub(_CONTAINER_LINE, "\n"),
    _sub(_INDENTED_CONTENT, r"\g<1>"),
    lambda text: _ADMONITION.sub(_without_admonition, text),
    _sub(_CALLOUT, r"\g<quote>"),
    _sub(_FOOTNOTE_DEFINITION, "\n"),
    _sub(_FOOTNOTE_MARK, ""),
    _sub(_EMOJI_CODE, ""),
    _sub(_JS_LINE, ""),
    _with_lists_apart,
)
