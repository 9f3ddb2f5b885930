"""Files, folders, ZIPs and tables: what the ingest command is given."""

import os
import socket
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.resources import collecting
from app.resources.collecting import Source, UnreadableSource, collect, metadata_files
from app.resources.metadata import Description
from app.resources.metadata_files import MetadataError, merged, read_editions, read_metadata
from app.resources.models import Availability


def _write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_a_folder_gives_its_files_by_their_relative_path(tmp_path: Path) -> None:
    _write(tmp_path / "lib/b/two.md", "2")
    _write(tmp_path / "lib/a.md", "1")
    _write(tmp_path / "lib/.hidden/x.md", "no")
    _write(tmp_path / "lib/metadata.csv", "path\n")
    assert [source.key for source in collect([tmp_path / "lib"])] == ["a.md", "b/two.md"]
    assert metadata_files([tmp_path / "lib"]) == [tmp_path / "lib/metadata.csv"]


def test_a_zip_gives_its_members_and_their_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("sub/a.md", "text")
        archive.writestr("__MACOSX/a.md", "rubbish")
    (source,) = collect([tmp_path / "all.zip"])
    assert (source.key, source.name) == ("sub/a.md", "a.md")
    with source.open() as stream:
        assert stream.read() == b"text"


def test_a_file_that_cannot_be_opened_says_so_by_name(tmp_path: Path) -> None:
    (source,) = collect([tmp_path / "gone.pdf"])
    with pytest.raises(UnreadableSource, match="No such file"):
        source.open()


