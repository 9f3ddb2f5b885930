"""The values that enter and leave this package. All frozen; no engine object among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

EMPTY: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Kind(StrEnum):
    """What an entry stands for."""

    RECORD = "record"  # what is known of an edition without its text
    PASSAGE = "passage"
    POST = "post"


class FoundBy(StrEnum):
    """Which signal brought a hit."""

    WORDS = "words"
    MEANING = "meaning"
    FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class Entry:
    """What an index stores: one passage, record or post.

    `group` is what is shown once in a list of hits (a resource, a thread) and `group_kind` says
    which. `source` is what the entry was derived from and is replaced with (an edition, a thread).
    `language` is a BCP 47 tag. `visible_to` holds tokens (`public`, `members`, `group:ID`).
    `facets` maps a facet's code to its values. `address` is the caller's own way back to the
    place, kept as it is. `authors` are found by their names only, when asked for as authors.
    """

    id: str
    kind: Kind
    group: str
    group_kind: str
    source: str
    language: str
    title: str
    heading: str
    text: str
    authors: tuple[str, ...] = ()
    visible_to: tuple[str, ...] = ("public",)
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    date: str | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which entries may be candidates.

    `languages` are search languages (`analysis.search_language`), none meaning all; `filters` asks
    for at least one of the values in each facet named; `hidden_sources` are left out although the
    index may still hold them. Of pairs of a facet and a value, each group in `any_of` asks for at
    least one, and an entry with one of `none_of` is left out.
    """

    visible_to: tuple[str, ...] = ("public",)
    languages: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    hidden_sources: tuple[str, ...] = ()
    any_of: tuple[tuple[tuple[str, str], ...], ...] = ()
    none_of: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question, who asks it and where it is asked.

    `reader_language` decides which edition of a resource leads when several answer about equally.
    `collapse` shows each group once; evaluation turns it off, and so does whoever drops hits first
    and collapses after (`searcher.collapse`).
    """

    text: str
    scope: Scope = field(default_factory=Scope)
    reader_language: str = "en"
    collapse: bool = True


class Hit(NamedTuple):
    """A ranked entry, the best of its group. Without text: whether it may be shown comes first.

    `score` is comparable within one answer only. `others` are further entries of the same group
    that were candidates, best first. A tuple, as a search makes some hundreds of them: a frozen
    dataclass takes twice as long to make.
    """

    id: str
    kind: Kind
    group: str
    group_kind: str
    source: str
    language: str
    address: str
    score: float
    found_by: tuple[FoundBy, ...]
    facets: Mapping[str, tuple[str, ...]] = EMPTY
    date: str | None = None
    others: tuple["Hit", ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """All hits for a query, best first.

    `capped` says that there were more candidates than were considered, so that counts are "about".
    `words_cut` and `meaning_cut` say that only the beginning of the query was used.
    `by_meaning` is false when only words were compared (no model, or no vector yet).
    `seconds` maps a stage (`embedding`, `words`, `meaning`, `ranking`) to the time it took.
    """

    hits: tuple[Hit, ...]
    capped: bool = False
    words_cut: bool = False
    meaning_cut: bool = False
    by_meaning: bool = True
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text and whether it is one of the words asked for."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index holds; sizes in bytes. `outdated` names in what it was built otherwise than it
    would be now: it takes no changes until it is rebuilt.
    """

    backend: str
    generation: str
    fingerprint: Mapping[str, str]
    entries: int
    vectors: int
    size: int
    outdated: tuple[str, ...] = ()
