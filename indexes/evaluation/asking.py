"""A set's documents in a temporary index, its queries asked of the product's own search."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.analysis import search_language
from indexes.base import SearchIndex
from indexes.elasticsearch.address import Address
from indexes.embedding.base import Embedder
from indexes.embedding.repeated_query import RepeatedQueryEmbedder
from indexes.embedding.windows import embed_entries
from indexes.evaluation.metrics import METRICS, first_relevant
from indexes.evaluation.pools import Pool, pools_of, relevant_in
from indexes.evaluation.results import Evaluation, Outcome
from indexes.evaluation.sets import JudgedSet, JudgedText, read_judged_set, sample
from indexes.evaluation.temporary import temporary_index
from indexes.fusion import Constants
from indexes.searcher import Searcher
from indexes.types import Entry, Kind, Scope, SearchQuery

BATCH: Final = 256  # documents embedded between two reports of progress
KEPT: Final = 100  # ids of a ranking, as many as the deepest metric looks at
WITH_TITLES: Final = " with titles"  # behind the name of a set whose documents have theirs

Progress = Callable[[str, int, int], None]  # what is being done, how many are, of how many


@dataclass(frozen=True, slots=True)
class Request:
    """The sets to ask. `queries`: only a sample of so many of each.

    `with_titles`: each set once more, its documents' titles given to the index, reported apart:
    in some sets (CNIL) the title is the query. `constants` of the ranking are the model's own
    unless given. `cluster`: where the temporary indexes lie, if not on this machine.
    """

    folders: tuple[Path, ...]
    queries: int | None = None
    with_titles: bool = False
    constants: Constants | None = None
    cluster: Address | None = None


def evaluate(
    request: Request, embedder: Embedder, progress: Progress | None = None
) -> list[Evaluation]:
    """Ask the sets' queries, each set's of a temporary index.

    Raises:
        IndexUnavailable: the cluster does not answer.
        MalformedTestSet: a set cannot be read; before any is asked.
        ModelMissing: the embedder cannot be loaded.
    """
    sets = [sample(read_judged_set(folder), request.queries) for folder in request.folders]
    embedder = RepeatedQueryEmbedder(embedder)  # asked once a pool, and some in several sets
    report = progress or _say_nothing
    kinds = (False, True) if request.with_titles else (False,)
    return [
        _evaluate(own, embedder, report, request, titles=titles) for own in sets for titles in kinds
    ]


def _say_nothing(_what: str, _done: int, _total: int) -> None: ...


def _evaluate(
    judged: JudgedSet,
    embedder: Embedder,
    progress: Progress,
    request: Request,
    *,
    titles: bool,
) -> Evaluation:
    name = judged.name + (WITH_TITLES if titles else "")
    texts = {query.id: query.text for query in judged.queries.values()}
    entries = [_entry(document, titles=titles) for document in judged.documents.values()]

    def report(what: str, done: int, total: int) -> None:
        progress(f"{what} {name}", done, total)

    with temporary_index(embedder, request.cluster) as index:
        _fill(index, entries, embedder, report)
        searcher = Searcher(index, embedder, request.constants)
        outcomes = list(_outcomes(judged, searcher, report))
    return Evaluation(name, judged.digest, texts, outcomes)


def _entry(document: JudgedText, *, titles: bool) -> Entry:
    return Entry(
        id=document.id,
        kind=Kind.PASSAGE,
        group=document.id,
        group_kind="document",
        source=document.id,
        language=document.language,
        title=document.title if titles else "",
        heading="",
        text=document.text,
    )


def _fill(
    index: SearchIndex, entries: Sequence[Entry], embedder: Embedder, progress: Progress
) -> None:
    with index.rebuild() as writer:
        for start in range(0, len(entries), BATCH):
            some = entries[start : start + BATCH]
            for entry in some:
                writer.replace(entry.source, [entry])
            writer.add_vectors(some, embed_entries(embedder, some))
            progress("indexing", start + len(some), len(entries))


def _outcomes(judged: JudgedSet, searcher: Searcher, progress: Progress) -> Iterator[Outcome]:
    """Several queries at a time: a searcher is made for that. In the order of the set."""
    pools = pools_of(judged)

    def ask(query: JudgedText) -> list[Outcome]:
        return list(_asked(query, pools, judged, searcher))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for number, outcomes in enumerate(threads.map(ask, judged.queries.values()), 1):
            yield from outcomes
            progress("asking", number, len(judged.queries))


def _asked(
    query: JudgedText, pools: Sequence[Pool], judged: JudgedSet, searcher: Searcher
) -> Iterator[Outcome]:
    """The query in each pool; pools that come to the same documents are searched once."""
    rankings: dict[tuple[str | None, frozenset[str]], list[tuple[str, str]]] = {}
    for pool in pools:
        relevant = relevant_in(judged, pool, query)
        if not relevant:
            yield Outcome(query.id, query.language, pool.name, None)
            continue
        asked = (pool.language, pool.hidden(query))
        if asked not in rankings:
            rankings[asked] = _ranking(searcher, query, *asked)
        # Several languages may share a search language.
        ranked = tuple(id_ for id_, code in rankings[asked] if pool.language in (None, code))
        scores = {name: metric(ranked, relevant) for name, metric in METRICS.items()}
        yield Outcome(
            query=query.id,
            language=query.language,
            pool=pool.name,
            scores=scores,
            relevant=relevant,
            first=first_relevant(ranked, relevant),
            ranked=ranked[:KEPT],
        )


def _ranking(
    searcher: Searcher, query: JudgedText, language: str | None, hidden: frozenset[str]
) -> list[tuple[str, str]]:
    """Ids and languages, best first."""
    languages = (search_language(language),) if language else ()
    scope = Scope(languages=languages, hidden_sources=tuple(sorted(hidden)))
    ranking = searcher.search(SearchQuery(query.text, scope, collapse=False))
    return [(hit.id, hit.language) for hit in ranking.hits]
