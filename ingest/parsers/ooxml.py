"""The package under DOCX and PPTX: parts, the relations between them, and core properties.

Read with zipfile and lxml directly: python-docx and python-pptx refuse macro-enabled, strict and
slightly damaged packages which can be read well.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import ZipFile

from ingest.cleaning import clean_line
from ingest.errors import Reason, Refused
from ingest.parsers.markup import local_name
from ingest.types import Metadata

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Relation:
    kind: str  # the last word of its type: "slide", "notesSlide", "officeDocument"
    target: str  # the name of a part


@dataclass(frozen=True, slots=True)
class Package:
    """An open OOXML zip. Part names have no leading slash."""

    archive: ZipFile
    names: dict[str, str]  # lower case name -> name in the zip: writers differ in case

    @classmethod
    def of(cls, archive: ZipFile) -> "Package":
        names = {name.replace("\\", "/"): name for name in archive.namelist()}
        prefix = _folder_of_all(names)
        return cls(archive, {key[len(prefix) :].lower(): name for key, name in names.items()})

    def part(self, name: str) -> "_Element | None":
        """The root of an XML part; None where the part is missing or empty."""
        from lxml import etree

        stored = self.names.get(name.lower().lstrip("/"))
        data = self.archive.read(stored) if stored else b""
        if not data.strip():
            return None
        root: _Element | None = etree.fromstring(data, xml_parser())
        return root

    def required(self, name: str) -> "_Element":
        root = self.part(name)
        if root is None:
            raise Refused(Reason.BROKEN, f"missing part: {name}")
        return root

    def relations(self, name: str) -> dict[str, Relation]:
        """By id, the parts that the part `name` ("" for the package) refers to."""
        folder, base = posixpath.split(name)
        root = self.part(posixpath.join(folder, "_rels", f"{base}.rels"))
        return {
            relation.get("Id", ""): Relation(
                relation.get("Type", "").rpartition("/")[2],
                _resolved(folder, relation.get("Target", "")),
            )
            for relation in (root if root is not None else ())
            if relation.get("TargetMode") != "External" and local_name(relation)
        }

    def main_part(self, default: str) -> str:
        """The name of the document, presentation or workbook part."""
        relations = self.relations("").values()
        return next((r.target for r in relations if r.kind == "officeDocument"), default)

    def metadata(self) -> Metadata:
        """The core properties (Dublin Core), as far as there are any."""
        relations = self.relations("").values()
        name = next(
            (r.target for r in relations if r.kind == "core-properties"), "docProps/core.xml"
        )
        root = self.part(name)
        said = {
            local_name(child): clean_line(child.text or "")
            for child in (root if root is not None else ())
        }
        dated = _DATE.match(said.get("created", "") or said.get("modified", ""))
        return Metadata(
            title=said.get("title") or None,
            authors=tuple(a for raw in said.get("creator", "").split(";") if (a := raw.strip())),
            subject=said.get("subject") or said.get("description") or None,
            keywords=tuple(
                k for raw in re.split("[,;]", said.get("keywords", "")) if (k := raw.strip())
            ),
            language=said.get("language") or None,
            date=dated[0] if dated else None,
        )


def xml_parser() -> "XMLParser":
    """No entities, no network; a damaged tail is forgiven."""
    from lxml import etree

    return etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=True)


def attribute(element: "_Element | None", name: str) -> str | None:
    """An attribute by its local name: transitional and strict files differ in namespace."""
    if element is None:
        return None
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return None


def child(element: "_Element | None", *names: str) -> "_Element | None":
    """The first descendant along a path of local names."""
    for name in names:
        if element is None:
            return None
        element = next((inner for inner in element if local_name(inner) == name.lower()), None)
    return element


def _folder_of_all(names: Iterable[str]) -> str:
    """The one folder that everything is in, when somebody zipped the folder; else nothing."""
    folders = {name.partition("/")[0] for name in names}
    inside = len(folders) == 1 and all("/" in name for name in names)
    return f"{folders.pop()}/" if inside else ""


def _resolved(folder: str, target: str) -> str:
    joined = target if target.startswith("/") else posixpath.join(folder, target)
    return posixpath.normpath(joined).lstrip("/")
