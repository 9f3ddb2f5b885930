"""How well the search finds: judged queries in BEIR's layout, asked of the product's own search.

A set is a folder with `corpus.jsonl` (`_id`, `title`, `text`, `lang`), `queries.jsonl` (`_id`,
`text`, `lang`) and `qrels.tsv` (a header; query id, document id, score). Its documents go into a
temporary index; each query is asked in several *pools* (all documents, those of one language), and
left out of a pool without a passage that is relevant to it. Metrics are written here from their
definitions and compared with ir-measures by the tests.
"""

import csv
import json
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from indexes.analysis import search_language
from indexes.embedded.index import EmbeddedIndex
from indexes.embedding.base import Embedder
from indexes.embedding.repeated_query import RepeatedQueryEmbedder
from indexes.embedding.windows import embed_with_windows
from indexes.errors import MalformedTestSet
from indexes.searcher import Searcher
from indexes.types import Entry, Kind, Scope, SearchQuery

BATCH = 256  # documents embedded between two reports of progress

Judgements = Mapping[str, int]
Progress = Callable[[str, int, int], None]  # what is being done, how many are, of how many


@dataclass(frozen=True, slots=True)
class JudgedText:
    """A document or a query of a set."""

    id: str
    text: str
    language: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Documents and queries by id; `relevant` maps a query to documents' scores above 0."""

    documents: Mapping[str, JudgedText]
    queries: Mapping[str, JudgedText]
    relevant: Mapping[str, Judgements]


