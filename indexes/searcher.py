"""A question to a ranking: parse, ask the index by words and by meaning, fuse, one hit a group."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from time import perf_counter
from typing import Final

import numpy as np

from indexes import fusion
from indexes.attributes import About, Attributes
from indexes.base import Candidates, Question, SearchIndex, Vectors, VectorTable
from indexes.cores import usable_cores
from indexes.embedding.base import Embedder
from indexes.errors import ModelMissing
from indexes.query_parser import ParsedQuery, parse
from indexes.types import FoundBy, Hit, Kind, Ranking, SearchQuery

log = logging.getLogger(__name__)

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
        # In the context of whoever asks, so that the log knows which request it was.
        embedding = self._beside.submit(copy_context().run, self._embed, parsed.meaning, clock)
        question = Question(parsed, query.scope, fusion.CANDIDATES, embedding.result)
        found = self._index.candidates(question)
        with clock.stage("ranking"):
            nearness = _nearness(embedding.result(), found.vectors)
            order = fusion.fuse(found, nearness, constants=self._constants)
            hits = _hits(found.about(order.keys), order)
            if query.collapse:
                hits = collapse(hits, query.reader_language)
        return Ranking(
            hits=hits,
            capped=_is_capped(found, order),
            words_cut=parsed.words_cut,
            meaning_cut=self._meaning_cut(parsed),
            by_meaning=nearness is not None and not (hits and nearness.is_empty),
            seconds={**found.seconds, **clock.seconds},
        )

    def _listing(self, parsed: ParsedQuery, query: SearchQuery) -> Ranking:
        """All entries whose fields are as asked for, the newest first; nothing ranks them."""
        found = self._index.candidates(Question(parsed, query.scope, LISTED))
        by_words = (FoundBy.WORDS,)
        hits = [_hit(*about, score, by_words) for about, score in found.told(found.words)]
        newest = sorted(sorted(hits, key=lambda hit: hit.id), key=_date, reverse=True)
        return Ranking(
            hits=collapse(newest, query.reader_language) if query.collapse else tuple(newest),
            capped=any(len(own.keys) >= LISTED for own in found.words.values()),
            words_cut=parsed.words_cut,
            seconds=found.seconds,
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


def _nearness(vector: Vectors | None, vectors: VectorTable | None) -> fusion.Nearness | None:
    """None where nothing could be compared by meaning."""
    return None if vector is None or vectors is None else fusion.Nearness(vector, vectors)


def _hits(abouts: Sequence[About], order: fusion.Order) -> tuple[Hit, ...]:
    columns = zip(abouts, order.values.tolist(), order.found_by, strict=True)
    return tuple(_hit(*about, value, found_by) for about, value, found_by in columns)


def _hit(
    entry_id: str, address: str, shared: Attributes, score: float, found_by: tuple[FoundBy, ...]
) -> Hit:
    return Hit(
        id=entry_id,
        kind=shared.kind,
        group=shared.group,
        group_kind=shared.group_kind,
        source=shared.source,
        language=shared.language,
        address=address,
        score=score,
        found_by=found_by,
        facets=shared.values,
        date=shared.date,
    )


def _is_capped(found: Candidates, order: fusion.Order) -> bool:
    """Whether a list was full to its last candidate: behind one too far off nothing was missed."""
    lists = (*found.words.values(), *found.meaning.values())
    last = [own.keys[-1] for own in lists if len(own.keys) >= fusion.CANDIDATES]
    return bool(np.isin(last, order.keys).any())


class _Clock:
    """Seconds by stage; `embedding` runs beside `words`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start
