"""What any `SearchIndex` must do with words: part of the suite in `conformance`."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexes.base import SearchIndex
from indexes.query_parser import parse
from indexes.types import Kind
from tests.indexes.material import (
    EVERYONE,
    by_words,
    entry,
    meaning,
    put,
    shared_words,
    some_vectors,
    unit,
    words,
)

MOST_TEXTS = 4
# Few words, so that demands are met often enough: inflected, accented, with hyphens, stop words.
_WORDS = ("mer", "Mers", "l’eau", "the", "de", "co-op", "coop", "été", "ETE", "op", "œuvre", "x")
_TEXTS = st.tuples(
    st.lists(st.sampled_from(_WORDS), max_size=6).map(" ".join),
    st.lists(st.sampled_from(_WORDS), max_size=3).map(" ".join),
    st.lists(st.sampled_from(_WORDS), max_size=2).map(" ".join),
)
_SIGNS = ("", "", "-", "title:", "-title:", "author:", "-author:")
_ASKED = st.one_of(
    st.sampled_from(_WORDS),
    st.sampled_from(("mer*", "oeu*", "ete*", "coo*")),
    st.lists(st.sampled_from(_WORDS), min_size=2, max_size=3).map(lambda own: f'"{" ".join(own)}"'),
)
_QUERIES = st.lists(
    st.one_of(st.tuples(st.sampled_from(_SIGNS), _ASKED).map("".join), st.just("OR")), max_size=4
).map(" ".join)
_LANGUAGES = ("fr", "en", "es", "pt")

# Language, a text, and what has to find it: apostrophes, accents, case, ligatures, endings.
SPELLINGS = [
    (
        "fr",
        "Pour l’évaluation",
        "évaluation EVALUATION l'evaluation d’ÉVALUATIONS e\u0301valuation",
    ),
    ("fr", "POUR L'EVALUATION", "l’évaluation évaluation d'evaluations"),
    ("fr", "l’été", "été ETE l'ete"),
    ("fr", "une œuvre qu’il a créée", "oeuvre ŒUVRES l’œuvre creee créées crée"),
    ("fr", "à l’université", "université universites L'UNIVERSITE"),
    ("fr", "La ﬁnance, l’éva\u00adluation", "finance évaluation"),
    ("es", "La evaluación del niño", "evaluacion EVALUACIÓN evaluaciones nino niños"),
    ("en", "The library’s evaluations", "library libraries evaluation Library's"),
    ("pt", "Avaliação", "avaliacao AVALIAÇÃO"),
    # Hyphens: apart, together or with one; in one word on either side.
    ("en", "e-learning from peer-to-peer", "e-learning elearning E‑Learning peer-to-peer peer"),
    ("en", "cooperation by email", "co-operation cooperation CO-OPERATIONS e-mail"),
    ("fr", "la co‑opération socio-économique", "coopération co-operation socioéconomiques"),
    ("es", "la co-producción socioeconómica", "coproducciones socio-económico co-produccion"),
    # Full width, ligatures, ǆ-like forms and one character for two.
    ("en", "Ｆｕｌｌ　ｗｉｄｔｈ, ﬂow №５", "full width WIDTH flow ﬂows no5"),
    ("fr", "Œuvres, cæcum, ﬁnancé", "oeuvre œuvre CAECUM cæcum finances"),
    ("es", "La cigüeña y el pingu\u0308ino", "ciguena CIGÜEÑAS pingüino pinguino"),
]


class WordsConformance:
    """The tests by words; the fixture `index` is the suite's."""

    @pytest.mark.parametrize(("language", "text", "queries"), SPELLINGS)
    def test_spellings(self, index: SearchIndex, language: str, text: str, queries: str) -> None:
        put(index, entry("a", text, language=language))
        assert [query for query in queries.split() if by_words(index, query) != ["a"]] == []

    def test_stop_words_find_nothing(self, index: SearchIndex) -> None:
        put(index, entry("a", "Les écoles de la ville", language="fr"))
        assert by_words(index, "les de la") == []

    def test_each_language_has_its_own_statistics(self, index: SearchIndex) -> None:
        texts = ("une école rouge", "une école verte", "un jardin")
        put(index, *(entry(text, text, language="fr") for text in texts))
        before = words(index, "école verte")["fr"]
        put(index, *(entry(f"en{n}", "école " * 30, language="en") for n in range(20)))
        assert words(index, "école verte")["fr"] == before

    def test_one_language_is_not_analysed_as_another(self, index: SearchIndex) -> None:
        put(index, entry("fr", "nationales", language="fr"), entry("en", "nationales"))
        assert by_words(index, "national") == ["fr"]  # English does not know the ending -ales

    def test_score_is_a_share_of_the_ideal(self, index: SearchIndex) -> None:
        texts = ("red house", "red garden", "green house", "blue sea")
        put(index, *(entry(text, text) for text in texts))
        (best, *rest) = words(index, "red house")["en"]
        assert (best.id, best.score) == ("red house", pytest.approx(1))
        assert [c.score for c in rest] == [pytest.approx(0.5), pytest.approx(0.5)]
        (halved, *_) = words(index, "red unheard")["en"]
        assert 0.2 < halved.score < 0.5  # what no passage has counts as the rarest

    def test_titles_count_a_little(self, index: SearchIndex) -> None:
        put(index, entry("text", "cocoa in Ghana"), entry("title", "farmers", title="cocoa"))
        put(index, entry("heading", "a region", heading="cocoa"))
        found = by_words(index, "cocoa")
        assert found[0] == "text"
        assert set(found) == {"text", "title", "heading"}

    def test_phrases_and_without(self, index: SearchIndex) -> None:
        put(index, entry("a", "le droit de la mer", language="fr"))
        put(index, entry("b", "la mer et le droit", language="fr"))
        assert by_words(index, '"droit de la mer"') == ["a"]
        assert by_words(index, 'mer -"l\'droit de la mer"') == ["b"]
        assert by_words(index, "droit -mer") == []
        assert set(by_words(index, 'mer "de la"')) == {"a", "b"}

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("cultur*", {"plural", "english"}),
            ("politi*", {"plural"}),  # whatever its stem
            ("POLÍTI* school", {"plural"}),
            ("cultur* -politi*", {"english"}),
            ("school culturelles", {"plural", "english", "river"}),
            ("school OR politiques", {"plural", "english", "river"}),
            ("culture school OR rivière", {"english", "river"}),
            ('"the river" OR politiques', {"plural", "river"}),
            ("school title:atlas", {"river"}),
            ("title:atlas OR culture", {"english", "river"}),
            ("school -title:ATLAS", {"english"}),
            ("school title:river", set()),  # that is its heading
            ("school author:unesco", {"river"}),
            ("school author:unes*", {"river"}),
            ('school author:"diaz ana"', {"english"}),
            ("school -author:unesco", {"english"}),
            ("school author:school", set()),
            ('school title:"the of"', {"river", "english"}),  # stop words demand nothing
        ],
    )
    def test_what_is_demanded(self, index: SearchIndex, query: str, expected: set[str]) -> None:
        entries = (
            entry("plural", "Les politiques culturelles", language="fr"),
            entry("english", "A school of culture", authors=("Ana Díaz", "Bo")),
            entry("river", "School by the river", title="Atlas", heading="River",
                  authors=("UNESCO",)),
        )  # fmt: skip
        put(index, *entries)
        assert set(by_words(index, query)) == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("author:unesco", ["new", "old"]),
            ("title:harbours", ["new"]),
            ("title:harb* -author:bo", ["new"]),
            ("author:nobody", []),
            ("title:the", []),
            ("type:guide", ["new", "old"]),  # which ones is the scope's to say
        ],
    )
    def test_a_query_of_fields_lists_records_newest_first(
        self, index: SearchIndex, query: str, expected: list[str]
    ) -> None:
        about = {"kind": Kind.RECORD, "authors": ("UNESCO",)}
        put(
            index,
            entry("old", date="1999/2024-05-01", **about),
            entry("new", title="Harbour", date="2012/2024-01-01", **about),
            entry("passage", title="Harbour", **about | {"kind": Kind.PASSAGE}),
        )
        assert by_words(index, query) == expected
        assert by_words(index, query, limit=1) == expected[:1]
        assert not shared_words(index, query)

    def test_a_beginning_counts_as_a_word(self, index: SearchIndex) -> None:
        put(index, entry("both", "policies of culture"), entry("one", "culture"), entry("none"))
        (best, second) = words(index, "cultur* policy")["en"]
        assert (best.id, second.id) == ("both", "one")
        assert 0 < second.score < best.score < 1.5
        (only, *_) = words(index, "cultur*")["en"]
        assert only.score == pytest.approx(1)

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(texts=st.lists(_TEXTS, min_size=2, max_size=MOST_TEXTS), query=_QUERIES)
    def test_the_index_admits_what_the_query_admits(
        self, index: SearchIndex, texts: list[tuple[str, str, str]], query: str
    ) -> None:
        """With a word that all entries hold, those found are those whose demands are met."""
        entries = [
            entry(str(n), f"{text} zebra", title=title, authors=(author,), language=language)
            for n, (text, title, author) in enumerate(texts)
            for language in (_LANGUAGES[n % len(_LANGUAGES)],)
        ]
        with index.writer() as writer:
            for n in range(MOST_TEXTS):
                writer.replace(f"edition of {n}", entries[n : n + 1])
        parsed = parse(f"zebra {query}")
        expected = {one.id for one in entries if parsed.admits(one)}
        assert set(by_words(index, f"zebra {query}")) == expected

    def test_shared_words_are_compared_across_languages(self, index: SearchIndex) -> None:
        put(
            index,
            entry("fr", "Les politiques culturelles à Cotonou en 2014", language="fr"),
            entry("es", "El agua y los ríos", language="es"),
            entry("en", "Rivers of the world", language="en"),
        )
        found = shared_words(index, "cultural policy Cotonou 2014")
        assert {code: [c.id for c in own] for code, own in found.items()} == {"fr": ["fr"]}
        assert 0 < found["fr"][0].score < 1.5
        assert not shared_words(index, "the of les")  # stop words of any

    @pytest.mark.parametrize(
        "query",
        [
            '"',
            '-"',
            "- -- *",
            "AND (",
            "\0 \ud800",
            "😀",
            "",
            "a:b^2~[x TO",
            "'" * 99,
            "a",
            "the of",
            "سياسات*",
            "😀*** title:😀",
            "author:\ud800",
            "(a+)+$" + "a" * 1990,
            "aaa*" * 500,
            "a.*b* [^a]* .*",
            "title:a-b-c-d author:(((",
            "OR OU OR",
            'title:"" -"" x',
        ],
    )
    def test_nothing_typed_is_an_error(self, index: SearchIndex, query: str) -> None:
        put(index, entry("a"))
        words(index, query)

    def test_limit_is_for_each_language(self, index: SearchIndex) -> None:
        entries = [entry(f"{code}{n}", language=code) for code in ("en", "fr") for n in range(5)]
        put(index, *entries, vectors=some_vectors(10))
        for found in (
            words(index, "school", limit=3),
            meaning(index, unit(1), EVERYONE, 3),
        ):
            assert {code: len(own) for code, own in found.items()} == {"en": 3, "fr": 3}