@dataclass(frozen=True, slots=True)
class Pool:
    """A part of the documents to ask in, which may depend on the query.

    `language` is the documents', none meaning all; `hidden` tells which ids are taken out.
    """

    name: str
    language: str | None
    hidden: Callable[[JudgedText], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a query scored in a pool, a metric; none when nothing there is relevant to it."""

    query: str
    language: str
    pool: str
    scores: Mapping[str, float] | None


# ---- metrics: `ranked` are ids, best first ------------------------------------------------------


def ndcg(ranked: Sequence[str], relevant: Judgements, depth: int) -> float:
    """Discounted gain divided by that of the best possible order, 0 to 1.

    Gain is the judged score itself and the discount 1 / log2(rank + 1), as in trec_eval (Järvelin
    and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 20(4), 2002).
    """
    gains = [relevant.get(document, 0) for document in ranked[:depth]]
    best = sorted(relevant.values(), reverse=True)[:depth]
    return _discounted(gains) / _discounted(best)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def recall(ranked: Sequence[str], relevant: Judgements, depth: int) -> float:
    """The share of the relevant documents among the first `depth` (Manning et al., IIR, 8.3)."""
    return len(relevant.keys() & set(ranked[:depth])) / len(relevant)


def reciprocal_rank(ranked: Sequence[str], relevant: Judgements, depth: int) -> float:
    """1 / rank of the first relevant document, 0 beyond `depth` (Voorhees, TREC-8 QA, 1999)."""
    ranks = (rank for rank, document in enumerate(ranked[:depth], 1) if document in relevant)
    return 1 / next(ranks, math.inf)


METRICS: Mapping[str, Callable[[Sequence[str], Judgements], float]] = {
    "ndcg@10": lambda ranked, relevant: ndcg(ranked, relevant, 10),
    "recall@100": lambda ranked, relevant: recall(ranked, relevant, 100),
    "mrr@10": lambda ranked, relevant: reciprocal_rank(ranked, relevant, 10),
}


# ---- sets ---------------------------------------------------------------------------------------


def read_judged_set(folder: Path) -> JudgedSet:
    """Read and check a set.

    Raises:
        MalformedTestSet: names the file, the line and what is wrong with it.
    """
    documents = _read_texts(folder / "corpus.jsonl")
    queries = _read_texts(folder / "queries.jsonl")
    relevant = _read_judgements(folder / "qrels.tsv", documents, queries)
    return JudgedSet(documents, queries, relevant)


def sample(judged: JudgedSet, count: int | None) -> JudgedSet:
    """The set with at most `count` of its queries: always the same, spread evenly over it."""
    total = len(judged.queries)
    if count is None or count >= total:
        return judged
    queries = list(judged.queries.values())
    chosen = [queries[number * total // count] for number in range(count)]
    return JudgedSet(judged.documents, {query.id: query for query in chosen}, judged.relevant)


def _read_texts(path: Path) -> Mapping[str, JudgedText]:
    texts: dict[str, JudgedText] = {}
    for number, line in _lines(path):
        try:
            text = _parse_text(json.loads(line))
        except (ValueError, KeyError) as error:
            raise MalformedTestSet(f"{path}, line {number}: {_reason(error)}") from error
        if text.id in texts:
            raise MalformedTestSet(f"{path}, line {number}: the id {text.id!r} is there twice")
        texts[text.id] = text
    if not texts:
        raise MalformedTestSet(f"{path} is empty")
    return texts


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as stream:
            yield from ((number, line) for number, line in enumerate(stream, 1) if line.strip())
    except FileNotFoundError:
        raise MalformedTestSet(f"{path} is missing") from None
    except UnicodeDecodeError as error:
        raise MalformedTestSet(f"{path} is not UTF-8: {error}") from error


def _parse_text(fields: Any) -> JudgedText:
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    values = (fields["_id"], fields["text"], fields["lang"], fields.get("title", ""))
    if not all(isinstance(value, str) for value in values):
        raise ValueError("_id, text, lang and title have to be strings")
    return JudgedText(*values)


def _reason(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)


def _read_judgements(
    path: Path, documents: Mapping[str, JudgedText], queries: Mapping[str, JudgedText]
) -> Mapping[str, Judgements]:
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    for number, line in _lines(path):
        if number == 1:
            continue  # the header
        try:
            (row,) = csv.reader([line], delimiter="\t", quoting=csv.QUOTE_NONE)
            query, document, score = row[0], row[1], int(row[2])
        except (ValueError, IndexError) as error:
            raise MalformedTestSet(
                f"{path}, line {number}: not a query id, a document id and a whole number"
            ) from error
        if query not in queries or document not in documents:
            unknown = query if query not in queries else document
            raise MalformedTestSet(f"{path}, line {number}: there is no {unknown!r} in the set")
        if score > 0:
            relevant[query][document] = score
    if not relevant:
        raise MalformedTestSet(f"{path} judges nothing relevant")
    return relevant


# ---- pools --------------------------------------------------------------------------------------


def pools_of(judged: JudgedSet) -> Sequence[Pool]:
    """All documents, and those of each language; without those whose text is the query itself."""
    same_text: dict[str, set[str]] = defaultdict(set)
    for document in judged.documents.values():
        same_text[document.text.strip()].add(document.id)

    def own_text(query: JudgedText) -> frozenset[str]:
        return frozenset(same_text.get(query.text.strip(), ()))

    languages = sorted({document.language for document in judged.documents.values()})
    return [Pool("all", None, own_text), *(Pool(code, code, own_text) for code in languages)]


def _relevant_in(judged: JudgedSet, pool: Pool, query: JudgedText) -> Judgements:
    hidden = pool.hidden(query)
    return {
        id_: score
        for id_, score in judged.relevant.get(query.id, {}).items()
        if id_ not in hidden and pool.language in (None, judged.documents[id_].language)
    }


# ---- the run ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What every query scored in every pool."""

    outcomes: Sequence[Outcome]

    def as_json(self) -> dict[str, Any]:
        """Means by metric, query language and pool; `queries` counts those scored and left out."""
        groups: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
        for outcome in self.outcomes:
            groups[outcome.language][outcome.pool].append(outcome)
        means = {
            metric: {
                language: {
                    pool: fmean(scores)
                    for pool, outcomes in pools.items()
                    if (scores := [o.scores[metric] for o in outcomes if o.scores])
                }
                for language, pools in groups.items()
            }
            for metric in METRICS
        }
        counts = {
            language: {pool: _count(outcomes) for pool, outcomes in pools.items()}
            for language, pools in groups.items()
        }
        return {**means, "queries": counts}


def _count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    counts = Counter("left_out" if outcome.scores is None else "scored" for outcome in outcomes)
    return {"scored": counts["scored"], "left_out": counts["left_out"]}


def evaluate(
    folder: Path,
    embedder: Embedder,
    queries: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask the set's queries (a sample of `queries` of them) of the embedded index.

    Raises:
        MalformedTestSet: the set cannot be read.
        ModelMissing: the embedder cannot be loaded.
    """
    judged = sample(read_judged_set(folder), queries)
    embedder = RepeatedQueryEmbedder(embedder)  # asked once a pool
    report = progress or _say_nothing
    with _temporary_index(judged, embedder, report) as index:
        searcher = Searcher(index, embedder)
        return Evaluation(list(_outcomes(judged, searcher, report)))


def _say_nothing(_what: str, _done: int, _total: int) -> None: ...


@contextmanager
def _temporary_index(
    judged: JudgedSet, embedder: Embedder, progress: Progress
) -> Iterator[EmbeddedIndex]:
    documents = list(judged.documents.values())
    with tempfile.TemporaryDirectory(prefix="passerelle-evaluation-") as folder:
        index = EmbeddedIndex(
            Path(folder), dimensions=embedder.dimensions, fingerprint=embedder.fingerprint
        )
        with closing(index):
            _fill(index, documents, embedder, progress)
            yield index


def _fill(
    index: EmbeddedIndex, documents: Sequence[JudgedText], embedder: Embedder, progress: Progress
) -> None:
    with index.rebuild() as writer:
        for start in range(0, len(documents), BATCH):
            entries = [_entry(document) for document in documents[start : start + BATCH]]
            for entry in entries:
                writer.replace(entry.source, [entry])
            writer.add_vectors(entries, embed_with_windows(embedder, [e.text for e in entries]))
            progress("indexing", start + len(entries), len(documents))


def _entry(document: JudgedText) -> Entry:
    """The text only: in some sets (CNIL) the title is the query."""
    return Entry(
        id=document.id,
        kind=Kind.PASSAGE,
        group=document.id,
        group_kind="document",
        source=document.id,
        language=document.language,
        title="",
        heading="",
        text=document.text,
    )


def _outcomes(judged: JudgedSet, searcher: Searcher, progress: Progress) -> Iterator[Outcome]:
    pools = pools_of(judged)
    for number, query in enumerate(judged.queries.values(), 1):
        for pool in pools:
            relevant = _relevant_in(judged, pool, query)
            scores = None
            if relevant:
                ranked = _ranked(searcher, pool, query)
                scores = {name: metric(ranked, relevant) for name, metric in METRICS.items()}
            yield Outcome(query.id, query.language, pool.name, scores)
        progress("asking", number, len(judged.queries))


def _ranked(searcher: Searcher, pool: Pool, query: JudgedText) -> Sequence[str]:
    """Ids of the pool's documents, best first; several languages may share a search language."""
    hidden = tuple(sorted(pool.hidden(query)))
    languages = (search_language(pool.language),) if pool.language else ()
    scope = Scope(languages=languages, hidden_sources=hidden)
    ranking = searcher.search(SearchQuery(query.text, scope, collapse=False))
    return [hit.id for hit in ranking.hits if pool.language in (None, hit.language)]
