"""What the log says, and how: lines for people or JSON for machines, on standard error.

A record says what it was written about: the request that was being answered, or the job that was
being done and its subject. Nothing here writes down what anybody asked.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

Fields = Mapping[str, str]

# Those that say whose records are wanted at PASSERELLE_LOG_LEVEL. Libraries are heard from warnings
# on: some tell of each request they make, with what was asked in it.
_OURS: Final = ("app", "indexes", "ingest")
_about: ContextVar[Fields] = ContextVar("about", default=MappingProxyType({}))


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure(form: LogFormat, level: LogLevel) -> None:
    """Let this process log in `form`; what the package's own modules say from `level` on."""
    handler = logging.StreamHandler()
    handler.addFilter(add_what_it_is_about)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else TextFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.value.upper())


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Records that this thread writes meanwhile say so, beside what they said before."""
    token = begin(**fields)
    try:
        yield
    finally:
        end(token)


def begin(**fields: str) -> Token[Fields]:
    """As `about`, where beginning and end are not in one block."""
    return _about.set({**_about.get(), **fields})


def end(token: Token[Fields]) -> None:
    _about.reset(token)


def add_what_it_is_about(record: logging.LogRecord) -> bool:
    """A filter that keeps every record and marks it."""
    record.about = _about.get()
    return True


class TextFormatter(logging.Formatter):
    """`2026-05-04 10:30:00,123 INFO app.worker: done [job=index subject=…]`, local time."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        told = {**getattr(record, "fields", {}), **getattr(record, "about", {})}
        pairs = " ".join(f"{name}={value}" for name, value in told.items())
        return super().formatMessage(record) + (f" [{pairs}]" if pairs else "")


class JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, what it is about, the trace if any."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)
