"""Search by words: a tantivy index a search language, so that each has term statistics of its own.

tantivy takes document count and average length over a whole index. With all languages in one, a
passage of a language that is a tenth of the library would count as ten times the average length,
and its score shrink accordingly.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from threading import Lock
from typing import Any, Final

import tantivy

from indexes.analysis import ROWS, analyse, analyzer, positions, prepare, shared_terms
from indexes.base import Candidate
from indexes.embedded.attributes import Attributes, attributes_of, from_json, to_json
from indexes.embedded.durable import stamp
from indexes.query_parser import ParsedQuery
from indexes.types import Entry, FoundBy, Scope

# Titles and headings stand on every passage of a resource and say less of the one than its text.
# With the titles of xquad and piaf any weight from .15 to .5 gives +.001 nDCG@10; .8 loses it.
TITLE_WEIGHT: Final = 0.3
SEARCHED: Final = {"text": 1.0, "title": TITLE_WEIGHT}
SHARED: Final = "shared"
EXACT: Final = ("id", "source", "visible_to", "facet")
STORED: Final = ("address", "attributes", "body")


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    for name in SEARCHED:
        builder.add_text_field(name, tokenizer_name="analysed", index_option="position")
    builder.add_text_field(SHARED, tokenizer_name="whitespace", index_option="freq")
    for name in EXACT:
        builder.add_text_field(
            name, tokenizer_name="raw", index_option="basic", stored=name == "id"
        )
    for name in STORED:
        builder.add_bytes_field(name, stored=True)
    return builder.build()


SCHEMA: Final = _schema()


def open_index(folder: Path, code: str) -> Any:
    """The tantivy index of a search language in a generation's folder, made if not there."""
    path = folder / code
    path.mkdir(exist_ok=True)
    index = tantivy.Index(SCHEMA, str(path))
    index.register_tokenizer("analysed", analyzer(code))
    index.config_reader("manual")
    return index


