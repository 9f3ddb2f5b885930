"""What the passages of an edition share: who may see them, where they belong, their facets.

A library of 100,000 passages has some thousand distinct sets, so that a scope is evaluated once a
set and not once a passage.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from indexes.analysis import search_language
from indexes.types import Entry, Kind, Scope


@dataclass(frozen=True, slots=True)
class Attributes:
    """All of an entry but its id, address and text; hashable, values in a fixed order."""

    group: str
    group_kind: str
    source: str
    kind: Kind
    language: str
    visible_to: tuple[str, ...]
    facets: tuple[tuple[str, tuple[str, ...]], ...]
    date: str | None
    # One for all hits, as most of an answer's passages share theirs with others.
    values: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.facets)))

    @property
    def search_language(self) -> str:
        return search_language(self.language)

    def is_in(self, scope: Scope) -> bool:
        """Whether an entry with these attributes may be a candidate."""
        return (
            not set(self.visible_to).isdisjoint(scope.visible_to)
            and (not scope.languages or self.search_language in scope.languages)
            and self.source not in scope.hidden_sources
            and self._passes(scope)
        )

    def _passes(self, scope: Scope) -> bool:
        if not (scope.filters or scope.any_of or scope.none_of):
            return True  # as nearly always; what follows takes microseconds a set
        held = {(code, value) for code, own in self.facets for value in own}
        return (
            all(
                not set(self.values.get(code, ())).isdisjoint(wanted)
                for code, wanted in scope.filters.items()
            )
            and not any(held.isdisjoint(alternatives) for alternatives in scope.any_of)
            and held.isdisjoint(scope.none_of)
        )


_STORED: Final = tuple(own.name for own in fields(Attributes) if own.init)

_DATE_DIGITS: Final = 16  # a year and a day, see `Entry.date`

# Of an entry: its id, its address, its attributes.
About = tuple[str, str, Attributes]


def attributes_of(entry: Entry) -> Attributes:
    """The attributes of an entry."""
    return Attributes(
        group=entry.group,
        group_kind=entry.group_kind,
        source=entry.source,
        kind=entry.kind,
        language=entry.language,
        visible_to=tuple(sorted(entry.visible_to)),
        facets=tuple(sorted((code, tuple(values)) for code, values in entry.facets.items())),
        date=entry.date,
    )


@lru_cache(maxsize=64)
def facet_term(code: str, value: str) -> str:
    """A value of a facet as one term."""
    return f"{code}\x1f{value}"


@lru_cache(maxsize=64)
def sortable(date: str | None) -> int:
    """A number that is greater the newer the date is; dates begin with their year."""
    digits = "".join(c for c in date or "" if c.isascii() and c.isdigit())
    return int(digits[:_DATE_DIGITS].ljust(_DATE_DIGITS, "0"))


@lru_cache(maxsize=64)  # passages of one edition come one after the other
def to_json(attributes: Attributes) -> bytes:
    """As stored; `from_json` reads it."""
    return json.dumps([getattr(attributes, name) for name in _STORED]).encode()


@lru_cache(maxsize=8_192)  # parsed once a set and process instead of once a candidate
def from_json(data: bytes) -> Attributes:
    """What `to_json` wrote."""
    group, group_kind, source, kind, language, visible_to, facets, date = json.loads(data)
    return Attributes(
        group=group,
        group_kind=group_kind,
        source=source,
        kind=Kind(kind),
        language=language,
        visible_to=tuple(visible_to),
        facets=tuple((code, tuple(values)) for code, values in facets),
        date=date,
    )


def many_to_json(rows: Iterable[Attributes]) -> bytes:
    """A list of sets, one a line."""
    return b"\n".join(map(to_json, rows))


def many_from_json(data: bytes) -> list[Attributes]:
    """What `many_to_json` wrote."""
    return [from_json(line) for line in data.splitlines()]
