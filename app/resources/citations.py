"""A resource as others cite it: a sentence, BibTeX, RIS, CSL-JSON, schema.org.

Formats: BibTeX (biblatex fields `langid`, `url`), RIS (Research Information Systems, 2001 tags),
CSL-JSON 1.0 (github.com/citation-style-language/schema). Only what is known is written.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_BIBTEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_CSL_TYPES = {
    "article": "article",
    "audiovisual": "motion_picture",
    "legal-text": "legislation",
    "online-tool": "webpage",
    "statistics": "dataset",
}
_SCHEMA_TYPES = {
    "article": "Article",
    "audiovisual": "VideoObject",
    "legal-text": "Legislation",
    "online-tool": "WebApplication",
    "report": "Report",
    "statistics": "Dataset",
    "training-module": "Course",
}
_RIS_TYPES = {"report": "RPRT", "article": "JOUR", "legal-text": "STAT", "audiovisual": "VIDEO"}


@dataclass(frozen=True, slots=True)
class Work:
    """What a citation is made from. `url` is absolute and names the edition."""

    id: str
    title: str
    language: str
    url: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    publisher: str | None = None
    type: str | None = None
    abstract: str = ""
    licence: str = ""
    keywords: tuple[str, ...] = ()


def sentence(work: Work) -> tuple[str, str, str]:
    """A citation in three parts, so that a page can set the title apart."""
    authors = ", ".join(work.authors)
    year = f"({work.year})" if work.year else ""
    before = " ".join(part for part in (authors, year) if part)
    publisher = work.publisher if work.publisher and work.publisher != authors else ""
    after = ". ".join(part for part in (publisher, work.url) if part)
    return (f"{before}. " if before else "", work.title, f". {after}")


def bibtex(work: Work) -> str:
    fields = {
        "title": work.title,
        "author": " and ".join(f"{{{_bib(name)}}}" for name in work.authors),
        "year": str(work.year or ""),
        "publisher": work.publisher or "",
        "langid": work.language,
        "abstract": work.abstract,
        "url": work.url,
    }
    raw = ("author", "url")
    lines = [
        f"  {name} = {{{value if name in raw else _bib(value)}}},"
        for name, value in fields.items()
        if value
    ]
    kind = "techreport" if work.type == "report" and work.publisher else "misc"
    if kind == "techreport":
        lines = [line.replace("  publisher", "  institution", 1) for line in lines]
    return "\n".join((f"@{kind}{{passerelle-{work.id}-{work.language},", *lines, "}", ""))


def ris(work: Work) -> str:
    pairs = [("TY", _RIS_TYPES.get(work.type or "", "GEN")), ("TI", work.title)]
    pairs += [("AU", name) for name in work.authors]
    pairs += [("PY", str(work.year or "")), ("PB", work.publisher or ""), ("LA", work.language)]
    pairs += [("AB", work.abstract), ("UR", work.url)]
    pairs += [("KW", word) for word in work.keywords]
    lines = [f"{tag}  - {_one_line(value)}" for tag, value in pairs if value]
    return "\r\n".join((*lines, "ER  - ", ""))


def csl(work: Work) -> str:
    item: dict[str, Any] = {
        "id": f"passerelle-{work.id}-{work.language}",
        "type": _CSL_TYPES.get(work.type or "", "report" if work.type == "report" else "document"),
        "title": work.title,
        "author": [{"literal": name} for name in work.authors],
        "issued": {"date-parts": [[work.year]]} if work.year else None,
        "publisher": work.publisher,
        "language": work.language,
        "abstract": work.abstract,
        "URL": work.url,
    }
    return json.dumps([_known(item)], ensure_ascii=False, indent=2) + "\n"


def schema_org(work: Work) -> dict[str, Any]:
    """The description of the resource that search engines read (schema.org, JSON-LD)."""
    return _known(
        {
            "@context": "https://schema.org",
            "@type": _SCHEMA_TYPES.get(work.type or "", "CreativeWork"),
            "name": work.title,
            "inLanguage": work.language,
            "url": work.url,
            "abstract": work.abstract,
            "author": [{"@type": "Organization", "name": name} for name in work.authors],
            "datePublished": str(work.year) if work.year else None,
            "publisher": {"@type": "Organization", "name": work.publisher} if work.publisher else 0,
            "license": work.licence,
            "keywords": list(work.keywords),
        }
    )


def dublin_core(work: Work) -> list[tuple[str, str]]:
    """`DCTERMS` elements for the head of the page, repeated where there are several."""
    pairs = [("title", work.title), ("language", work.language), ("identifier", work.url)]
    pairs += [("creator", name) for name in work.authors]
    pairs += [("date", str(work.year or "")), ("publisher", work.publisher or "")]
    pairs += [("abstract", work.abstract), ("license", work.licence), ("type", work.type or "")]
    pairs += [("subject", word) for word in work.keywords]
    return [(f"DCTERMS.{name}", value) for name, value in pairs if value]


def _bib(text: str) -> str:
    return "".join(_BIBTEX_SPECIAL.get(character, character) for character in _one_line(text))


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _known(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if value}