def document(entry: Entry) -> Any:
    """An entry as tantivy stores it."""
    found = tantivy.Document()
    found.add_text("text", prepare(entry.text))
    found.add_text("title", prepare(f"{entry.title}\n{entry.heading}"))
    found.add_text(SHARED, " ".join(shared_terms(entry.text)))
    found.add_text("id", entry.id)
    found.add_text("source", entry.source)
    for token in entry.visible_to:
        found.add_text("visible_to", token)
    for code, values in entry.facets.items():
        for value in values:
            found.add_text("facet", _facet(code, value))
    body = json.dumps((entry.title, entry.heading, entry.text))
    found.add_bytes("address", entry.address.encode())
    found.add_bytes("attributes", to_json(attributes_of(entry)))
    found.add_bytes("body", body.encode())
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """A document as stored."""

    id: str
    address: str
    attributes: Attributes
    body: bytes

    def entry(self) -> Entry:
        title, heading, text = json.loads(self.body)
        shared = self.attributes
        return Entry(
            id=self.id,
            kind=shared.kind,
            group=shared.group,
            group_kind=shared.group_kind,
            source=shared.source,
            language=shared.language,
            title=title,
            heading=heading,
            text=text,
            visible_to=shared.visible_to,
            facets=dict(shared.facets),
            date=shared.date,
            address=self.address,
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Terms of which any may stand in the fields, each of which counts with its weight."""

    terms: Sequence[str]
    fields: Mapping[str, float]


class LanguageWords:
    """The passages of one search language at one commit; several threads may search it."""

    def __init__(self, code: str, searcher: Any) -> None:
        self.code = code
        self._searcher = searcher

    @property
    def count(self) -> int:
        return int(self._searcher.num_docs)

    def search(self, query: ParsedQuery, scope: Scope, limit: int) -> list[Candidate]:
        """The best by words: BM25 divided by the query's ideal self-score, equal ones by id."""
        terms = list(dict.fromkeys(analyse(" ".join(query.words), self.code)))
        return self._best(_Asked(terms, SEARCHED), query, scope, limit)

    def search_shared(self, query: ParsedQuery, scope: Scope, limit: int) -> list[Candidate]:
        """The best by words that languages share, scored in the same way."""
        terms = list(dict.fromkeys(shared_terms(" ".join(query.words))))
        return self._best(_Asked(terms, {SHARED: 1.0}), query, scope, limit)

    def _best(
        self, asked: "_Asked", query: ParsedQuery, scope: Scope, limit: int
    ) -> list[Candidate]:
        if not asked.terms or not self.count or not scope.visible_to:
            return []
        field = next(iter(asked.fields))
        ideal = sum(self._idf(field, term) for term in asked.terms)
        hits = self._searcher.search(
            _query(query, asked, scope, self.code), limit, count=False
        ).hits
        found = [self._candidate(address, score / ideal) for score, address in hits]
        return sorted(found, key=lambda candidate: (-candidate.score, candidate.hit.id))

    def find(self, ids: Sequence[str]) -> Iterator[Found]:
        """The documents with these ids."""
        if ids and self.count:
            query = tantivy.Query.term_set_query(SCHEMA, "id", list(ids))
            for _, address in self._searcher.search(query, len(ids), count=False).hits:
                yield self._found(address)

    def all_ids(self) -> Iterator[str]:
        """Ids of all documents."""
        if self.count:
            everything = tantivy.Query.all_query()
            for _, address in self._searcher.search(everything, self.count, count=False).hits:
                yield self._searcher.doc(address).get_first("id")

    def holds_source(self, source: str) -> bool:
        """Whether there are documents of a source; perhaps only deleted ones."""
        return bool(self._searcher.doc_freq("source", source))

    def _idf(self, field: str, term: str) -> float:
        """tantivy's own formula; a term that no passage has gets the largest value."""
        having = self._searcher.doc_freq(field, term)
        total = max(self.count, having)  # tantivy counts deleted ones until they are merged away
        return log(1 + (total - having + 0.5) / (having + 0.5))

    def _candidate(self, address: Any, score: float) -> Candidate:
        found = self._found(address)
        hit = found.attributes.hit(found.id, found.address, score, FoundBy.WORDS)
        return Candidate(hit, self.code, score)

    def _found(self, address: Any) -> Found:
        stored = self._searcher.doc(address)
        where, attributes, body = (stored.get_first(name) for name in STORED)
        return Found(stored.get_first("id"), where.decode(), from_json(attributes), body)


class WordsReader:
    """The words of one generation as last committed. Several threads may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._indexes: dict[str, Any] = {}
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._views: dict[str, LanguageWords] = {}

    def current(self) -> Mapping[str, LanguageWords]:
        """Each search language that has passages, as of the last commit of any process."""
        with self._lock:
            for row in ROWS:
                now = stamp(self._folder / row.code / "meta.json")
                if now != self._stamps.get(row.code) and any(now):
                    self._reload(row.code)
                    self._stamps[row.code] = now
            return dict(self._views)

    def _reload(self, code: str) -> None:
        if code not in self._indexes:
            self._indexes[code] = open_index(self._folder, code)
        self._indexes[code].reload()
        self._views[code] = LanguageWords(code, self._indexes[code].searcher())


def _query(query: ParsedQuery, asked: _Asked, scope: Scope, code: str) -> Any:
    """Any of the terms, all of the phrases, none of what is without, in scope."""
    must, must_not = tantivy.Occur.Must, tantivy.Occur.MustNot
    clauses = [(must, _any_term(asked)), *((must, only) for only in _filters(scope))]
    for phrase in query.phrases:
        clauses += [(must, _unscored(found)) for found in _phrase(phrase, code)]
    for phrase in query.without:
        clauses += [(must_not, found) for found in _phrase(phrase, code)]
    if scope.hidden_sources:
        hidden = tantivy.Query.term_set_query(SCHEMA, "source", list(scope.hidden_sources))
        clauses.append((must_not, hidden))
    return tantivy.Query.boolean_query(clauses)


def _any_term(asked: _Asked) -> Any:
    found = []
    for name, weight in asked.fields.items():
        for term in asked.terms:
            query = tantivy.Query.term_query(SCHEMA, name, term)
            found.append(query if weight == 1 else tantivy.Query.boost_query(query, weight))
    return _any(found)


def _any(queries: Sequence[Any]) -> Any:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])


def _filters(scope: Scope) -> Iterator[Any]:
    yield _unscored(tantivy.Query.term_set_query(SCHEMA, "visible_to", list(scope.visible_to)))
    for code, values in scope.filters.items():
        wanted = [_facet(code, value) for value in values]
        yield _unscored(tantivy.Query.term_set_query(SCHEMA, "facet", wanted))


def _unscored(query: Any) -> Any:
    return tantivy.Query.const_score_query(query, 0.0)


def _phrase(phrase: str, code: str) -> Iterator[Any]:
    """The phrase in text or title; nothing when it has only stop words."""
    terms = positions(phrase, code)
    if len(terms) == 1:
        yield _any([tantivy.Query.term_query(SCHEMA, name, terms[0][1]) for name in SEARCHED])
    elif terms:
        start = terms[0][0]
        places: list[str | tuple[int, str]] = [(place - start, term) for place, term in terms]
        yield _any([tantivy.Query.phrase_query(SCHEMA, name, places) for name in SEARCHED])


def _facet(code: str, value: str) -> str:
    return f"{code}\x1f{value}"
