"""What a page may wait for the index in all, however many times it asks."""

from contextvars import Token
from typing import Final

from flask import Flask, g

from indexes import patience

INDEX_SECONDS: Final = 1.3  # of the two that people wait for a page


def init_app(app: Flask) -> None:
    app.before_request(_begin)
    app.teardown_request(_end)


def _begin() -> None:
    g.patience = patience.begin(INDEX_SECONDS)


def _end(_error: BaseException | None) -> None:
    token: Token[float] | None = g.pop("patience", None)
    if token is not None:
        patience.end(token)
