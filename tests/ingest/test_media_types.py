import io
import zipfile
from pathlib import Path

import pytest

from ingest.errors import Reason, Refused
from ingest.media_types import FORMATS, recognise
from ingest.parsers.registry import PARSERS
from ingest.source import Limits, Source

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
HTML = b"<!DOCTYPE html><html><body><p>Bonjour</p></body></html>"


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def source(tmp_path: Path, name: str, content: bytes, limits: Limits | None = None) -> Source:
    path = tmp_path / "0123abcd"
    path.write_bytes(content)
    return Source(path, name, limits or Limits())


@pytest.mark.parametrize(
    ("name", "content", "parser", "mislabelled"),
    [
        ("a.pdf", b"%PDF-1.7\n", "pdf", False),
        ("a.docx", b"junk before\n%PDF-1.7\n", "pdf", True),
        ("a.md", b"# Title\n", "markdown", False),
        ("a.Rmd", b"# Title\n", "markdown", False),
        ("a.txt", b"# Title\n", "text", False),
        ("a.txt", HTML, "html", True),
        ("a.md", HTML, "html", True),
        ("a", HTML, "html", False),
        ("a", b"---\ntitle: x\n---\n# A\n", "markdown", False),
        ("a", b"Hello, world", "text", False),
        ("a.docx", b"Hello, world", "text", True),
        ("a.doc", b"Hello, world", "text", True),
        ("a.csv", b"a,b\n1,2\n", "csv", False),
        ("a.txt", "Été à Málaga".encode("utf-16"), "text", False),
        ("a.txt", "Été à Málaga, l’année dernière".encode("utf-16-le"), "text", False),
        ("a.zip", zipped(**{"META-INF/container.xml": "<x/>"}), "epub", True),
        ("a.docx", zipped(**{"word/document.xml": "<x/>"}), "docx", False),
        ("a.docx", zipped(**{"xl/workbook.xml": "<x/>"}), "xlsx", True),
    ],
)
def test_recognised(
    tmp_path: Path, name: str, content: bytes, parser: str, mislabelled: bool
) -> None:
    found = recognise(source(tmp_path, name, content))
    assert (found.format.parser, found.mislabelled) == (parser, mislabelled)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.pdf", b"", Reason.EMPTY),
        ("a.txt", b"\xef\xbb\xbf \n\t\r\n", Reason.EMPTY),
        ("a.doc", OLE + "WordDocument".encode("utf-16-le"), Reason.LEGACY_OFFICE),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), Reason.ENCRYPTED),
        ("a.msg", OLE, Reason.UNSUPPORTED),
        ("a.rtf", b"{\\rtf1 text}", Reason.UNSUPPORTED),
        ("a.zip", zipped(**{"a.txt": "x"}), Reason.UNSUPPORTED),
        ("a.odt", zipped(mimetype="application/vnd.oasis.opendocument.text"), Reason.UNSUPPORTED),
        ("a.docx", zipped(**{"word/document.xml": "<x/>"})[:-30], Reason.BROKEN),
        ("a.png", b"\x89PNG\r\n\x1a\n", Reason.UNSUPPORTED),
        ("a.pdf", b"\x01\x02\x03\x04" * 64, Reason.BROKEN),
        ("a.bin", b"\x01\x02\x03\x04" * 64, Reason.UNSUPPORTED),
        ("a.xml", b"<?xml version='1.0'?><rss/>", Reason.UNSUPPORTED),
        ("a.eml", b"From: a@example.org\n\nHello", Reason.UNSUPPORTED),
    ],
)
def test_refused(tmp_path: Path, name: str, content: bytes, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        recognise(source(tmp_path, name, content))
    assert refused.value.reason is reason


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zipped(**{"word/document.xml": "0" * 3_000_000})
    limits = Limits(unpacked_bytes=2_000_000)
    with pytest.raises(Refused, match="too_large"):
        recognise(source(tmp_path, "a.docx", bomb, limits))


def test_every_format_has_a_parser() -> None:
    assert {read.parser for read in FORMATS} == set(PARSERS)
