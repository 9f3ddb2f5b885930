"""What is typed, taken apart."""

import re
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.demands import Sought, Where
from indexes.errors import QueryTooLong
from indexes.query_parser import (
    MAX_BEGINNINGS,
    MAX_CHARACTERS,
    MAX_TERMS,
    FieldAsked,
    ParsedQuery,
    parse,
)


def shown(one: Sought) -> str:
    where = "" if one.where is Where.TEXT else f"{one.where}:"
    return f"{where}{one.text}{'*' if one.begins else ''}"


def demanded(parsed: ParsedQuery) -> tuple[str, ...]:
    """A string a group, its alternatives with `|` between them."""
    return tuple("|".join(map(shown, group)) for group in parsed.demands.all_of)


def left_out(parsed: ParsedQuery) -> tuple[str, ...]:
    return tuple(map(shown, parsed.demands.none_of))


@pytest.mark.parametrize(
    ("text", "words", "phrases", "without"),
    [
        ("climate change", "climate change", (), ()),
        ('"climate change" Peru -coal', "climate change Peru", ("climate change",), ("coal",)),
        ('coal -"open pit"', "coal", (), ("open pit",)),
        ("«droit de la mer»", "droit de la mer", ("droit de la mer",), ()),
        ("“l’eau”", "eau", ("eau",), ()),
        ('"not closed', "not closed", ("not closed",), ()),
        ('"" " " "!"', "", (), ()),
        ("a-b c- - -- --d", "a b c d", (), ()),
        ("-only", "", (), ("only",)),
        ("x -l'eau", "x", (), ("eau",)),
        ("a\0b\ud800c\nd", "a b c d", (), ()),
        # In a question quotation marks and hyphens are no operators.
        ('Who said "I am"?', "Who said I am", (), ()),
        ("fut -elle irréversible ?", "fut elle irréversible", (), ()),
        ('one two three four five "six"', "one two three four five six", (), ()),
        ('"1 2 3 4 5 6 7 8 9 10 11 12 13"', "1 2 3 4 5 6 7 8 9 10 11 12 13", (), ()),
        ('"a b c d e f g h i j k l"', "a b c d e f g h i j k l", ("a b c d e f g h i j k l",), ()),
    ],
)  # fmt: skip
def test_words_phrases_and_without(
    text: str, words: str, phrases: tuple[str, ...], without: tuple[str, ...]
) -> None:
    parsed = parse(text)
    assert (" ".join(parsed.words), demanded(parsed), left_out(parsed)) == (words, phrases, without)
    assert parsed.is_empty == (not words)


@pytest.mark.parametrize(
    ("text", "words", "groups"),
    [
        ("tea OR coffee", "tea coffee", ("tea|coffee",)),
        ("price tea OR coffee OR cocoa now", "price tea coffee cocoa now", ("tea|coffee|cocoa",)),
        ('"green tea" OR coffee', "green tea coffee", ("green tea|coffee",)),
        ("thé OU café", "thé café", ("thé|café",)),
        ("DROITS OU DEVOIRS", "DROITS OU DEVOIRS", ()),  # all in capitals: a word like others
        ("UNESCO OR WHO", "UNESCO WHO", ("UNESCO|WHO",)),
        ("grupo O positivo", "grupo O positivo", ()),
        ("OR tea", "OR tea", ()),
        ("tea OR", "tea OR", ()),
        ("tea OR OR coffee", "tea OR OR coffee", ()),
        ("tea or coffee", "tea or coffee", ()),
        ("tea OR coffee?", "tea OR coffee", ()),
        ('tea "OR" coffee', "tea OR coffee", ("OR",)),
        ("tea OR -coffee", "tea OR", ()),
        ("😀 AND (x OR y*)", "AND x y", ("x|y",)),
        ("title:tea OR coffee", "coffee", ("title:tea|coffee",)),
        ("co-operation OR aid", "co operation aid", ("co operation|cooperation|aid",)),
    ],
)
def test_either(text: str, words: str, groups: tuple[str, ...]) -> None:
    parsed = parse(text)
    assert (" ".join(parsed.words), demanded(parsed)) == (words, groups)


