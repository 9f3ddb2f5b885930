"""Addresses under `/admin`: closed, as if they were not there, unless the operator opens them."""

from flask import Blueprint, Response, abort, render_template, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from app import formats
from app.administration import services
from app.administration.permissions import is_administrator
from app.extensions import current_library
from app.i18n import N_, PREFIX, ui_language
from indexes.errors import RunUnknown
from indexes.evaluation.compare import Verdict
from indexes.evaluation.metrics import METRICS

bp = Blueprint("administration", __name__, url_prefix=f"{PREFIX}/admin")
VERDICTS = {
    Verdict.BETTER: N_("better"),
    Verdict.WORSE: N_("worse"),
    Verdict.NO_DIFFERENCE: N_("no difference"),
}


@bp.before_request
def only_administrators() -> None:
    password = current_library().config.admin_password
    if password is None:
        abort(404)
    if not is_administrator(password, request.authorization):
        asked = WWWAuthenticate("basic", {"realm": "Passerelle", "charset": "UTF-8"})
        raise Unauthorized(www_authenticate=asked)


@bp.after_request
def keep_nowhere(response: Response) -> Response:
    response.cache_control.no_store = True
    return response


@bp.context_processor
def figures() -> dict[str, object]:
    ui = ui_language()
    return {
        "figure": lambda value: formats.figure(value, ui),
        "change": lambda value: formats.change(value, ui),
        "metric": services.METRIC,
        "metrics": tuple(METRICS),
        "verdicts": VERDICTS,
    }


@bp.get("/evaluation")
def evaluation() -> str:
    return render_template(
        "administration/history.html",
        history=services.history(current_library()),
        width=services.CHART_WIDTH,
        height=services.CHART_HEIGHT,
    )


@bp.get("/evaluation/runs/<name>")
def evaluation_run(name: str) -> str:
    try:
        page = services.run_page(current_library(), name, request.args.get("column"))
    except (RunUnknown, KeyError):
        abort(404)
    return render_template("administration/run.html", page=page)


@bp.get("/evaluation/difference")
def evaluation_difference() -> str:
    before, after = request.args.get("before", ""), request.args.get("after", "")
    try:
        found = services.difference(current_library(), before, after)
    except RunUnknown:
        abort(404)
    return render_template(
        "administration/difference.html", comparison=found, before=before, after=after
    )
