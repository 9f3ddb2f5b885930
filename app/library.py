"""The parts that a library runs on, opened once a process and shared by its threads.

The portal, the worker and the commands all work on one `Library`; none of them opens a database,
an index or a model of its own.
"""

from dataclasses import dataclass
from functools import cached_property
from threading import RLock

from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from app.config import Config
from app.database import Sessions, open_database
from app.storage import FileStore
from indexes.base import SearchIndex
from indexes.embedded.index import EmbeddedIndex
from indexes.embedding.base import Embedder
from indexes.embedding.loading import load_embedder
from indexes.embedding.model_choice import Engine as EmbeddingEngine
from indexes.embedding.vector_cache import VectorCache
from indexes.errors import ModelMissing
from indexes.searcher import Searcher


@dataclass
class Library:
    """Database, files, index and model of one configuration; each is opened when first used."""

    config: Config

    def __post_init__(self) -> None:
        self._opening = RLock()
        self.model_problem: str | None = None  # why there is no embedder although one was chosen

    @cached_property
    def engine(self) -> Engine:
        self.config.data.mkdir(parents=True, exist_ok=True)
        engine = open_database(self.config.database_url, self.config.threads)
        engine.hide_parameters = True  # an error's text is logged, and one may be a question
        return engine

    @cached_property
    def sessions(self) -> Sessions:
        return sessionmaker(self.engine, expire_on_commit=False)

    @cached_property
    def files(self) -> FileStore:
        return FileStore(self.config.files)

    @cached_property
    def embedder(self) -> Embedder | None:
        """The model, or none where it is not wanted or cannot be used: words only.

        The pages say so, `model_problem` says why.
        """
        with self._opening:
            if self.config.model.engine is EmbeddingEngine.NONE:
                return None
            self.config.data.mkdir(parents=True, exist_ok=True)
            try:
                return load_embedder(self.config.model, VectorCache(self.config.vector_cache))
            except ModelMissing as error:
                self.model_problem = str(error)
                return None

    def find_model_problem(self) -> str | None:
        """Why the model chosen cannot be used, or none; a first text is embedded to find out."""
        if self.embedder is not None:
            try:
                self.embedder.embed_query("passerelle")
            except ModelMissing as error:
                self.model_problem = str(error)
        return self.model_problem

    @cached_property
    def index(self) -> SearchIndex:
        """A folder of this machine, or Elasticsearch where its address is given."""
        with self._opening:
            embedder = self.embedder
            dimensions = embedder.dimensions if embedder else 0
            fingerprint = embedder.fingerprint if embedder else "words only"
            if self.config.cluster is None:
                return EmbeddedIndex(
                    self.config.index, dimensions=dimensions, fingerprint=fingerprint
                )
            # Here, as the client takes a third of a second to import.
            from indexes.elasticsearch.index import ElasticsearchIndex

            return ElasticsearchIndex(
                self.config.cluster, dimensions=dimensions, fingerprint=fingerprint
            )

    @cached_property
    def searcher(self) -> Searcher:
        return Searcher(self.index, self.embedder)
