"""What an archive says of itself: made when and by what, and what is to be found in it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

FORMAT: Final = 1


class BackupError(Exception):
    """A backup or a restore that cannot be, said in a sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class About:
    """What made an archive: `version` of the product, `revision` of the database's tables.

    `model` is the embedding model's fingerprint, none where there was none; `made` is in UTC.
    """

    format: int
    version: str
    revision: str
    model: str | None
    made: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of a member."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileCount:
    """Files of the store in the archive; `damaged` ones are there too, but do not count.

    `damaged` maps a file's name in the store to the SHA-256 that its bytes had instead; `missing`
    are those that rows name and nobody could read.
    """

    count: int
    size: int
    damaged: Mapping[str, str]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in an archive. `tables` are rows a table; `parts` all members but the files, which
    are named by their own SHA-256. `entries` is what an index made from these rows holds.
    """

    about: About
    tables: Mapping[str, int]
    vectors: int
    evaluations: int
    files: FileCount
    entries: int
    parts: Mapping[str, Part]

    def of(self, section: str) -> int:
        """Bytes of a section's parts: `tables`, `vectors` or `evaluations`."""
        own = (part.size for name, part in self.parts.items() if name.startswith(f"{section}/"))
        return sum(own)


def about_object(about: About) -> dict[str, Any]:
    return {**asdict(about), "made": about.made.isoformat()}


def about_from(said: Any) -> About:
    """What `about_object` was made of.

    Raises:
        BackupError: it is of a later format, or of none.
    """
    try:
        if said["format"] != FORMAT:
            raise BackupError(
                f"The archive has format {said['format']!r}; this version of Passerelle reads "
                f"format {FORMAT}. Restore it with the version that made it, {said['version']!r}."
            )
        return About(
            format=FORMAT,
            version=_text(said["version"]),
            revision=_text(said["revision"]),
            model=None if said["model"] is None else _text(said["model"]),
            made=datetime.fromisoformat(said["made"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BackupError(f"The archive does not say what it is: {error!r}.") from error


def manifest_bytes(manifest: Manifest) -> bytes:
    said = asdict(manifest) | {"about": about_object(manifest.about)}
    return json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n"


def json_of(content: bytes, name: str) -> Any:
    """What a member says.

    Raises:
        BackupError: it is not JSON.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BackupError(f"{name} cannot be read: {error}.") from error


def read_manifest(content: bytes) -> Manifest:
    """The manifest in these bytes.

    Raises:
        BackupError: they are none.
    """
    said = json_of(content, "The archive's manifest")
    try:
        files = said["files"]
        return Manifest(
            about=about_from(said["about"]),
            tables={_text(name): _count(rows) for name, rows in said["tables"].items()},
            vectors=_count(said["vectors"]),
            evaluations=_count(said["evaluations"]),
            files=FileCount(
                count=_count(files["count"]),
                size=_count(files["size"]),
                damaged={_text(name): _text(actual) for name, actual in files["damaged"].items()},
                missing=tuple(_text(name) for name in files["missing"]),
            ),
            entries=_count(said["entries"]),
            parts={
                _text(name): Part(_count(part["size"]), _text(part["sha256"]))
                for name, part in said["parts"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupError(f"The archive's manifest cannot be read: {error!r}.") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value
