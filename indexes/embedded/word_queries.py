"""What tantivy is asked: any of the words, what an entry has to hold, and what is in scope.

What is demanded is defined in `indexes.demands`; here it is put to the fields of `documents`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tantivy

from indexes.attributes import facet_term
from indexes.demands import Places, Sought, Where, terms_of
from indexes.embedded.documents import (
    AUTHORS,
    JOINED,
    NAMED,
    NAMED_WHOLE,
    SCHEMA,
    SEARCHED,
    WHOLE,
)
from indexes.query_parser import ParsedQuery
from indexes.types import Kind, Scope
from indexes.word_weights import BEGINNING_SCORE

_WHOLE_OF = {Where.TEXT: WHOLE, Where.TITLE: NAMED_WHOLE, Where.AUTHOR: AUTHORS}


def ranked(scored: Sequence[Any], query: ParsedQuery, scope: Scope, code: str) -> Any | None:
    """Entries with any of what is scored, and with all that is demanded; none if nothing is asked.

    An alternative in another field (title:cocoa OR farmers) stands for the words beside it. With
    `visible_to` empty the reader may see everything here.
    """
    groups = list(query.demands.in_row(code))
    beginnings = [
        tantivy.Query.const_score_query(_held(one, terms), BEGINNING_SCORE)
        for group in groups
        for one, terms in group
        if one.begins and one.where is Where.TEXT
    ]
    elsewhere = [
        _unscored(_held(one, terms))
        for group in groups
        for one, terms in group
        if len(group) > 1 and one.where is not Where.TEXT
    ]
    asked = [*scored, *beginnings]
    if not asked:
        return None
    wanted = any_of([*asked, *elsewhere])
    conditions = list(_conditions(groups, query, scope, code))
    if not conditions:
        return (
            wanted  # by itself: tantivy then skips what cannot reach the best, a third of the time
        )
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, wanted), *conditions])


def listed(query: ParsedQuery, scope: Scope, code: str) -> Any | None:
    """Records and posts, not passages, whose fields are as asked for; none if they say nothing."""
    groups = list(query.demands.in_row(code))
    if not groups and not any(not field.without for field in query.fields):
        return None
    passages = tantivy.Query.term_query(SCHEMA, "kind", Kind.PASSAGE.value)
    clauses = [*_conditions(groups, query, scope, code), (tantivy.Occur.MustNot, passages)]
    return tantivy.Query.boolean_query(clauses)


def with_terms(terms: Iterable[str], fields: Mapping[str, float]) -> Iterator[Any]:
    """Each term in each field, with the weight that this counts with."""
    for name, weight in fields.items():
        for term in terms:
            query = tantivy.Query.term_query(SCHEMA, name, term)
            yield query if weight == 1 else tantivy.Query.boost_query(query, weight)


def in_compounds(term: str, score: float) -> Any:
    """Passages where the term is written with a hyphen."""
    return tantivy.Query.const_score_query(tantivy.Query.term_query(SCHEMA, JOINED, term), score)


def any_of(queries: Sequence[Any]) -> Any:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])


def _conditions(
    groups: Sequence[Sequence[tuple[Sought, Places]]], query: ParsedQuery, scope: Scope, code: str
) -> Iterator[tuple[Any, Any]]:
    """What is demanded, what must not be there, what is in scope."""
    must, must_not = tantivy.Occur.Must, tantivy.Occur.MustNot
    for group in groups:
        yield must, _unscored(any_of([_held(one, terms) for one, terms in group]))
    for wanted in _wanted(scope):
        yield must, _unscored(wanted)
    for one in query.demands.none_of:
        if terms := terms_of(one, code):
            yield must_not, _held(one, terms)
    if scope.hidden_sources:
        yield must_not, tantivy.Query.term_set_query(SCHEMA, "source", list(scope.hidden_sources))
    if scope.none_of:
        yield must_not, _facets(scope.none_of)


def hidden_from(tokens: Sequence[str]) -> Any:
    """Entries that a reader with these tokens may not see."""
    everything, visible = tantivy.Query.all_query(), _visible_to(tokens)
    return tantivy.Query.boolean_query(
        [(tantivy.Occur.Must, everything), (tantivy.Occur.MustNot, visible)]
    )


def _visible_to(tokens: Sequence[str]) -> Any:
    return tantivy.Query.term_set_query(SCHEMA, "visible_to", list(tokens))


def _wanted(scope: Scope) -> Iterator[Any]:
    if scope.visible_to:
        yield _visible_to(scope.visible_to)
    for code, values in scope.filters.items():
        yield _facets([(code, value) for value in values])
    for alternatives in scope.any_of:
        yield _facets(alternatives)


def _facets(pairs: Iterable[tuple[str, str]]) -> Any:
    return tantivy.Query.term_set_query(SCHEMA, "facet", [facet_term(*pair) for pair in pairs])


def _held(sought: Sought, terms: Places) -> Any:
    """Entries that hold it; the same rule as that of `Demands.admits`."""
    if sought.begins:
        return tantivy.Query.regex_query(
            SCHEMA, _WHOLE_OF[sought.where], f"{re.escape(terms[0][1])}.*"
        )
    if sought.where is Where.AUTHOR:
        names = with_terms([term for _, term in terms], {AUTHORS: 1.0})
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, name) for name in names])
    fields = (NAMED,) if sought.where is Where.TITLE else tuple(SEARCHED)
    if len(terms) > 1:
        places: list[str | tuple[int, str]] = list(terms)
        return any_of([tantivy.Query.phrase_query(SCHEMA, name, places) for name in fields])
    joined = (JOINED,) if sought.where is Where.TEXT else ()
    return any_of(list(with_terms([terms[0][1]], dict.fromkeys((*fields, *joined), 1.0))))


def _unscored(query: Any) -> Any:
    return tantivy.Query.const_score_query(query, 0.0)