@pytest.mark.parametrize(
    ("text", "words", "groups", "meaning"),
    [
        ("cultur*", "", ("cultur*",), "cultur"),
        ("l’évalu* (cultur*)", "", ("évalu*", "cultur*"), "évalu cultur"),
        ("polici* art", "art", ("polici*",), "polici art"),
        ("cu* * ** *a *culture* cultur*al", "cu a culture cultur al", (), None),
        ("peer-to-pee*", "peer to pee", (), None),
        ("cultur* OR arts", "arts", ("cultur*|arts",), "cultur arts"),
        ("what is cultur*?", "what is", ("cultur*",), "what is cultur"),
    ],
)
def test_beginnings_of_words(
    text: str, words: str, groups: tuple[str, ...], meaning: str | None
) -> None:
    parsed = parse(text)
    assert (" ".join(parsed.words), demanded(parsed)) == (words, groups)
    assert parsed.meaning == (text if meaning is None else meaning)
    assert not parsed.is_empty
    assert not parsed.is_listing


def test_only_so_many_beginnings_are_looked_up() -> None:
    parsed = parse(" ".join(f"abc{n}*" for n in range(MAX_BEGINNINGS + 2)))
    assert len(parsed.beginnings) == MAX_BEGINNINGS
    assert parsed.words == ("abc8", "abc9")


@pytest.mark.parametrize(
    ("text", "groups", "fields"),
    [
        ("title:budget", ("title:budget",), ()),
        ('TITRE:"droit de la mer"', ("title:droit de la mer",), ()),
        ("título:agua ti\u0301tulo:mar", ("title:agua", "title:mar"), ()),
        ("author:« García Márquez »", ("author:García Márquez",), ()),
        ("auteur:unes* autor：O'Neill", ("author:unes*", "author:O Neill"), ()),
        ("type:report", (), ("type:report",)),
        ("tipo:informe, (idioma:es)", (), ("type:informe", "lang:es")),
        ('pays:"Côte d’Ivoire" país:Perú', (), ("country:Côte d’Ivoire", "country:Perú")),
        ("thème:statistics theme:x tema:y", (), ("topic:statistics", "topic:x", "topic:y")),
        ("year:2010", (), ("year:2010",)),
        ("année:2010.. annee:..2013", (), ("year:2010..", "year:..2013")),
        ("año:2013..2010 an\u0303o:2001-2002", (), ("year:2010..2013", "year:2001..2002")),
        ("year:2010…2013,", (), ("year:2010..2013",)),
        ("what does author:unesco type:report say?", ("author:unesco",), ("type:report",)),
    ],
)
def test_fields(text: str, groups: tuple[str, ...], fields: tuple[str, ...]) -> None:
    parsed = parse(text)
    assert demanded(parsed) == groups
    assert tuple(f"{field.name}:{field.value}" for field in parsed.fields) == fields
    assert not parsed.is_empty
    assert parsed.is_listing == (not parsed.words)
    assert parsed.is_listing == (not parsed.meaning)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("year:abc", "year abc"),
        ("year:20101", "year 20101"),
        ("year:.. year:2010..x", "year year 2010 x"),
        ("https://unesco.org/x?y=1", "https unesco org x y 1"),
        ("note:this subtitle:that", "note this subtitle that"),
        ("title: budget", "title budget"),
        ('title:"" author:*** type:', "title author type"),
        ("Auteur : Dupont", "Auteur Dupont"),
    ],
)
def test_what_is_no_field_is_words(text: str, words: str) -> None:
    parsed = parse(text)
    assert (" ".join(parsed.words), parsed.fields, demanded(parsed)) == (words, (), ())


