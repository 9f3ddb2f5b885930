"""One question to one commit of the index: rows by words and by meaning, read where they stand.

Candidates stay numbers until the ranking has chosen: of some 500 about 150 become hits.
"""

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from indexes.attributes import About
from indexes.base import Candidates, Lists, Question, Scored
from indexes.embedded.reader import Opened
from indexes.embedded.words import FoundWords, LanguageWords
from indexes.keys import Hashes
from indexes.types import Scope

_Search = Callable[[LanguageWords], FoundWords]


class Retrieval:
    """The way from a question to its candidates. `compares`: the vectors are the embedder's."""

    def __init__(self, opened: Opened, question: Question, *, compares: bool) -> None:
        self._opened = opened
        self._question = question
        self._compares = compares
        self._found: list[FoundWords] = []

    def candidates(self) -> Candidates:
        """Both signals, words while the question is embedded."""
        parsed, view = self._question.parsed, self._opened.vectors
        began = perf_counter()
        words = self._by_words(lambda own: own.search(parsed, self._question.scope, self._limit))
        shared = self._by_words(lambda own: own.search_shared(parsed, self._scope, self._limit))
        known = view.table(_keys(words, shared)) if self._compares else None
        between = perf_counter()
        vector = self._question.vector() if known is not None and not parsed.is_listing else None
        embedded = perf_counter()
        meaning: Lists = {}
        vectors = None
        if vector is not None and known is not None:
            query = np.ascontiguousarray(vector, np.float32)
            meaning, vectors = view.search(query, self._scope, self._limit, known)
            meaning = self._admitted(meaning, words)
        return Candidates(
            about=self._about,
            words=words,
            shared=shared,
            meaning=meaning,
            vectors=vectors,
            familiar=bool(words) or self._is_familiar(),
            seconds={"words": between - began, "meaning": perf_counter() - embedded},
        )

    @property
    def _scope(self) -> Scope:
        return self._question.scope

    @property
    def _limit(self) -> int:
        return self._question.limit

    def _by_words(self, search: _Search) -> Lists:
        lists: dict[str, Scored] = {}
        for code, language in self._opened.words.items():
            if not self._scope.languages or code in self._scope.languages:
                found = search(language)
                if found.places:
                    self._found.append(found)
                    lists[code] = found.scored
        return lists

    def _is_familiar(self) -> bool:
        everything = Scope(visible_to=self._scope.visible_to)
        parsed = self._question.parsed
        return any(own.search(parsed, everything, 1).places for own in self._opened.words.values())

    def _admitted(self, meaning: Lists, words: Lists) -> Lists:
        """Those that hold what is demanded and nothing that was asked to be left out."""
        parsed = self._question.parsed
        if not parsed.demands:
            return meaning
        checked = _keys(words)  # by the index
        kept = {code: _only(own, self._admits(own.keys, checked)) for code, own in meaning.items()}
        return {code: own for code, own in kept.items() if len(own.keys)}

    def _admits(self, keys: Hashes, checked: Hashes) -> Sequence[bool]:
        ids = [entry_id for entry_id, _, _ in self._about(keys)]
        admits = self._question.parsed.admits
        held = {
            found.id for own in self._opened.words.values() for found in own.find(ids)
            if admits(found.entry())
        }  # fmt: skip
        known = np.isin(keys, checked).tolist()
        return [known or one in held for one, known in zip(ids, known, strict=True)]

    def _about(self, keys: Hashes) -> Sequence[About]:
        """Out of memory where there are vectors, else from the documents that words found."""
        known = self._opened.vectors.about(keys)
        found = [about for about in known if about is not None]
        if len(found) == len(known):
            return found
        documents = {key: read for own in self._found for key, read in own.documents()}
        pairs = zip(known, keys.tolist(), strict=True)
        return [about or documents[key]() for about, key in pairs]


def _keys(*signals: Lists) -> Hashes:
    """The keys of all candidates, each once, in ascending order."""
    every = [own.keys for lists in signals for own in lists.values()]
    return np.unique(np.concatenate(every)) if every else np.empty(0, np.uint64)


def _only(scored: Scored, kept: Sequence[bool]) -> Scored:
    mask = np.array(kept, np.bool_)
    return Scored(scored.keys[mask], scored.scores[mask])
