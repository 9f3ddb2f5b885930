"""A folder a generation, and a file that names the one in use.

    FOLDER/CURRENT            name of the generation that answers
    FOLDER/writing            locked by the one writer
    FOLDER/000007/            a generation: generation.json, words/, vectors/
    FOLDER/000007/in_use      locked, shared, by whoever reads the generation

Locks are `flock`: they end with the process that holds them, however it ends.
"""

import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from indexes.embedded.durable import sync_folder, write_atomically, write_synced
from indexes.errors import WriterBusy

CURRENT: Final = "CURRENT"


class Generation:
    """One generation; it is not removed as long as this object lives.

    Raises:
        FileNotFoundError: it was removed, or is about to be: look at CURRENT again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        descriptor = os.open(folder / "in_use", os.O_RDWR)
        weakref.finalize(self, os.close, descriptor)
        if not _locked(descriptor, fcntl.LOCK_SH):
            raise FileNotFoundError(f"{folder} is being removed")
        self.fingerprint = _read_fingerprint(folder)

    @property
    def words(self) -> Path:
        return self.folder / "words"

    @property
    def vectors(self) -> Path:
        return self.folder / "vectors"

    def size(self) -> int:
        """Bytes on the disk."""
        return sum(size_of(path) for path in self.folder.rglob("*"))


class Generations:
    """The generations in a folder, which is made when the first one is created."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def current_file(self) -> Path:
        return self._folder / CURRENT

    def current(self) -> Generation | None:
        """The generation in use; none before the first one.

        Raises:
            FileNotFoundError: it was swapped this very moment: ask again.
        """
        name = self._current_name()
        return Generation(self._folder / name) if name else None

    def create(self, fingerprint: Mapping[str, str]) -> Generation:
        """An empty generation aside of the one in use. Only while writing."""
        folder = self._folder / f"{self._highest() + 1:06}"
        for part in ("words", "vectors"):
            (folder / part).mkdir(parents=True)
        write_synced(folder / "generation.json", json.dumps(dict(fingerprint)).encode())
        write_synced(folder / "in_use", b"")
        sync_folder(folder)
        return Generation(folder)

    def publish(self, generation: Generation) -> None:
        """Let this generation answer from now on. Only while writing."""
        sync_folder(self._folder)
        write_atomically(self.current_file, generation.name.encode())

    def sweep(self) -> None:
        """Remove generations that nobody reads and that are not in use. Only while writing."""
        current = self._current_name()
        for folder in self._folders():
            if folder.name != current:
                _remove_unread(folder)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer.

        Raises:
            WriterBusy: somebody else is, in this process or in another.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "writing", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _locked(descriptor):
                raise WriterBusy(f"Somebody else is writing to {self._folder}")
            yield
        finally:
            os.close(descriptor)

    def _current_name(self) -> str | None:
        try:
            return self.current_file.read_text().strip()
        except FileNotFoundError:
            return None

    def _folders(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.name.isdigit())

    def _highest(self) -> int:
        return max((int(folder.name) for folder in self._folders()), default=0)


def size_of(path: Path) -> int:
    """Bytes of a file; none for what is not one, or no longer there."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _read_fingerprint(folder: Path) -> dict[str, str]:
    """Empty, which no index has, when the file cannot be read: such a generation is rebuilt."""
    try:
        found = json.loads((folder / "generation.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()}


def _remove_unread(folder: Path) -> None:
    """Remove a generation unless a reader holds it; the next writer tries again."""
    try:
        descriptor = os.open(folder / "in_use", os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        return
    try:
        if _locked(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    """Take the lock if nobody else holds it."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
