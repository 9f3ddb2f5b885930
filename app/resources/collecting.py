"""From the paths given to a command to single files: of a folder, of a ZIP, one by one.

Nothing is read here beyond names; each source opens its own bytes when asked.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

METADATA_NAME = "metadata.csv"
# Of files that systems leave behind and nobody means to publish.
_LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


class UnreadableSource(Exception):
    """The file cannot be opened; `str()` says why, in English, for the log."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be ingested. `key` is its identity: the path relative to the one that was given."""

    path: str
    key: str
    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]


def collect(paths: Sequence[Path]) -> Iterator[Source]:
    """All files under the paths, each folder and ZIP in the order of its names."""
    for path in paths:
        if path.is_dir():
            yield from _of_folder(path)
        elif path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
            yield from _of_zip(path)
        else:
            yield _of_file(path, path.name)


def _of_folder(folder: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_dir() and _is_meant(relative.parts):
            yield _of_file(path, relative.as_posix())


def _of_file(path: Path, key: str) -> Source:
    return Source(str(path), key, path.name, partial(_open_file, path))


def _of_zip(path: Path) -> Iterator[Source]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
    for member in sorted(members, key=lambda member: member.filename):
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if _is_meant(parts):
            yield Source(
                path=f"{path}/{member.filename}",
                key="/".join(parts),
                name=parts[-1],
                open=partial(_open_member, path, member.filename),
            )


def _is_meant(parts: Sequence[str]) -> bool:
    """Hidden files and what systems leave behind are not; nor is the metadata file."""
    if len(parts) == 1 and parts[0].lower() == METADATA_NAME:
        return False
    return bool(parts) and not any(
        part.startswith(".") or part.lower() in _LEFT_BEHIND for part in parts
    )


def _open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableSource(error.strerror or str(error)) from error


class _Member:
    """A member of a ZIP, which needs its archive open for as long as it is read."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    def __enter__(self) -> BinaryIO:
        try:
            self._archive = zipfile.ZipFile(self._path)
            self._stream = self._archive.open(self._name)
        except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            # RuntimeError: the member is encrypted; NotImplementedError: an unknown compression.
            raise UnreadableSource(str(error)) from error
        return self._stream  # type: ignore[return-value]  # ZipExtFile reads as a BinaryIO does

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._archive.close()


def _open_member(path: Path, name: str) -> AbstractContextManager[BinaryIO]:
    return _Member(path, name)


def metadata_files(paths: Sequence[Path]) -> list[Path]:
    """The metadata files that the paths name themselves or hold at their top."""
    found = [path for path in paths if path.name.lower() == METADATA_NAME and path.is_file()]
    return found + [
        path / METADATA_NAME for path in paths if path.is_dir() and (path / METADATA_NAME).is_file()
    ]
