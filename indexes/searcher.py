"""A question to a ranking: parse, ask the index by words and by meaning, fuse, one hit a group."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import perf_counter
from typing import Final

from indexes import fusion
from indexes.base import Candidate, SearchIndex, Vectors
from indexes.cores import usable_cores
from indexes.embedding.base import Embedder
from indexes.errors import IndexMismatch, ModelMissing
from indexes.query_parser import ParsedQuery, parse
from indexes.types import FoundBy, Hit, Kind, Ranking, Scope, SearchQuery

log = logging.getLogger(__name__)

Lists = Mapping[str, Sequence[Candidate]]

# Passages of one group this close answer about equally: then the reader's language goes first.
# Half of the median distance between the first and what does not answer (.061 in xquad; to the same
# passage in the other language .026).
ABOUT_EQUAL: Final = 0.03

LISTED: Final = 1_000  # entries a language of a query of fields only


class Searcher:
    """Asks an index; without an embedder by words only. Several threads may use it at once."""

    def __init__(
        self,
        index: SearchIndex,
        embedder: Embedder | None,
        constants: fusion.Constants | None = None,
    ) -> None:
        self._index = index
        self._embedder = embedder
        fingerprint = embedder.fingerprint if embedder else ""
        self._constants = constants or fusion.constants_of(fingerprint)
        # The model works outside of Python's lock: words are looked up meanwhile.
        self._beside = ThreadPoolExecutor(usable_cores(), "query")

    def search(self, query: SearchQuery) -> Ranking:
        """All hits for a query, best first.

        Raises:
            QueryTooLong: see `query_parser.parse`.
            IndexMismatch: the index has to be rebuilt.
            IndexUnavailable: the index cannot answer now.
        """
        parsed = parse(query.text)
        if parsed.is_empty:
            return Ranking((), by_meaning=self._embedder is not None)
        if parsed.is_listing:
            return self._listing(parsed, query)
        clock = _Clock()
        embedding = self._beside.submit(self._embed, parsed.meaning, clock)
        with clock.stage("words"):
            words = self._index.words(parsed, query.scope, fusion.BY_WORDS)
            shared = self._index.shared_words(parsed, query.scope, fusion.BY_SHARED_WORDS)
            by_words = fusion.Found(words, shared)
            vectors = self._known_vectors(by_words)
        vector = embedding.result()
        with clock.stage("meaning"):
            found, nearness = self._by_meaning(vector, query, parsed, by_words, vectors)
        with clock.stage("ranking"):
            familiar = bool(words) or self._is_familiar(parsed, query)
            ranked = fusion.fuse(found, nearness, familiar=familiar, constants=self._constants)
            hits = tuple(ranked)
            if query.collapse:
                hits = collapse(hits, query.reader_language)
        return Ranking(
            hits=hits,
            capped=_capped(words, fusion.BY_WORDS, hits)
            or _capped(found.meaning, fusion.BY_MEANING, hits),
            words_cut=parsed.words_cut,
            meaning_cut=self._meaning_cut(parsed),
            by_meaning=nearness is not None and not (ranked and nearness.is_empty),
            seconds=clock.seconds,
        )

    def _listing(self, parsed: ParsedQuery, query: SearchQuery) -> Ranking:
        """All entries whose fields are as asked for, the newest first; nothing ranks them."""
        clock = _Clock()
        with clock.stage("words"):
            found = self._index.words(parsed, query.scope, LISTED)
        hits = [one.hit(one.score, (FoundBy.WORDS,)) for own in found.values() for one in own]
        newest = sorted(sorted(hits, key=lambda hit: hit.id), key=_date, reverse=True)
        return Ranking(
            hits=collapse(newest, query.reader_language) if query.collapse else tuple(newest),
            capped=any(len(own) >= LISTED for own in found.values()),
            words_cut=parsed.words_cut,
            seconds=clock.seconds,
        )

    def _embed(self, meaning: str, clock: "_Clock") -> Vectors | None:
        """None without a model, or where it turns out not to work: words answer then."""
        if self._embedder is None:
            return None
        try:
            with clock.stage("embedding"):
                return self._embedder.embed_query(meaning)
        except ModelMissing as error:
            log.warning("Search is by words only: %s", error)
            return None

    def _by_meaning(
        self,
        vector: Vectors | None,
        query: SearchQuery,
        parsed: ParsedQuery,
        by_words: fusion.Found,
        vectors: Mapping[str, Vectors],
    ) -> tuple[fusion.Found, fusion.Nearness | None]:
        """The best by meaning beside the others, and how near all of them are.

        `vectors` are those of the others. An index built with another embedder is asked by words
        until it is rebuilt.
        """
        if vector is None:
            return by_words, None
        try:
            meaning = self._index.meaning(vector, query.scope, fusion.BY_MEANING)
            found = replace(by_words, meaning=self._admitted(meaning, parsed, by_words.words))
            return found, fusion.Nearness(vector, {**vectors, **self._vectors_of(found.meaning)})
        except IndexMismatch:
            return by_words, None

    def _known_vectors(self, by_words: fusion.Found) -> Mapping[str, Vectors]:
        """Those of what words found; read while the question is embedded."""
        with suppress(IndexMismatch):
            if self._embedder is not None:
                return self._vectors_of(by_words.words, by_words.shared)
        return {}

    def _vectors_of(self, *signals: Lists) -> Mapping[str, Vectors]:
        """The vectors of the candidates: those that came with them, the others read."""
        every = [one for lists in signals for own in lists.values() for one in own]
        found = {one.id: one.vectors for one in every if one.vectors is not None}
        further = dict.fromkeys(one.id for one in every if one.id not in found)
        return {**found, **self._index.vectors_of(list(further))} if further else found

    def _is_familiar(self, parsed: ParsedQuery, query: SearchQuery) -> bool:
        """Whether a word of the query stands anywhere in what the reader may see."""
        everything = Scope(visible_to=query.scope.visible_to)
        return bool(self._index.words(parsed, everything, 1))

    def _admitted(self, meaning: Lists, parsed: ParsedQuery, words: Lists) -> Lists:
        """Those that hold what is demanded and nothing that was asked to be left out."""
        if not parsed.demands:
            return meaning
        checked = _ids(words)  # by the index
        entries = self._index.entries([i for i in _ids(meaning) if i not in checked])
        allowed = checked | {entry.id for entry in entries.values() if parsed.admits(entry)}
        kept = {code: [c for c in own if c.id in allowed] for code, own in meaning.items()}
        return {code: own for code, own in kept.items() if own}

    def _meaning_cut(self, parsed: ParsedQuery) -> bool:
        with suppress(ModelMissing):
            return self._embedder is not None and self._embedder.query_is_cut(parsed.meaning)
        return False


def facet_counts(hits: Sequence[Hit]) -> Mapping[str, list[tuple[str, int]]]:
    """How many of the hits have each value, a facet; most first, equal ones by value."""
    pairs = Counter(
        (code, value)
        for hit in hits
        for code, values in hit.facets.items()
        for value in set(values)
    )
    counted: dict[str, dict[str, int]] = {}
    for (code, value), count in pairs.items():
        counted.setdefault(code, {})[value] = count
    return {
        code: sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
        for code, values in counted.items()
    }


def collapse(hits: Iterable[Hit], reader_language: str) -> tuple[Hit, ...]:
    """One hit a group, in the order of their best; `hits` are single entries, best first.

    Whoever drops some of them has to do so before: what is dropped may neither stand for its
    group nor lift it.
    """
    groups: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        groups.setdefault((hit.group_kind, hit.group), []).append(hit)
    return tuple(_one_of(group, reader_language) for group in groups.values())


def _one_of(group: Sequence[Hit], reader_language: str) -> Hit:
    """The entry that stands for its group, in the place of the group's best one.

    A record lifts its group; where a passage was found too, that one opens the page. Its facets
    are those of the whole group: with each of their values the group would still be found.
    """
    if len(group) == 1:
        return group[0]
    paged = [hit for hit in group if hit.kind is not Kind.RECORD] or group
    about_equal = [hit for hit in paged if paged[0].score - hit.score <= ABOUT_EQUAL]
    lead = min(about_equal, key=lambda hit: _is_foreign(hit, reader_language))  # first of equals
    others = tuple(hit for hit in group if hit is not lead)
    return lead._replace(score=group[0].score, facets=_all_facets(group), others=others)


def _all_facets(group: Sequence[Hit]) -> Mapping[str, tuple[str, ...]]:
    """Every value that an entry of the group has; most often they are of one edition."""
    first = group[0].facets
    different = [hit.facets for hit in group if hit.facets is not first and hit.facets != first]
    if not different:
        return first
    values: dict[str, dict[str, None]] = {}
    for facets in (first, *different):
        for code, own in facets.items():
            values.setdefault(code, {}).update(dict.fromkeys(own))
    return {code: tuple(own) for code, own in values.items()}


def _is_foreign(hit: Hit, reader_language: str) -> bool:
    return _primary(hit.language) != _primary(reader_language)


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]


def _date(hit: Hit) -> str:
    return hit.date or ""


def _ids(lists: Lists) -> set[str]:
    return {candidate.id for own in lists.values() for candidate in own}


def _capped(lists: Lists, limit: int, hits: Sequence[Hit]) -> bool:
    """Whether a list was full to its last candidate: behind one too far off nothing was missed."""
    kept = {entry for hit in hits for entry in (hit.id, *(other.id for other in hit.others))}
    return any(len(own) >= limit and own[-1].id in kept for own in lists.values())


class _Clock:
    """Seconds by stage; `embedding` runs beside `words`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start
