"""What an entry has to hold and must not hold: one definition.

The index asks its fields what `terms_of` gives; `Demands.admits` asks the entry itself, for those
that came by meaning. `query_parser` makes the demands of what people type.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from indexes.analysis import OTHER, analyse, compounds, positions, prepare, search_language
from indexes.types import Entry

Places = Sequence[tuple[int, str]]  # terms and where they stand


class Where(StrEnum):
    """What of an entry is asked."""

    TEXT = "text"  # its text, title and heading
    TITLE = "title"
    AUTHOR = "author"


@dataclass(frozen=True, slots=True)
class Sought:
    """Words side by side, or of an author in any order; with `begins` one word that begins so."""

    text: str
    where: Where = Where.TEXT
    begins: bool = False


def terms_of(sought: Sought, code: str) -> list[tuple[int, str]]:
    """The terms to look for in the row `code`, each with its distance from the first.

    None when all are stop words: that is neither demanded nor forbidden. Authors and beginnings of
    words are compared as whole words, folded and no more, whatever the language.
    """
    row = OTHER if sought.begins or sought.where is Where.AUTHOR else code
    found = positions(sought.text, row)
    if sought.begins and len(found) != 1:
        return []
    return [(place - found[0][0], term) for place, term in found]


@dataclass(frozen=True, slots=True)
class Demands:
    """`all_of` are groups of which one alternative each has to be held; `none_of` none."""

    all_of: tuple[tuple[Sought, ...], ...] = ()
    none_of: tuple[Sought, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.all_of or self.none_of)

    def in_row(self, code: str) -> Iterator[Sequence[tuple[Sought, Places]]]:
        """The groups less what says nothing in the row `code`."""
        for group in self.all_of:
            if spoken := [(one, terms) for one in group if (terms := terms_of(one, code))]:
                yield spoken

    def admits(self, entry: Entry) -> bool:
        """Whether an entry holds what it has to and nothing else; the same rule as the index's."""
        read = _Read(entry)
        return all(
            any(read.holds(one, terms) for one, terms in group) for group in self.in_row(read.code)
        ) and not any(read.holds(one, terms_of(one, read.code)) for one in self.none_of)


class _Read:
    """An entry taken apart, as far as it is asked."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self.code = search_language(entry.language)

    def holds(self, sought: Sought, terms: Places) -> bool:
        if not terms:
            return False
        if sought.begins:
            return any(word.startswith(terms[0][1]) for word in self._whole[sought.where])
        if sought.where is Where.AUTHOR:
            return {term for _, term in terms} <= set(self._whole[Where.AUTHOR])
        if sought.where is Where.TITLE:
            return _stand(positions(self._entry.title, self.code), terms)
        return any(_stand(own, terms) for own in self._places) or (
            len(terms) == 1 and terms[0][1] in self._joined
        )

    @cached_property
    def _places(self) -> tuple[Places, Places]:
        entry = self._entry
        title = f"{entry.title}\n{entry.heading}"
        return positions(entry.text, self.code), positions(title, self.code)

    @cached_property
    def _joined(self) -> frozenset[str]:
        return frozenset(analyse(joined_words(self._entry), self.code))

    @cached_property
    def _whole(self) -> dict[Where, list[str]]:
        entry = self._entry
        return {
            Where.TEXT: analyse(f"{searched_text(entry)}\n{joined_words(entry)}", OTHER),
            Where.TITLE: analyse(entry.title, OTHER),
            Where.AUTHOR: analyse("\n".join(entry.authors), OTHER),
        }


def searched_text(entry: Entry) -> str:
    """All that is searched by words without a field."""
    return f"{entry.title}\n{entry.heading}\n{entry.text}"


def joined_words(entry: Entry) -> str:
    """The words of an entry that have a hyphen, without it."""
    return " ".join(joined for _, _, joined in compounds(prepare(searched_text(entry))))


def _stand(places: Places, wanted: Places) -> bool:
    """Whether the wanted terms stand somewhere at the same distances from each other."""
    first: Final = wanted[0][1]
    held = set(places)
    return any(
        all((place + offset, term) in held for offset, term in wanted)
        for place, found in places
        if found == first
    )
