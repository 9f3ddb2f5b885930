"""What Elasticsearch is asked: pure functions from a question to the bodies of requests.

What is demanded is defined in `indexes.demands`; here it is put to the fields of `settings`. Which
terms a word gives is left to the fields' analysers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Final

from indexes.analysis import shared_terms, terms_of_word
from indexes.attributes import facet_term
from indexes.demands import Places, Sought, Where, terms_of
from indexes.elasticsearch.documents import COLUMNS
from indexes.elasticsearch.settings import (
    AUTHORS,
    FACET,
    LANGUAGE,
    NAMED_WHOLE,
    NEWEST,
    VECTOR,
    WHOLE,
    joined_of,
    named_of,
    shared_of,
    text_of,
    title_of,
)
from indexes.query_parser import ParsedQuery
from indexes.types import Kind, Scope
from indexes.word_weights import BEGINNING_SCORE, TITLE_WEIGHT

Body = dict[str, Any]
Query = dict[str, Any]

# Candidates that the graph looks at, for each that is wanted: recall@50 in docs/decisions/0018.
LOOKED_AT: Final = 3
_MOST_LOOKED_AT: Final = 10_000  # Elasticsearch's own limit
_WHOLE_OF: Final = {Where.TEXT: WHOLE, Where.TITLE: NAMED_WHOLE, Where.AUTHOR: AUTHORS}


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one search language: how many entries there are, and in how many texts each word stands.

    `having` maps a field and a word to that number.
    """

    entries: int
    having: Mapping[tuple[str, str], int]

    def idf(self, field: str, word: str) -> float:
        """Lucene's own formula; a word that no entry has gets the largest value."""
        having = self.having.get((field, word), 0)
        total = max(self.entries, having)
        return log(1 + (total - having + 0.5) / (having + 0.5))


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question in one search language, each term once by a word that gives it.

    `joined` are words that have a hyphen, without it.
    """

    code: str
    words: tuple[str, ...]
    joined: tuple[str, ...]
    shared: tuple[str, ...]

    @classmethod
    def of(cls, query: ParsedQuery, code: str) -> "Asked":
        """Those of a query."""
        words = _distinct(query.words, code)
        terms = {term for word in words for term in terms_of_word(word, code)}
        joined = _distinct(query.joined, code) if words else ()
        others = (word for word in joined if not set(terms_of_word(word, code)) <= terms)
        return cls(code, words, tuple(others), _shared(query.words))


def statistics(asked: Sequence[Asked]) -> Body:
    """How many entries each language has and in how many each word stands; `counted` reads it."""
    counted = {one.code: {"term": {LANGUAGE: one.code}} for one in asked}
    words = {
        f"{field} {word}": {"match": {field: word}}
        for one in asked
        for field, own in ((text_of(one.code), one.words), (shared_of(one.code), one.shared))
        for word in own
    }
    return {
        "size": 0,
        "track_total_hits": False,
        "aggs": {
            "languages": {"filters": {"filters": counted}},
            **({"words": {"filters": {"filters": words}}} if words else {}),
        },
    }


def counted(found: Mapping[str, Any], asked: Sequence[Asked]) -> dict[str, Statistics]:
    """What `statistics` brought, by search language."""
    parts = found["aggregations"]
    words = parts["words"]["buckets"] if "words" in parts else {}
    pairs = {tuple(name.split(" ", 1)): own["doc_count"] for name, own in words.items()}
    return {
        one.code: Statistics(parts["languages"]["buckets"][one.code]["doc_count"], pairs)
        for one in asked
    }


def ideal(asked: Asked, query: ParsedQuery, known: Statistics) -> float:
    """What an entry would score that has each word asked for, at the middle length."""
    words = sum(known.idf(text_of(asked.code), word) for word in asked.words)
    return words + BEGINNING_SCORE * len(query.beginnings)


def shared_ideal(asked: Asked, query: ParsedQuery, known: Statistics) -> float:
    """The same by words that languages share."""
    words = sum(known.idf(shared_of(asked.code), word) for word in asked.shared)
    return words + BEGINNING_SCORE * len(query.beginnings)


def by_words(
    asked: Asked, query: ParsedQuery, scope: Scope, known: Statistics, limit: int
) -> Body | None:
    """The best by words; none where nothing is asked for."""
    code, words = asked.code, " ".join((*asked.words, *asked.joined))
    fields = {text_of(code): 1.0, title_of(code): TITLE_WEIGHT}
    scored = [_match(name, words, boost) for name, boost in fields.items()] if words else []
    compounds = [
        _fixed({"match": {joined_of(code): word}}, known.idf(text_of(code), word))
        for word in asked.words
    ]
    return _ranked([*scored, *compounds], query, scope, code, limit)


def by_shared_words(asked: Asked, query: ParsedQuery, scope: Scope, limit: int) -> Body | None:
    """The best by words that languages share; none where there are none."""
    if not asked.shared:
        return None
    scored = [_match(shared_of(asked.code), " ".join(asked.shared), 1.0)]
    return _ranked(scored, query, scope, asked.code, limit)


def by_meaning(
    vector: Sequence[float], query: ParsedQuery, scope: Scope, code: str, limit: int
) -> Body:
    """The nearest by the whole text's vector, among those that hold what is demanded."""
    nearest = {
        "field": VECTOR,
        "query_vector": vector,
        "k": limit,
        "num_candidates": min(LOOKED_AT * limit, _MOST_LOOKED_AT),
        "filter": _inside(_groups(query, code), query, scope, code),
    }
    return {"knn": nearest, "size": limit, **_columns()}