def _zip(path: Path, *names: str, how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name in names:
            archive.writestr(name, "Some text of a few words. " * 200)
    return path


def _read(source: Source) -> bytes:
    with source.open() as stream:
        return stream.read()


def _damage(path: Path, change: Callable[[bytearray], None]) -> Path:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return path


def _overwrite(start: int, piece: bytes) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        content[start : start + len(piece)] = piece

    return change


def _in_directory(start: int, piece: bytes) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        _overwrite(content.rindex(b"PK\x01\x02") + start, piece)(content)

    return change


_BODY = 34  # behind the header of a first member whose name has four letters


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("piece", [b"\xff" * 12, b"\x00" * 12])
def test_a_damaged_member_is_unreadable_when_it_is_read(
    tmp_path: Path, how: int, piece: bytes
) -> None:
    path = _damage(_zip(tmp_path / "a.zip", "a.md", how=how), _overwrite(_BODY, piece))
    (source,) = collect([path])
    with pytest.raises(UnreadableSource):
        _read(source)


@pytest.mark.parametrize(
    "change",
    [
        _in_directory(8, b"\x01"),  # encrypted
        _in_directory(10, b"\x63"),  # an unknown compression
        _in_directory(10, b"\x0e"),  # LZMA, which it is not
        _in_directory(16, b"\0\0\0\0"),  # another checksum
        _in_directory(42, b"\xff\xff\xff\x7f"),  # begins behind the end
        _overwrite(0, b"XX"),  # no header
    ],
)
def test_a_member_that_cannot_be_unpacked_is_unreadable(
    tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    (source,) = collect([_damage(_zip(tmp_path / "a.zip", "a.md"), change)])
    with pytest.raises(UnreadableSource, match=r"."):
        _read(source)


def test_what_fails_where_the_bytes_go_is_not_blamed_on_the_zip(tmp_path: Path) -> None:
    (source,) = collect([_zip(tmp_path / "a.zip", "a.md")])
    with pytest.raises(OSError, match="disk full"), source.open():
        raise OSError("disk full")


@pytest.mark.parametrize(
    "change",
    [
        _in_directory(0, b"XXXX"),
        _in_directory(6, b"\xff"),  # needs a version that does not exist
        lambda content: _overwrite(len(content) - 10, b"\xff\xff\xff\x7f")(content),
    ],
)
def test_a_zip_with_a_damaged_directory_is_one_unreadable_source(
    tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    (source,) = collect([_damage(_zip(tmp_path / "a.zip", "a.md", "b.md"), change)])
    assert (source.key, source.name) == ("a.zip", "a.zip")
    with pytest.raises(UnreadableSource):
        source.open()


def test_a_zip_member_without_a_name_is_passed_over(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", "a.md", "b.md")
    _damage(path, lambda content: _overwrite(content.rindex(b"b.md"), b"\0")(content))
    assert [source.key for source in collect([path])] == ["a.md"]


@pytest.mark.parametrize(
    ("limit", "value", "complaint"),
    [("_ZIP_UNPACKED_BYTES", 9_999, "unpack to more than"), ("_ZIP_MEMBERS", 1, "more than 1 mem")],
)
def test_a_zip_that_would_unpack_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, complaint: str
) -> None:
    path = _zip(tmp_path / "bomb.zip", "a.md", "b.md")
    assert len(list(collect([path]))) == 2
    monkeypatch.setattr(collecting, limit, value)
    (source,) = collect([path])
    assert source.key == "bomb.zip"
    with pytest.raises(UnreadableSource, match=complaint):
        source.open()


def test_odd_names_are_shown_clean_and_do_not_collide(tmp_path: Path) -> None:
    odd = [b"a\xff.md", b"a\xfe.md", b"a\n.md", b"a\t.md"]
    for raw in odd:
        (tmp_path / os.fsdecode(raw)).write_bytes(raw)
    _write(tmp_path / "é.md", "plain")
    found = list(collect([tmp_path]))
    assert {_read(source) for source in found} == {*odd, b"plain"}
    assert sorted(source.name for source in found) == ["a .md", "a .md", "a�.md", "a�.md", "é.md"]
    keys = {source.key for source in found}
    assert len(keys) == len(found)
    assert "é.md" in keys
    for source in found:
        shown = source.path + source.key + source.name
        assert shown.isprintable()
        assert shown.encode()
        assert source.key.endswith(".md")


def test_odd_names_in_a_zip_are_shown_clean(tmp_path: Path) -> None:
    (source,) = collect([_zip(tmp_path / "a.zip", "/sub/a\nb.md")])
    assert source.name == "a b.md"
    assert source.key.startswith("sub/a b-")
    assert source.path.endswith("a.zip//sub/a b.md")
    assert _read(source).startswith(b"Some text")


def test_only_files_of_a_folder_are_taken_and_links_to_them() -> None:
    # Not tmp_path: the name of a socket may have a hundred characters at most.
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as listening:
        folder = Path(name)
        outside = _write(folder / "outside.md", "text")
        (folder / "in").mkdir()
        os.mkfifo(folder / "in/pipe.md")
        listening.bind(str(folder / "in/socket.md"))
        (folder / "in/device.md").symlink_to(os.devnull)
        (folder / "in/link.md").symlink_to(outside)
        (folder / "in/broken.md").symlink_to(folder / "gone.md")
        broken, link = collect([folder / "in"])
        assert (broken.key, link.key) == ("broken.md", "link.md")
        assert _read(link) == b"text"
        with pytest.raises(UnreadableSource, match="No such file"):
            broken.open()


def test_metadata_is_looked_for_in_folders_only(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", "metadata.csv")
    assert metadata_files([path]) == []
    assert [source.key for source in collect([path])] == ["metadata.csv"]
    table = _write(tmp_path / "lib/Metadata.CSV", "path\n")
    assert metadata_files([tmp_path / "lib", table]) == [table]
    assert list(collect([tmp_path / "lib"])) == []


def test_metadata_says_what_files_are(tmp_path: Path) -> None:
    table = _write(
        tmp_path / "metadata.csv",
        "path,title,language,year,authors,domains,availability\n"
        "a.pdf,Guide,fr,2014,Ana; Bo,policies;statistics,to_update\n",
    )
    assert read_metadata(table) == [
        (
            "a.pdf",
            Description(
                language="fr",
                title="Guide",
                authors=("Ana", "Bo"),
                year=2014,
                availability=Availability.TO_UPDATE,
                topics=(("domain", "policies"), ("domain", "statistics")),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("path,colour\na,red\n", "unknown column colour"),
        ("path,year\na,soon\n", "line 2: the year"),
        ("path,availability\na,lost\n", "availability must be one of"),
        ("", "unknown column"),
        ("path,title\n\na,A,more\n", "line 3: more cells"),
        ("path,title\n,A\n", "line 2: a record, which has no path, needs language, work"),
        ("title,language,work\n,fr,w\n", "line 2: a record, which has no path, needs title"),
        ("path,type\na,novel\n", "line 2: type must be one of guide, .*'novel'"),
        ("path,domains\na,policies; war\n", "line 2: domains must be one of .*'war'"),
        ("path,audiences\na,aliens\n", "line 2: audiences must be one of .*'aliens'"),
        ("path,regions\na,moon\n", "line 2: regions must be one of .*'moon'"),
        ("path,countries\na,SN;Senegal\n", "line 2: countries must be one of .*'Senegal'"),
        ("path,countries\na,150\n", "line 2: countries must be one of .*'150'"),
        ("path,language\na,français\n", "line 2: language must be .*'français'"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, content: str, complaint: str
) -> None:
    with pytest.raises(MetadataError, match=complaint):
        read_metadata(_write(tmp_path / "m.csv", content))


def test_rows_without_anything_are_passed_over(tmp_path: Path) -> None:
    table = _write(
        tmp_path / "m.csv", "path,countries,language\n,,\n \n\n,,,,\na.md,SN; CO,pt-BR\n,,\n"
    )
    topics = (("country", "SN"), ("country", "CO"))
    assert read_metadata(table) == [("a.md", Description(language="pt-BR", topics=topics))]


def test_a_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("path,title\na,Évaluation\n".encode("latin-1"))
    with pytest.raises(MetadataError, match="UTF-8"):
        read_metadata(path)


def test_editions_join_files_by_work(tmp_path: Path) -> None:
    table = _write(tmp_path / "e.tsv", "work\tlanguage\tpath\nw1\ten\ten/a.md\nw1\tfr\tfr/a.md\n")
    assert read_editions(table)["fr/a.md"] == Description(work="w1", language="fr")
    with pytest.raises(MetadataError, match="line 2"):
        read_editions(_write(tmp_path / "b.tsv", "work\tlanguage\tpath\nw1\t\ta.md\n"))
    with pytest.raises(MetadataError, match=r"line 2: language .*'en_GB'"):
        read_editions(_write(tmp_path / "c.tsv", "work\tlanguage\tpath\nw1\ten_GB\ta.md\n"))


def test_tables_complete_each_other() -> None:
    joined = merged(Description(work="w", language="en"), None, Description(title="T"))
    assert joined == Description(work="w", language="en", title="T")
