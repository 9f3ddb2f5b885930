"""What people type, read forgivingly. Nothing is an error but a query over `MAX_CHARACTERS`.

    words                                                       any of them, the more the better
    "words side by side", cultur*, title:word, author:"name"    each has to be there
    one OR another, une OU autre                                one of them has to
    -word, -"a phrase", -cultur*, -title:word, -author:name     must not
    topic: year: lang: type: country:, and -topic: …            facets, see `FieldAsked`

What an entry has to hold is defined in `demands`; what each language makes of the words is left to
`analysis`, what the values of facets mean to whoever knows the library.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from indexes.analysis import compounds
from indexes.analysis import words as words_of
from indexes.demands import Demands, Sought, Where
from indexes.errors import QueryTooLong
from indexes.types import Entry

MAX_CHARACTERS: Final = 2_000
MAX_TERMS: Final = 32
MAX_BEGINNINGS: Final = 8  # each is looked up in the list of all words
LEAST_BEGINNING: Final = 3  # letters
# Quotation marks and hyphens in a sentence ("What did the « Black Death » change?", "fut -elle")
# are no operators: to obey them cost nDCG@10 .008 in xquad en→es, .013 in cnil, .04 in sib en. So
# a query with a question mark has none, and no phrase is demanded by a long one, or beside much.
MAX_WORDS_WITH_PHRASE: Final = 12
MAX_WORDS_BESIDE_PHRASE: Final = 4

FIELDS: Final = {
    "title": ("title", "titre", "título", "titulo"),
    "author": ("author", "auteur", "autor"),
    "topic": ("topic", "thème", "theme", "tema"),
    "year": ("year", "année", "annee", "año", "ano"),
    "lang": ("lang", "language", "langue", "idioma"),
    "type": ("type", "tipo"),
    "country": ("country", "pays", "país", "pais"),
}
# Fields that are searched as words; the others are facets.
_SEARCHED: Final = {"title": Where.TITLE, "author": Where.AUTHOR}
_FIELD_OF: Final = {name: field for field, names in FIELDS.items() for name in names}
_YEARS = re.compile(r"(?P<first>\d{4})?(?P<range>\.{2,3}|…|[-–])?(?P<last>\d{4})?", re.ASCII)

_QUOTES = str.maketrans(dict.fromkeys("“”„«»‟＂", '"'))
_CLOSING: Final = ",;:.!?)]}'’"
# An optional minus, then a field with its value, a quotation (its end may be missing), or a word.
_PART = re.compile(
    rf"""(?P<minus>(?<!\S)-(?=["\w]))?(?:
        [(\[]*(?P<field>{"|".join(_FIELD_OF)})[:：](?:"(?P<quoted>[^"]*)(?:"|$)|(?P<value>[^\s"]+))
        |"(?P<phrase>[^"]*)(?:"|$)
        |(?P<word>[^\s"]+))""",
    re.VERBOSE | re.IGNORECASE,
)

Group = tuple[Sought, ...]  # alternatives


@dataclass(frozen=True, slots=True)
class FieldAsked:
    """A facet that was asked for. `name` is a key of `FIELDS`; `value` is as typed, years aside:
    `2010` or `2010..2013`, of which either end may be missing. `without`: not with that value.
    """

    name: str
    value: str
    without: bool = False

    @property
    def years(self) -> tuple[int, int]:
        """First and last year, both included; 0 and 9999 where an end is missing."""
        first, dots, last = self.value.partition("..")
        return int(first or 0), int(last or 9999) if dots else int(first)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart.

    `words` are all words asked for, those of phrases among them, at most `MAX_TERMS`; `joined` are
    those that have a hyphen, without it; `words_cut` says that there was more. `demands` are what
    an entry has to hold, `fields` what its facets have to be. `meaning` is the text to embed: the
    query less its operators, its fields and what is left out.
    """

    words: tuple[str, ...]
    joined: tuple[str, ...]
    demands: Demands
    fields: tuple[FieldAsked, ...]
    meaning: str
    words_cut: bool

    @property
    def beginnings(self) -> tuple[str, ...]:
        """Beginnings of words that are asked for in the text."""
        sought = (one for group in self.demands.all_of for one in group)
        return tuple(one.text for one in sought if one.begins and one.where is Where.TEXT)

    @property
    def is_listing(self) -> bool:
        """Only fields are asked for: there is nothing to rank by."""
        asked = bool(self.demands.all_of) or any(not field.without for field in self.fields)
        return asked and not self.words and not self.beginnings

    @property
    def is_empty(self) -> bool:
        """Nothing is asked for: no word, no beginning of one, no field."""
        return not self.words and not self.beginnings and not self.is_listing

    def admits(self, entry: Entry) -> bool:
        """Whether an entry holds what is demanded; see `Demands.admits`."""
        return self.demands.admits(entry)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of what was typed: `words` are looked up, `meaning` is embedded.

    `content` is what it demands `where`, or of which it demands the beginning; without `alone` it
    does so only beside an OR, or after a minus.
    """

    words: str = ""
    meaning: str = ""
    content: str = ""
    where: Where = Where.TEXT
    begins: bool = False
    alone: bool = False
    minus: bool = False
    is_phrase: bool = False
    field: FieldAsked | None = None

    @property
    def sought(self) -> tuple[Sought, ...]:
        """What it demands, in each of its spellings: a compound may be written in one word."""
        words = _words(self.content, MAX_TERMS)
        joined = [joined for _, _, joined in compounds(self.content)]
        both = self.where is Where.TEXT and len(joined) == 1 and len(words) == 2
        spellings = [" ".join(words), *(joined if both else ())]
        return tuple(Sought(one, self.where, self.begins) for one in spellings if one)


@lru_cache(maxsize=64)  # search, fields, corrections and marking ask for the same one
def parse(text: str) -> ParsedQuery:
    """Take a query apart.

    Raises:
        QueryTooLong: over `MAX_CHARACTERS` characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise QueryTooLong(f"{len(text)} characters; at most {MAX_CHARACTERS} are accepted")
    cleaned = _clean(text)
    parts = _few_beginnings(_read(cleaned))
    chains = _chains(parts, _operators(cleaned))
    wanted = [part for chain in chains for part in chain if not part.minus]
    looked_up = " ".join(part.words for part in wanted if part.words)
    words = _words(looked_up, MAX_TERMS + 1)
    all_of, all_cut = _first(_groups(chains, obeyed=_phrases_are_obeyed(wanted, cleaned)))
    none_of = [one for part in parts if part.minus for one in part.sought]
    return ParsedQuery(
        words=words[:MAX_TERMS],
        joined=tuple(islice((joined for _, _, joined in compounds(looked_up)), MAX_TERMS)),
        demands=Demands(all_of, tuple(none_of[:MAX_TERMS])),
        fields=tuple(part.field for part in parts if part.field)[:MAX_TERMS],
        meaning=_meaning(wanted) if words or all_of else "",
        words_cut=len(words) > MAX_TERMS or all_cut or len(none_of) > MAX_TERMS,
    )


def _meaning(wanted: Sequence[_Part]) -> str:
    return " ".join(part.meaning for part in wanted if part.meaning)


def _read(cleaned: str) -> Iterator[_Part]:
    """The parts in their order. A field that says nothing, or no year, is read as words."""
    is_question = "?" in cleaned
    for match in _PART.finditer(cleaned):
        minus = bool(match["minus"])
        if match["field"]:
            value = (match["quoted"] or match["value"] or "").strip()
            if part := _in_field(match["field"], value, minus):
                yield part
                continue
        minus = minus and not is_question
        if match["phrase"] is not None:
            yield _phrase(match["phrase"].strip(), minus)
        else:
            yield _word(match["word"] or match.group().removeprefix("-"), minus)


def _in_field(typed: str, value: str, minus: bool) -> _Part | None:
    name = _FIELD_OF.get(typed.casefold(), "")
    if name in _SEARCHED:
        start = _beginning(value)
        part = _Part(
            content=start or value,
            where=_SEARCHED[name],
            begins=bool(start),
            alone=True,
            minus=minus,
        )
        return part if part.sought else None
    value = _years(value.strip(",;!?)]")) if name == "year" else value.strip(_CLOSING)
    return _Part(field=FieldAsked(name, value, minus)) if name and value else None


def _years(value: str) -> str:
    """`2010`, or `2010..2013` with either end; empty when it is neither. The earlier goes first."""
    match = _YEARS.fullmatch(value)
    if not match or not (match["first"] or match["last"]):
        return ""
    if not match["range"]:
        return match["first"] if not match["last"] else ""
    first, last = match["first"] or "", match["last"] or ""
    return "..".join(sorted((first, last)) if first and last else (first, last))


def _phrase(content: str, minus: bool) -> _Part:
    return _Part(content, content, content, alone=True, minus=minus, is_phrase=True)


def _word(content: str, minus: bool) -> _Part:
    if start := _beginning(content):
        return _Part("", start, start, begins=True, alone=True, minus=minus)
    return _Part(content, content, content, minus=minus)


def _beginning(content: str) -> str:
    """The only word of the content if it ends with a star, and has letters enough; else nothing."""
    if content.count("*") != 1:
        return ""
    (word, *others) = _words(content, 2) or ("",)
    starred = not others and content.rstrip(_CLOSING).endswith(f"{word}*")
    return word if starred and len(word) >= LEAST_BEGINNING else ""


def _few_beginnings(parts: Iterator[_Part]) -> list[_Part]:
    """The parts, where those of too many beginnings are words like others."""
    kept: list[_Part] = []
    for part in parts:
        count = sum(one.begins for one in kept)
        few = not part.begins or count < MAX_BEGINNINGS
        kept.append(part if few else _Part(part.meaning, part.meaning, minus=part.minus))
    return kept


def _operators(cleaned: str) -> frozenset[str]:
    """What stands between alternatives; in a question nothing does.

    OU among small letters can only be meant so; in a query all of capitals it is a word of it.
    Spanish O is none: one capital letter is a blood group, a vitamin, a name; OR serves there too.
    """
    if "?" in cleaned:
        return frozenset()
    return frozenset({"OR", "OU"} if any(map(str.islower, cleaned)) else {"OR"})


def _chains(parts: Sequence[_Part], operators: frozenset[str]) -> list[list[_Part]]:
    """The parts, alternatives together. An OR without two of them beside it is a word."""

    def is_operator(part: _Part) -> bool:
        return part.words in operators and not part.minus and not part.is_phrase

    def can_be_one(index: int) -> bool:
        part = parts[index] if 0 <= index < len(parts) else _Part()
        return bool(part.sought) and not part.minus and not is_operator(part)

    chains: list[list[_Part]] = []
    follows = False
    for index, part in enumerate(parts):
        if is_operator(part) and can_be_one(index - 1) and can_be_one(index + 1):
            follows = True
        elif follows:
            chains[-1].append(part)
            follows = False
        else:
            chains.append([part])
    return chains


def _phrases_are_obeyed(wanted: Sequence[_Part], cleaned: str) -> bool:
    """Whether a passage has to hold the phrases; not in a sentence."""
    if not any(part.is_phrase for part in wanted):
        return True
    lengths = [(part, len(_words(part.words, MAX_CHARACTERS))) for part in wanted]
    total = sum(length for _, length in lengths)
    beside = sum(length for part, length in lengths if not part.is_phrase)
    short = total <= MAX_WORDS_WITH_PHRASE and beside <= MAX_WORDS_BESIDE_PHRASE
    return short and "?" not in cleaned


def _groups(chains: Sequence[Sequence[_Part]], *, obeyed: bool) -> Iterator[Group]:
    for chain in chains:
        first = chain[0]
        alone = first.alone and not first.minus and (obeyed or not first.is_phrase)
        group = (
            tuple(one for part in chain for one in part.sought) if len(chain) > 1 or alone else ()
        )
        if group:
            yield group


def _first(groups: Iterator[Group]) -> tuple[tuple[Group, ...], bool]:
    """As many of the groups as have `MAX_TERMS` alternatives together, and whether any is cut."""
    kept: list[Group] = []
    left = MAX_TERMS
    for group in groups:
        if len(group) > left:
            return (*kept, *((group[:left],) if left else ())), True
        kept.append(group)
        left -= len(group)
    return tuple(kept), False


def _words(text: str, limit: int) -> tuple[str, ...]:
    return tuple(word for _, _, word in islice(words_of(text), limit))


def _clean(text: str) -> str:
    """Control characters and lone surrogates become spaces, quotation marks of all sorts `"`."""
    plain = unicodedata.normalize("NFC", text)
    blanked = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in plain)
    return blanked.translate(_QUOTES)
