"""Words and their terms: with and without accents, elisions, ligatures, offsets."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes import analysis
from indexes.analysis import analyse, compounds, positions, search_language, terms_of_word, words

FRENCH = """
évaluation évaluée évaluées évalué développement créées créé université universités élève élèves
français française santé forêt forêts août cœur œuvres qualité égalité été possède possèdent
intégrée générique définition première premières énergie théorie aîné théâtre pédagogique
bibliothèque où déjà après réseau réseaux naïve ambiguë Noël île hôpitaux règlement données
protégées clé matériel étudiée procédé mémoire écoles réussite égalitaire numérique répétée reçu
leçon façade Éducation
"""
SPANISH = """
evaluación evaluaciones educación formación niño niños niña año público públicas políticas
canción informática información comunicación jóvenes español española cuántos acción acciones
inglés árbol árboles país países también matrícula pingüino lingüística corazón atención guía
energía biología caminó práctica prácticas género géneros título líder crédito Perú compañía
señal mañana Índice
"""


def without_accents(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.replace("œ", "oe"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@pytest.mark.parametrize(("code", "text"), [("fr", FRENCH), ("es", SPANISH)])
def test_accents_and_case_make_no_difference(code: str, text: str) -> None:
    for word in text.split():
        terms = analyse(word, code)
        for other in (without_accents(word), word.upper(), unicodedata.normalize("NFD", word)):
            assert (other, analyse(other, code)) == (other, terms)


@pytest.mark.parametrize(
    "elided", ["l’", "L'", "d´", "qu'", "n’", "s‘", "j`", "c＇", "jusqu’", "lorsqu'", "m'", "t’"]
)
@pytest.mark.parametrize("code", analysis.TABLE)
def test_elisions_leave_the_word(code: str, elided: str) -> None:
    assert analyse(f"{elided}eau", code) == analyse("eau", code)
    assert len(analyse("eau", code)) == 1


@pytest.mark.parametrize(
    ("text", "code", "terms"),
    [
        ("aujourd’hui", "fr", ["aujourd", "hui"]),
        ("vitamine C", "fr", ["vitamin", "c"]),
        ("the library's don't we're", "en", ["librari"]),
        ("users' guides", "en", ["user", "guid"]),
        ("peut-être", "fr", ["peut"]),
        ("porte-parole", "fr", ["port", "parol"]),
        ("Estado de derecho", "es", ["estad", "derech"]),
        ("l’été", "fr", ["ete"]),
        ("ﬁn éva\u00adluer", "fr", ["fin", "evalu"]),
        ("x" * 90 + " kept", "en", ["kept"]),
        ("\ud800 école 😀", "fr", ["ecol"]),
        ("Привет МИР", "other", ["привет", "мир"]),
        ("", "en", []),
    ],
)
def test_terms(text: str, code: str, terms: list[str]) -> None:
    assert analyse(text, code) == terms


def test_stop_words_are_spelled_as_they_are_compared() -> None:
    for row in analysis.ROWS:
        assert list(row.stop_words) == [without_accents(word).lower() for word in row.stop_words]
        assert len(set(row.stop_words)) == len(row.stop_words)
        assert analyse(" ".join(row.stop_words), row.code) == []


@pytest.mark.parametrize(
    ("tag", "code"),
    [("fr", "fr"), ("fr-CA", "fr"), ("ES_419", "es"), ("en-GB-oxendict", "en"), ("pt", "other"),
     ("mul", "other"), ("und", "other"), ("", "other"), ("fro", "other")],
)  # fmt: skip
def test_search_language(tag: str, code: str) -> None:
    assert search_language(tag) == code


def test_words_have_their_places_in_the_text() -> None:
    text = "L’e\u0301valuation, jusqu’à 3½ éva\u00adluations_x"
    found = list(words(text))
    assert [text[start:end] for start, end, _ in found] == [word for _, _, word in found]
    assert [word for _, _, word in found] == [
        "e\u0301valuation", "à", "3½", "éva\u00adluations", "x",
    ]  # fmt: skip


@pytest.mark.parametrize("code", analysis.TABLE)
def test_word_by_word_gives_the_terms_of_the_text(code: str) -> None:
    text = f"L’œuvre d'art ; {FRENCH} {SPANISH} the library's 3.14 don’t ﬁn e\u0301te\u0301"
    one_by_one = [term for _, _, word in words(text) for term in terms_of_word(word, code)]
    assert one_by_one == analyse(text, code)


@given(st.text(alphabet=st.sampled_from("aelnqust'’´ _-é\u0301\n"), max_size=60))
def test_elisions_are_those_of_the_pattern(text: str) -> None:
    """Looking at apostrophes only finds what the pattern finds in the whole text."""
    by_pattern = analysis._ELISION.sub(lambda match: " " * len(match.group()), text)
    assert analysis.blank_elisions(text) == by_pattern


def test_compounds_are_joined() -> None:
    text = "L’e-learning, co‑ope\u0301ration; peer-to-peer -x y- 10-12 a--b puis-je état-major"
    found = list(compounds(text))
    assert [joined for _, _, joined in found] == [
        "elearning", "coope\u0301ration", "peertopeer", "étatmajor",
    ]  # fmt: skip
    assert [text[start:end] for start, end, _ in found] == [
        "e-learning", "co‑ope\u0301ration", "peer-to-peer", "état-major",
    ]  # fmt: skip


@given(st.text(alphabet=st.sampled_from("ab-‑ 1é\u0301\u00ad_"), max_size=40))
def test_compounds_are_whole_words(text: str) -> None:
    parts = {(start, end) for start, end, _ in words(text)}
    for start, end, joined in compounds(text):
        assert joined == text[start:end].replace("-", "").replace("‑", "")
        assert any(first == start for first, _ in parts)
        assert any(last == end for _, last in parts)


def test_phrases_keep_the_places_of_stop_words() -> None:
    assert positions("le droit de la mer", "fr") == [(1, "droit"), (4, "mer")]


def test_fingerprint_follows_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    before = analysis.fingerprint()
    assert before == analysis.fingerprint()
    german = analysis.SearchLanguage("de", "german", 1, ("der", "die", "das"))
    monkeypatch.setattr(analysis, "ROWS", (*analysis.ROWS, german))
    assert analysis.fingerprint() != before
