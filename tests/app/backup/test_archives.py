"""An archive that is damaged, cut off or made by somebody who means harm is refused."""

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from app.backup.checking import check
from app.backup.making import make_backup
from app.backup.manifest import BackupError
from app.backup.restoring import restore
from app.library import Library
from tests.app.backup.libraries import quiet
from tests.app.databases import on_sqlite


def members(archive: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(archive) as tar:
        return tar.getmembers()


@on_sqlite  # about the archive
def test_one_wrong_byte_in_any_part_is_found(archive: Path, fresh: Library) -> None:
    whole = archive.read_bytes()
    for member in members(archive):
        for place in (member.offset_data, member.offset_data + member.size - 1, member.offset + 1):
            broken = bytearray(whole)
            broken[place] ^= 4
            archive.write_bytes(broken)
            with pytest.raises(BackupError):
                restore(fresh, archive, quiet)
    assert not fresh.config.data.exists()


@on_sqlite  # about the archive
@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_an_archive_that_is_cut_off_is_refused(
    filled: Library, tmp_path: Path, ending: str
) -> None:
    made = make_backup(filled, tmp_path / f"one.{ending}", quiet)
    whole = made.path.read_bytes().rstrip(b"\0")  # a tar ends in zeros that say nothing
    for share in (0, 0.01, 0.3, 0.6, 0.9, 0.99):
        made.path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BackupError):
            check(made.path, quiet)


def unpacked(content: bytes) -> bytes | None:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None


@on_sqlite  # about the archive
def test_a_gzip_archive_with_a_wrong_byte_is_refused(filled: Library, tmp_path: Path) -> None:
    path = make_backup(filled, tmp_path / "one.tgz", quiet).path
    whole = path.read_bytes()
    for place in range(20, len(whole), len(whole) // 20):
        broken = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        # Some bits say nothing: the last ones, and where a repeated text is copied from.
        if unpacked(broken) != unpacked(whole):
            path.write_bytes(broken)
            with pytest.raises(BackupError):
                check(path, quiet)


def header(name: str, kind: bytes = tarfile.REGTYPE, **more: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in more.items():
        setattr(made, field, value)
    return made


@on_sqlite  # about the archive
@pytest.mark.parametrize(
    "member",
    [
        header("../outside"),
        header("/etc/outside"),
        header("tables/01-file/../../../outside.jsonl"),
        header("files/aa/bb/../../../x"),
        header("manifest.json/x"),
        header("about.json"),
        header("evaluations/.hidden.jsonl.gz"),
        header("files/aa/aa/" + "a" * 64, tarfile.SYMTYPE, linkname="/etc/passwd"),
        header("files/aa/aa/" + "a" * 64, tarfile.LNKTYPE, linkname="about.json"),
        header("files/aa/aa/" + "a" * 64, tarfile.FIFOTYPE),
        header("files", tarfile.DIRTYPE),
        header("tables/01-file/000001.jsonl", size=1 << 40),
        header("files/aa/aa/" + "a" * 64, size=1 << 50),
        header("x" * 300),  # which needs an extension
    ],
    ids=lambda member: f"{member.name[:40]} {member.type!r} {member.size}",
)
def test_what_no_backup_holds_is_refused(
    archive: Path, fresh: Library, member: tarfile.TarInfo
) -> None:
    content = archive.read_bytes()
    first = members(archive)[1].offset
    form = tarfile.GNU_FORMAT
    archive.write_bytes(content[:first] + member.tobuf(form) + content[first:])
    with pytest.raises(BackupError):
        restore(fresh, archive, quiet)
    assert not fresh.config.data.exists()


@on_sqlite  # about the archive
def test_the_same_member_twice_is_refused(archive: Path) -> None:
    content = archive.read_bytes()
    for member, after in zip(members(archive), members(archive)[1:], strict=False):
        one = content[member.offset : after.offset]
        archive.write_bytes(content[: after.offset] + one + content[after.offset :])
        with pytest.raises(BackupError, match="twice"):
            check(archive, quiet)
