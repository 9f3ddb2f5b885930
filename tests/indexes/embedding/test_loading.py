"""Models that are damaged, of other dimensions, or not wanted: refused by name."""

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from indexes.embedded import EmbeddedIndex
from indexes.embedding.loading import load_embedder
from indexes.embedding.model_choice import read_choice
from indexes.embedding.model_folder import (
    DIRECTIONS,
    GRAPH,
    GRAPH_DATA,
    MANIFEST,
    TOKENIZER,
    describe_file,
)
from indexes.errors import IndexMismatch, ModelMissing
from tests.indexes.material import entry


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the real model that a test may spoil."""
    return shutil.copytree(model_folder, tmp_path / "model")


def _say(folder: Path, **changed: object) -> None:
    """Change the manifest; the files' hashes are told as they are now."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for name in manifest["files"]:
        stored = describe_file(folder / name)
        manifest["files"][name] = {"size": stored.size, "sha256": stored.sha256}
    (folder / MANIFEST).write_text(json.dumps(manifest | changed))


def _garbage(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


def _fewer_dimensions(folder: Path) -> None:
    np.save(folder / DIRECTIONS, np.eye(4, 100, dtype=np.float32))
    _say(folder)


@pytest.mark.model
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / TOKENIZER).unlink(), f"{TOKENIZER} is missing"),
        (lambda f: (f / DIRECTIONS).write_bytes(b""), f"{DIRECTIONS} is missing or cut"),
        (lambda f: _garbage(f / GRAPH_DATA), f"{GRAPH_DATA} was changed"),
        (lambda f: _garbage(f / DIRECTIONS), f"{DIRECTIONS} was changed"),
        (lambda f: (f / MANIFEST).write_bytes(b"\xff\x00garbage"), "cannot be read"),
        (_fewer_dimensions, "not of 384 dimensions"),
    ],
)
def test_a_damaged_folder_is_refused_by_name(
    folder: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(folder)
    with pytest.raises(ModelMissing, match=told):
        load_embedder(folder)


@pytest.mark.model
def test_a_graph_of_other_dimensions_is_refused_when_it_is_loaded(folder: Path) -> None:
    np.save(folder / DIRECTIONS, np.eye(4, 100, dtype=np.float32))
    _say(folder, dimensions=100)
    embedder = load_embedder(folder)
    with pytest.raises(ModelMissing, match="has 384 dimensions, not 100"):
        embedder.embed_query("law")


@pytest.mark.model
@pytest.mark.parametrize("name", [GRAPH, TOKENIZER])
def test_what_cannot_be_loaded_is_refused_when_it_is(folder: Path, name: str) -> None:
    _garbage(folder / name)
    _say(folder)  # built so, as far as the manifest knows
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        load_embedder(folder).embed_query("law")


def test_no_model_can_be_chosen() -> None:
    with pytest.raises(ModelMissing, match="No embedding model"):
        load_embedder(read_choice("none"))


@pytest.mark.skipif(
    bool(find_spec("sentence_transformers")), reason="sentence-transformers is installed"
)
def test_without_the_extra_it_is_told_how_to_have_it() -> None:
    with pytest.raises(ModelMissing, match=r"pip install .*sentence-transformers"):
        load_embedder(read_choice("sentence-transformers:intfloat/multilingual-e5-small"))


@pytest.mark.model
def test_an_index_of_another_engine_is_never_mixed_with_this(
    model_folder: Path, tmp_path: Path
) -> None:
    """The vectors are of equal length: only the fingerprint tells the engines apart."""
    embedder = load_embedder(model_folder)

    def opened(fingerprint: str) -> EmbeddedIndex:
        return EmbeddedIndex(tmp_path, dimensions=embedder.dimensions, fingerprint=fingerprint)

    law = entry("law", text="The law of the sea.")
    with opened("multilingual-e5-small-of-another-engine").rebuild() as writer:
        writer.replace(law.source, [law])
        writer.add_vectors([law], [embedder.embed_passages([law.text])])
    ours = opened(embedder.fingerprint)
    for act in (
        lambda: ours.vectors_of([law.id]),
        lambda: ours.with_vectors([law.id]),
        lambda: ours.writer().__enter__(),
    ):
        with pytest.raises(IndexMismatch, match="rebuil"):
            act()
