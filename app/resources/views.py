"""Addresses of resources: the resource, its pages and their images, files, citations, lists."""

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
)
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response as AnyResponse

from app import atom
from app.addresses import edition_address, page_address
from app.extensions import current_library, current_reader
from app.i18n import PREFIX, ui_language
from app.links import absolute
from app.resources import catalogue, citations, reading, related, services
from app.resources.catalogue import Order, Selection
from app.resources.reading import PageKey
from app.resources.vocabulary import label

bp = Blueprint("resources", __name__, url_prefix=PREFIX)
_RELATED = 5
_YEAR = 365 * 24 * 3600
_SAFE_TYPES = frozenset(
    ("application/pdf", "application/epub+zip", "text/plain", "text/csv", "text/markdown")
)
_OFFICE = "application/vnd.openxmlformats-officedocument."
_NUMBER = "int(max=999999)"
_EDITION = "/resources/<public_id:resource>/<tag:language>"
_VERSION = f"{_EDITION}/v<{_NUMBER}:version>"
_CITATIONS = {
    "bib": (citations.bibtex, "application/x-bibtex"),
    "ris": (citations.ris, "application/x-research-info-systems"),
    "json": (citations.csl, "application/vnd.citationstyles.csl+json"),
}


class PublicId(BaseConverter):
    """A resource's id: 26 characters of Crockford's base 32, so that nothing else is looked up."""

    regex = "[0-9a-hjkmnp-tv-z]{26}"


class Tag(BaseConverter):
    """A language tag (BCP 47)."""

    regex = "[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*"


def init_app(app: Flask) -> None:
    app.url_map.converters.update(public_id=PublicId, tag=Tag)
    app.register_blueprint(bp)


@bp.get("/resources/<public_id:resource>")
@bp.get(_EDITION, endpoint="edition")
def resource(resource: str, language: str | None = None) -> str:
    library, reader, ui = current_library(), current_reader(), ui_language()
    view = services.resource_view(library, reader, ui, resource, language)
    url = absolute(edition_address(ui, resource, view.language))
    work = services.work_of(view, url)
    return render_template(
        "resources/resource.html",
        view=view,
        related=related.nearest(library, reader, ui, resource, _RELATED),
        citation=citations.sentence(work),
        schema_org=citations.schema_org(work),
        dublin_core=citations.dublin_core(work),
        said_otherwise=services.said_otherwise(view.language, view.front.text_language),
        canonical=url,
    )


@bp.get("/resources/<public_id:resource>/similar")
def similar(resource: str) -> str:
    library, reader, ui = current_library(), current_reader(), ui_language()
    view = services.resource_view(library, reader, ui, resource)
    listing = related.similar(library, reader, ui, resource, _page_number())
    if listing.page > listing.pages:
        abort(404)
    return render_template("resources/similar.html", view=view, listing=listing)


@bp.get(f"{_EDITION}/cite.<any(bib,ris,json):form>")
def cite(resource: str, language: str, form: str) -> Response:
    ui = ui_language()
    view = services.resource_view(current_library(), current_reader(), ui, resource, language)
    work = services.work_of(view, absolute(edition_address(ui, resource, language)))
    write, media_type = _CITATIONS[form]
    response = Response(write(work), content_type=f"{media_type}; charset=utf-8")
    name = f"passerelle-{resource}-{language}.{form}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@bp.get(f"{_EDITION}/pages/<{_NUMBER}:number>")
@bp.get(f"{_VERSION}/pages/<{_NUMBER}:number>", endpoint="page_of_version")
def page(resource: str, language: str, number: int, version: int | None = None) -> str:
    key, query = PageKey(resource, language, version, number), request.args.get("q", "")
    view = reading.page_view(current_library(), current_reader(), ui_language(), key, query)
    canonical = view.current_url if view.is_current else view.permalink
    return render_template(
        "resources/page.html", view=view, query=query.strip(), canonical=absolute(canonical)
    )


