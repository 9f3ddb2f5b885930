"""Addresses for machines that watch the portal: in no language, kept nowhere."""

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from app.extensions import current_library
from app.monitoring.checks import Finding, Health, Readiness, current_checks
from app.monitoring.metrics import as_response, current_metrics
from app.monitoring.permissions import challenges, may_watch

bp = Blueprint("monitoring", __name__)


@bp.after_request
def keep_nowhere(response: Response) -> Response:
    response.cache_control.no_store = True
    return response


@bp.get("/healthz")
def alive() -> Response:
    """Nothing is looked at: whoever gets an answer knows that the process lives."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@bp.get("/readyz")
def ready() -> tuple[Response, int]:
    """Everybody is told states; details only those who may watch."""
    health = current_checks().health()
    told = _with_details(health) if _is_watcher() else _states(health)
    return jsonify(told), 503 if health.readiness is Readiness.UNAVAILABLE else 200


@bp.get("/metrics")
def figures() -> AnyResponse:
    if not (asked := challenges(current_library().config)):
        abort(404)
    if not _is_watcher():
        return Response("unauthorized\n", 401, asked, content_type="text/plain")
    return as_response(current_metrics().registry, request.headers.get("Accept", ""))


def _is_watcher() -> bool:
    return may_watch(current_library().config, request.authorization)


def _states(health: Health) -> dict[str, object]:
    parts = {name: {"state": part.state.value} for name, part in health.parts.items()}
    return {"status": health.readiness.value, "parts": parts}


def _with_details(health: Health) -> dict[str, object]:
    parts = {name: _details(part) for name, part in health.parts.items()}
    return {"status": health.readiness.value, "parts": parts}


def _details(part: Finding) -> dict[str, object]:
    """Of a part that is well, no empty texts."""
    told = {"problem": part.problem, "to_do": part.to_do, "about": part.about}
    return {
        "state": part.state.value,
        "ms": round(part.seconds * 1000, 1),
        **{name: value for name, value in told.items() if value},
    }
