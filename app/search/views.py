"""Addresses of the search: the page, and the same answer as JSON and as an Atom feed."""

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for

from app import atom
from app.extensions import current_library, current_reader
from app.i18n import PREFIX, ui_language
from app.links import absolute
from app.resources import catalogue
from app.search.asked import Asked, chosen, facets
from app.search.objects import page_object
from app.search.services import SearchPage, Sort, search
from indexes.errors import IndexMismatch, IndexUnavailable, QueryTooLong
from indexes.query_parser import MAX_CHARACTERS

bp = Blueprint("search", __name__, url_prefix=PREFIX)
PER_PAGE = 10
_FEED = 20
_NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)


@bp.get("/search")
def results() -> str | tuple[str, int]:
    asked, ui = Asked.of(request.args), ui_language()
    if not asked.text:
        return _empty()
    try:
        page = _answer(asked, PER_PAGE)
    except QueryTooLong:
        return render_template("search/too_long.html", query=asked.text, most=MAX_CHARACTERS), 400
    except (IndexUnavailable, IndexMismatch):
        return render_template("search/unavailable.html", query=asked.text), 503
    address = url_for("search.results")
    return render_template(
        "search/results.html",
        asked=asked,
        page=page,
        facets=facets(asked, page.facets, address, ui),
        chosen=chosen(asked, address, ui),
        address=address,
        sorts=tuple(Sort),
    )


@bp.get("/search.json")
def as_json() -> tuple[Response, int]:
    asked = Asked.of(request.args)
    try:
        return jsonify(page_object(asked.text, _answer(asked, PER_PAGE))), 200
    except QueryTooLong:
        return jsonify(error="query_too_long", most=MAX_CHARACTERS), 400
    except (IndexUnavailable, IndexMismatch):
        return jsonify(error="index_unavailable"), 503


@bp.get("/search.atom")
def as_feed() -> Response:
    asked, ui = Asked.of(request.args), ui_language()
    try:
        page = _answer(asked, _FEED)
    except QueryTooLong:
        abort(400)
    return atom.response(_feed(asked, page, ui))


def _answer(asked: Asked, per_page: int) -> SearchPage:
    if not asked.text:
        return SearchPage(hits=(), total=0, capped=False, page=1, pages=1, facets={})
    library, reader = current_library(), current_reader()
    page = search(library, asked.request(ui_language(), reader, per_page))
    if asked.page > page.pages:
        abort(404)
    return page


def _empty() -> str:
    counts = catalogue.facet_counts(current_library(), current_reader(), ("domain", "type"))
    return render_template("search/empty.html", counts=counts)


def _feed(asked: Asked, page: SearchPage, ui: str) -> atom.Feed:
    dates = catalogue.published_dates(
        current_library(), current_reader(), [hit.resource for hit in page.hits]
    )
    entries = [
        atom.Entry(
            id=absolute(hit.url.partition("#")[0]),
            title=hit.title,
            url=absolute(hit.url),
            updated=dates.get(hit.resource, _NO_DATE),
            summary="".join(span.text for span in hit.extract),
            language=hit.language,
        )
        for hit in page.hits
    ]
    own = absolute(f"{url_for('search.as_feed')}?{asked.query()}")
    shown = absolute(f"{url_for('search.results')}?{asked.query()}")
    return atom.Feed(own, f"Passerelle – {asked.text}", own, shown, ui, entries)
