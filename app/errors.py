"""Errors as pages: in the reader's language, with what to do next.

An unexpected exception is logged with its trace and shown as 500; its text reaches no reader.
"""

import logging
from dataclasses import dataclass

from flask import Flask, render_template
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.i18n import N_
from app.monitoring.requests import note_error
from app.resources.page_images import PATIENCE, CannotBeDrawn, TooBusy
from app.resources.services import NotFound, Withdrawn
from indexes.errors import IndexMismatch, IndexUnavailable
from ingest.errors import IngestError

log = logging.getLogger(__name__)
Page = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Message:
    """What happened and what to do; both are translated when they are shown."""

    title: str
    text: str


_MESSAGES = {
    400: Message(
        N_("This request cannot be understood"),
        N_("Something in the address is missing or malformed. Start again from the search box."),
    ),
    401: Message(
        N_("This asks for a password"),
        N_("Only those who run the library may see it. Load the page again to be asked once more."),
    ),
    403: Message(
        N_("This is not open to you"),
        N_("The page exists, but it may not be shown to you."),
    ),
    404: Message(
        N_("There is no page here"),
        N_("The address may be mistyped, or the page was never here. Search for what you need."),
    ),
    405: Message(
        N_("This address does not work that way"),
        N_("It can be read, but nothing can be sent to it."),
    ),
    410: Message(
        N_("This was withdrawn"),
        N_(
            "It was published here and has been taken back. Its address stays reserved, "
            "so that old links never lead to something else."
        ),
    ),
    413: Message(
        N_("This is too large"),
        N_("What you sent is larger than the library accepts here."),
    ),
    429: Message(
        N_("Too many requests at once"),
        N_("Wait a minute, then try again. Nothing is lost."),
    ),
    500: Message(
        N_("Something went wrong on our side"),
        N_("The error was recorded. Try again, or go on from the home page."),
    ),
    503: Message(
        N_("This cannot be answered right now"),
        N_("It usually comes back within minutes. Meanwhile, the lists of resources still work."),
    ),
}
_NO_DATABASE = Message(
    N_("This cannot be answered right now"),
    N_(
        "The catalogue is out of reach for the moment. It usually comes back within minutes; "
        "nothing is lost."
    ),
)


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(NotFound, lambda _error: error_page(404))
    app.register_error_handler(Withdrawn, lambda _error: error_page(410))
    app.register_error_handler(CannotBeDrawn, lambda _error: error_page(404))
    app.register_error_handler(TooBusy, _too_busy)
    app.register_error_handler(IndexUnavailable, _unavailable)
    app.register_error_handler(IndexMismatch, _unavailable)
    for away in (OperationalError, InterfaceError, NoConnection):
        app.register_error_handler(away, _no_database)
    app.register_error_handler(IngestError, _cannot_draw)
    app.register_error_handler(Exception, _unexpected)


def error_page(status: int) -> Page:
    """The page of an error, in the reader's language."""
    known = status if status in _MESSAGES else 400 if status < 500 else 500
    return _shown(_MESSAGES[known], status)


def _shown(message: Message, status: int) -> Page:
    return render_template("errors/error.html", status=status, message=message), status


def _http_error(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error  # a redirect
    page, _status = error_page(status)
    response = error.get_response()
    response.set_data(page)
    response.content_type = "text/html; charset=utf-8"
    return response


def unavailable(error: Exception) -> None:
    """Record that the index cannot answer; the page is the caller's."""
    note_error(error)
    log.warning("the index cannot answer: %s", error)


def _unavailable(error: Exception) -> Page:
    unavailable(error)
    return error_page(503)


def _no_database(error: Exception) -> Page:
    note_error(error)
    # The statement and what it was asked with stay out of the log.
    log.error("the database cannot answer: %s", getattr(error, "orig", error))
    return _shown(_NO_DATABASE, 503)


def _too_busy(error: Exception) -> tuple[str, int, dict[str, str]]:
    note_error(error)
    return *error_page(503), {"Retry-After": f"{PATIENCE:.0f}"}


def _cannot_draw(error: Exception) -> Page:
    note_error(error)
    log.warning("a page could not be made from its file: %s", error)
    return error_page(503)


def _unexpected(error: Exception) -> Page:
    note_error(error)
    log.error("unexpected error", exc_info=error)
    return error_page(500)
