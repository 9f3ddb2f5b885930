"""The engine of the extra, on a tiny model; beside the ONNX engine on a real one where it is there.

`PASSERELLE_TEST_REFERENCE` names a folder with the built model's weights in fp32, as
`benchmarks.fp32_reference` writes it.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from indexes.base import Vectors
from indexes.embedding.base import Embedder
from indexes.embedding.language_directions import parallel_sentences
from indexes.embedding.loading import load_embedder
from indexes.embedding.model_choice import Overrules, read_choice
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.embedding.sentence_transformers_engine import SentenceTransformersEmbedder
from indexes.embedding.vector_cache import VectorCache
from indexes.errors import ModelMissing
from tests.indexes.embedding.tiny_model import HIDDEN, write_json, write_tiny_model

pytest.importorskip("sentence_transformers", reason="the extra sentence-transformers")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    modules = {"": "Transformer", "1_Pooling": "Pooling"}
    write_json(
        folder / "modules.json",
        [
            {
                "idx": at,
                "name": str(at),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for at, (path, kind) in enumerate(modules.items())
        ],
    )
    write_json(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": HIDDEN, "pooling_mode_mean_tokens": True},
    )
    write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "la ", "document": ""}, "similarity_fn_name": "cosine"},
    )
    return folder


def test_the_models_own_configuration_is_used(tiny: Path) -> None:
    engine = SentenceTransformersEmbedder(str(tiny))
    found = engine.description
    assert (found.name, found.dimensions, found.pooling) == ("tiny", HIDDEN, "mean")
    assert (found.query_prefix, found.passage_prefix) == ("la ", "")
    query, passages = engine.embed_query("loi"), engine.embed_passages(["la loi", "law", ""])
    assert query == pytest.approx(passages[0], abs=1e-6)
    assert passages.dtype == np.float32
    assert np.linalg.norm(passages, axis=1) == pytest.approx(1, abs=1e-5)
    assert engine.embed_passages([]).shape == (0, HIDDEN)


def test_what_is_overruled_changes_vectors_and_fingerprint(tiny: Path) -> None:
    plain = SentenceTransformersEmbedder(str(tiny))
    for overrules in (
        Overrules(query_prefix="law "),
        Overrules(passage_prefix="law "),
        Overrules(pooling="cls"),
        Overrules(max_tokens=4),
    ):
        other = SentenceTransformersEmbedder(str(tiny), overrules)
        assert other.fingerprint != plain.fingerprint
        text = "la loi la loi la loi"
        ours = (plain.embed_query(text), plain.embed_passages([text])[0])
        theirs = (other.embed_query(text), other.embed_passages([text])[0])
        assert not all(np.allclose(a, b) for a, b in zip(ours, theirs, strict=True))


def test_other_weights_have_another_fingerprint(tiny: Path, tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "tiny", "F16")
    one, other = (
        SentenceTransformersEmbedder(str(tiny)),
        SentenceTransformersEmbedder(str(tmp_path / "tiny"), Overrules(query_prefix="la ")),
    )
    assert one.fingerprint == SentenceTransformersEmbedder(str(tiny)).fingerprint
    assert one.fingerprint != other.fingerprint


def test_a_query_is_looked_at_as_far_as_its_limit(tiny: Path) -> None:
    engine = SentenceTransformersEmbedder(str(tiny), Overrules(query_prefix="", max_tokens=40))
    short, long = "loi " * 64, "loi " * 64 + "law " * 9
    assert engine.count_tokens(short) == 64
    assert not engine.query_is_cut(short)
    assert engine.query_is_cut(long)
    assert np.array_equal(engine.embed_query(short), engine.embed_query(long))


@pytest.mark.slow
def test_language_is_taken_out_and_sentences_are_embedded_once(tiny: Path, tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "vectors.sqlite")
    choice = read_choice(f"sentence-transformers:{tiny}")
    first, again = load_embedder(choice, cache), load_embedder(choice, cache)
    assert len(cache) == len({text for own in parallel_sentences().values() for text in own}) * 2
    assert first.fingerprint == again.fingerprint
    assert "+neutral-" in first.fingerprint
    assert np.array_equal(first.embed_query("loi"), again.embed_query("loi"))


@pytest.mark.parametrize("model", ["/nowhere/at/all", "./nothing"])
def test_a_missing_folder_is_named(model: str) -> None:
    with pytest.raises(ModelMissing, match=model):
        SentenceTransformersEmbedder(model)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_folder_is_named(tmp_path: Path, name: str) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    (folder / name).write_bytes(b"{")
    with pytest.raises(ModelMissing, match="tiny"):
        SentenceTransformersEmbedder(str(folder))


@pytest.fixture(scope="module")
def reference() -> SentenceTransformersEmbedder:
    folder = os.environ.get("PASSERELLE_TEST_REFERENCE")
    if not folder:
        pytest.skip("PASSERELLE_TEST_REFERENCE names no model (benchmarks.fp32_reference)")
    return SentenceTransformersEmbedder(folder, Overrules("query: ", "passage: "))


SENTENCES = parallel_sentences()


def _first_hits(embedder: Embedder) -> list[bool]:
    """Whether a sentence, asked, finds its translation first, for each pair of languages."""
    passages = {code: embedder.embed_passages(texts) for code, texts in SENTENCES.items()}
    queries = {c: np.stack([embedder.embed_query(t) for t in own]) for c, own in SENTENCES.items()}
    return [
        int(row.argmax()) == number
        for asked, own in queries.items()
        for answered, others in passages.items()
        if asked != answered
        for number, row in enumerate(own @ others.T)
    ]


@pytest.mark.model
@pytest.mark.slow
def test_both_engines_agree(engine: OnnxEmbedder, reference: SentenceTransformersEmbedder) -> None:
    texts = [text for own in SENTENCES.values() for text in own]
    assert [engine.token_ids(t) for t in texts] == [reference.token_ids(t) for t in texts]

    def cosines(ours: Vectors, theirs: Vectors) -> Vectors:
        found: Vectors = (ours * theirs).sum(axis=1)
        return found

    passages = cosines(engine.embed_passages(texts), reference.embed_passages(texts))
    queries = cosines(
        np.stack([engine.embed_query(text) for text in texts]),
        np.stack([reference.embed_query(text) for text in texts]),
    )
    for found in (passages, queries):
        assert found.mean() >= 0.998
        assert found.min() >= 0.995
    ours, theirs = _first_hits(engine), _first_hits(reference)
    assert abs(np.mean(ours) - np.mean(theirs)) <= 0.01