def listing(query: ParsedQuery, scope: Scope, code: str, limit: int) -> Body | None:
    """Records and posts, not passages, the newest first; none if the fields say nothing."""
    groups = _groups(query, code)
    if not groups and not any(not field.without for field in query.fields):
        return None
    inside = _inside(groups, query, scope, code)
    inside["bool"]["must_not"].append({"term": {"kind": Kind.PASSAGE.value}})
    newest = [{NEWEST: "desc"}, {"id": "asc"}]
    return {"query": inside, "sort": newest, "size": limit, **_columns()}


def familiar(asked: Sequence[Asked], query: ParsedQuery, scope: Scope) -> Body:
    """Whether any word of the question stands in anything that the reader may see."""
    everything = Scope(visible_to=scope.visible_to)
    any_language = [
        body["query"]
        for one in asked
        if (body := by_words(one, query, everything, Statistics(0, {}), 1))
    ]
    return {
        "query": _any_of(any_language) if any_language else {"match_none": {}},
        "size": 0,
        "terminate_after": 1,
    }


def in_scope(scope: Scope, code: str) -> Query:
    """Entries of a search language that may be candidates."""
    return {"bool": {"filter": list(_wanted(scope, code)), "must_not": list(_unwanted(scope))}}


def of_source_or_ids(source: str, ids: Sequence[str]) -> Query:
    """Entries of a source, and those with one of the ids, whatever their source."""
    return _any_of([{"term": {"source": source}}, {"ids": {"values": list(ids)}}])


def holding(words: Sequence[str], codes: Sequence[str]) -> Body:
    """How many entries of each language hold each word, in text, title or heading."""
    filters = {
        f"{code} {word}": _any_of([{"match": {field(code): word}} for field in (text_of, title_of)])
        for code in codes
        for word in words
    }
    languages = {code: {"term": {LANGUAGE: code}} for code in codes}
    return {
        "size": 0,
        "track_total_hits": False,
        "aggs": {"all": {"filters": {"filters": {**languages, **filters}}}},
    }


