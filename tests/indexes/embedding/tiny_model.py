"""A model folder as transformers has them, tiny and of chance weights: for tests of its reading."""

import json
from pathlib import Path
from typing import Any

import numpy as np

HIDDEN, LAYERS, WIDE, POSITIONS = 32, 2, 64, 40
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁la", "▁loi", "▁law", "a", "e", "i", "l", "o", "w"]
CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": WIDE,
    "vocab_size": len(PIECES),
    "max_position_embeddings": POSITIONS,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "pad_token_id": 1,
}


def write_tiny_model(folder: Path, kind: str = "F32", **config: object) -> Path:
    """Write config, weights (of the type F32, F16 or BF16) and tokenizer; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", CONFIG | config)
    write_json(folder / "tokenizer.json", tokenizer())
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": POSITIONS,
            "pad_token": "<pad>",
            "unk_token": "<unk>",
        },
    )
    (folder / "model.safetensors").write_bytes(safetensors(tensors(), kind))
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def tokenizer() -> dict[str, Any]:
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    named = {
        name: {"id": name, "ids": [at], "tokens": [name]} for at, name in enumerate(PIECES[:3])
    }
    around = [
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    around.append({"SpecialToken": {"id": "</s>", "type_id": 0}})
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": at, "content": name, "special": True} | special
            for at, name in enumerate(PIECES[:4])
        ],
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True,
        },
        "post_processor": {
            "type": "TemplateProcessing", "single": around, "pair": around, "special_tokens": named,
        },
        "decoder": None,
        "model": {
            "type": "Unigram",
            "unk_id": 3,
            "vocab": [[piece, -float(at)] for at, piece in enumerate(PIECES)],
            "byte_fallback": False,
        },
    }  # fmt: skip


def tensors() -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """The weights by BERT's names."""
    random = np.random.default_rng(1)
    sizes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(PIECES), HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm": (HIDDEN,),
    }
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}."
        squares = ("attention.self.query", "attention.self.key", "attention.self.value")
        sizes |= {layer + name: (HIDDEN, HIDDEN) for name in (*squares, "attention.output.dense")}
        sizes[layer + "intermediate.dense"] = WIDE, HIDDEN
        sizes[layer + "output.dense"] = HIDDEN, WIDE
        sizes |= {layer + n: (HIDDEN,) for n in ("attention.output.LayerNorm", "output.LayerNorm")}
    found = {}
    for name, size in sizes.items():
        values = random.normal(scale=0.2, size=size).astype(np.float32)
        if name.endswith("_embeddings.weight"):
            found[name] = values
            continue
        found[f"{name}.weight"] = values + 1 if len(size) == 1 else values
        found[f"{name}.bias"] = random.normal(scale=0.2, size=size[:1]).astype(np.float32)
    return found


def safetensors(
    content: dict[str, np.ndarray[Any, np.dtype[np.float32]]], kind: str = "F32"
) -> bytes:
    """The file that transformers reads, https://github.com/huggingface/safetensors#format."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in content.items():
        packed = _packed(values, kind)
        header[name] = {
            "dtype": kind,
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + len(packed)],
        }
        data += packed
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def _packed(values: np.ndarray[Any, np.dtype[np.float32]], kind: str) -> bytes:
    if kind == "BF16":
        return (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    return values.astype({"F32": "<f4", "F16": "<f2"}[kind]).tobytes()
