"""An entry as several vectors."""

from collections.abc import Sequence

import numpy as np
import pytest

from indexes.base import Vectors
from indexes.embedding.windows import LONGEST_TITLE, TITLE_SHARE, embed_entries, windows
from tests.indexes.material import entry

TWO = "The first sentence says one thing. The second sentence says another."


class EachTextAnAxis:
    """Every new text is the next axis."""

    dimensions = 16
    fingerprint = "axes"

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.calls = 0

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        self.texts += [text for text in texts if text not in self.texts]
        return np.array([self.of(text) for text in texts], np.float32)

    def of(self, text: str) -> Vectors:
        return np.eye(self.dimensions, dtype=np.float32)[self.texts.index(text)]

    def embed_query(self, text: str) -> Vectors:
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        raise NotImplementedError

    def query_is_cut(self, text: str) -> bool:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TWO, ["The first sentence says one thing.", "The second sentence says another."]),
        ("Only one sentence, which is the whole text.", []),
        ("", []),
        ("Short. 12. " + TWO, TWO.replace(". ", ".\n").splitlines()),
        ("une première ligne de la liste\nune seconde ligne de la liste", [
            "une première ligne de la liste", "une seconde ligne de la liste",
        ]),
        ("Tiny. So. Is. This.", []),
    ],
)  # fmt: skip
def test_windows_are_sentences_that_say_something(text: str, found: list[str]) -> None:
    assert windows(text) == found


def test_whole_and_windows_of_each_entry_in_one_call() -> None:
    embedder = EachTextAnAxis()
    first, second = embed_entries(
        embedder, [entry("a", TWO, title="", heading=""), entry("b", "One.", title="", heading="")]
    )
    assert embedder.calls == 1
    assert (first.shape, second.shape) == ((3, 16), (1, 16))
    np.testing.assert_array_equal(first[0], embedder.of(TWO))
    np.testing.assert_array_equal(first[2], embedder.of("The second sentence says another."))


def test_title_and_heading_stand_above_the_whole_and_are_added_to_the_windows() -> None:
    embedder = EachTextAnAxis()
    (rows,) = embed_entries(embedder, [entry("a", TWO, title="Guide", heading="Costs")])
    np.testing.assert_array_equal(rows[0], embedder.of(f"Guide\nCosts\n{TWO}"))
    window = embedder.of("The first sentence says one thing.") + TITLE_SHARE * embedder.of(
        "Guide\nCosts"
    )
    np.testing.assert_allclose(rows[1], window / np.linalg.norm(window), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_a_record_without_text_is_its_title() -> None:
    embedder = EachTextAnAxis()
    embed_entries(embedder, [entry("a", "", title="Guide", heading="")])
    assert embedder.texts == ["Guide"]


def test_an_endless_title_leaves_room_for_the_text() -> None:
    embedder = EachTextAnAxis()
    embed_entries(embedder, [entry("a", "One sentence.", title="x" * 5_000, heading="")])
    assert embedder.texts == [f"{'x' * LONGEST_TITLE}\nOne sentence."]


def test_nothing_of_nothing() -> None:
    assert embed_entries(EachTextAnAxis(), []) == []