def _ranked(
    scored: Sequence[Query], query: ParsedQuery, scope: Scope, code: str, limit: int
) -> Body | None:
    """Entries with any of what is scored, and with all that is demanded.

    An alternative in another field (title:cocoa OR farmers) stands for the words beside it.
    """
    groups = _groups(query, code)
    beginnings = [
        _fixed(_held(one, terms, code), BEGINNING_SCORE)
        for group in groups
        for one, terms in group
        if one.begins and one.where is Where.TEXT
    ]
    elsewhere = [
        _fixed(_held(one, terms, code), 0.0)
        for group in groups
        for one, terms in group
        if len(group) > 1 and one.where is not Where.TEXT
    ]
    if not scored and not beginnings:
        return None
    inside = _inside(groups, query, scope, code)
    inside["bool"]["must"] = [_any_of([*scored, *beginnings, *elsewhere])]
    return {"query": inside, "size": limit, **_columns()}


def _columns() -> Body:
    return {
        "_source": False,
        "stored_fields": "_none_",
        "docvalue_fields": list(COLUMNS),
        "track_total_hits": False,
    }


def _groups(query: ParsedQuery, code: str) -> list[Sequence[tuple[Sought, Places]]]:
    return list(query.demands.in_row(code))


def _inside(
    groups: Sequence[Sequence[tuple[Sought, Places]]], query: ParsedQuery, scope: Scope, code: str
) -> Query:
    """In scope, with what is demanded and without what must not be there."""
    inside = in_scope(scope, code)
    for group in groups:
        inside["bool"]["filter"].append(_any_of([_held(one, terms, code) for one, terms in group]))
    for one in query.demands.none_of:
        if terms := terms_of(one, code):
            inside["bool"]["must_not"].append(_held(one, terms, code))
    return inside


def _wanted(scope: Scope, code: str) -> Iterator[Query]:
    yield {"term": {LANGUAGE: code}}
    yield {"terms": {"visible_to": list(scope.visible_to)}}
    for name, values in scope.filters.items():
        yield _facets((name, value) for value in values)
    for alternatives in scope.any_of:
        yield _facets(alternatives)


def _unwanted(scope: Scope) -> Iterator[Query]:
    if scope.hidden_sources:
        yield {"terms": {"source": list(scope.hidden_sources)}}
    if scope.none_of:
        yield _facets(scope.none_of)


def _facets(pairs: Iterable[tuple[str, str]]) -> Query:
    return {"terms": {FACET: [facet_term(*pair) for pair in pairs]}}


def _held(sought: Sought, terms: Places, code: str) -> Query:
    """Entries that hold it; the same rule as that of `Demands.admits`."""
    if sought.begins:
        return {"prefix": {_WHOLE_OF[sought.where]: {"value": terms[0][1]}}}
    if sought.where is Where.AUTHOR:
        return {"match": {AUTHORS: {"query": sought.text, "operator": "and"}}}
    fields = [named_of(code)] if sought.where is Where.TITLE else [text_of(code), title_of(code)]
    if len(terms) > 1:
        return _any_of([{"match_phrase": {name: sought.text}} for name in fields])
    joined = [joined_of(code)] if sought.where is Where.TEXT else []
    return _any_of([{"match": {name: sought.text}} for name in (*fields, *joined)])


def _any_of(queries: Sequence[Query]) -> Query:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def _match(name: str, words: str, boost: float) -> Query:
    return {"match": {name: {"query": words, "boost": boost}}}


def _fixed(query: Query, score: float) -> Query:
    """What counts the same wherever it stands."""
    return {"constant_score": {"filter": query, "boost": score}}


def _distinct(words: Sequence[str], code: str) -> tuple[str, ...]:
    """One word for each of the terms that they give together."""
    found: dict[tuple[str, ...], str] = {}
    for word in words:
        if terms := terms_of_word(word, code):
            found.setdefault(terms, word)
    return tuple(found.values())


def _shared(words: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for word in words:
        for term in shared_terms(word):
            found.setdefault(term, word)
    return tuple(dict.fromkeys(found.values()))
