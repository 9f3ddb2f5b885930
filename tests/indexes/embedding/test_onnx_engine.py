"""The real model through its engine."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from indexes.embedding.model_folder import GRAPH_DATA, MANIFEST, verify
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.errors import ModelMissing

pytestmark = pytest.mark.model

TEXTS = [
    "Vaccines must be kept between two and eight degrees.",
    "Le tribunal rend sa décision par écrit.",
    "¿Dónde puedo renovar mi carné de la biblioteca?",
    "x",
    "",
    "\x00 \ud800 \uffff",
    "水 👩‍👩‍👧 \u200f שלום " * 20,
]


def test_vectors_are_of_unit_length(engine: OnnxEmbedder) -> None:
    vectors = engine.embed_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), engine.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(engine.embed_query(TEXTS[0])) == pytest.approx(1, abs=1e-5)


def test_a_vector_does_not_depend_on_its_neighbours(engine: OnnxEmbedder) -> None:
    together = engine.embed_passages([*TEXTS, *TEXTS[::-1]] * 3)
    for number, text in enumerate(TEXTS):
        assert np.array_equal(engine.embed_passages([text])[0], together[number])


def test_no_passage_gives_no_vector(engine: OnnxEmbedder) -> None:
    assert engine.embed_passages([]).shape == (0, 384)


def test_token_ids_are_those_of_xlm_roberta(engine: OnnxEmbedder) -> None:
    assert engine.token_ids("Hello world") == [35378, 8999]
    assert engine.token_ids(" Hello\n world  ") == [35378, 8999]
    assert engine.token_ids("ﬁn Ａ") == engine.token_ids("fin A")  # nmt_nfkc


def test_surrounding_space_changes_nothing(engine: OnnxEmbedder) -> None:
    plain, spaced = engine.embed_passages(["A library", "\n A library \t"])
    assert np.array_equal(plain, spaced)


def test_only_the_first_64_tokens_of_a_query_count(engine: OnnxEmbedder) -> None:
    short, long = "loi " * 64, "loi " * 64 + "tobacco"
    assert engine.count_tokens(short) == 64
    assert not engine.query_is_cut(short)
    assert engine.query_is_cut(long)
    assert np.array_equal(engine.embed_query(short), engine.embed_query(long))
    assert not np.array_equal(engine.embed_query("loi " * 63), engine.embed_query(short))


def test_a_passage_beyond_the_places_of_the_model_is_cut(engine: OnnxEmbedder) -> None:
    long, longer = engine.embed_passages(["loi " * 600, "loi " * 900])
    assert np.array_equal(long, longer)


def test_queries_and_passages_differ(engine: OnnxEmbedder) -> None:
    assert not np.array_equal(engine.embed_query("law"), engine.embed_passages(["law"])[0])


def test_the_model_is_what_was_built(engine: OnnxEmbedder, model_folder: Path) -> None:
    assert verify(model_folder) == engine.manifest


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"python -m indexes model build .*nowhere"):
        OnnxEmbedder(tmp_path / "nowhere")


def test_a_cut_file_is_noticed(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    with (folder / GRAPH_DATA).open("r+b") as stream:
        stream.truncate(1000)
    with pytest.raises(ModelMissing, match=r"model\.onnx\.data is missing or cut"):
        OnnxEmbedder(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 0}', '{"format": 1, "files": {}}'])
def test_a_damaged_manifest_is_noticed(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(ModelMissing, match="cannot be read"):
        OnnxEmbedder(tmp_path)


def test_changed_bytes_are_noticed_on_request(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    with (folder / GRAPH_DATA).open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"changed")
    with pytest.raises(ModelMissing, match="was changed"):
        verify(folder)
