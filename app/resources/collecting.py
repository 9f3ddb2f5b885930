"""From the paths given to a command to single files: of a folder, of a ZIP, one by one.

Nothing is read here beyond names; each source opens its own bytes when asked.
"""

import io
import lzma
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, NoReturn

METADATA_NAME = "metadata.csv"
# Of files that systems leave behind and nobody means to publish.
_LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
# A ZIP of a few kilobytes can unpack to more than any disk holds. Both limits are checked on what
# its directory declares, and `zipfile` never unpacks more of a member than is declared.
_ZIP_UNPACKED_BYTES = 2 * 1024**3
_ZIP_MEMBERS = 20_000
# What `zipfile` and the decompressors raise on damaged bytes, at any step. RuntimeError stands for
# encrypted members, its NotImplementedError for an unknown compression; ValueError, OverflowError
# and LookupError come of offsets and names that make no sense.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
    OSError,
)
_CONTROL = frozenset({"Cc", "Zl", "Zp"})  # Unicode's control characters and line separators


class UnreadableSource(Exception):
    """The file cannot be opened or read; `str()` says why, in English, for the log."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be ingested. `key` is its identity: the path relative to the one that was given.

    `path`, `key` and `name` are clean text whatever the file is called; `open` raises
    `UnreadableSource`, and so does reading a member of a ZIP.
    """

    path: str
    key: str
    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]


def collect(paths: Sequence[Path]) -> Iterator[Source]:
    """All files under the paths, each folder and ZIP in the order of its names."""
    for path in paths:
        if path.is_dir():
            yield from _of_folder(path)
        elif _is_zip(path):
            yield from _of_zip(path)
        else:
            yield _of_file(path, path.name)


def metadata_files(paths: Sequence[Path]) -> list[Path]:
    """The metadata files that the paths name themselves or hold at their top."""
    named = [path for path in paths if _is_metadata(path)]
    held = [table for path in paths if path.is_dir() for table in _metadata_of(path)]
    return list(dict.fromkeys(named + held))


def _metadata_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if _is_metadata(path))


def _is_metadata(path: Path) -> bool:
    return path.name.lower() == METADATA_NAME and stat.S_ISREG(_mode(path) or 0)


def _of_folder(folder: Path) -> Iterator[Source]:
    tables = _metadata_of(folder)
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if _is_meant(relative.parts) and path not in tables and _is_file(path):
            yield _of_file(path, relative.as_posix())


def _is_file(path: Path) -> bool:
    """Not folders, nor pipes, sockets and devices, which would be waited on for ever.

    What cannot be looked at, such as a broken link, counts as a file: opening it says why.
    """
    mode = _mode(path)
    return mode is None or stat.S_ISREG(mode)


def _mode(path: Path) -> int | None:
    """Of the file itself, also through a link; None if it cannot be looked at."""
    try:
        return path.stat().st_mode
    except OSError:
        return None


def _of_file(path: Path, key: str) -> Source:
    return _source(str(path), key, partial(_open_file, path))


def _is_zip(path: Path) -> bool:
    try:
        return path.suffix.lower() == ".zip" and zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # a part of a ZIP in several volumes; reading its members says so
        return True


def _of_zip(path: Path) -> Iterator[Source]:
    """Its members; the ZIP itself, as a source that cannot be opened, if they cannot be had."""
    try:
        members = _members(path)
    except UnreadableSource as error:
        yield _source(str(path), path.name, partial(_refuse, str(error)))
        return
    for name in members:
        parts = PurePosixPath(name.replace("\\", "/").lstrip("/")).parts
        if _is_meant(parts):
            yield _source(f"{path}/{name}", "/".join(parts), partial(_open_member, path, name))


def _members(path: Path) -> list[str]:
    with _damage_told(), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > _ZIP_MEMBERS:
        raise UnreadableSource(f"The ZIP has more than {_ZIP_MEMBERS} members.")
    if sum(member.file_size for member in members) > _ZIP_UNPACKED_BYTES:
        raise UnreadableSource(
            f"The ZIP would unpack to more than {_ZIP_UNPACKED_BYTES // 1024**3} GiB."
        )
    # Not is_dir(), which fails on a member without a name.
    return sorted(member.filename for member in members if not member.filename.endswith("/"))


def _is_meant(parts: Sequence[str]) -> bool:
    """Hidden files and what systems leave behind are not."""
    return bool(parts) and not any(
        part.startswith(".") or part.lower() in _LEFT_BEHIND for part in parts
    )


def _source(path: str, key: str, opened: Callable[[], AbstractContextManager[BinaryIO]]) -> Source:
    clean = PurePosixPath(_clean(key))
    name = clean.name
    if _clean(key) != key:
        # Two odd names may look the same once cleaned; their bytes still tell them apart.
        clean = clean.with_stem(f"{clean.stem}-{sha256(_raw(key)).hexdigest()[:8]}")
    return Source(_clean(path), str(clean), name, opened)


def _clean(name: str) -> str:
    """A name that can be stored, shown and logged on one line."""
    return "".join(
        " " if unicodedata.category(character) in _CONTROL else character
        for character in _raw(name).decode("utf-8", "replace")
    )


def _raw(name: str) -> bytes:
    """Its bytes. Not `os.fsencode`: members of a ZIP need not fit the system's encoding."""
    return name.encode("utf-8", "surrogateescape")


def _refuse(why: str) -> NoReturn:
    raise UnreadableSource(why)


def _open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableSource(error.strerror or str(error)) from error


@contextmanager
def _open_member(path: Path, name: str) -> Iterator[BinaryIO]:
    """A member of a ZIP, which needs its archive open for as long as it is read."""
    with ExitStack() as held:
        with _damage_told():
            archive = held.enter_context(zipfile.ZipFile(path))
            stream = held.enter_context(archive.open(name))
        # Outside of `_damage_told`: what fails where the bytes go is no damage of the ZIP.
        yield io.BufferedReader(_Told(stream))


class _Told(io.RawIOBase):
    """A stream of a ZIP; damage shows only while its bytes are being unpacked."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # all that is passed
        with _damage_told():
            piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise UnreadableSource(str(error) or type(error).__name__) from error
