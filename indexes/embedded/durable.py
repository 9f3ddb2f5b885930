"""Files that are there whole or not at all, after a crash too."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Give `path` this content in one step that survives a crash."""
    beside = path.with_name(f"{path.name}.new")
    write_synced(beside, data)
    beside.replace(path)
    sync_folder(path.parent)


def write_synced(path: Path, data: bytes | memoryview) -> None:
    """Write a file that nobody refers to yet; on return it is on the disk."""
    write_parts_synced(path, (data,))


def write_parts_synced(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """The same, of parts one after the other, so that they need not be in memory together."""
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp(path: Path) -> tuple[int, int, int]:
    """Changes whenever the file is replaced; zeros while there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
