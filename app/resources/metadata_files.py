"""Tables that say what files are: a CSV of metadata, a TSV that joins languages into one resource.

The columns are described in docs/metadata.md. A table with an unknown column or value is refused
whole, naming the line, before anything is stored.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from app.resources.metadata import TOPIC_SCHEMES, Description
from app.resources.models import Availability

SEPARATOR = ";"
COLUMNS = (
    "path",
    "work",
    "language",
    "title",
    "abstract",
    "authors",
    "type",
    "year",
    "publisher",
    "licence",
    "availability",
    *TOPIC_SCHEMES,
)


class MetadataError(Exception):
    """The table cannot be used; says file, line and what is wrong."""


def read_metadata(path: Path) -> list[tuple[str, Description]]:
    """Pairs of a source key (empty for a record without a file) and what is said of it.

    Raises:
        MetadataError: unknown column or value, or not a CSV.
    """
    rows = list(_rows(path, "excel", COLUMNS))
    return [(row.get("path", ""), _description(path, line, row)) for line, row in rows]


def read_editions(path: Path) -> dict[str, Description]:
    """Source key -> work and language, from a TSV with the columns `work`, `language`, `path`.

    Raises:
        MetadataError: a column is missing, or a line is not whole.
    """
    joined: dict[str, Description] = {}
    for line, row in _rows(path, "excel-tab", ("work", "language", "path")):
        if not all(row.get(name) for name in ("work", "language", "path")):
            raise MetadataError(f"{path}, line {line}: work, language and path must all be given.")
        joined[row["path"]] = Description(work=row["work"], language=row["language"])
    return joined


def merged(*said: Description | None) -> Description:
    """What several tables say of one file; a later one wins where both speak."""
    result = Description()
    for description in said:
        if description is not None:
            given = {
                name: value
                for name in Description.__dataclass_fields__
                if (value := getattr(description, name))
            }
            result = replace(result, **given)
    return result


def _rows(path: Path, dialect: str, known: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, dialect=dialect, strict=True)
            _check_columns(path, reader.fieldnames or (), known)
            for row in reader:
                yield reader.line_num, {key: (value or "").strip() for key, value in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MetadataError(f"{path} cannot be read as a table in UTF-8: {error}") from error


def _check_columns(path: Path, found: object, known: tuple[str, ...]) -> None:
    names = list(found) if isinstance(found, (list, tuple)) else []
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise MetadataError(
            f"{path}: unknown column {', '.join(unknown) or '(none given)'}; "
            f"known are {', '.join(known)}."
        )


def _description(path: Path, line: int, row: Mapping[str, str]) -> Description:
    year, availability = row.get("year", ""), row.get("availability", "")
    if year and not (year.isascii() and year.isdigit() and len(year) == 4):
        raise MetadataError(f"{path}, line {line}: the year must have four digits, not {year!r}.")
    if availability and availability not in set(Availability):
        choices = ", ".join(Availability)
        raise MetadataError(f"{path}, line {line}: availability must be one of {choices}.")
    return Description(
        work=row.get("work") or None,
        language=row.get("language") or None,
        title=row.get("title") or None,
        abstract=row.get("abstract") or None,
        authors=_several(row.get("authors", "")),
        type=row.get("type") or None,
        year=int(year) if year else None,
        publisher=row.get("publisher") or None,
        licence=row.get("licence") or None,
        availability=Availability(availability) if availability else None,
        topics=tuple(
            (scheme, code)
            for column, scheme in TOPIC_SCHEMES.items()
            for code in _several(row.get(column, ""))
        ),
    )


def _several(value: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in value.split(SEPARATOR)) if part)
