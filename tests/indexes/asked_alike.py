"""Two hundred queries in three languages, always the same: the project's own judged questions, some
of xquad where it is there, and queries made of what the entries themselves hold.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from indexes.analysis import search_language, terms_of_word, words
from indexes.evaluation.sets import read_texts
from indexes.types import Entry

DEMO_QUESTIONS: Final = Path(__file__).parents[1] / "app" / "demo_questions" / "queries.jsonl"
LANGUAGES: Final = ("en", "fr", "es")
MANY: Final = 200


class Asked(NamedTuple):
    """A query, its language, and what kind of query it is."""

    kind: str
    language: str
    text: str


def queries(entries: Sequence[Entry], judged: Sequence[Asked] = ()) -> list[Asked]:
    """The first of each kind and language in turn, until there are enough."""
    found = defaultdict(list)
    for own in (*_questions(), *judged, *_made(entries)):
        found[own.kind, own.language].append(own)
    most = max(map(len, found.values()))
    in_turn = [own[n] for n in range(most) for own in found.values() if n < len(own)]
    return list(dict.fromkeys(in_turn))[:MANY]


def _questions() -> Iterator[Asked]:
    for query in read_texts(DEMO_QUESTIONS).values():
        yield Asked("question", query.language, query.text)


def _made(entries: Sequence[Entry]) -> Iterator[Asked]:
    for code in LANGUAGES:
        own = sorted((e for e in entries if search_language(e.language) == code), key=_content)
        chance = Random(f"alike {code}")
        for kind, make in MAKERS.items():
            for entry in chance.sample(own, 40):
                if text := make(entry, chance):
                    yield Asked(kind, code, text)


def _content(entry: Entry) -> tuple[str, str, str]:
    """Ids are new in each library."""
    return entry.title, entry.heading, entry.text


def _some(entry: Entry, chance: Random, count: int) -> list[str]:
    """Words of an entry's text that say something, one after the other in their order."""
    code = search_language(entry.language)
    found = [word for _, _, word in words(entry.text) if len(word) > 3]
    found = [word for word in found if terms_of_word(word, code)]
    if len(found) < count:
        return []
    return [found[place] for place in sorted(chance.sample(range(len(found)), count))]


def _title(entry: Entry, chance: Random) -> str:
    return entry.title


def _heading(entry: Entry, chance: Random) -> str:
    return entry.heading


def _words(entry: Entry, chance: Random) -> str:
    return " ".join(_some(entry, chance, 3))


def _phrase(entry: Entry, chance: Random) -> str:
    found = [word for _, _, word in words(entry.text)]
    start = chance.randrange(max(1, len(found) - 3))
    return f'"{" ".join(found[start : start + 3])}"' if len(found) > 3 else ""


def _without(entry: Entry, chance: Random) -> str:
    found = _some(entry, chance, 3)
    return f"{found[0]} {found[1]} -{found[2]}" if found else ""


def _either(entry: Entry, chance: Random) -> str:
    return " OR ".join(_some(entry, chance, 2))


def _in_title(entry: Entry, chance: Random) -> str:
    found = [word for _, _, word in words(entry.title) if len(word) > 4]
    (other,) = _some(entry, chance, 1) or ("",)
    return f"{other} title:{chance.choice(found)}" if found else ""


def _author(entry: Entry, chance: Random) -> str:
    return f'author:"{entry.authors[0]}"' if entry.authors else ""


def _beginning(entry: Entry, chance: Random) -> str:
    found = [word for word in _some(entry, chance, 2) if len(word) > 5 and word.isalpha()]
    return " ".join(f"{word[:5]}*" for word in found)


MAKERS: Final[dict[str, Callable[[Entry, Random], str]]] = {
    "title": _title,
    "heading": _heading,
    "words": _words,
    "phrase": _phrase,
    "without": _without,
    "either": _either,
    "in title": _in_title,
    "author": _author,
    "beginning": _beginning,
}
