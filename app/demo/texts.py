"""The demo's texts as values: what each resource is, and its text as blocks in each language."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.addresses import UI_LANGUAGES
from app.resources.metadata import TOPIC_SCHEMES, Description
from app.resources.models import DEMO, Availability

FOLDER = Path(__file__).with_name("texts")
RECORDS = Path(__file__).with_name("records.toml")

_LINE = re.compile(r"(?P<mark>#{1,3} |- |\d+\. |> |\|)?(?P<text>.*)")
_KINDS = {"- ": "bullet", "> ": "quote", "# ": "title", "## ": "section", "### ": "heading"}


@dataclass(frozen=True, slots=True)
class TextBlock:
    """`kind` is title, section, heading, paragraph, bullet, number, quote or table."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class DemoText:
    """One edition: what it is, the format to make and its blocks."""

    slug: str
    format: str
    description: Description
    blocks: tuple[TextBlock, ...]

    @property
    def name(self) -> str:
        return f"{self.slug}-{self.description.language}.{self.format}"


def demo_texts() -> Iterator[DemoText]:
    """All editions, resource by resource."""
    for folder in sorted(path.parent for path in FOLDER.glob("*/resource.toml")):
        said = tomllib.loads((folder / "resource.toml").read_text(encoding="utf-8"))
        for language in UI_LANGUAGES:
            if language in said:
                text = (folder / f"{language}.md").read_text(encoding="utf-8")
                yield DemoText(
                    slug=folder.name,
                    format=said["format"],
                    description=_description(folder.name, language, said),
                    blocks=tuple(_blocks(text)),
                )


def demo_records() -> Iterator[Description]:
    """The programme's named materials, which are known by their description alone."""
    for said in tomllib.loads(RECORDS.read_text(encoding="utf-8"))["record"]:
        for language in UI_LANGUAGES:
            if language in said:
                yield _description(said["slug"], language, said)


def _description(slug: str, language: str, said: dict[str, object]) -> Description:
    edition = said[language]
    if not isinstance(edition, dict):
        raise TypeError(f"{slug}: {language} must be a table")
    availability = edition.get("availability")
    values: dict[str, list[str]] = {
        name: [str(code) for code in codes]
        for name in ("authors", *TOPIC_SCHEMES)
        if isinstance(codes := said.get(name, []), list)
    }
    year = said.get("year")
    return Description(
        work=f"{DEMO}/{slug}",
        language=language,
        title=str(edition["title"]),
        abstract=str(edition["abstract"]),
        authors=tuple(values["authors"]),
        type=str(said["type"]),
        year=year if isinstance(year, int) else None,
        licence=str(said["licence"]) if "licence" in said else None,
        availability=Availability(availability) if availability else None,
        collection=DEMO,
        topics=tuple(
            (scheme, code) for column, scheme in TOPIC_SCHEMES.items() for code in values[column]
        ),
    )


def _blocks(text: str) -> Iterator[TextBlock]:
    """The small part of Markdown that the texts use: a line a block, but for tables."""
    table: list[tuple[str, ...]] = []
    for line in [*_joined(text), ""]:
        if line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if not all(set(cell) <= set("-: ") for cell in cells):
                table.append(cells)
            continue
        if table:
            yield TextBlock("table", rows=tuple(table))
            table = []
        if line:
            yield _block(line)


def _joined(text: str) -> Iterator[str]:
    """Lines, with those of one paragraph put together."""
    paragraph: list[str] = []
    for line in [*text.splitlines(), ""]:
        match = _LINE.fullmatch(line.strip())
        if match and not match["mark"] and match["text"]:
            paragraph.append(match["text"])
            continue
        if paragraph:
            yield " ".join(paragraph)
            paragraph = []
        yield line.strip()


def _block(line: str) -> TextBlock:
    match = _LINE.fullmatch(line)
    mark = match["mark"] if match else None
    if not match or not mark:
        return TextBlock("paragraph", line)
    return TextBlock(_KINDS.get(mark, "number"), match["text"].strip())
