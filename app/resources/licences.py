"""What a licence is called and where its terms stand, from the code that a resource carries."""

import re
from dataclasses import dataclass

_CREATIVE_COMMONS = re.compile(
    r"CC[ -](?P<terms>BY(?:-NC)?(?:-SA|-ND)?)[ -](?P<version>[1-4]\.\d)(?P<igo>[ -]IGO)?",
    re.IGNORECASE,
)
_PUBLIC_DOMAIN = re.compile(r"CC[ -]?0(?:[ -]1\.0)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Licence:
    """`url` is empty for a licence that is only a name."""

    name: str
    url: str = ""


def licence_of(code: str | None) -> Licence | None:
    """`CC-BY-SA-3.0-IGO` → its name and the address of its deed; other texts as they are."""
    if not code:
        return None
    if match := _CREATIVE_COMMONS.fullmatch(code.strip()):
        terms, version = match["terms"].lower(), match["version"]
        igo = "igo/" if match["igo"] else ""
        name = f"CC {terms.upper()} {version}{' IGO' if igo else ''}"
        return Licence(name, f"https://creativecommons.org/licenses/{terms}/{version}/{igo}")
    if _PUBLIC_DOMAIN.fullmatch(code.strip()):
        return Licence("CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/")
    return Licence(code)
