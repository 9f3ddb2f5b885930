"""Whether an archive is whole: every member against its checksum, all of them against the manifest.

Read once from front to back; nothing is written.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.backup.archive import MANIFEST, Member, Section, open_members
from app.backup.making import Progress
from app.backup.manifest import (
    About,
    BackupError,
    FileCount,
    Manifest,
    Part,
    about_from,
    json_of,
    read_manifest,
)


@dataclass
class _Found:
    """What was in the archive so far."""

    about: About | None = None
    manifest: Manifest | None = None
    seal: str = ""
    digest: str = ""  # of the manifest's bytes
    parts: dict[str, Part] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    vectors: int = 0
    evaluations: int = 0
    files: int = 0
    file_bytes: int = 0
    damaged: dict[str, str] = field(default_factory=dict)


def check(path: Path, progress: Progress) -> Manifest:
    """The manifest of an archive in which everything is as it says.

    Raises:
        BackupError: telling the first thing that is not.
    """
    found = _Found()
    size = path.stat().st_size if path.is_file() else 0
    for member in open_members(path):
        _READERS[member.section](found, member)
        progress("checking", member.position, size)
    if found.manifest is None or found.about is None:
        raise BackupError(f"{path} has no manifest: it is not whole.")
    _compare(found, found.manifest)
    return found.manifest


def _read_about(found: _Found, member: Member) -> None:
    found.about = about_from(json_of(member.whole(), member.name))
    found.parts[member.name] = member.part()


def _read_rows(found: _Found, member: Member) -> None:
    found.rows[member.own] += sum(1 for _ in member.lines())
    found.parts[member.name] = member.part()


def _read_vectors(found: _Found, member: Member) -> None:
    found.vectors += sum(1 for _ in member.lines())
    found.parts[member.name] = member.part()


def _read_evaluation(found: _Found, member: Member) -> None:
    for _ in member.chunks():
        pass
    found.evaluations += 1
    found.parts[member.name] = member.part()


def _read_file(found: _Found, member: Member) -> None:
    for _ in member.chunks():
        pass
    actual = member.part().sha256
    if actual == member.own:
        found.files += 1
        found.file_bytes += member.size
    else:
        found.damaged[member.own] = actual


def _read_manifest(found: _Found, member: Member) -> None:
    found.manifest = read_manifest(member.whole())
    found.digest = member.part().sha256


def _read_seal(found: _Found, member: Member) -> None:
    found.seal = member.whole().decode("utf-8", "replace")


_READERS: Mapping[Section, Callable[[_Found, Member], None]] = {
    Section.ABOUT: _read_about,
    Section.TABLES: _read_rows,
    Section.VECTORS: _read_vectors,
    Section.EVALUATIONS: _read_evaluation,
    Section.FILES: _read_file,
    Section.MANIFEST: _read_manifest,
    Section.SEAL: _read_seal,
}


def _compare(found: _Found, manifest: Manifest) -> None:
    if found.seal != f"{found.digest}  {MANIFEST}\n":
        raise BackupError("The archive's manifest is damaged: it does not have its checksum.")
    _compare_parts(found.parts, manifest.parts)
    for name in sorted(found.damaged.keys() - manifest.files.damaged.keys()):
        raise BackupError(f"files/{name} is damaged in the archive: its bytes are others.")
    files = FileCount(found.files, found.file_bytes, found.damaged, manifest.files.missing)
    rows = {name: found.rows[name] for name in {*manifest.tables, *found.rows}}
    for what, there, said in (
        ("what made it", found.about, manifest.about),
        ("rows", rows, dict(manifest.tables)),
        ("vectors", found.vectors, manifest.vectors),
        ("evaluations", found.evaluations, manifest.evaluations),
        ("files", files, manifest.files),
    ):
        _same(what, there, said)


def _compare_parts(found: Mapping[str, Part], said: Mapping[str, Part]) -> None:
    for name in sorted({*found, *said}):
        if name not in found:
            raise BackupError(f"{name} is missing in the archive.")
        if name not in said:
            raise BackupError(f"{name} is in the archive and not in its manifest.")
        if found[name] != said[name]:
            raise BackupError(f"{name} is damaged in the archive: it does not have its checksum.")


def _same(what: str, there: Any, said: Any) -> None:
    if there != said:
        raise BackupError(f"Of {what} the archive holds {there}, and its manifest says {said}.")
