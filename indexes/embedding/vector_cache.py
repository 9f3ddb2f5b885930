"""Vectors of passages, kept on disk, so that a rebuild or a new version embeds nothing twice.

One SQLite file, for several processes at once; a key is an engine's fingerprint and the SHA-256 of
the text. Nothing depends on it: what goes wrong with the file costs time, never an answer.
"""

import contextlib
import fcntl
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from indexes.base import Vectors
from indexes.embedding.base import Embedder

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
  id INTEGER PRIMARY KEY,  -- in the order of arrival, for pruning
  engine TEXT NOT NULL,
  text BLOB NOT NULL,      -- SHA-256
  vector BLOB NOT NULL,    -- little-endian float16
  UNIQUE (engine, text)
)
"""
# Half the space of float32. Rounding moves a unit vector by a cosine of less than 1e-7, where the
# 8-bit engine itself is 9e-4 away from fp32 (tests/indexes/embedding/test_vector_cache.py).
STORED = np.dtype("<f2")
KEYS_A_QUERY = 500  # SQLite allows 999 parameters in its oldest builds
BUSY_SECONDS = 10.0
MAX_BYTES = 4 * 2**30  # about four million vectors
PRUNED_SHARE = 0.1  # beyond the limit, so that pruning is rare

Result = TypeVar("Result")
Row = tuple[str, bytes, bytes]  # an engine's fingerprint, the SHA-256 of a text, its vector


class VectorCache:
    """A file of vectors. Every call opens the file anew, so threads and forks may share an object.

    A file that SQLite finds damaged is set aside as `NAME.damaged` and begun anew.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes

    def get(self, engine: str, texts: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors known of these texts, float32, shape (dimensions,); none on a failure."""
        names = {_key(text): text for text in texts}
        found = self._attempt(lambda connection: _read(connection, engine, list(names)))
        return {names[key]: _unpacked(vector) for key, vector in found or ()}

    def put(self, engine: str, vectors: Mapping[str, Vectors]) -> None:
        """Keep one vector a text; what is there already stays. A failure is logged, not raised."""
        rows = [(engine, _key(text), _packed(vector)) for text, vector in vectors.items()]
        self._attempt(lambda connection: _write(connection, rows))
        if self.path.exists() and self.path.stat().st_size > self.max_bytes:
            self.prune(self.max_bytes)

    def rows(self, embedder: str | None = None) -> Iterator[Row]:
        """What an embedder of this fingerprint has kept here, or all have, the oldest first, as it
        was when this began.

        A file that cannot be read gives no more: nothing depends on it.
        """
        if not self.path.exists():
            return
        statement = "SELECT engine, text, vector FROM vectors ORDER BY id"
        try:
            with closing(self._connect()) as connection:
                for row in connection.execute(statement):
                    if embedder is None or is_below(row[0], embedder):
                        yield row
        except (OSError, sqlite3.DatabaseError) as error:
            log.warning("The cache of vectors cannot be read: %s: %s", self.path, error)

    def put_rows(self, rows: Sequence[Row]) -> None:
        """Keep what `rows` gave, of this library or another. A failure is logged, not raised."""
        self._attempt(lambda connection: _write(connection, rows))

    def prune(self, max_bytes: int) -> int:
        """Forget the oldest vectors until the rest takes less than `max_bytes`; how many went."""
        return self._attempt(lambda connection: _prune(connection, max_bytes)) or 0

    def forget_other_engines(self, engine: str) -> int:
        """Forget what other engines or models made; how many vectors went."""
        statement = "DELETE FROM vectors WHERE engine <> ?"

        def forget(connection: sqlite3.Connection) -> int:
            return connection.execute(statement, (engine,)).rowcount

        return self._attempt(forget) or 0

    def __len__(self) -> int:
        def count(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])

        return self._attempt(count) or 0

    def _attempt(self, action: Callable[[sqlite3.Connection], Result]) -> Result | None:
        """Run it in one transaction; once more with a new file if this one is damaged."""
        try:
            return self._run(action)
        except (OSError, sqlite3.OperationalError) as error:  # busy for long, disk full, read-only
            log.warning("The cache of vectors is of no use now: %s: %s", self.path, error)
            return None
        except sqlite3.DatabaseError as error:
            log.warning("The cache of vectors is damaged: %s: %s", self.path, error)
        try:
            self._set_aside()
            return self._run(action)
        except (OSError, sqlite3.DatabaseError) as error:
            log.warning("A new cache of vectors does not work: %s: %s", self.path, error)
            return None

    def _run(self, action: Callable[[sqlite3.Connection], Result]) -> Result:
        with closing(self._connect()) as connection, connection:
            return action(connection)

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode = WAL")  # readers go on while one writes
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        """Rename the damaged file, unless another process has done so meanwhile."""
        with self._alone():
            if self._is_sound():
                return
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    damaged = self.path.with_name(self.path.name + suffix)
                    damaged.replace(self.path.with_name(f"{self.path.name}.damaged{suffix}"))

    def _is_sound(self) -> bool:
        try:
            with closing(self._connect()) as connection:
                return bool(connection.execute("PRAGMA quick_check").fetchone() == ("ok",))
        except sqlite3.DatabaseError:
            return False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class CachedEmbedder:
    """Another embedder whose passages are embedded once. Queries go through: they seldom recur.

    A vector is rounded as the cache keeps it when it is new already, so that a text's vector is the
    same on the first and on later days.
    """

    BATCH = 64  # what a process that is killed has to embed again, at most

    def __init__(self, engine: Embedder, cache: VectorCache) -> None:
        self._engine = engine
        self._cache = cache

    @property
    def dimensions(self) -> int:
        return self._engine.dimensions

    @property
    def fingerprint(self) -> str:
        return self._engine.fingerprint

    def embed_query(self, text: str) -> Vectors:
        return self._engine.embed_query(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        texts = [text.strip() for text in texts]
        known = dict(self._cache.get(self.fingerprint, texts))
        unknown = [text for text in dict.fromkeys(texts) if text not in known]
        for start in range(0, len(unknown), self.BATCH):
            known |= self._embed_and_keep(unknown[start : start + self.BATCH])
        vectors = [known[text] for text in texts]
        return np.stack(vectors) if vectors else np.empty((0, self.dimensions), np.float32)

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def query_is_cut(self, text: str) -> bool:
        return self._engine.query_is_cut(text)

    def _embed_and_keep(self, texts: Sequence[str]) -> Mapping[str, Vectors]:
        vectors = dict(zip(texts, self._engine.embed_passages(texts), strict=True))
        self._cache.put(self.fingerprint, vectors)
        return {text: _unpacked(_packed(vector)) for text, vector in vectors.items()}


def is_below(engine: str, embedder: str) -> bool:
    """Whether an embedder of this fingerprint keeps vectors under the engine's, to which it may add
    what it does to them (`LanguageNeutralEmbedder`).
    """
    return embedder == engine or embedder.startswith(f"{engine}+")


def is_sound(vector: bytes, dimensions: int | None = None) -> bool:
    """Whether bytes that come from elsewhere are a vector as it is kept here."""
    if len(vector) % STORED.itemsize or dimensions not in (None, len(vector) // STORED.itemsize):
        return False
    found = np.frombuffer(vector, STORED)
    return bool(np.isfinite(found).all() and found.any())


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _packed(vector: Vectors) -> bytes:
    return vector.astype(STORED).tobytes()


def _unpacked(content: bytes) -> Vectors:
    """The vector, of unit length again."""
    vector = np.frombuffer(content, STORED).astype(np.float32)
    unit: Vectors = vector / np.linalg.norm(vector)
    return unit


def _read(
    connection: sqlite3.Connection, engine: str, keys: Sequence[bytes]
) -> list[tuple[bytes, bytes]]:
    rows: list[tuple[bytes, bytes]] = []
    for start in range(0, len(keys), KEYS_A_QUERY):
        some = keys[start : start + KEYS_A_QUERY]
        places = ",".join("?" * len(some))
        statement = f"SELECT text, vector FROM vectors WHERE engine = ? AND text IN ({places})"  # noqa: S608
        rows += connection.execute(statement, (engine, *some))
    return rows


def _write(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    statement = "INSERT OR IGNORE INTO vectors (engine, text, vector) VALUES (?, ?, ?)"
    connection.executemany(statement, rows)


def _prune(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Freed pages stay in the file and are used again, so the file does not grow beyond."""
    (pages,), (free,), (page_size,) = (
        connection.execute(f"PRAGMA {name}").fetchone()
        for name in ("page_count", "freelist_count", "page_size")
    )
    used = (pages - free) * page_size
    if used <= max_bytes:
        return 0
    (count,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
    gone = int(count * min(1.0, 1 - max_bytes / used + PRUNED_SHARE))
    statement = "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY id LIMIT ?)"
    return connection.execute(statement, (gone,)).rowcount
