"""Home, the standing pages, and what machines ask for first."""

from flask import Blueprint, Response, redirect, render_template, request, send_from_directory
from flask import current_app as app
from werkzeug.wrappers import Response as AnyResponse

from app.extensions import current_library, current_reader
from app.i18n import PREFIX, preferred, ui_language
from app.resources import catalogue

bp = Blueprint("pages", __name__)
_STANDING = ("help", "about", "privacy", "accessibility")
_NEWEST = 5
# Questions of practitioners, each in its own language whatever the page's: the library answers
# from all three.
EXAMPLES = (
    ("en", "How do I prepare a budget for an IFCD project?"),
    ("fr", "Comment mesurer l’emploi culturel ?"),
    ("es", "¿Cómo participa la sociedad civil en los informes periódicos?"),
)
_ROBOTS = """User-agent: *
Disallow: /*/search
Disallow: /*.pdf?
"""


@bp.get("/")
def start() -> AnyResponse:
    """To the language that the browser asks for."""
    response = redirect(f"/{preferred(request.accept_languages)}/")
    response.vary.add("Accept-Language")
    return response


@bp.get(f"{PREFIX}/")
def home() -> str:
    library, reader, ui = current_library(), current_reader(), ui_language()
    counts = catalogue.facet_counts(library, reader, ("domain", "language"))
    return render_template(
        "pages/home.html",
        domains=dict(counts["domain"]),
        languages=counts["language"],
        total=catalogue.count(library, reader),
        newest=catalogue.newest(library, reader, ui, _NEWEST),
        examples=EXAMPLES,
    )


@bp.get(f"{PREFIX}/<any({','.join(_STANDING)}):name>")
def standing(name: str) -> str:
    return render_template(f"pages/{name}.html")


@bp.get("/robots.txt")
def robots() -> Response:
    return Response(_ROBOTS, content_type="text/plain; charset=utf-8")


@bp.get("/favicon.ico")
def favicon() -> Response:
    return send_from_directory(str(app.static_folder), "mark.svg", max_age=86_400)
