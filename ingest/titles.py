"""The best title of a file: what it declares, when sensible, else its first heading."""

import re
from pathlib import Path

from ingest.types import BlockKind, ParsedFile

_LONGEST = 300
# Headings that every document has, mastheads of institutions: better no title than one of them.
_GENERIC = re.compile(
    r"^(?:\d+[. ]*)?(?:(?:table of )?contents|index|table des matières|sommaire|índice|indice|"
    r"contenidos?|tabla de contenidos?|introduction|introducción|abstract|summary|résumé|resumen|"
    r"foreword|preface|préface|prefacio|prólogo|avant-propos|acknowledge?ments?|remerciements|"
    r"agradecimientos|bibliograph(?:y|ie)|bibliografía|united nations|nations unies|"
    r"naciones unidas|general assembly|assemblée générale|asamblea general|"
    r"security council|conseil de sécurité|consejo de seguridad|.*\bdistr\.: ?\w+)$",
    re.IGNORECASE,
)
_NONSENSE = re.compile(
    r"^(?:untitled|sans titre|sin título|title|titre|título|document\d*|documento?\s*\d*|"
    r"presentation\d*|présentation( powerpoint)?|presentación( de powerpoint)?|"
    r"powerpoint presentation|slide \d+|microsoft (?:word|forms|powerpoint|excel|office).*|"
    r".*\.(?:docx?|pptx?|xlsx?|pdf|html?|md|indd|qxd|odt|tex|dvi))$",
    re.IGNORECASE,
)


def best_title(parsed: ParsedFile, name: str) -> str | None:
    """Declared and sensible, else the first heading of the first pages, else None."""
    declared = parsed.metadata.title or ""
    if _is_sensible(declared) and declared.lower() != Path(name).stem.lower():
        return declared
    headings = (
        block
        for page in parsed.pages[:5]
        for block in page.blocks
        if block.kind is BlockKind.HEADING
        and _is_sensible(block.text)
        and not _GENERIC.match(block.text)
    )
    # The highest of the first headings: a cover may open with the name of the series.
    first = min(headings, key=lambda block: block.level, default=None)
    return first.text if first else (declared if _is_sensible(declared) else None)


def _is_sensible(title: str) -> bool:
    letters = sum(char.isalpha() for char in title)
    return letters >= 3 and len(title) <= _LONGEST and not _NONSENSE.match(title)
