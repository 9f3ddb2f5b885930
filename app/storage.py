"""Files by their SHA-256. Written aside first, so that a file is there whole or not at all."""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_NAME = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = ".new-"


class FileTooLarge(Exception):
    """The stream has more bytes than are accepted."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was stored: its name in the store and its bytes."""

    sha256: str
    size: int


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal, without holding it in memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class FileStore:
    """A folder of files named by content: `ab/cd/abcd…`. The same bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where a file is, whether it is there or not."""
        return self._folder / sha256[:2] / sha256[2:4] / sha256

    def add(self, stream: BinaryIO, limit: int) -> StoredFile:
        """Keep the stream's bytes.

        Raises:
            FileTooLarge: after `limit` bytes; nothing is kept.
            OSError: the disk is full or cannot be written; nothing is kept.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=_UNFINISHED) as aside:
            fcntl.flock(aside, fcntl.LOCK_EX)  # tells it from what a killed process has left
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise FileTooLarge
                digest.update(chunk)
                aside.write(chunk)
            aside.flush()
            os.fsync(aside.fileno())
            self._keep(Path(aside.name), digest.hexdigest())
        return StoredFile(digest.hexdigest(), size)

    def _keep(self, aside: Path, sha256: str) -> None:
        target = self.path(sha256)
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.chmod(0o644)
        # A link and not a rename: the temporary file removes its own name when it is closed.
        try:
            os.link(aside, target)
        except FileExistsError:
            return  # another process stored the same bytes a moment ago

    def forget_unfinished(self) -> None:
        """Take away what killed processes were writing; what is still being written is locked."""
        for path in self._folder.glob(f"{_UNFINISHED}*"):
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as left:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def remove(self, sha256: str) -> None:
        """Let go of a file; while someone counts on it (`holding`), it is laid aside first."""
        if not self._held.exists():  # nobody has ever counted on files here
            self.path(sha256).unlink(missing_ok=True)
            return
        with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
            if alone:
                self.path(sha256).unlink(missing_ok=True)
            elif self.path(sha256).exists():
                self._laid_aside.mkdir(exist_ok=True)
                self.path(sha256).replace(self._laid_aside / sha256)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """To the end of the block, what is in the store can be opened, even if it is removed."""
        with self._lock(fcntl.LOCK_SH):
            yield
        with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
            if alone:  # else another one holds them, and sees to it
                for path in self._laid_aside.glob("*"):
                    path.unlink()

    def open(self, sha256: str) -> BinaryIO:
        """The bytes of a file, those of one laid aside too.

        Raises:
            OSError: there are none, or they cannot be read.
        """
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            return (self._laid_aside / sha256).open("rb")

    def names(self) -> Iterator[str]:
        """The files there are, in no order."""
        for path in self._folder.glob("??/??/*"):
            if _NAME.fullmatch(path.name):
                yield path.name

    @property
    def _held(self) -> Path:
        return self._folder / ".held"

    @property
    def _laid_aside(self) -> Path:
        return self._folder / ".removed"

    @contextmanager
    def _lock(self, how: int) -> Iterator[bool]:
        """Whether the lock was to be had; the kernel lets go of it when a process dies."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._held.open("a") as lock:
            try:
                fcntl.flock(lock, how)
            except BlockingIOError:
                yield False
            else:
                yield True

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
