"""The parts of a set that its queries are asked in: what is hidden and what remains relevant."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from indexes.evaluation.metrics import Judgements
from indexes.evaluation.sets import JudgedSet, JudgedText

ALL: Final = "all"
X_ONLY: Final = "x-only"  # the answer stands only in another language than the question's
OWN_ONLY: Final = "own-only"  # the answer stands only in the question's own language

Hiding = Callable[[JudgedText], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Pool:
    """A part of the documents to ask in, which may depend on the query.

    `language` is the documents', none meaning all; `hidden` tells which ids are taken out.
    """

    name: str
    language: str | None
    hidden: Hiding


def pools_of(judged: JudgedSet) -> Sequence[Pool]:
    """All documents, those of each language, x-only and own-only.

    A document whose text is the query itself is taken out of each of them.
    """
    same_text: dict[str, set[str]] = defaultdict(set)
    for document in judged.documents.values():
        same_text[document.text.strip()].add(document.id)

    def own_text(query: JudgedText) -> frozenset[str]:
        return frozenset(same_text.get(query.text.strip(), ()))

    languages = sorted({document.language for document in judged.documents.values()})
    return [
        Pool(ALL, None, own_text),
        # Of a single language these are all documents: not to be searched again.
        *(Pool(code, code if len(languages) > 1 else None, own_text) for code in languages),
        Pool(X_ONLY, None, _hiding(judged, own_text, own_language=True)),
        Pool(OWN_ONLY, None, _hiding(judged, own_text, own_language=False)),
    ]


def relevant_in(judged: JudgedSet, pool: Pool, query: JudgedText) -> Judgements:
    """What remains relevant to the query in the pool; nothing where it has to be left out."""
    hidden = pool.hidden(query)
    return {
        id_: score
        for id_, score in judged.relevant.get(query.id, {}).items()
        if id_ not in hidden and pool.language in (None, judged.documents[id_].language)
    }


def _hiding(judged: JudgedSet, always: Hiding, *, own_language: bool) -> Hiding:
    """Hides what is relevant in the query's own language, or what is so in the others."""

    def hidden(query: JudgedText) -> frozenset[str]:
        own = _primary(query.language)
        return always(query) | {
            id_
            for id_ in judged.relevant.get(query.id, {})
            if (_primary(judged.documents[id_].language) == own) is own_language
        }

    return hidden


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]
