"""Judged sets in BEIR's layout, read and checked.

A set is a folder with `corpus.jsonl` (`_id`, `title`, `text`, `lang`), `queries.jsonl` (`_id`,
`text`, `lang`) and `qrels.tsv` (a header; query id, document id, score).
"""

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from indexes.errors import MalformedTestSet
from indexes.evaluation.metrics import Judgements

CORPUS: Final = "corpus.jsonl"
QUERIES: Final = "queries.jsonl"
QRELS: Final = "qrels.tsv"
_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class JudgedText:
    """A document or a query of a set."""

    id: str
    text: str
    language: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Documents and queries by id; `relevant` maps a query to documents' scores above 0.

    `digest` is of the three files: figures of two runs compare only where it is the same.
    """

    documents: Mapping[str, JudgedText]
    queries: Mapping[str, JudgedText]
    relevant: Mapping[str, Judgements]
    name: str = ""
    digest: str = ""


def read_judged_set(folder: Path) -> JudgedSet:
    """Read and check a set; it is called by the name of its folder.

    Raises:
        MalformedTestSet: names the file, the line and what is wrong with it.
    """
    documents = read_texts(folder / CORPUS)
    queries = read_texts(folder / QUERIES)
    relevant = read_judgements(folder / QRELS, queries, documents)
    return JudgedSet(documents, queries, relevant, folder.resolve().name, _digest(folder))


def sample(judged: JudgedSet, count: int | None) -> JudgedSet:
    """The set with at most `count` of its queries: always the same, spread evenly over it."""
    total = len(judged.queries)
    if count is None or count >= total:
        return judged
    queries = list(judged.queries.values())
    chosen = [queries[number * total // count] for number in range(count)]
    return replace(judged, queries={query.id: query for query in chosen})


def read_texts(path: Path) -> Mapping[str, JudgedText]:
    """Documents or queries by id, in the order of the file.

    Raises:
        MalformedTestSet: as `read_judged_set`.
    """
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


def read_judgements(
    path: Path, queries: Container[str], documents: Container[str]
) -> Mapping[str, Judgements]:
    """Documents' scores above 0 by query, each of which has to be known.

    Raises:
        MalformedTestSet: as `read_judged_set`.
    """
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


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (CORPUS, QUERIES, QRELS):
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()[:_DIGEST_CHARACTERS]