@bp.get(f"{_EDITION}/pages/<{_NUMBER}:number>.webp")
@bp.get(f"{_VERSION}/pages/<{_NUMBER}:number>.webp", endpoint="image_of_version")
def image(resource: str, language: str, number: int, version: int | None = None) -> Response:
    key = PageKey(resource, language, version, number)
    path = reading.page_image(current_library(), current_reader(), key)
    response = send_file(path, mimetype="image/webp", max_age=_age(version))
    response.cache_control.public = True
    return response


@bp.get(f"{_EDITION}/pages.pdf", defaults={"version": None})
@bp.get(f"{_VERSION}/pages.pdf", endpoint="excerpt_of_version")
def excerpt(resource: str, language: str, version: int | None) -> Response:
    numbers = reading.numbers_of([request.args.get("from", ""), request.args.get("to", "")])
    if numbers is None:
        abort(400)
    key = PageKey(resource, language, version, numbers[0])
    made = reading.excerpt(current_library(), current_reader(), key, numbers[1])
    response = make_response(made.content)
    response.content_type = reading.PDF
    response.headers.set("Content-Disposition", "attachment", filename=made.name)
    return response


@bp.get(f"{_EDITION}/files/<path:name>")
@bp.get(f"{_VERSION}/files/<path:name>", endpoint="file_of_version")
def file(resource: str, language: str, name: str, version: int | None = None) -> Response:
    """Always as an attachment: what was uploaded never runs as a page of this site."""
    found = services.download(
        current_library(), current_reader(), resource, language, version, name
    )
    safe = found.media_type in _SAFE_TYPES or found.media_type.startswith(_OFFICE)
    response = send_file(
        found.path,
        mimetype=found.media_type if safe else "application/octet-stream",
        as_attachment=True,
        download_name=found.name,
        etag=found.sha256,
        max_age=_age(version),
    )
    response.cache_control.public = True
    return response


@bp.get(f"{_VERSION}/")
def version_start(resource: str, language: str, version: int) -> AnyResponse:
    return redirect(page_address(ui_language(), resource, language, version, 1))


@bp.get("/browse")
def browse() -> str:
    counts = catalogue.facet_counts(current_library(), current_reader())
    return render_template("resources/browse.html", counts=counts, facets=catalogue.FACETS)


@bp.get("/browse/all", defaults={"facet": None, "value": ""})
@bp.get(f"/browse/<any({','.join(catalogue.FACETS)}):facet>/<value>", endpoint="browse_facet")
def browse_list(facet: str | None, value: str) -> str:
    chosen = _selection(facet, value)
    listing = catalogue.browse(current_library(), current_reader(), ui_language(), chosen)
    if chosen.page > listing.pages:
        abort(404)
    return render_template(
        "resources/list.html",
        listing=listing,
        chosen=chosen,
        name=label(facet, value, ui_language()) if facet else "",
        orders=tuple(Order),
    )


@bp.get("/browse/all.atom", defaults={"facet": None, "value": ""})
@bp.get(f"/browse/<any({','.join(catalogue.FACETS)}):facet>/<value>.atom", endpoint="facet_feed")
def browse_feed(facet: str | None, value: str) -> Response:
    ui = ui_language()
    chosen = Selection(facet, value)
    listing = catalogue.browse(current_library(), current_reader(), ui, chosen)
    title = f"Passerelle – {label(facet, value, ui)}" if facet else "Passerelle"
    entries = [
        atom.Entry(
            id=absolute(card.url),
            title=card.title,
            url=absolute(card.url),
            updated=card.published_at,
            summary=card.abstract,
            language=card.language,
        )
        for card in listing.cards
    ]
    own = absolute(request.path)
    return atom.response(atom.Feed(own, title, own, own.removesuffix(".atom"), ui, entries))


def _selection(facet: str | None, value: str) -> Selection:
    order = request.args.get("sort", Order.NEWEST.value)
    known = order in set(Order)
    return Selection(
        facet=facet,
        value=value,
        order=Order(order) if known else Order.NEWEST,
        page=_page_number(),
    )


def _page_number() -> int:
    page = request.args.get("page", "1")
    return max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1


def _age(version: int | None) -> int | None:
    """What a version holds never changes; the current one is asked for again each time."""
    return _YEAR if version else None
