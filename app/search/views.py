"""Addresses of the search: the page, and the same answer as JSON and as an Atom feed."""

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from flask_babel import gettext, ngettext

from app import atom
from app.errors import unavailable
from app.extensions import current_library, current_reader
from app.i18n import N_, PREFIX, ui_language
from app.links import absolute
from app.monitoring.metrics import current_metrics
from app.resources import catalogue
from app.search.asked import Asked, chosen, facets
from app.search.companions import current_companions
from app.search.leading_on import Seeker, did_you_mean, ways_on
from app.search.objects import page_object
from app.search.services import SearchPage, Sort, search
from app.search.suggesting import Kind, Suggestion
from indexes.errors import IndexMismatch, IndexUnavailable, QueryTooLong
from indexes.query_parser import MAX_CHARACTERS

bp = Blueprint("search", __name__, url_prefix=PREFIX)
PER_PAGE = 10
_FEED = 20
_SUGGESTED_SECONDS = 30
_KIND_NAMES = {
    Kind.TITLE: N_("Resources"),
    Kind.TOPIC: N_("Topics"),
    Kind.AUTHOR: N_("Authors"),
    Kind.QUESTION: N_("Asked often"),
}
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
    except (IndexUnavailable, IndexMismatch) as error:
        unavailable(error)
        return render_template("search/unavailable.html", query=asked.text), 503
    address = url_for("search.results")
    seeker = Seeker(current_library(), current_companions(), current_reader(), ui, address)
    meant = did_you_mean(seeker, asked)
    if asked.is_whole_and_first:
        current_companions().counter.count(asked.text, ui, found=page.total > 0)
    return render_template(
        "search/results.html",
        meant=meant,
        ways=None if page.total else ways_on(seeker, asked, meant),
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
    except (IndexUnavailable, IndexMismatch) as error:
        unavailable(error)
        return jsonify(error="index_unavailable"), 503


@bp.get("/search.atom")
def as_feed() -> Response:
    asked, ui = Asked.of(request.args), ui_language()
    try:
        page = _answer(asked, _FEED)
    except QueryTooLong:
        abort(400)
    return atom.response(_feed(asked, page, ui))


@bp.get("/suggest.json")
def suggestions() -> Response:
    """What may be meant by what was typed so far, in groups; nothing below two letters."""
    typed = request.args.get("q", "")
    found = current_companions().suggester.suggest(typed, ui_language(), current_reader())
    kinds = dict.fromkeys(one.kind for one in found)
    response = jsonify(
        status=ngettext("%(num)s suggestion", "%(num)s suggestions", len(found)),
        groups=[
            {
                "kind": kind.value,
                "label": gettext(_KIND_NAMES[kind]),
                "items": [_suggestion_object(one) for one in found if one.kind is kind],
            }
            for kind in kinds
        ],
    )
    response.cache_control.private = True
    response.cache_control.max_age = _SUGGESTED_SECONDS
    return response


def _suggestion_object(one: Suggestion) -> dict[str, str]:
    """`language` is empty for a name."""
    return {"text": one.text, "language": one.language, "url": one.url}


def _answer(asked: Asked, per_page: int) -> SearchPage:
    if not asked.text:
        return SearchPage(hits=(), total=0, capped=False, page=1, pages=1, facets={})
    library, reader = current_library(), current_reader()
    page = search(library, asked.request(ui_language(), reader, per_page))
    current_metrics().searched(page.seconds, found=page.total > 0, by_meaning=page.by_meaning)
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
