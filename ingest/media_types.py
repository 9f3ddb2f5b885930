"""What the bytes of a file are, whatever its name says.

Leaves reading them to the parsers. A format that is recognised but not read is refused here,
with the reason people can act on.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath
from zipfile import ZipFile

from ingest.errors import Reason, Refused
from ingest.source import Source

_HEAD = 8192
_PDF_WINDOW = 1024  # readers accept "%PDF-" anywhere in the first 1,024 bytes
_OLE_SCAN = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read. `flowing`: text and headings run on from one page to the next."""

    parser: str
    media_type: str
    extensions: tuple[str, ...]
    flowing: bool = True


_OOXML = "application/vnd.openxmlformats-officedocument."

FORMATS: tuple[Format, ...] = (
    Format("pdf", "application/pdf", (".pdf",)),
    Format("docx", f"{_OOXML}wordprocessingml.document", (".docx", ".docm", ".dotx", ".dotm")),
    Format(
        "pptx",
        f"{_OOXML}presentationml.presentation",
        (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
        flowing=False,
    ),
    Format(
        "xlsx",
        f"{_OOXML}spreadsheetml.sheet",
        (".xlsx", ".xlsm", ".xltx", ".xltm"),
        flowing=False,
    ),
    Format("epub", "application/epub+zip", (".epub",)),
    Format("html", "text/html", (".html", ".htm", ".xhtml")),
    Format("markdown", "text/markdown", (".md", ".markdown", ".mdown", ".mkd", ".rmd", ".qmd")),
    Format("csv", "text/csv", (".csv", ".tsv"), flowing=False),
    Format("text", "text/plain", (".txt", ".text")),
)
_BY_PARSER = {read.parser: read for read in FORMATS}
_BY_EXTENSION = {extension: read for read in FORMATS for extension in read.extensions}


def format_of_name(name: str) -> str:
    """The format that a name claims, by its parser; the extension itself if none reads it."""
    extension = PurePath(name).suffix.lower()
    known = _BY_EXTENSION.get(extension)
    return known.parser if known else extension


# Recognised and not read: (magic bytes, offset, what it is).
_UNSUPPORTED_MAGIC: tuple[tuple[bytes, int, str], ...] = (
    (b"{\\rtf", 0, "RTF"),
    (b"7z\xbc\xaf\x27\x1c", 0, "7z archive"),
    (b"Rar!\x1a\x07", 0, "RAR archive"),
    (b"\x1f\x8b", 0, "gzip"),
    (b"BZh", 0, "bzip2"),
    (b"\xfd7zXZ\x00", 0, "xz"),
    (b"\x28\xb5\x2f\xfd", 0, "zstd"),
    (b"ustar", 257, "tar archive"),
    (b"mimetypeapplication/vnd.oasis.opendocument", 30, "OpenDocument"),
    (b"PK\x05\x06", 0, "empty zip archive"),
    (b"\x89PNG\r\n", 0, "PNG image"),
    (b"\xff\xd8\xff", 0, "JPEG image"),
    (b"GIF8", 0, "GIF image"),
    (b"II*\x00", 0, "TIFF image"),
    (b"MM\x00*", 0, "TIFF image"),
    (b"RIFF", 0, "RIFF media"),
    (b"ID3", 0, "MP3 audio"),
    (b"ftyp", 4, "MP4 media"),
    (b"OggS", 0, "Ogg media"),
    (b"\x1aE\xdf\xa3", 0, "Matroska media"),
    (b"SQLite format 3\x00", 0, "SQLite database"),
    (b"\x7fELF", 0, "program"),
    (b"MZ", 0, "program"),
    (b"%!PS", 0, "PostScript"),
    (b"AT&TFORM", 0, "DjVu"),
    (b"<?xpacket", 0, "XMP"),
)
_UNSUPPORTED_EXTENSIONS = {".eml": "e-mail", ".mbox": "e-mail", ".msg": "e-mail"}

_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names of streams in the directory of a compound file, UTF-16 as stored.
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLE_OFFICE = tuple(
    name.encode("utf-16-le")
    for name in ("WordDocument", "Workbook", "Book", "PowerPoint Document", "PP40", "Contents")
)

# A part whose content type says what the package is: the words of the main part.
_OOXML_MAIN = (
    (re.compile(rb"word[^\"']*\.(?:document|template)[^\"']*\.main\+xml"), "docx"),
    (re.compile(rb"(?:presentation|slideshow|template)[^\"']*\.main\+xml"), "pptx"),
    (re.compile(rb"sheet[^\"']*\.main\+xml"), "xlsx"),
)
_OOXML_FOLDERS = (("word/document", "docx"), ("ppt/presentation", "pptx"), ("xl/workbook", "xlsx"))

_HTML_START = re.compile(
    rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML_START = re.compile(rb"<\?xml\b|<!DOCTYPE\b|<(?:rss|feed|rdf:RDF|svg)\b")
_MAIL_START = re.compile(
    rb"(?:(?:Return-Path|Received|MIME-Version|Message-ID|Delivered-To|X-[\w-]+|From|To|Date|"
    rb"Subject|Content-Type): [^\n]*\n(?:[ \t][^\n]*\n)*){3,}",
    re.IGNORECASE,
)
_MARKDOWN_SIGNS = re.compile(
    rb"^#{1,6} \S|^---\r?\n(?:\w+:.*\r?\n)+---|\]\(https?://|^```|^[*-] \[[ x]\]", re.MULTILINE
)
_CONTROL = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 26, 27})
_UNICODE_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the file is; `mislabelled` when its extension belongs to another format."""

    format: Format
    mislabelled: bool


def recognise(source: Source) -> Recognised:
    """The format of the bytes. Refused: EMPTY, ENCRYPTED, LEGACY_OFFICE, UNSUPPORTED, BROKEN."""
    head = _read_head(source)
    found = _BY_PARSER[_binary_format(source, head) or _text_format(source, head)]
    expected = _BY_EXTENSION.get(source.extension)
    lies = expected is not found if expected else source.extension in _FOREIGN_EXTENSIONS
    return Recognised(found, mislabelled=lies)


# Extensions that promise something which none of the formats read here is.
_FOREIGN_EXTENSIONS = frozenset(
    [
        ".doc",
        ".dot",
        ".xls",
        ".ppt",
        ".pps",
        ".rtf",
        ".odt",
        ".ods",
        ".odp",
        ".zip",
        ".jpg",
        ".jpeg",
        ".png",
        ".gif",
        ".mp3",
        ".mp4",
    ]
)


def _read_head(source: Source) -> bytes:
    try:
        with source.path.open("rb") as file:
            head = file.read(_HEAD)
            if not head.strip(b" \t\r\n\f\v\x00\xef\xbb\xbf"):
                head += file.read()
    except OSError as error:
        raise Refused(Reason.UNREADABLE, str(error)) from error
    if not head.strip(b" \t\r\n\f\v\x00\xef\xbb\xbf"):
        raise Refused(Reason.EMPTY, "no bytes but white space")
    return head


def _binary_format(source: Source, head: bytes) -> str | None:
    if b"%PDF-" in head[:_PDF_WINDOW]:
        return "pdf"
    if head.startswith(_OLE_MAGIC):
        raise _ole_refusal(source)
    for magic, offset, what in _UNSUPPORTED_MAGIC:
        if head.startswith(magic, offset):
            raise Refused(Reason.UNSUPPORTED, what)
    if head.startswith(b"PK\x03\x04"):
        return _zip_format(source)
    return _damaged_binary(source, head)


def _damaged_binary(source: Source, head: bytes) -> str | None:
    """None for text; a PDF without its header is still worth a try; other bytes are refused."""
    if source.extension == ".pdf" and re.search(rb"\d+ \d+ obj\b", head):
        return "pdf"
    if head.startswith(_UNICODE_MARKS) or not _looks_binary(head):
        return None
    if source.extension in _BY_EXTENSION:
        raise Refused(Reason.BROKEN, f"no {source.extension} file by its bytes")
    raise Refused(Reason.UNSUPPORTED, "unknown binary format")


def _looks_binary(head: bytes) -> bool:
    """Control characters that no 8-bit text has; NUL in every other byte is UTF-16 text."""
    controls = len(head) - len(head.translate(None, _CONTROL))
    if not controls:
        return False
    zeros = head.count(0)
    one_side = max(head[::2].count(0), head[1::2].count(0))
    if zeros > len(head) / 4 and one_side == zeros >= 0.9 * controls:
        return False
    return controls / len(head) > 0.01


def _zip_format(source: Source) -> str:
    with source.open_zip() as archive:
        names = set(archive.namelist())
        kind = _member(archive, names, "mimetype").strip()
        if kind == b"application/epub+zip" or _ends(names, "META-INF/container.xml"):
            return "epub"
        if kind.startswith(b"application/vnd.oasis.opendocument"):
            raise Refused(Reason.UNSUPPORTED, "OpenDocument")
        types = _member(archive, names, "[Content_Types].xml")
    for pattern, parser in _OOXML_MAIN:
        if pattern.search(types):
            return parser
    for folder, parser in _OOXML_FOLDERS:
        if any(name.replace("\\", "/").lower().startswith(folder) for name in names):
            return parser
    raise Refused(Reason.UNSUPPORTED, "zip archive")


def _ends(names: set[str], suffix: str) -> bool:
    """Some people zip the folder of a book and not what is in it."""
    return any(name.endswith(suffix) for name in names)


def _member(archive: ZipFile, names: set[str], name: str) -> bytes:
    """A small member's bytes; empty where it is missing or damaged."""
    if name not in names:
        return b""
    try:
        with archive.open(name) as member:
            return member.read(_OLE_SCAN)
    except Exception as error:  # zipfile leaks zlib.error, EOFError, NotImplementedError...
        raise Refused(Reason.BROKEN, f"zip: {error}") from error


def _ole_refusal(source: Source) -> Refused:
    with source.path.open("rb") as file:
        data = file.read(_OLE_SCAN)
    if _OLE_ENCRYPTED in data:
        return Refused(Reason.ENCRYPTED, "encrypted Office package")
    if any(name in data for name in _OLE_OFFICE):
        return Refused(Reason.LEGACY_OFFICE, "Office 97-2003")
    return Refused(Reason.UNSUPPORTED, "OLE compound file")


def _text_format(source: Source, head: bytes) -> str:
    start = head.removeprefix(_UNICODE_MARKS[0]).lstrip()
    expected = _BY_EXTENSION.get(source.extension)
    named = expected.parser if expected else None
    if _HTML_START.match(start):
        return "html"
    if named in ("html", "markdown", "csv"):
        return named
    if _XML_START.match(start):
        raise Refused(Reason.UNSUPPORTED, "XML")
    if source.extension in _UNSUPPORTED_EXTENSIONS or _MAIL_START.match(start):
        raise Refused(Reason.UNSUPPORTED, "e-mail")
    if named is None and len(_MARKDOWN_SIGNS.findall(head)) >= 2:
        return "markdown"
    return "text"
