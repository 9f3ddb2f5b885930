"""Makes the ONNX engine's folder from a model of sentence-transformers or transformers.

Reads config.json, model.safetensors and the tokenizer, and neither runs nor needs torch. Supported
is what the graph and the engine can do: networks of BERT's shape (`transformer_weights`), the mean
of the tokens or the first of them, and a unigram tokenizer (that of XLM-RoBERTa, which multilingual
models have). Everything else is refused by name, and can be used with the other engine.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexes.embedding.encoder_weights import Vocabulary
from indexes.embedding.model_building import Ingredients, build_folder
from indexes.embedding.model_choice import Overrules, prefixes_of, read_source, short_name
from indexes.embedding.model_folder import Manifest, describe_file
from indexes.embedding.transformer_weights import CONFIG, WEIGHTS, TransformerWeights, read_json
from indexes.errors import ModelNotBuilt

MODULES = "modules.json"
PROMPTS = "config_sentence_transformers.json"
LENGTH = "sentence_bert_config.json"
TOKENIZER_JSON = "tokenizer.json"
SPECIAL_TOKENS = 2  # one before, one behind
ROLES = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "unk": "<unk>"}

OTHERWISE = "Use it as it is: PASSERELLE_MODEL=sentence-transformers:"


def build_from(source: str, folder: Path) -> Manifest:
    """Make the model in `folder` from a name or folder, which `model_choice.read_source` reads.

    Raises:
        ModelNotBuilt: files are missing or damaged, or it is a model of an unsupported kind.
        UnknownModel: what follows the name's `?` cannot be.
    """
    model, overrules = read_source(source)
    return build_folder(folder, lambda: _ingredients(model, overrules))


def _ingredients(model: str, overrules: Overrules) -> Ingredients:
    folder = _find(model)
    try:
        pooling = overrules.pooling or _pooling(folder)
        weights = TransformerWeights(folder)
        vocabulary = _vocabulary(folder, weights.shape.vocabulary)
    except ModelNotBuilt as error:
        raise ModelNotBuilt(f"{error} {OTHERWISE}{model}") from error
    stated = _optional(folder / PROMPTS).get("prompts", {})
    query, passage = prefixes_of(model, stated, overrules)
    limit = overrules.max_tokens or _optional(folder / LENGTH).get("max_seq_length")
    return Ingredients(
        name=short_name(model),
        weights=weights,
        vocabulary=vocabulary,
        pooling=pooling,
        query_prefix=query,
        passage_prefix=passage,
        max_tokens=min(limit or weights.shape.positions, weights.shape.positions) - SPECIAL_TOKENS,
        weights_sha256=describe_file(folder / WEIGHTS).sha256,
    )


def _find(model: str) -> Path:
    """The folder; a name's is in Hugging Face's cache, where it is downloaded the first time."""
    if (folder := Path(model)).is_dir():
        return folder
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ModelNotBuilt(
            f"There is no folder {model}. A name is downloaded where sentence-transformers is "
            "installed: `.venv/bin/pip install -e '.[sentence-transformers]'`."
        ) from error
    try:
        return Path(snapshot_download(model, allow_patterns=["*.json", WEIGHTS]))
    except Exception as error:  # the network's errors and the hub's share no base
        raise ModelNotBuilt(f"{model} is no folder and cannot be downloaded: {error}") from error


def _pooling(folder: Path) -> str:
    """ "mean" or "cls", from the folder's modules; a plain transformers folder takes the mean."""
    if not (folder / MODULES).is_file():
        return "mean"
    modules = {name.rpartition(".")[2]: path for name, path in _modules(folder)}
    if others := modules.keys() - {"Transformer", "Pooling", "Normalize"}:
        raise ModelNotBuilt(f"{folder} has {', '.join(sorted(others))} after its network.")
    stated = read_json(folder / modules["Pooling"] / CONFIG) if "Pooling" in modules else {}
    mode = stated.get("pooling_mode") or _chosen(stated)
    if mode not in ("mean", "cls"):
        raise ModelNotBuilt(f"{folder} pools tokens by {mode}, not by mean or cls.")
    return str(mode)


def _modules(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        for module in _list(folder / MODULES):
            yield str(module["type"]), str(module["path"])
    except (KeyError, TypeError) as error:
        raise ModelNotBuilt(f"{folder / MODULES} is not as expected: {error}") from error


def _chosen(stated: Mapping[str, Any]) -> str:
    """The mode in the older form of a pooling's configuration, a yes or no for each."""
    names = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    chosen = [
        key for key, value in stated.items() if key.startswith("pooling_mode_") and value is True
    ]
    return " and ".join(names.get(key, key) for key in chosen)


def _vocabulary(folder: Path, size: int) -> Vocabulary:
    """The unigram vocabulary in tokenizer.json; its places are the ids."""
    path = folder / TOKENIZER_JSON
    content = read_json(path)
    try:
        model = content["model"]
        if (kind := model["type"]) != "Unigram":
            raise ModelNotBuilt(f"{path} is a tokenizer of the kind {kind}; built are: Unigram.")
        pairs: Sequence[tuple[str, float]] = model["vocab"]
        pieces = [piece for piece, _ in pairs][:size]
        places = {piece: number for number, piece in enumerate(pieces)}
        roles = {role: places[piece] for role, piece in ROLES.items()}
        scores = np.array([score for _, score in pairs][:size], np.float32)
        return Vocabulary(pieces, scores, **roles, normaliser=_normaliser(content["normalizer"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelNotBuilt(f"{path} has no usable {error}.") from error


def _normaliser(stated: Mapping[str, Any] | None) -> bytes | None:
    """sentencepiece's map of characters, which stands alone or among other steps."""
    steps = [stated, *stated.get("normalizers", ())] if stated else []
    maps = [step["precompiled_charsmap"] for step in steps if step["type"] == "Precompiled"]
    return base64.b64decode(maps[0]) if maps else None


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _list(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelNotBuilt(f"{path} cannot be read: {error}") from error
    return content if isinstance(content, list) else []
