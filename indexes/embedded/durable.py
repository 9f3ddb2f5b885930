"""Files that are there whole or not at all, after a crash too."""

import os
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Give `path` this content in one step that survives a crash."""
    beside = path.with_name(f"{path.name}.new")
    write_synced(beside, data)
    beside.replace(path)
    sync_folder(path.parent)


def write_synced(path: Path, data: bytes | memoryview) -> None:
    """Write a file that nobody refers to yet; on return it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
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
