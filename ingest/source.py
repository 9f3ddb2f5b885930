"""What a parse is given: the file, the name people know it by, and the limits it must keep to.

Opening and parsing is left to the parsers, enforcing time and memory to the sandbox.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ingest.errors import Reason, Refused

MIB = 1024 * 1024
_ENCRYPTED_MEMBER = 0x1  # bit 0 of a zip member's flags
# DEFLATE cannot pass 1032:1; honest office files stay under 100:1 as a whole. Small files may
# exceed any ratio (a sheet of zeros) without harm, hence the floor.
_RATIO_FLOOR = 64 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one parse may cost. Seconds are of wall time; everything else is bytes or counts."""

    seconds: float = 50.0
    cpu_seconds: int = 50
    memory_bytes: int = 1536 * MIB
    file_bytes: int = 200 * MIB
    unpacked_bytes: int = 1024 * MIB
    unpacked_ratio: int = 200
    output_bytes: int = 256 * MIB
    pages: int = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read. `name` is the original file name: `path` may be a content hash."""

    path: Path
    name: str
    limits: Limits = field(default_factory=Limits)

    @property
    def extension(self) -> str:
        """Lower case, with its dot; empty where the name has none."""
        return Path(self.name).suffix.lower()

    def read_bytes(self) -> bytes:
        """The whole file. Refused(UNREADABLE) where the system says no."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise Refused(Reason.UNREADABLE, str(error)) from error

    def check_pages(self, count: int) -> None:
        """Refused(TOO_LARGE) for more pages than allowed."""
        if count > self.limits.pages:
            raise Refused(Reason.TOO_LARGE, f"{count} pages, {self.limits.pages} allowed")

    @contextmanager
    def open_zip(self) -> Iterator[ZipFile]:
        """The file as a zip whose declared sizes have been checked.

        zipfile never unpacks more of a member than the directory declares, so that checking
        the declarations is enough against bombs.
        """
        try:
            archive = ZipFile(self.path)
        except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise Refused(Reason.BROKEN, f"zip: {error}") from error
        with archive:
            self._check_members(archive)
            yield archive

    def _check_members(self, archive: ZipFile) -> None:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        packed = sum(member.compress_size for member in members) or 1
        if any(member.flag_bits & _ENCRYPTED_MEMBER for member in members):
            raise Refused(Reason.ENCRYPTED, "zip members need a password")
        if unpacked > self.limits.unpacked_bytes:
            raise Refused(Reason.TOO_LARGE, f"unpacks to {unpacked} bytes")
        if unpacked > _RATIO_FLOOR and unpacked / packed > self.limits.unpacked_ratio:
            raise Refused(Reason.TOO_LARGE, f"unpacks to {unpacked // packed} times its size")
