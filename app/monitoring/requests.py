"""Each request under an id: told to whoever asked, in every record, and one line at its end."""

import logging
import re
import secrets
from collections.abc import Mapping
from contextvars import Token
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Final

from flask import Flask, Response, g, request

from app import logs
from app.monitoring.metrics import current_metrics

log = logging.getLogger(__name__)

HEADER: Final = "X-Request-ID"
NO_ROUTE: Final = "none"
_SOUND = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_ARGUMENT = re.compile(r"<[^<>]*?(\w+)>")
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request that is being answered, since `began` by `perf_counter`."""

    id: str
    began: float
    token: Token[logs.Fields]


def init_app(app: Flask) -> None:
    """To be called first: what is begun first and ended last is measured whole."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_give_up)
    app.context_processor(lambda: {"request_id": request_id()})


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    visit: _Visit | None = g.get("visit")
    return visit.id if visit else ""


def note_error(error: Exception) -> None:
    """The kind of what makes this answer a failure, for its line and the counters."""
    g.error_kind = type(error).__name__


def sound_or_new(given: str | None) -> str:
    """The id that a server in front gave, if it is short and plain; else one of 16 digits."""
    return given if given and _SOUND.fullmatch(given) else secrets.token_hex(8)


@lru_cache(maxsize=256)
def route_name(rule: str) -> str:
    """A route as people read it: `/<any(en,fr,es):ui>/search` is `/<ui>/search`."""
    return _ARGUMENT.sub(r"<\1>", rule)


def _begin() -> None:
    id_ = sound_or_new(request.headers.get(HEADER))
    g.visit = _Visit(id_, perf_counter(), logs.begin(request_id=id_))


def _finish(response: Response) -> Response:
    visit: _Visit | None = g.get("visit")
    if visit is not None:
        response.headers[HEADER] = visit.id
        _record(visit, response.status_code)
    return response


def _give_up(_error: BaseException | None) -> None:
    """Records no longer say the id; an answer that even its error page failed is told here."""
    visit: _Visit | None = g.pop("visit", None)
    if visit is None:
        return
    if "recorded" not in g:
        _record(visit, 500)
    logs.end(visit.token)


def _record(visit: _Visit, status: int) -> None:
    """Count the answer and tell of it; by its route, as the address may hold a question."""
    g.recorded = True
    seconds = perf_counter() - visit.began
    route = route_name(request.url_rule.rule) if request.url_rule else NO_ROUTE
    method = request.method if request.method in _METHODS else "other"
    is_probe = request.blueprint == "monitoring"
    # A probe that is told of a failure got the right answer.
    failed = status >= 500 and not is_probe
    kind = g.get("error_kind", f"status {status}") if failed else None
    current_metrics().answered(route, method, status, seconds, kind)
    level = logging.DEBUG if is_probe else logging.INFO
    if log.isEnabledFor(level):
        log.log(level, "answered", extra={"fields": _told(route, method, status, seconds, kind)})


def _told(
    route: str, method: str, status: int, seconds: float, kind: str | None
) -> Mapping[str, object]:
    told = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    return {**told, "error": kind} if kind else told
