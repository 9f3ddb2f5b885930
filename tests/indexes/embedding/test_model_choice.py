"""Which engine a line of text means, and which prefixes a model gets."""

from pathlib import Path

import pytest

from indexes.embedding.model_choice import (
    AS_STATED,
    Engine,
    ModelChoice,
    Overrules,
    prefixes_of,
    read_choice,
    short_name,
)
from indexes.errors import UnknownModel


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("none", ModelChoice(Engine.NONE)),
        ("/srv/model", ModelChoice(Engine.ONNX, "/srv/model")),
        (Path("none"), ModelChoice(Engine.ONNX, "none")),
        (
            "sentence-transformers:intfloat/multilingual-e5-base",
            ModelChoice(Engine.SENTENCE_TRANSFORMERS, "intfloat/multilingual-e5-base"),
        ),
        (
            "sentence-transformers:/m?query=q: &passage=&pooling=cls&max_tokens=128",
            ModelChoice(Engine.SENTENCE_TRANSFORMERS, "/m", Overrules("q: ", "", "cls", 128)),
        ),
    ],
)
def test_a_line_means_an_engine_and_a_model(text: str | Path, choice: ModelChoice) -> None:
    assert read_choice(text) == choice


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sentence-transformers:", "names no model"),
        ("sentence-transformers:?query=q", "names no model"),
        ("sentence-transformers:m?prefix=q", "has no prefix"),
        ("sentence-transformers:m?pooling=max", "mean or cls"),
        ("sentence-transformers:m?max_tokens=2", "from 3"),
        ("sentence-transformers:m?max_tokens=many", "from 3"),
    ],
)
def test_what_cannot_be_is_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(UnknownModel, match=told):
        read_choice(text)


def test_prefixes_are_overruled_stated_or_known_in_this_order() -> None:
    stated = {"query": "find: ", "document": "text: "}
    e5 = "intfloat/multilingual-e5-large"
    assert prefixes_of("any", {}, AS_STATED) == ("", "")
    assert prefixes_of(e5, {}, AS_STATED) == ("query: ", "passage: ")
    assert prefixes_of(e5, stated, AS_STATED) == ("find: ", "text: ")
    assert prefixes_of(e5, stated, Overrules(query_prefix="")) == ("", "text: ")
    assert prefixes_of("/models/e5-small-v2/", {}, AS_STATED) == ("query: ", "passage: ")
    assert prefixes_of("multilingual-e5-large-instruct", {}, AS_STATED) == ("", "")


def test_a_name_goes_without_what_stands_before_it() -> None:
    assert short_name("intfloat/multilingual-e5-small") == "multilingual-e5-small"
    assert short_name("/srv/my models/é 1/") == "é-1"
