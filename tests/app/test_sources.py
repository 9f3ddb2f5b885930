"""Files, folders, ZIPs and tables: what the ingest command is given."""

import zipfile
from pathlib import Path

import pytest

from app.resources.collecting import UnreadableSource, collect, metadata_files
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
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, content: str, complaint: str
) -> None:
    with pytest.raises(MetadataError, match=complaint):
        read_metadata(_write(tmp_path / "m.csv", content))


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


def test_tables_complete_each_other() -> None:
    joined = merged(Description(work="w", language="en"), None, Description(title="T"))
    assert joined == Description(work="w", language="en", title="T")
