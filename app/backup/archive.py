"""The file: a plain tar (gzip by its name) of a few kinds of members, in one fixed order.

    about.json                           what made it, so that a foreign file is refused at once
    tables/03-edition/000001.jsonl       rows, the tables in the order in which they can be loaded
    vectors/000001.jsonl                 vectors by text
    evaluations/NAME.jsonl.gz            runs of `passerelle evaluate`
    files/ab/cd/abcd…                    files by SHA-256
    manifest.json, manifest.sha256       what there must have been, and its own checksum

Written and read from front to back, a part at a time. Names are strictly ascending within a kind,
so that nothing comes twice and no list of names has to be kept. Headers are those of POSIX ustar,
which every tar reads; anything else (links, devices, extensions) is refused before it is looked
into.
"""

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from app.backup.manifest import BackupError, Part

ABOUT: Final = "about.json"
MANIFEST: Final = "manifest.json"
SEAL: Final = "manifest.sha256"
PART_BYTES: Final = 8 << 20  # a part is closed when it has so many; this much is held in memory
LONGEST_ROW: Final = 256 << 20  # PostgreSQL takes no longer value of JSON
_LARGEST_TEXT: Final = 64 << 20  # of about.json and the manifest
_LARGEST_FILE: Final = 8**11 - 1  # what ustar can say: 8 GiB
_CHUNK: Final = 1 << 20
_GZIP_LEVEL: Final = 6


class Section(IntEnum):
    """The kinds of members, in their order."""

    ABOUT = 0
    TABLES = 1
    VECTORS = 2
    EVALUATIONS = 3
    FILES = 4
    MANIFEST = 5
    SEAL = 6


_NAMES: Final = {
    Section.ABOUT: re.compile(r"about\.json"),
    Section.TABLES: re.compile(r"tables/[0-9]{2,3}-(?P<own>[a-z][a-z0-9_]{0,62})/[0-9]{6}\.jsonl"),
    Section.VECTORS: re.compile(r"vectors/[0-9]{6}\.jsonl"),
    Section.EVALUATIONS: re.compile(
        r"evaluations/(?P<own>[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.jsonl\.gz)"
    ),
    Section.FILES: re.compile(
        r"files/(?P<a>[0-9a-f]{2})/(?P<b>[0-9a-f]{2})/(?P<own>(?P=a)(?P=b)[0-9a-f]{60})"
    ),
    Section.MANIFEST: re.compile(r"manifest\.json"),
    Section.SEAL: re.compile(r"manifest\.sha256"),
}
_MOST_BYTES: Final = {
    Section.ABOUT: _LARGEST_TEXT,
    Section.TABLES: PART_BYTES + LONGEST_ROW,
    Section.VECTORS: PART_BYTES + LONGEST_ROW,
    Section.EVALUATIONS: _LARGEST_FILE,
    Section.FILES: _LARGEST_FILE,
    Section.MANIFEST: _LARGEST_TEXT,
    Section.SEAL: 200,
}


def table_part(position: int, table: str, number: int) -> str:
    return f"tables/{position:02}-{table}/{number:06}.jsonl"


def vector_part(number: int) -> str:
    return f"vectors/{number:06}.jsonl"


def file_member(sha256: str) -> str:
    return f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}"


class ArchiveWriter:
    """Writes members in the order in which they are given."""

    def __init__(self, stream: BinaryIO, *, compressed: bool) -> None:
        self._packed = (
            gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=_GZIP_LEVEL, filename="")
            if compressed
            else None
        )
        target = cast("IO[bytes]", self._packed or stream)
        self._tar = tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self.parts: dict[str, Part] = {}

    def add(self, name: str, content: bytes) -> Part:
        """A member with this content, remembered in `parts`."""
        part = Part(len(content), hashlib.sha256(content).hexdigest())
        self._add(name, io.BytesIO(content), len(content))
        self.parts[name] = part
        return part

    def add_stream(self, name: str, stream: BinaryIO, size: int) -> Part:
        """A member of `size` bytes, read a little at a time. What the stream cannot give is zeros:
        a bad sector must not cost the rest of the archive, and the checksum tells.
        """
        measured = _Measured(stream)
        self._add(name, measured, size)
        return Part(size, measured.digest.hexdigest())

    def _add(self, name: str, stream: Any, size: int) -> None:
        header = tarfile.TarInfo(name)
        header.size, header.mode = size, 0o600
        self._tar.addfile(header, stream)
        _forget_members(self._tar)

    def close(self) -> None:
        self._tar.close()
        if self._packed:
            self._packed.close()


def _forget_members(tar: Any) -> None:
    """tarfile keeps a kilobyte of each member, for ways of reading that are not used here."""
    tar.members.clear()


