"""The embedding engine for any model of sentence-transformers: torch, and a GPU if there is one.

An extra (`pip install 'passerelle[sentence-transformers]'`): several GB, and on a plain CPU a third
of the speed of `onnx_engine`. Prompts, pooling and lengths are those of the model's configuration;
`model_choice` tells how they are overruled, and knows the prefixes of a few models by name.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from indexes.base import Vectors
from indexes.embedding.description import Description, fingerprint_of
from indexes.embedding.model_choice import AS_STATED, Overrules, prefixes_of, short_name
from indexes.errors import ModelMissing

MAX_QUERY_TOKENS = 64
CPU_BATCH = 4  # 1.3 to 1.5 times as fast as the library's own 32 on two cores with AVX2
GPU_BATCH = 64

INSTALL = (
    "sentence-transformers is not installed: `.venv/bin/pip install -e '.[sentence-transformers]'`."
)


class SentenceTransformersEmbedder:
    """Any model that `SentenceTransformer(NAME_OR_FOLDER)` loads without running code of its own.

    Everything is loaded at once, and a first text embedded: what fails, fails here. A name that is
    no folder is looked up in Hugging Face's cache, and downloaded there the first time. Several
    threads may call it; one at a time computes.

    Raises:
        ModelMissing: the library or the model is not there, or the model gives no vectors.
    """

    def __init__(self, model: str, overrules: Overrules = AS_STATED) -> None:
        self._busy = Lock()
        self._model = _load(model)
        try:
            self._overrule(overrules)
            self.description = self._describe(model, overrules)
            self._probe()
        except ModelMissing:
            raise
        except Exception as error:  # torch, transformers and tokenizers share no base
            raise ModelMissing(f"The model {model} cannot be used: {error}") from error

    @property
    def dimensions(self) -> int:
        return self.description.dimensions

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.description)

    @property
    def device(self) -> str:
        return str(self._model.device)

    def embed_query(self, text: str) -> Vectors:
        """One vector, shape (dimensions,). Only the first `max_query_tokens` tokens count."""
        vector: Vectors = self._encode([self.description.query_prefix + self._beginning(text)])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One vector a text, shape (len(texts), dimensions); what is too long is cut."""
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return self._encode([self.description.passage_prefix + _sound(text) for text in texts])

    def count_tokens(self, text: str) -> int:
        """How many tokens the text is, without prefix and special tokens."""
        return len(self.token_ids(text))

    def query_is_cut(self, text: str) -> bool:
        """Whether the query has more tokens than `embed_query` looks at."""
        return self.count_tokens(text) > self.description.max_query_tokens

    def token_ids(self, text: str) -> list[int]:
        """The ids of the text's tokens, without prefix and special tokens."""
        ids: list[int] = self._tokens(text)["input_ids"]
        return ids

    def _encode(self, texts: list[str]) -> Vectors:
        """The library sorts texts by length, so that those of a batch need little padding."""
        with self._busy:
            vectors: Vectors = self._model.encode(
                texts,
                prompt="",  # the prefix is there already
                batch_size=CPU_BATCH if self._model.device.type == "cpu" else GPU_BATCH,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return vectors.astype(np.float32, copy=False)

    def _beginning(self, text: str) -> str:
        """The part of a query that the model looks at."""
        text, limit = _sound(text), self.description.max_query_tokens
        tokens = self._tokens(text)
        if len(tokens["input_ids"]) <= limit:
            return text
        if "offset_mapping" in tokens:
            return text[: tokens["offset_mapping"][limit - 1][1]]
        beginning: str = self._model.tokenizer.decode(tokens["input_ids"][:limit])
        return beginning

    def _tokens(self, text: str) -> Any:
        tokenizer = self._model.tokenizer
        with self._busy:  # a tokenizer keeps the padding of its last call
            return tokenizer(
                _sound(text),
                add_special_tokens=False,
                return_offsets_mapping=tokenizer.is_fast,
                verbose=False,  # a long text is no mistake here
            )

    def _overrule(self, overrules: Overrules) -> None:
        if overrules.max_tokens is not None:
            self._model.max_seq_length = overrules.max_tokens
        pooling = _pooling(self._model)
        if overrules.pooling is not None and pooling is not None:
            pooling.pooling_mode = overrules.pooling

    def _describe(self, model: str, overrules: Overrules) -> Description:
        query, passage = prefixes_of(model, self._model.prompts, overrules)
        pooling = _pooling(self._model)
        return Description(
            engine="sentence-transformers",
            name=short_name(model),
            dimensions=int(self._model.encode(["x"], show_progress_bar=False).shape[1]),
            pooling=str(pooling.pooling_mode) if pooling is not None else "its own",
            query_prefix=query,
            passage_prefix=passage,
            max_tokens=int(self._model.max_seq_length or 0),
            max_query_tokens=MAX_QUERY_TOKENS,
            weights_sha256=_digest(self._model),
        )

    def _probe(self) -> None:
        vector = self.embed_query("passerelle")
        if vector.shape != (self.dimensions,) or not np.isfinite(vector).all():
            raise ModelMissing(f"{self.description.name} gives no vectors that can be compared.")


def _load(model: str) -> Any:
    try:
        import sentence_transformers
    except ImportError as error:
        raise ModelMissing(INSTALL) from error
    is_folder = Path(model).is_dir()
    if not is_folder and (model.startswith((".", "/")) or model.count("/") > 1):
        raise ModelMissing(f"There is no folder {model}.")
    try:
        return sentence_transformers.SentenceTransformer(model, local_files_only=is_folder)
    except Exception as error:  # torch, transformers, the network: no base of their own
        lines = str(error).splitlines() or [type(error).__name__]
        raise ModelMissing(f"The model {model} cannot be loaded: {lines[0]}") from error


def _pooling(model: Any) -> Any:
    """The module that makes one vector of the tokens', or none where the model has no such."""
    return next((module for module in model if hasattr(module, "pooling_mode")), None)


def _digest(model: Any) -> str:
    """SHA-256 of every weight, of what the modules do, and of the tokenizer."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if ".pooler." in name:  # BERT's own, not used; filled by chance where the file has none
            continue
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy())
    digest.update(" ".join(type(module).__name__ for module in model).encode())
    digest.update(json.dumps(_rules(model.tokenizer), sort_keys=True).encode())
    return digest.hexdigest()


def _rules(tokenizer: Any) -> Any:
    """What a tokenizer does, but for the lengths that its last call has set."""
    if not tokenizer.is_fast:
        return [type(tokenizer).__name__, tokenizer.get_vocab()]
    rules = json.loads(tokenizer.backend_tokenizer.to_str())
    return {key: value for key, value in rules.items() if key not in ("truncation", "padding")}


def _sound(text: str) -> str:
    """Without what surrounds it, and without the lone surrogates of broken files."""
    return text.strip().encode("utf-8", "replace").decode("utf-8")
