"""What any `SearchIndex` must do: a backend's test module inherits these tests.

`open_index` opens the same index anew with each call, as another process would.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

from indexes.base import SearchIndex, Vectors
from indexes.errors import IndexMismatch, WriterBusy
from indexes.keys import key_of
from indexes.types import Kind, Scope
from tests.indexes.material import (
    CLOSE,
    EVERYONE,
    MEMBERS,
    OpenIndex,
    assert_close,
    by_meaning,
    by_words,
    entry,
    everything,
    meaning,
    put,
    rows_of,
    some_vectors,
    some_windows,
    unit,
    words,
)
from tests.indexes.words_conformance import WordsConformance


class SearchIndexConformance(WordsConformance):
    """The tests, those by words among them. A backend gives the fixture `open_index`."""

    # How far numbers of windows may be from those given.
    windows = CLOSE

    def assert_close(self, found: Mapping[str, Vectors], expected: Mapping[str, Vectors]) -> None:
        assert_close(found, expected, self.windows)

    @pytest.fixture
    def index(self, open_index: OpenIndex) -> Iterator[SearchIndex]:
        opened = open_index()
        yield opened
        opened.close()

    # ---- what it holds ---------------------------------------------------------------------

    def test_a_new_index_is_empty_and_answers(self, index: SearchIndex) -> None:
        assert everything(index) == ([], {}, {}, 0, 0)
        assert not words(index, "school")
        assert not meaning(index, unit(1), EVERYONE, 5)

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
        (found,) = words(index, "œuvre", MEMBERS)["fr"]
        assert (found.id, found.address) == (given.id, given.address)
        for name in ("kind", "group", "group_kind", "source", "language", "visible_to", "date"):
            assert getattr(found.attributes, name) == getattr(given, name)
        assert found.attributes.values == given.facets

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
        before = everything(index), words(index, "school")
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
        self.assert_close(index.vectors_of(["a", "b", "c"]), {"a": vectors[0]})
        (near,) = meaning(index, vectors[0][0], EVERYONE, 5)["en"]
        assert (near.address, near.attributes.values) == ("elsewhere", {"type": ("guide",)})

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
        assert list(words(index, "school")) == ["fr"]
        assert list(meaning(index, unit(1), EVERYONE, 5)) == ["fr"]

    def test_vectors_may_come_later_change_and_come_twice(self, index: SearchIndex) -> None:
        a, b = entry("a"), entry("b")
        put(index, a, b)
        assert index.status().vectors == 0
        for counts, seed in (([0, 0], 1), ([2, 0], 1), ([0, 3], 2), ([0, 3], 2), ([1, 3], 3)):
            vectors = some_windows(counts, seed)
            with index.writer() as writer:
                writer.add_vectors([a, b], vectors)
            self.assert_close(index.vectors_of(["a", "b"]), dict(zip("ab", vectors, strict=True)))
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
        self.assert_close(index.vectors_of(asked), expected)
        self.assert_close(index.vectors_of(["07"]), {"07": vectors[7]})
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

    # ---- meaning -----------------------------------------------------------------------------

    def test_meaning_is_in_the_order_of_cosines(self, index: SearchIndex) -> None:
        entries, vectors = [entry(f"{n:03}") for n in range(300)], some_vectors(300)
        for start in range(0, 300, 30):
            put(index, *entries[start : start + 30], vectors=vectors[start : start + 30])
        query = unit(1, 2, 3, 4)
        best = np.argsort(-(vectors @ query))[:20]
        found = meaning(index, query, EVERYONE, 20)["en"]
        assert [c.id for c in found] == [f"{n:03}" for n in best]
        np.testing.assert_allclose([c.score for c in found], (vectors @ query)[best], atol=CLOSE)

    def test_windows_are_not_searched(self, index: SearchIndex) -> None:
        near, far = unit(1, 0.1), unit(0, 1)
        put(index, entry("near"), entry("far"))
        with index.writer() as writer:
            writer.add_vectors(
                [entry("far"), entry("near")], [np.stack([far, unit(1), unit(1)]), near[None]]
            )
        found = meaning(index, unit(1), EVERYONE, 5)["en"]
        assert [c.id for c in found] == ["near", "far"]
        np.testing.assert_allclose([c.score for c in found], [near[0], 0], atol=CLOSE)

    def test_equal_ones_always_come_in_one_order(self, index: SearchIndex) -> None:
        entries = [entry(name) for name in "dbfaec"]
        put(index, *entries, vectors=np.stack([unit(1)] * 6))
        by_key = sorted("abcdef", key=key_of)
        assert by_meaning(index, unit(1), limit=3) == by_key[:3]
        assert by_words(index, "school", limit=6) == by_key
        assert by_words(index, "sch*", limit=6) == by_key

    # ---- writing -----------------------------------------------------------------------------

    def test_there_is_one_writer(self, index: SearchIndex, open_index: OpenIndex) -> None:
        other = open_index()
        with index.writer() as writer:
            for opening in (other.writer, index.writer):
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
        assert meaning(changed, unit(1)) == {}
        with pytest.raises(IndexMismatch):
            changed.vectors_of(["a"])
        assert by_words(changed, "school") == ["a"]  # words do not depend on the model
        with changed.rebuild() as writer:
            writer.replace("edition of a", [entry("a")])
        put(changed, entry("b"), vectors=some_vectors(1))
        assert by_meaning(changed, unit(1)) == ["b"]
        assert meaning(before, unit(1)) == {}

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
