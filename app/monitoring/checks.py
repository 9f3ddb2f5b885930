"""Whether the portal can serve: each part looked at beside the others, and none waited for long."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import cast

from flask import Flask, current_app
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.database import reading
from app.library import Library
from app.migrations import database_problem
from app.monitoring.patience import PATIENCE, Look, NoAnswer, Started
from app.outbox import backlog
from indexes.embedding.model_choice import Engine as EmbeddingEngine
from indexes.errors import IndexesError, IndexMismatch
from indexes.searcher import Searcher
from indexes.types import SearchQuery

_KEY = "passerelle.checks"
_REBUILD = "Run `passerelle index rebuild`."
_SEE_LOG = "See the log of the portal."


class State(StrEnum):
    """Of a part."""

    OK = "ok"
    OFF = "off"  # not wanted
    DEGRADED = "degraded"  # the portal serves without it, or with less of it
    DOWN = "down"  # the portal cannot answer a search


class Readiness(StrEnum):
    """Of the portal."""

    READY = "ready"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of a part. `problem` and `to_do` are for those who run the library, as is what
    `about` tells of it. `seconds` are those the look took.
    """

    state: State
    problem: str = ""
    to_do: str = ""
    about: Mapping[str, object] | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """All parts, by name. The backlog is told of, and never a reason not to serve."""

    parts: Mapping[str, Finding]

    @property
    def readiness(self) -> Readiness:
        states = {part.state for name, part in self.parts.items() if name != "backlog"}
        if State.DOWN in states:
            return Readiness.UNAVAILABLE
        return Readiness.DEGRADED if State.DEGRADED in states else Readiness.READY


class Checks:
    """Looks at the parts of one library; one a process, for any number of probes at once."""

    def __init__(self, library: Library, patience: float = PATIENCE) -> None:
        self._library = library
        looks: Mapping[str, Callable[[], Finding]] = {
            "database": self._database,
            "index": self._index,
            "model": self._model,
            "backlog": self._backlog,
        }
        self._looks = {name: Look(_timed(at), patience) for name, at in looks.items()}

    @cached_property
    def _by_words(self) -> Searcher:
        return Searcher(self._library.index, None)

    def health(self) -> Health:
        """What is seen of every part within the time allowed, which they share."""
        started = {name: look.start() for name, look in self._looks.items()}
        return Health({name: _seen(one) for name, one in started.items()})

    def _database(self) -> Finding:
        if _is_lost(self._library.engine.url):
            return Finding(State.DOWN, "Its file is gone.", "Put it back, then start anew.")
        problem = database_problem(self._library)
        return Finding(State.DOWN, *_split(problem)) if problem else Finding(State.OK)

    def _index(self) -> Finding:
        """Asked something by words, and whether its vectors are those of the model in use."""
        library = self._library
        try:
            self._by_words.search(SearchQuery("readyz", collapse=False))
            status = library.index.status()
        except IndexMismatch as error:
            return Finding(State.DOWN, str(error), _REBUILD)
        except IndexesError as error:
            return Finding(State.DOWN, str(error), _SEE_LOG)
        held = {"entries": status.entries, "vectors": status.vectors}
        built_with, embedder = status.fingerprint.get("embedder"), library.embedder
        if embedder is not None and built_with not in (None, embedder.fingerprint):
            problem = "It was built with another model, and is asked by words only."
            return Finding(State.DEGRADED, problem, _REBUILD, held)
        return Finding(State.OK, about=held)

    def _model(self) -> Finding:
        if self._library.config.model.engine is EmbeddingEngine.NONE:
            return Finding(State.OFF)
        if problem := self._library.find_model_problem():
            return Finding(State.DEGRADED, problem, "Until then search is by words only.")
        return Finding(State.OK)

    def _backlog(self) -> Finding:
        with reading(self._library.sessions) as session:
            found = backlog(session)
        about = {
            job.value: {
                "waiting": part.waiting,
                "failed": part.failed,
                "oldest_seconds": round(part.oldest),
            }
            for job, part in found.items()
        }
        if any(part.failed for part in found.values()):
            to_do = "`passerelle index status` counts them, the log of the worker says why."
            return Finding(State.DEGRADED, "Jobs were given up.", to_do, about)
        return Finding(State.OK, about=about)


def _is_lost(url: URL) -> bool:
    """Whether the file of SQLite was taken away: whoever has it open does not notice."""
    if url.get_backend_name() != "sqlite" or url.database is None:
        return False
    return not Path(url.database).is_file()


def _timed(look: Callable[[], Finding]) -> Callable[[], Finding]:
    def timed() -> Finding:
        began = perf_counter()
        try:
            found = look()
        except Exception as error:  # whatever it is, the probe is to say so
            found = Finding(State.DOWN, _told(error), _SEE_LOG)
        return replace(found, seconds=perf_counter() - began)

    return timed


def _seen(look: Started[Finding]) -> Finding:
    try:
        return look.result()
    except NoAnswer as error:
        to_do = "See whether it is overloaded or cannot be reached."
        return Finding(State.DOWN, f"There is {error}.", to_do, seconds=error.seconds)


def _told(error: Exception) -> str:
    """The driver's own words without the statement, which is no news to anybody."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = str(cause).partition("\n")[0] if isinstance(error, SQLAlchemyError | OSError) else ""
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


def _split(problem: str) -> tuple[str, str]:
    """`What is wrong: what to do.`"""
    what, _, to_do = problem.partition(": ")
    return f"{what}.", to_do[:1].upper() + to_do[1:]


def init_app(app: Flask, library: Library) -> None:
    app.extensions[_KEY] = Checks(library)


def current_checks() -> Checks:
    return cast(Checks, current_app.extensions[_KEY])