def test_what_must_not_be_there() -> None:
    parsed = parse('tea -cultur* -title:x -author:"A B" -type:report -year:2010.. -co-operation')
    assert left_out(parsed) == ("cultur*", "title:x", "author:A B", "co operation", "cooperation")
    assert parsed.fields == (
        FieldAsked("type", "report", without=True),
        FieldAsked("year", "2010..", without=True),
    )
    assert (parsed.words, demanded(parsed)) == (("tea",), ())


def test_leaving_out_alone_asks_for_nothing() -> None:
    assert parse("-type:report").is_empty
    assert parse("-title:x -coal").is_empty
    assert not parse("-type:report lang:fr").is_empty


@pytest.mark.parametrize(
    ("text", "years"),
    [("2010", (2010, 2010)), ("2010..2013", (2010, 2013)), ("2010..", (2010, 9999)),
     ("..2013", (0, 2013))],
)  # fmt: skip
def test_years(text: str, years: tuple[int, int]) -> None:
    (field,) = parse(f"year:{text}").fields
    assert field.years == years


def test_meaning_is_the_text_without_operators() -> None:
    assert parse('What\'s  "the  plan", -coal 😀').meaning == "What's the  plan , 😀"
    assert parse("tea OR coffee type:report title:x author:y").meaning == "tea coffee"
    assert parse("-coal").meaning == ""


def test_compounds_are_looked_up_in_one_word_too() -> None:
    assert parse("la co-operation e‑learning").joined == ("cooperation", "elearning")
    assert parse("fut -elle, puis-je, 2010-2013 ?").joined == ()


def test_the_first_32_words_count() -> None:
    exactly = parse(" ".join(f"w{n}" for n in range(MAX_TERMS)))
    more = parse(" ".join(f"w{n}" for n in range(MAX_TERMS + 1)))
    assert (exactly.words, exactly.words_cut) == (more.words, False)
    assert more.words_cut
    assert more.meaning.endswith("w32")


def test_as_many_demands_count() -> None:
    chain = parse(" OR ".join(f"w{n}" for n in range(100)))
    assert [len(group) for group in chain.demands.all_of] == [MAX_TERMS]
    titles = parse(" ".join(f"title:w{n}" for n in range(100)))
    without = parse("x " + " ".join(f"-w{n}" for n in range(100)))
    assert len(titles.demands.all_of) == len(without.demands.none_of) == MAX_TERMS
    assert chain.words_cut
    assert titles.words_cut
    assert without.words_cut


def test_too_long() -> None:
    assert parse("é" * MAX_CHARACTERS).words
    with pytest.raises(QueryTooLong):
        parse("é" * (MAX_CHARACTERS + 1))


@given(st.text(alphabet=st.characters() | st.sampled_from("\"-«» '’?a*:OR(."), max_size=200))
def test_nothing_typed_is_an_error(text: str) -> None:
    parsed = parse(text)
    assert len(parsed.words) <= MAX_TERMS
    assert parsed.is_empty or parsed.words or parsed.demands or parsed.fields


BOMBS = (
    "(a+)+$" + "a" * 1_994,
    "a" * 1_999 + "*",
    "a-" * 1_000,
    "(" * 2_000,
    '"' * 2_000,
    "'" * 2_000,
    "l'" * 1_000,
    "a OR " * 400,
    "title:" * 333,
    'title:"' * 285,
    "year:2010.." * 181,
    "aaa* " * 400,
    "-a " * 666,
    "e\u0301\u0301-" * 500,
    "سياسات " * 285,
    "😀" * 2_000,
    "\ud800" * 2_000,
    "\x00" * 2_000,
)


@pytest.mark.parametrize("text", BOMBS)
def test_no_text_takes_long(text: str) -> None:
    """Not more than twenty times as long as words of as many characters; three tries, the best."""

    def seconds(query: str) -> float:
        times = []
        for _ in range(3):
            parse.cache_clear()
            began = perf_counter()
            parse(query)
            times.append(perf_counter() - began)
        return min(times)

    assert seconds(text) < 20 * seconds(("plain words of some length " * 80)[:MAX_CHARACTERS])
    assert re.fullmatch(r"[^\x00\ud800]*", parse(text).meaning)
