"""Tables that say what files are: a CSV of metadata, a TSV that joins languages into one resource.

The columns are described in docs/metadata.md. A table with an unknown column or value is refused
whole, naming the line, before anything is stored.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from babel import Locale

from app.resources.metadata import TOPIC_SCHEMES, Description
from app.resources.models import Availability
from app.resources.vocabulary import codes

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
# What a record without a file cannot do without: nothing else could give it a title or a language,
# and without a work the same table given again would add it again.
_NEEDED_BY_RECORDS = ("title", "language", "work")
# The shape of a BCP 47 code, with the 35 characters that it asks to be kept (RFC 5646, 4.4.1).
# Which codes exist is not asked: that list grows every year.
_LANGUAGE = re.compile(r"(?!.{36})[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class MetadataError(Exception):
    """The table cannot be used; says file, line and what is wrong."""


def read_metadata(path: Path) -> list[tuple[str, Description]]:
    """Pairs of a source key (empty for a record without a file) and what is said of it.

    Raises:
        MetadataError: unknown column or value, a record that lacks what it needs, or not a CSV.
    """
    rows = list(_rows(path, "excel", COLUMNS))
    for line, row in rows:
        _check_values(path, line, row)
        _check_record(path, line, row)
    return [(row.get("path", ""), _description(row)) for _, row in rows]


def read_editions(path: Path) -> dict[str, Description]:
    """Source key -> work and language, from a TSV with the columns `work`, `language`, `path`.

    Raises:
        MetadataError: a column is missing, a line is not whole, or a language is not a code.
    """
    joined: dict[str, Description] = {}
    for line, row in _rows(path, "excel-tab", ("work", "language", "path")):
        if not all(row.get(name) for name in ("work", "language", "path")):
            raise MetadataError(f"{path}, line {line}: work, language and path must all be given.")
        _check_language(path, line, row["language"])
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
                # The reader keeps what is beyond the last column as a list under no name.
                beyond: object = row.pop(None, [])
                cells = {name: (value or "").strip() for name, value in row.items()}
                if not any(cells.values()) and not _holds_text(beyond):
                    continue
                if beyond:
                    raise MetadataError(
                        f"{path}, line {reader.line_num}: more cells than there are columns."
                    )
                yield reader.line_num, cells
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


def _holds_text(cells: object) -> bool:
    return isinstance(cells, list) and any(cell.strip() for cell in cells)


def _check_record(path: Path, line: int, row: Mapping[str, str]) -> None:
    missing = [name for name in _NEEDED_BY_RECORDS if not row.get(name)]
    if missing and not row.get("path"):
        raise MetadataError(
            f"{path}, line {line}: a record, which has no path, needs {', '.join(missing)}."
        )


def _check_values(path: Path, line: int, row: Mapping[str, str]) -> None:
    year = row.get("year", "")
    if year and not (year.isascii() and year.isdigit() and len(year) == 4):
        raise MetadataError(f"{path}, line {line}: the year must have four digits, not {year!r}.")
    if row.get("language"):
        _check_language(path, line, row["language"])
    for column in ("availability", "type"):
        if row.get(column):
            _check_code(path, line, column, row[column])
    for column in TOPIC_SCHEMES:
        for code in _several(row.get(column, "")):
            _check_code(path, line, column, code)


def _check_language(path: Path, line: int, code: str) -> None:
    if not _LANGUAGE.fullmatch(code):
        raise MetadataError(
            f"{path}, line {line}: language must be a BCP 47 code such as pt-BR, not {code!r}."
        )


def _check_code(path: Path, line: int, column: str, code: str) -> None:
    choices = _choices(column)
    if code not in choices:
        # Nobody reads a list of all countries.
        known = "the two-letter codes, such as SN" if column == "countries" else ", ".join(choices)
        raise MetadataError(
            f"{path}, line {line}: {column} must be one of {known}; {code!r} is not."
        )


def _choices(column: str) -> Sequence[str]:
    if column == "availability":
        return tuple(Availability)
    if column == "countries":
        codes_known = (str(code) for code in Locale("en").territories)
        return [code for code in codes_known if len(code) == 2]  # the longer ones are regions
    return codes(TOPIC_SCHEMES.get(column, column))


def _description(row: Mapping[str, str]) -> Description:
    year, availability = row.get("year"), row.get("availability")
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
