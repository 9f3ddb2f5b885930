"""What any `SearchIndex` must do: a backend's test module inherits these tests.

`open_index` opens the same index anew with each call, as another process would.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexes.base import SearchIndex, Vectors
from indexes.errors import IndexMismatch, WriterBusy
from indexes.query_parser import parse
from indexes.types import Entry, Kind, Scope

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
DIMENSIONS = 8
EVERYONE = Scope()
MEMBERS = Scope(visible_to=("public", "members"))

OpenIndex = Callable[..., SearchIndex]


def entry(entry_id: str, text: str = "A school on the river", **given: Any) -> Entry:
    """An English passage of a source of its own, unless told otherwise."""
    defaults: dict[str, Any] = {
        "kind": Kind.PASSAGE,
        "group": f"resource of {entry_id}",
        "group_kind": "resource",
        "source": f"edition of {entry_id}",
        "language": "en",
        "title": "",
        "heading": "",
    }
    return Entry(id=entry_id, text=text, **(defaults | given))


# A backend may round what it keeps of a unit vector; numbers and cosines stay this close.
CLOSE = 5e-5


def rows_of(vectors: Vectors) -> list[Vectors]:
    """Vectors of as many entries without windows."""
    return [vector[None] for vector in vectors]


def put(index: SearchIndex, *entries: Entry, vectors: Vectors | None = None) -> None:
    """Let each source hold those of the entries that are of it; then add the vectors."""
    with index.writer() as writer:
        for source in {one.source for one in entries}:
            writer.replace(source, [one for one in entries if one.source == source])
        if vectors is not None:
            writer.add_vectors(entries, rows_of(vectors))


def unit(*values: float) -> Vectors:
    """A unit vector that begins with these values."""
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[: len(values)] = values
    return vector / np.float32(np.linalg.norm(vector))


def some_vectors(count: int, seed: int = 1) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    normalised: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normalised


def some_windows(counts: Sequence[int], seed: int = 1) -> list[Vectors]:
    """Vectors of as many entries, each with so many windows."""
    rows = some_vectors(sum(counts) + len(counts), seed)
    return np.split(rows, np.cumsum([1 + count for count in counts])[:-1])


def assert_close(found: Mapping[str, Vectors], expected: Mapping[str, Vectors]) -> None:
    """The same entries, and each with the same vectors but for rounding."""
    assert found.keys() == expected.keys()
    for entry_id, vectors in expected.items():
        assert (found[entry_id].dtype, found[entry_id].shape) == (np.float32, vectors.shape)
        np.testing.assert_allclose(found[entry_id], vectors, atol=CLOSE)


def by_words(index: SearchIndex, text: str, scope: Scope = EVERYONE, limit: int = 50) -> list[str]:
    """Ids found, language after language, best first."""
    found = index.words(parse(text), scope, limit)
    return [candidate.hit.id for code in sorted(found) for candidate in found[code]]


def by_meaning(
    index: SearchIndex, vector: Vectors, scope: Scope = EVERYONE, limit: int = 50
) -> list[str]:
    found = index.meaning(vector, scope, limit)
    return [candidate.hit.id for code in sorted(found) for candidate in found[code]]


def everything(index: SearchIndex) -> tuple[object, ...]:
    """All that can be told of what an index holds."""
    ids = sorted(index.all_ids())
    vectors = {key: value.tolist() for key, value in sorted(index.vectors_of(ids).items())}
    status = index.status()
    return ids, index.entries(ids), vectors, status.entries, status.vectors


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


class SearchIndexConformance:
    """The tests. A backend gives the fixture `open_index`."""

    @pytest.fixture
    def index(self, open_index: OpenIndex) -> Iterator[SearchIndex]:
        opened = open_index()
        yield opened
        opened.close()

    # ---- what it holds ---------------------------------------------------------------------

    def test_a_new_index_is_empty_and_answers(self, index: SearchIndex) -> None:
        assert everything(index) == ([], {}, {}, 0, 0)
        assert not index.words(parse("school"), EVERYONE, 5)
        assert not index.meaning(unit(1), EVERYONE, 5)

    def test_gives_back_what_it_was_given(self, index: SearchIndex) -> None:
        given = entry(
            "é:1",
            'Ligne 1\n« l’œuvre »\t"x"\\',
            language="fr-CA",
            title="T",
            heading="H",
            kind=Kind.POST,
            visible_to=("group:1", "members"),
            authors=("Ana Díaz", "« UNESCO »"),
            facets={"country": ("fr", "pe"), "topic": ("a b",)},
            date="2024-05-01",
            address="v3/p. 7#é",
        )
        put(index, given)
        assert index.entries(["é:1", "unknown"]) == {"é:1": given}
        (hit,) = (c.hit for c in index.words(parse("œuvre"), MEMBERS, 5)["fr"])
        for name in ("id", "kind", "group", "group_kind", "source", "language", "address", "date"):
            assert getattr(hit, name) == getattr(given, name)
        assert hit.facets == given.facets

    def test_tells_how_many_entries_hold_a_word_in_any_form_a_language(
        self, index: SearchIndex
    ) -> None:
        put(index, entry("a", "Two schools"), entry("b", "A school", title="The river"))
        put(index, entry("c", "une école", language="fr"))
        held = index.holding(["school", "rivers", "ecoles", "the", "zebra"])
        assert {code: list(own) for code, own in held.items() if any(own)} == {
            "en": [2, 1, 0, 2, 0],
            "fr": [0, 0, 1, 0, 0],
        }

    def test_tells_words_as_they_are_written_the_most_frequent_first(
        self, index: SearchIndex
    ) -> None:
        put(index, entry("a", "L’École", language="fr"), entry("b", "une école", language="fr"))
        assert index.spellings("fr", 10) == [("école", 2), ("une", 1)]
        assert list(index.spellings("fr", 1)) == [("école", 2)]
        assert list(index.spellings("es", 10)) == []

    def test_replace_is_idempotent(self, index: SearchIndex) -> None:
        a, b = entry("a", source="s"), entry("b", source="s")
        put(index, a, b, vectors=some_vectors(2))
        before = everything(index), index.words(parse("school"), EVERYONE, 5)
        for _ in range(3):
            put(index, a, b, vectors=some_vectors(2))
            assert sorted(by_words(index, "school")) == ["a", "b"]
        assert everything(index) == before[0]

    def test_replace_removes_what_is_not_given_and_nothing_else(self, index: SearchIndex) -> None:
        put(
            index,
            entry("a", source="s"),
            entry("b", source="s"),
            entry("c"),
            vectors=some_vectors(3),
        )
        with index.writer() as writer:
            writer.replace("s", [entry("b", source="s")])
        assert sorted(index.all_ids()) == ["b", "c"]
        with index.writer() as writer:
            writer.replace("s", [])
        assert sorted(index.all_ids()) == by_words(index, "school") == ["c"]
        assert list(index.vectors_of(["a", "b", "c"])) == ["c"]
        assert by_meaning(index, unit(1)) == ["c"]

    def test_vectors_stay_with_ids_that_stay(self, index: SearchIndex) -> None:
        a, b, c = (entry(name, source="s") for name in "abc")
        vectors = some_windows([2, 1])
        put(index, a, b)
        with index.writer() as writer:
            writer.add_vectors([a, b], vectors)
        moved = replace(a, address="elsewhere", facets={"type": ("guide",)})
        with index.writer() as writer:
            writer.replace("s", [moved, c])
        assert_close(index.vectors_of(["a", "b", "c"]), {"a": vectors[0]})
        (hit,) = (x.hit for x in index.meaning(vectors[0][0], EVERYONE, 5)["en"])
        assert (hit.address, hit.facets) == ("elsewhere", {"type": ("guide",)})

    def test_an_id_that_changes_its_source_is_there_once(self, index: SearchIndex) -> None:
        put(index, entry("a", source="one"), entry("b", source="one"), vectors=some_vectors(2))
        put(index, entry("a", source="two"))
        assert sorted(index.all_ids()) == sorted(by_words(index, "school")) == ["a", "b"]
        put(index, entry("b", source="one"))
        assert sorted(index.all_ids()) == ["a", "b"]
        assert sorted(by_meaning(index, unit(1))) == ["a", "b"]

    def test_an_entry_may_change_its_language(self, index: SearchIndex) -> None:
        put(index, entry("a", source="s"), vectors=some_vectors(1))
        put(index, entry("a", source="s", language="fr"))
        assert list(index.words(parse("school"), EVERYONE, 5)) == ["fr"]
        assert list(index.meaning(unit(1), EVERYONE, 5)) == ["fr"]

    def test_vectors_may_come_later_change_and_come_twice(self, index: SearchIndex) -> None:
        a, b = entry("a"), entry("b")
        put(index, a, b)
        assert index.status().vectors == 0
        for counts, seed in (([0, 0], 1), ([2, 0], 1), ([0, 3], 2), ([0, 3], 2), ([1, 3], 3)):
            vectors = some_windows(counts, seed)
            with index.writer() as writer:
                writer.add_vectors([a, b], vectors)
            assert_close(index.vectors_of(["a", "b"]), dict(zip("ab", vectors, strict=True)))
            assert index.status().vectors == 2

    def test_gives_back_the_vectors_of_all_windows(self, index: SearchIndex) -> None:
        entries = [entry(f"{n:02}", language=("en", "fr", "pt")[n % 3]) for n in range(60)]
        vectors = some_windows([n % 5 for n in range(60)])
        put(index, *entries, entry("without"))
        for start in range(0, 60, 20):
            some = slice(start, start + 20)
            with index.writer() as writer:
                writer.add_vectors(entries[some], vectors[some])
        expected = {one.id: own for one, own in zip(entries, vectors, strict=True)}
        asked = [*expected, "without", "unknown"]
        assert_close(index.vectors_of(asked), expected)
        assert_close(index.vectors_of(["07"]), {"07": vectors[7]})
        assert index.with_vectors(asked) == expected.keys()
        assert index.vectors_of([]) == {}
        assert index.with_vectors([]) == set()

    def test_a_vector_of_an_entry_that_is_gone_is_passed_over(self, index: SearchIndex) -> None:
        put(index, entry("a"))
        with index.writer() as writer:
            writer.replace("edition of a", [])
            writer.add_vectors([entry("a"), entry("never there")], rows_of(some_vectors(2)))
        assert index.status().vectors == 0
        assert by_meaning(index, unit(1)) == []

    # ---- who and what is in scope ------------------------------------------------------------

    @pytest.fixture
    def mixed(self, index: SearchIndex) -> SearchIndex:
        guide, video = {"type": ("guide",), "country": ("pe", "fr")}, {"type": ("video",)}
        entries = [
            entry("public", facets=guide),
            entry("member", visible_to=("members",), facets=guide),
            entry("group", visible_to=("group:7",), facets=video),
            entry("spanish", language="es", facets=video),
            entry("bare", language="pt"),
        ]
        put(index, *entries, vectors=some_vectors(len(entries)))
        return index

    @pytest.mark.parametrize(
        ("scope", "expected"),
        [
            (Scope(), {"public", "spanish", "bare"}),
            (Scope(visible_to=()), set()),
            (Scope(visible_to=("members",)), {"member"}),
            (Scope(visible_to=("public", "group:7")), {"public", "spanish", "bare", "group"}),
            (Scope(languages=("es",)), {"spanish"}),
            (Scope(languages=("es", "other")), {"spanish", "bare"}),
            (Scope(filters={"type": ("guide",)}), {"public"}),
            (Scope(filters={"type": ("guide", "video")}), {"public", "spanish"}),
            (Scope(filters={"type": ("guide", "video"), "country": ("pe",)}), {"public"}),
            (Scope(filters={"type": ("pe",)}), set()),
            (Scope(hidden_sources=("edition of public", "unknown")), {"spanish", "bare"}),
            (Scope(any_of=((("type", "guide"), ("type", "video")),)), {"public", "spanish"}),
            (Scope(any_of=((("country", "pe"),), (("country", "fr"),))), {"public"}),
            (Scope(any_of=((("country", "pe"),), (("type", "video"),))), set()),
            (Scope(any_of=((),)), set()),
            (Scope(none_of=(("type", "guide"),)), {"spanish", "bare"}),
            (Scope(none_of=(("type", "video"), ("country", "fr"))), {"bare"}),
        ],
    )
    def test_scope(self, mixed: SearchIndex, scope: Scope, expected: set[str]) -> None:
        assert set(by_words(mixed, "school", scope)) == expected
        assert set(by_meaning(mixed, unit(1), scope)) == expected

    def test_who_may_see_an_entry_changes_for_both_signals(self, index: SearchIndex) -> None:
        put(index, entry("a", source="s"), vectors=some_vectors(1))
        put(index, entry("a", source="s", visible_to=("members",)))
        assert by_words(index, "school") == by_meaning(index, unit(1)) == []
        assert by_words(index, "school", MEMBERS) == by_meaning(index, unit(1), MEMBERS) == ["a"]

    # ---- words -------------------------------------------------------------------------------

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
        before = index.words(parse("école verte"), EVERYONE, 5)["fr"]
        put(index, *(entry(f"en{n}", "école " * 30, language="en") for n in range(20)))
        assert index.words(parse("école verte"), EVERYONE, 5)["fr"] == before

    def test_one_language_is_not_analysed_as_another(self, index: SearchIndex) -> None:
        put(index, entry("fr", "nationales", language="fr"), entry("en", "nationales"))
        assert by_words(index, "national") == ["fr"]  # English does not know the ending -ales

    def test_score_is_a_share_of_the_ideal(self, index: SearchIndex) -> None:
        texts = ("red house", "red garden", "green house", "blue sea")
        put(index, *(entry(text, text) for text in texts))
        (best, *rest) = index.words(parse("red house"), EVERYONE, 5)["en"]
        assert (best.hit.id, best.score) == ("red house", pytest.approx(1))
        assert [c.score for c in rest] == [pytest.approx(0.5), pytest.approx(0.5)]
        (halved, *_) = index.words(parse("red unheard"), EVERYONE, 5)["en"]
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
        assert not index.shared_words(parse(query), EVERYONE, 5)

    def test_a_beginning_counts_as_a_word(self, index: SearchIndex) -> None:
        put(index, entry("both", "policies of culture"), entry("one", "culture"), entry("none"))
        (best, second) = index.words(parse("cultur* policy"), EVERYONE, 5)["en"]
        assert (best.hit.id, second.hit.id) == ("both", "one")
        assert 0 < second.score < best.score < 1.5
        (only, *_) = index.words(parse("cultur*"), EVERYONE, 5)["en"]
        assert only.score == pytest.approx(1)

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(texts=st.lists(_TEXTS, min_size=2, max_size=4), query=_QUERIES)
    def test_the_index_admits_what_the_query_admits(
        self, index: SearchIndex, texts: list[tuple[str, str, str]], query: str
    ) -> None:
        """With a word that all entries hold, those found are those whose demands are met."""
        entries = [
            entry(str(n), f"{text} zebra", title=title, authors=(author,), language=language)
            for n, (text, title, author) in enumerate(texts)
            for language in (_LANGUAGES[n % len(_LANGUAGES)],)
        ]
        with index.rebuild() as writer:
            for one in entries:
                writer.replace(one.source, [one])
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
        found = index.shared_words(parse("cultural policy Cotonou 2014"), EVERYONE, 5)
        assert {code: [c.hit.id for c in own] for code, own in found.items()} == {"fr": ["fr"]}
        assert 0 < found["fr"][0].score < 1.5
        assert not index.shared_words(parse("the of les"), EVERYONE, 5)  # stop words of any

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
        index.words(parse(query), EVERYONE, 5)

    def test_limit_is_for_each_language(self, index: SearchIndex) -> None:
        entries = [entry(f"{code}{n}", language=code) for code in ("en", "fr") for n in range(5)]
        put(index, *entries, vectors=some_vectors(10))
        for found in (
            index.words(parse("school"), EVERYONE, 3),
            index.meaning(unit(1), EVERYONE, 3),
        ):
            assert {code: len(own) for code, own in found.items()} == {"en": 3, "fr": 3}

    # ---- meaning -----------------------------------------------------------------------------

    def test_meaning_is_in_the_order_of_cosines(self, index: SearchIndex) -> None:
        entries, vectors = [entry(f"{n:03}") for n in range(300)], some_vectors(300)
        for start in range(0, 300, 30):
            put(index, *entries[start : start + 30], vectors=vectors[start : start + 30])
        query = unit(1, 2, 3, 4)
        best = np.argsort(-(vectors @ query))[:20]
        found = index.meaning(query, EVERYONE, 20)["en"]
        assert [c.hit.id for c in found] == [f"{n:03}" for n in best]
        np.testing.assert_allclose([c.score for c in found], (vectors @ query)[best], atol=CLOSE)

    def test_windows_are_not_searched(self, index: SearchIndex) -> None:
        near, far = unit(1, 0.1), unit(0, 1)
        put(index, entry("near"), entry("far"))
        with index.writer() as writer:
            writer.add_vectors(
                [entry("far"), entry("near")], [np.stack([far, unit(1), unit(1)]), near[None]]
            )
        found = index.meaning(unit(1), EVERYONE, 5)["en"]
        assert [c.hit.id for c in found] == ["near", "far"]
        np.testing.assert_allclose([c.score for c in found], [near[0], 0], atol=CLOSE)

    def test_equal_ones_come_in_the_order_of_their_ids(self, index: SearchIndex) -> None:
        entries = [entry(name) for name in "dbfaec"]
        put(index, *entries, vectors=np.stack([unit(1)] * 6))
        assert by_meaning(index, unit(1), limit=3) == ["a", "b", "c"]

    # ---- writing -----------------------------------------------------------------------------

    def test_there_is_one_writer(self, index: SearchIndex, open_index: OpenIndex) -> None:
        other = open_index()
        with index.writer() as writer:
            for opening in (other.writer, other.rebuild, index.writer):
                with pytest.raises(WriterBusy), opening():
                    pass
            writer.replace("edition of a", [entry("a")])
        with other.writer() as writer:
            writer.replace("edition of b", [entry("b")])
        assert sorted(index.all_ids()) == ["a", "b"]
        other.close()

    def test_an_exception_leaves_all_as_it_was(self, index: SearchIndex) -> None:
        put(index, entry("a", source="s"), entry("b"), vectors=some_vectors(2))
        before = everything(index)

        def fail() -> None:
            with index.writer() as writer:
                writer.replace("s", [entry("a", "other text", source="s"), entry("c", source="s")])
                writer.replace("edition of b", [])
                writer.add_vectors([entry("c", source="s")], rows_of(some_vectors(1)))
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            fail()
        assert everything(index) == before
        assert by_meaning(index, unit(1), MEMBERS)
        with index.writer():
            pass
        assert everything(index) == before

    def test_others_see_a_commit_and_nothing_before_it(
        self, index: SearchIndex, open_index: OpenIndex
    ) -> None:
        other = open_index()
        put(other, entry("a"), vectors=some_vectors(1))
        with index.writer() as writer:
            writer.replace("edition of b", [entry("b")])
            writer.add_vectors([entry("b")], rows_of(some_vectors(1)))
            assert by_words(other, "school") == by_meaning(other, unit(1)) == ["a"]
        assert sorted(by_words(other, "school")) == sorted(by_meaning(other, unit(1))) == ["a", "b"]
        other.close()

    def test_rebuild_takes_the_place_of_the_old_at_its_end(
        self, index: SearchIndex, open_index: OpenIndex
    ) -> None:
        other = open_index()
        put(index, entry("old"), vectors=some_vectors(1))
        old = other.status().generation
        with index.rebuild() as writer:
            writer.replace("edition of new", [entry("new")])
            writer.add_vectors([entry("new")], rows_of(some_vectors(1)))
            for one in (index, other):
                assert by_words(one, "school") == by_meaning(one, unit(1)) == ["old"]
        for one in (index, other):
            assert (
                everything(one)[0] == by_words(one, "school") == by_meaning(one, unit(1)) == ["new"]
            )
            assert one.status().generation != old
        other.close()

    def test_a_rebuild_that_fails_changes_nothing(self, index: SearchIndex) -> None:
        put(index, entry("old"), vectors=some_vectors(1))
        before, status = everything(index), index.status()

        def fail() -> None:
            with index.rebuild() as writer:
                writer.replace("edition of new", [entry("new")])
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            fail()
        assert (everything(index), index.status()) == (before, status)

    def test_another_fingerprint_asks_for_a_rebuild(self, open_index: OpenIndex) -> None:
        before = open_index()
        put(before, entry("a"), vectors=some_vectors(1))
        changed = open_index(fingerprint="another model")
        with pytest.raises(IndexMismatch), changed.writer():
            pass
        with pytest.raises(IndexMismatch):
            changed.meaning(unit(1), EVERYONE, 5)
        assert by_words(changed, "school") == ["a"]  # words do not depend on the model
        with changed.rebuild() as writer:
            writer.replace("edition of a", [entry("a")])
        put(changed, entry("b"), vectors=some_vectors(1))
        assert by_meaning(changed, unit(1)) == ["b"]
        with pytest.raises(IndexMismatch):
            before.meaning(unit(1), EVERYONE, 5)

    def test_threads_search_while_one_writes(self, index: SearchIndex) -> None:
        """Each answer is that of some commit: a source's three entries, all or none of them."""
        vectors, query = some_vectors(3), unit(1)
        failures: list[object] = []
        stop = threading.Event()

        def search() -> None:
            while not stop.is_set():
                try:
                    words = len(by_words(index, "school")), len(by_meaning(index, query))
                    if any(count % 3 for count in words):
                        failures.append(words)
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        for n in range(10):
            put(index, *(entry(f"{n}.{k}", source=str(n)) for k in range(3)), vectors=vectors)
        with index.rebuild() as writer:
            writer.replace("s", [entry(f"s{k}", source="s") for k in range(3)])
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(by_words(index, "school")) == 3
