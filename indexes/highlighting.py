"""Which words of a text answer the query, and the stretch of it that shows most of them.

Marked are the words that a search by words would find, those of a title or an author and those
that begin as asked for among them; the values of facets are no words of a text.

Plain text in, spans out; making them safe for a page is left to whoever shows them. The spans put
together are always the text itself, or for an extract one unbroken stretch of it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from indexes.analysis import OTHER, ROWS, compounds, search_language, terms_of_word, words
from indexes.query_parser import ParsedQuery, parse
from indexes.types import Span
from indexes.word_heads import head, words_beginning

EXTRACT_LENGTH: Final = 240  # characters: two lines on a page, three on a telephone
# How far before the first marked word an extract may begin, as a share of its length.
LEAD: Final = 0.4

_SENTENCE_END = re.compile(r"(?:[.!?…;:][\s»”\")]+|\n+)(?=\S)")
_WORD_END = re.compile(r"\S*")

Marks = Sequence[tuple[int, int, str]]  # start, end, term; in the order of the text


def mark_words(text: str, query: str, language: str) -> tuple[Span, ...]:
    """The whole text with the words of the query marked; `language` is the text's.

    Raises:
        QueryTooLong: see `query_parser.parse`.
    """
    return tuple(_spans(text, 0, len(text), _marks(text, query, language)))


def extract(text: str, query: str, language: str, length: int = EXTRACT_LENGTH) -> tuple[Span, ...]:
    """At most `length` characters of the text, whole words, with the most of the query's words.

    It begins with a sentence where one begins near; a text without any of the words is shown from
    its beginning.

    Raises:
        QueryTooLong: see `query_parser.parse`.
    """
    marks = _marks(text, query, language)
    start, end = _window(text, marks, length)
    return tuple(_spans(text, start, end, marks))


@dataclass(frozen=True, slots=True)
class _QueryTerms:
    """The terms of a query in each row of the analysis table.

    `shared` has of the other rows what is a stop word in no language: it is compared with texts in
    another language than the query's, where only names, numbers and words of one stem can be meant.
    `beginnings` are folded. A word of a text in a row whose term begins with none of its
    `heads` cannot match: that spares looking at nine words of ten.
    """

    own: Mapping[str, frozenset[str]]
    shared: Mapping[str, Sequence[tuple[str, frozenset[str]]]]
    beginnings: tuple[str, ...]
    heads: Mapping[str, frozenset[str]]

    def match(self, word: str, code: str) -> str | None:
        """The term that a word of a text in the row `code` has in common with the query."""
        begins = self.beginnings and terms_of_word(word, OTHER)
        if begins and any(term.startswith(self.beginnings) for term in begins):
            return begins[0]
        terms = terms_of_word(word, code)
        if not terms:
            return None
        if not self.own[code].isdisjoint(terms):
            return terms[0]
        for row, shared in self.shared[code]:
            if not shared.isdisjoint(terms_of_word(word, row)):
                return terms[0]
        return None


@lru_cache(maxsize=64)  # twenty extracts a page of hits, all for one query
def _query_terms(query: str) -> _QueryTerms:
    parsed = parse(query)
    asked = list(dict.fromkeys((*parsed.words, *parsed.joined, *_demanded(parsed))))
    own = {row.code: _terms(asked, row.code) for row in ROWS}
    meant = [word for word in asked if all(terms_of_word(word, row.code) for row in ROWS)]
    meant_in = [(row.code, _terms(meant, row.code)) for row in ROWS]
    shared = {
        row.code: [(code, terms) for code, terms in meant_in if terms and code != row.code]
        for row in ROWS
    }
    sought = (one.text for group in parsed.demands.all_of for one in group if one.begins)
    beginnings = (term for text in sought for term in terms_of_word(text, OTHER))
    begins = tuple(beginnings)
    heads = {
        row.code: frozenset(
            head(term)
            for terms in (own[row.code], *dict(meant_in).values(), begins)
            for term in terms
        )
        for row in ROWS
    }
    return _QueryTerms(own, shared, begins, heads)


def _demanded(parsed: ParsedQuery) -> Iterator[str]:
    """The words that an entry has to hold, in whichever field."""
    for group in parsed.demands.all_of:
        for one in group:
            if not one.begins:
                yield from (word for _, _, word in words(one.text))


def _terms(asked: Sequence[str], code: str) -> frozenset[str]:
    return frozenset(term for word in asked for term in terms_of_word(word, code))


@lru_cache(maxsize=16_384)  # the texts of a page of hits share half of their words
def _match(query: str, word: str, code: str) -> str | None:
    return _query_terms(query).match(word, code)


def _marks(text: str, query: str, language: str) -> Marks:
    """Which words of the text to mark."""
    code = search_language(language)
    heads = _query_terms(query).heads[code]
    found = (
        (start, end, _match(query, word, code)) for start, end, word in words_beginning(text, heads)
    )
    marks = [(start, end, term) for start, end, term in found if term is not None]
    joined = ((start, end, _match(query, word, code)) for start, end, word in compounds(text))
    whole = [(start, end, term) for start, end, term in joined if term is not None]
    return _with_whole(marks, whole) if whole else marks


def _with_whole(marks: Marks, whole: Marks) -> Marks:
    """Compounds that are marked as one word take the place of their parts."""
    starts = [start for start, _, _ in whole]

    def is_part(mark: tuple[int, int, str]) -> bool:
        place = bisect_right(starts, mark[0]) - 1
        return place >= 0 and mark[1] <= whole[place][1]

    return sorted([*whole, *(mark for mark in marks if not is_part(mark))])


def _spans(text: str, start: int, end: int, marks: Marks) -> Iterator[Span]:
    """The stretch from `start` to `end`, cut where marks begin and end."""
    done = start
    for first, last, _ in marks:
        if start <= first and last <= end:
            if done < first:
                yield Span(text[done:first])
            yield Span(text[first:last], marked=True)
            done = last
    if done < end:
        yield Span(text[done:end])


def _window(text: str, marks: Marks, length: int) -> tuple[int, int]:
    """Start and end of the best extract: most different terms, then most marks, then the first."""
    starts = _sentence_starts(text)
    candidates = dict.fromkeys(
        [starts[0], *(_start_before(text, m, starts, length) for m in marks)]
    )
    windows = [(start, _end_after(text, start, length)) for start in candidates]
    firsts, lasts = [mark[0] for mark in marks], [mark[1] for mark in marks]

    def worth(window: tuple[int, int]) -> tuple[int, int]:
        inside = marks[bisect_left(firsts, window[0]) : bisect_right(lasts, window[1])]
        return len({term for _, _, term in inside}), len(inside)

    return max(windows, key=worth)  # the first of equals


def _sentence_starts(text: str) -> list[int]:
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return [0, *ends] if not ends or not text[0].isspace() else ends


def _start_before(
    text: str, mark: tuple[int, int, str], sentences: Sequence[int], length: int
) -> int:
    """Where an extract whose first marked word is this one begins: a sentence, else a word."""
    earliest = max(0, mark[0] - int(length * LEAD))
    sentence = sentences[max(0, bisect_right(sentences, mark[0]) - 1)]
    if earliest <= sentence <= mark[0]:
        return sentence
    gap = re.compile(r"\s").search(text, max(0, mark[0] - length // 6), mark[0])
    return gap.end() if gap else mark[0]


def _end_after(text: str, start: int, length: int) -> int:
    """The end of the last word that ends within `length`; a word is cut if it alone is longer."""
    limit = start + length
    if limit >= len(text):
        return start + len(text[start:].rstrip())
    if not text[limit].isspace():
        cut = max(
            text.rfind(space, start, limit) for space in (" ", "\n", "\t", "\u00a0", "\u202f")
        )
        limit = cut if cut > start else limit
    return start + len(text[start:limit].rstrip())