class _Measured:
    """A stream that is never short, and the SHA-256 of what was read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._broken = False
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        content = b""
        if not self._broken:
            try:
                content = self._stream.read(size)
            except OSError:
                self._broken = True
        content = content.ljust(size, b"\0")
        self.digest.update(content)
        return content


@dataclass
class Member:
    """A member while it is being read. `own` is the table's, run's or file's name; `position` is
    how many bytes of the archive were read before it.
    """

    name: str
    section: Section
    own: str
    size: int
    position: int
    _stream: IO[bytes]

    def __post_init__(self) -> None:
        self._digest = hashlib.sha256()

    def chunks(self) -> Iterator[bytes]:
        while chunk := self.read(_CHUNK):
            yield chunk

    def read(self, size: int) -> bytes:
        with _wrapped(self.name):
            content = self._stream.read(size)
        self._digest.update(content)
        return content

    def whole(self) -> bytes:
        """All of it, in memory: for what the archive says of itself."""
        return b"".join(self.chunks())

    def lines(self) -> Iterator[bytes]:
        """Its lines, each at most `LONGEST_ROW` bytes.

        Raises:
            BackupError: one is longer.
        """
        while line := self._line():
            if len(line) > LONGEST_ROW:
                raise BackupError(f"{self.name} has a row of more than {LONGEST_ROW} bytes.")
            yield line

    def _line(self) -> bytes:
        with _wrapped(self.name):
            line = self._stream.readline(LONGEST_ROW + 1)
        self._digest.update(line)
        return line

    def part(self) -> Part:
        """What was read; to be asked when everything was."""
        return Part(self.size, self._digest.hexdigest())


class _PlainHeader(tarfile.TarInfo):
    """A header that is looked at before tarfile acts on it: it reads what extensions say, however
    long, into memory.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> "_PlainHeader":
        found = super().frombuf(buf, encoding or "utf-8", errors)
        if found.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or found.issparse():
            raise BackupError(f"The archive holds something that is no plain file: {found.name!r}.")
        return found


def open_members(path: Path) -> Iterator[Member]:
    """The members from front to back; each has to be read before the next is asked for.

    Raises:
        BackupError: the file is no archive, or damaged, or holds what none holds.
    """
    with _wrapped(str(path)), path.open("rb") as raw, _unpacked(raw) as stream:
        before: tuple[Section, str] | None = None
        for header, content in _headers(path, stream):
            member = _checked(header, content, before, raw.tell())
            yield member
            before = (member.section, member.name)
        if before is None or before[0] is not Section.SEAL:
            last = f" It ends after {before[1]}." if before else ""
            raise BackupError(f"{path} is cut off or damaged.{last}")


def _headers(path: Path, stream: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    with tarfile.open(
        fileobj=stream, mode="r|", tarinfo=_PlainHeader, encoding="utf-8", errors="strict"
    ) as tar:
        while header := tar.next():
            _forget_members(tar)
            content = tar.extractfile(header)
            if content is None:
                raise BackupError(f"{path} holds something that is no plain file.")
            yield header, content
    while stream.read(_CHUNK):  # to the end, where gzip keeps its checksum
        pass


@contextmanager
def _unpacked(raw: BinaryIO) -> Iterator[IO[bytes]]:
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    if packed:
        with gzip.GzipFile(fileobj=raw) as stream:
            yield cast("IO[bytes]", stream)
    else:
        yield raw


@contextmanager
def _wrapped(what: str) -> Iterator[None]:
    """Says of which member or file a reading failed."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise BackupError(f"{what} holds a name that is none.") from error
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise BackupError(f"{what} cannot be read, it is cut off or damaged: {error}.") from error


def _checked(
    header: tarfile.TarInfo,
    content: IO[bytes],
    before: tuple[Section, str] | None,
    position: int,
) -> Member:
    section, own = _place(header.name)
    if not 0 <= header.size <= _MOST_BYTES[section]:
        raise BackupError(f"{header.name} is said to have {header.size} bytes: too many.")
    if before is None and section is not Section.ABOUT:
        raise BackupError(f"The archive does not begin with {ABOUT}: it is no backup.")
    if before is not None and (section, header.name) <= before:
        raise BackupError(f"{header.name} comes twice or in the wrong place.")
    return Member(header.name, section, own, header.size, position, content)


def _place(name: str) -> tuple[Section, str]:
    """The kind of a member, and what it is called within."""
    for section, pattern in _NAMES.items():
        if found := pattern.fullmatch(name):
            return section, found.groupdict().get("own") or ""
    raise BackupError(f"The archive holds what no backup holds: {name!r:.200}.")
