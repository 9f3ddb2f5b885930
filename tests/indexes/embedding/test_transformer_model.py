"""A model's folder read without torch, and what is refused; built where onnx is installed."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from indexes.__main__ import main
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.embedding.transformer_model import build_from
from indexes.embedding.transformer_weights import TransformerWeights
from indexes.errors import ModelNotBuilt, UnknownModel
from tests.indexes.embedding.tiny_model import (
    HIDDEN,
    PIECES,
    POSITIONS,
    WIDE,
    tensors,
    tokenizer,
    write_json,
    write_tiny_model,
)

needs_onnx = pytest.mark.skipif(
    not find_spec("onnx"),
    reason="onnx is here while a model is built only (requirements/model.txt)",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "tiny")


@pytest.mark.parametrize(("kind", "exact"), [("F32", 0), ("F16", 1e-3), ("BF16", 1e-2)])
def test_weights_are_read_by_our_names(tmp_path: Path, kind: str, exact: float) -> None:
    weights = TransformerWeights(write_tiny_model(tmp_path, kind))
    assert weights.shape == (HIDDEN, 2, 4, WIDE, len(PIECES), POSITIONS, 2)
    theirs = tensors()
    wide = theirs["encoder.layer.1.intermediate.dense.weight"]
    assert np.allclose(weights.matrix("l1.fi.w", WIDE, HIDDEN), wide, rtol=exact, atol=0)
    shift = theirs["embeddings.LayerNorm.bias"]
    assert np.allclose(weights.floats("emb.ln.b", HIDDEN), shift, rtol=exact, atol=0)


def test_words_in_eight_bits_are_nearly_the_words(folder: Path) -> None:
    scales, codes = TransformerWeights(folder).blocks("emb.word", len(PIECES), HIDDEN)
    words = (scales * (codes.astype(np.float32) - 128)).reshape(len(PIECES), HIDDEN)
    there = tensors()["embeddings.word_embeddings.weight"]
    assert np.abs(words - there).max() <= np.abs(there).max() / 127 / 2 + 1e-6


def test_positions_of_roberta_begin_behind_the_padding(tmp_path: Path) -> None:
    weights = TransformerWeights(write_tiny_model(tmp_path, model_type="xlm-roberta"))
    assert weights.shape.positions == POSITIONS - 2
    places = tensors()["embeddings.position_embeddings.weight"]
    assert np.array_equal(weights.floats("emb.pos", POSITIONS - 2, HIDDEN), places[2:])


def _cut(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.truncate(5000)


def _no_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)


def _word_pieces(folder: Path) -> None:
    words = tokenizer()
    words["model"]["type"] = "WordPiece"
    write_json(folder / "tokenizer.json", words)


def _module(folder: Path, name: str, **pooling: object) -> None:
    kinds = {"": "Transformer", "1": name}
    found = [{"type": f"sentence_transformers.models.{k}", "path": p} for p, k in kinds.items()]
    write_json(folder / "modules.json", found)
    write_json(folder / "1" / "config.json", pooling)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: write_json(f / "config.json", {"model_type": "mpnet"}), "type mpnet"),
        (lambda f: write_json(f / "config.json", {"model_type": "bert"}), "hidden_size"),
        (lambda f: write_tiny_model(f, hidden_act="relu"), "relu"),
        (lambda f: write_tiny_model(f, hidden_size=48), "emb|dimensions|shape"),
        (lambda f: (f / "config.json").unlink(), "config.json cannot be read"),
        (lambda f: (f / "config.json").write_text("{"), "config.json cannot be read"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors cannot be read"),
        (_no_header, "model.safetensors cannot be read"),
        (_cut, "it is cut"),
        (_word_pieces, "kind WordPiece"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json cannot be read"),
        (lambda f: write_json(f / "tokenizer.json", {"model": {}}), "no usable"),
        (lambda f: _module(f, "Dense"), "Dense"),
        (lambda f: _module(f, "Pooling", pooling_mode="max"), "by max"),
        (lambda f: _module(f, "Pooling", pooling_mode_max_tokens=True), "max_tokens"),
        (lambda f: (f / "modules.json").write_text("[1]"), "modules.json is not as expected"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(folder)
    with pytest.raises(ModelNotBuilt, match=told):
        build_from(str(folder), tmp_path / "built")
    assert not (tmp_path / "built").exists()


def test_a_refusal_says_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _word_pieces(folder)
    assert main(["model", "build", "--from", str(folder), str(folder / "built")]) == 1
    assert f"PASSERELLE_MODEL=sentence-transformers:{folder}" in capsys.readouterr().err


def test_what_is_overruled_has_to_exist(folder: Path) -> None:
    with pytest.raises(UnknownModel, match="colour"):
        build_from(f"{folder}?colour=red", folder / "built")


@needs_onnx
def test_a_built_model_embeds_as_it_was_asked_to(folder: Path, tmp_path: Path) -> None:
    manifest = build_from(f"{folder}?query=la &pooling=cls&max_tokens=12", tmp_path / "built")
    assert (manifest.name, manifest.dimensions, manifest.pooling) == ("tiny", HIDDEN, "cls")
    assert (manifest.query_prefix, manifest.passage_prefix, manifest.max_tokens) == ("la ", "", 10)
    engine = OnnxEmbedder(tmp_path / "built")
    assert [PIECES[number] for number in engine.token_ids("la loi")] == ["▁la", "▁loi"]
    query, (passage,) = engine.embed_query("loi"), engine.embed_passages(["la loi"])
    assert np.allclose(query, passage, atol=1e-6)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)


@needs_onnx
@pytest.mark.parametrize("asked", ["?pooling=cls", "?query=la ", "?passage=la ", "?max_tokens=9"])
def test_each_setting_is_in_the_fingerprint(folder: Path, tmp_path: Path, asked: str) -> None:
    plain = build_from(str(folder), tmp_path / "plain")
    other = build_from(f"{folder}{asked}", tmp_path / "other")
    assert plain.fingerprint != other.fingerprint
    assert plain.directions_fingerprint != other.directions_fingerprint
