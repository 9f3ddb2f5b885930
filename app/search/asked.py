"""What an address of the search asks for, and the addresses that ask for a little more or less."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from app.resources.permissions import Reader
from app.resources.vocabulary import label
from app.search.services import SearchRequest, Sort

FACETS = ("language", "domain", "type", "year", "country", "format")
_MOST_VALUES = 20  # of one facet, in one address
_LONGEST_VALUE = 120
Filters = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Option:
    """A value of a facet; `url` is the same search with it, or without it if it is chosen."""

    value: str
    label: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    code: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as its address holds it."""

    text: str
    filters: Filters = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    sort: Sort = Sort.BEST
    page: int = 1

    @classmethod
    def of(cls, arguments: MultiDict[str, str]) -> "Asked":
        """Read forgivingly: what is not understood is left out, nothing is an error."""
        sort, page = arguments.get("sort", ""), arguments.get("page", "1")
        return cls(
            text=arguments.get("q", "").strip(),
            filters={code: values for code in FACETS if (values := _values(arguments, code))},
            languages=tuple(code for code in arguments.get("in", "").split(",") if code)[:5],
            sort=Sort(sort) if sort in set(Sort) else Sort.BEST,
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        )

    def request(self, ui: str, reader: Reader, per_page: int) -> SearchRequest:
        return SearchRequest(
            text=self.text,
            ui=ui,
            languages=self.languages,
            filters=self.filters,
            sort=self.sort,
            page=self.page,
            per_page=per_page,
            reader=reader,
        )

    def query(self) -> str:
        """The part of the address after `?`; values that say nothing are left out."""
        return urlencode(list(self._pairs()))

    def at(self, page: int) -> "Asked":
        return replace(self, page=page)

    def sorted_by(self, sort: Sort) -> "Asked":
        return replace(self, sort=sort, page=1)

    def toggled(self, facet: str, value: str) -> "Asked":
        """With the value chosen, or without it if it was."""
        held = self.filters.get(facet, ())
        values = tuple(one for one in held if one != value) if value in held else (*held, value)
        filters = {**self.filters, facet: values}
        return replace(self, page=1, filters={code: kept for code, kept in filters.items() if kept})

    def unfiltered(self) -> "Asked":
        return replace(self, filters={}, languages=(), page=1)

    @property
    def is_whole_and_first(self) -> bool:
        """Whether it is the beginning of a search of the whole library."""
        return not self.filters and not self.languages and self.page == 1

    def everywhere(self) -> "Asked":
        """In texts of all languages."""
        return replace(self, languages=(), page=1)

    def saying(self, text: str) -> "Asked":
        """The same search for other words."""
        return replace(self, text=text, page=1)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        yield "q", self.text
        for code, values in self.filters.items():
            for value in values:
                yield code, value
        if self.languages:
            yield "in", ",".join(self.languages)
        if self.sort is not Sort.BEST:
            yield "sort", self.sort.value
        if self.page > 1:
            yield "page", str(self.page)


def facets(
    asked: Asked, counts: Mapping[str, Sequence[tuple[str, int]]], address: str, ui: str
) -> tuple[Facet, ...]:
    """What the answer can be narrowed to; chosen values are shown elsewhere, as what they are."""
    shown = []
    for code in FACETS:
        held = asked.filters.get(code, ())
        options = tuple(
            Option(
                value,
                label(code, value, ui),
                count,
                f"{address}?{asked.toggled(code, value).query()}",
            )
            for value, count in _in_order(code, counts.get(code, ()))
            if value not in held
        )
        if options:
            shown.append(Facet(code, options))
    return tuple(shown)


def chosen(asked: Asked, address: str, ui: str) -> tuple[Option, ...]:
    """The values that narrow the search now, each with the address without it."""
    return tuple(
        Option(
            value,
            label(code, value, ui),
            0,
            f"{address}?{asked.toggled(code, value).query()}",
        )
        for code, values in asked.filters.items()
        for value in values
    )


def _values(arguments: MultiDict[str, str], code: str) -> tuple[str, ...]:
    given = dict.fromkeys(arguments.getlist(code))
    return tuple(value for value in given if 0 < len(value) <= _LONGEST_VALUE)[:_MOST_VALUES]


def _in_order(code: str, counts: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    """Years from the latest; everything else as it is counted, most first."""
    return sorted(counts, reverse=True) if code == "year" else counts
