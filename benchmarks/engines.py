"""The engines that `benchmarks.beside` asks, each as its own documentation has it set up."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.config import read_config
from app.library import Library
from app.search.services import SearchRequest, search
from indexes.base import Vectors
from indexes.embedding.base import Embedder
from indexes.embedding.loading import load_embedder

PASSERELLE = "Passerelle"
LANCEDB, LANCEDB_IVF = "LanceDB, exact", "LanceDB, IVF_PQ"
TXTAI, TXTAI_RRF = "txtai", "txtai, by ranks"
VECTORS_ONLY, WORDS_ONLY = "LanceDB, vectors only", "tantivy, words only"
BY_BOTH = {LANCEDB: "lancedb", LANCEDB_IVF: "lancedb", TXTAI: "txtai", TXTAI_RRF: "txtai"}
PACKAGES = {**BY_BOTH, VECTORS_ONLY: "lancedb", WORDS_ONLY: "tantivy"}
HITS: Final = 10
LANGUAGES = {"en": "English", "fr": "French", "es": "Spanish"}  # as LanceDB calls them

# What is asked, and the ids and texts of the best, best first.
Ask = Callable[[str], Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Material:
    """Passages as the engines get them: a row of `vectors` each; their language, if all share it.

    `folder` is for what an engine writes.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    vectors: Vectors
    language: str | None
    folder: Path


def write_material(material: Material) -> None:
    """Leave it for the processes of the engines."""
    about = {"ids": material.ids, "texts": material.texts, "language": material.language}
    (material.folder / "passages.json").write_text(json.dumps(about))
    np.save(material.folder / "vectors.npy", material.vectors)


def read_material(folder: Path, name: str) -> Material:
    """With a new folder inside for the engine of this name."""
    about = json.loads((folder / "passages.json").read_text())
    (folder / name).mkdir()
    return Material(**about, vectors=np.load(folder / "vectors.npy"), folder=folder / name)


def passerelle(folder: Path, model: Path) -> Ask:
    """The library that `build` left in the folder; what it shows is a whole page."""
    library = open_library(folder, model)

    def ask(text: str) -> list[tuple[str, str]]:
        found = search(library, SearchRequest(text))
        return [(hit.url, hit.text) for hit in found.hits]

    return ask


def lancedb(
    material: Material, embedder: Embedder, *, ivf: bool = False, words: bool = True
) -> Ask:
    """Its native full-text index and vectors, fused by its reranker of reciprocal ranks.

    Ten candidates of each, as its examples have it: with 30 and 100 nDCG@10 was lower wherever
    there are several languages. An index of vectors is optional, and by its documentation
    unnecessary up to about 100,000 rows; IVF_PQ is the default one, with the probes and the
    refining of its examples.
    """
    os.environ.setdefault("LANCEDB_LOG", "error")  # it warns of its own columns in each search
    library, index, arrow = (import_module(n) for n in ("lancedb", "lancedb.index", "pyarrow"))
    reranker = import_module("lancedb.rerankers").RRFReranker()
    flat = arrow.array(material.vectors.ravel())
    rows = {
        "id": material.ids,
        "text": material.texts,
        "vector": arrow.FixedSizeListArray.from_arrays(flat, material.vectors.shape[1]),
    }
    table = library.connect(material.folder).create_table("passages", arrow.table(rows))
    if words:
        table.create_index("text", config=_full_text(index, material.language))
    if ivf:
        table.create_index("vector", config=index.IvfPq(distance_type="dot"))
    table.optimize()

    def ask(text: str) -> list[tuple[str, str]]:
        vector = embedder.embed_query(text)
        if words:
            query = table.search(query_type="hybrid").vector(vector).text(text).rerank(reranker)
        else:
            query = table.search(vector)
        query = query.distance_type("dot")  # of unit vectors: their cosine
        if ivf:
            query = query.nprobes(20).refine_factor(10)
        found = query.select(["id", "text"]).limit(HITS).to_list()
        return [(row["id"], row["text"]) for row in found]

    return ask


def _full_text(index: Any, language: str | None) -> Any:
    """An index has one language: with several in it, none is stemmed as another."""
    if language is None:
        return index.FTS(stem=False, remove_stop_words=False)
    return index.FTS(language=LANGUAGES[language])


def txtai(material: Material, embedder: Embedder, *, by_ranks: bool) -> Ask:
    """Its `hybrid` (BM25 and Faiss, scores added up half and half), texts kept (`content`).

    `by_ranks`: BM25 not normalized, which has it fuse by reciprocal ranks instead. That is not its
    default, but does better with these vectors.
    """
    known = dict(zip(material.texts, material.vectors, strict=True))

    def transform(texts: Sequence[str]) -> Vectors:
        """Of passages while they are indexed, of questions afterwards."""
        return np.stack([known[t] if known else embedder.embed_query(t) for t in texts])

    words: dict[str, Any] = {"hybrid": True}
    if by_ranks:
        words = {"scoring": {"method": "bm25", "terms": True, "normalize": False}}
    embeddings = import_module("txtai").Embeddings(
        method="external", transform=transform, content=True, **words
    )
    embeddings.index(zip(material.ids, material.texts, strict=True))
    known.clear()

    def ask(text: str) -> list[tuple[str, str]]:
        return [(row["id"], row["text"]) for row in embeddings.search(text, HITS)]

    return ask


def tantivy(material: Material) -> Ask:
    """One index with its default tokenizer; no vectors, so the question is not embedded."""
    library = import_module("tantivy")
    fields = library.SchemaBuilder()
    fields.add_text_field("id", stored=True, tokenizer_name="raw")
    fields.add_text_field("text", stored=True)
    index = library.Index(fields.build(), path=str(material.folder))
    writer = index.writer()
    for id_, text in zip(material.ids, material.texts, strict=True):
        writer.add_document(library.Document(id=id_, text=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()

    def ask(text: str) -> list[tuple[str, str]]:
        # Words alone: a question's punctuation and capitals are not its query language.
        words = " ".join(re.findall(r"\w+", text.lower()))
        searcher = index.searcher()
        hits = searcher.search(index.parse_query(words, ["text"]), HITS).hits
        documents = [searcher.doc(address) for _, address in hits]
        return [(found.get_first("id"), found.get_first("text")) for found in documents]

    return ask


def open_library(folder: Path, model: Path) -> Library:
    config = {"PASSERELLE_DATA": str(folder / "passerelle"), "PASSERELLE_MODEL": str(model)}
    return Library(read_config(config))


def open_engine(name: str, folder: Path, model: Path) -> Ask:
    """The engine of this name on the material in the folder, indexed anew."""
    if name == PASSERELLE:
        return passerelle(folder, model)
    material, embedder = read_material(folder, name), load_embedder(model)
    if name == WORDS_ONLY:
        return tantivy(material)
    if name in (TXTAI, TXTAI_RRF):
        return txtai(material, embedder, by_ranks=name == TXTAI_RRF)
    return lancedb(material, embedder, ivf=name == LANCEDB_IVF, words=name != VECTORS_ONLY)
