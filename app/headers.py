"""What every answer says to browsers and caches: trust nothing from elsewhere, ask again.

No cookie is set anywhere. Compression is left to the server in front.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_YEAR = 365 * 24 * 3600
_LARGEST_REQUEST = 1 << 20  # nothing is uploaded here yet; a long question is 8 KB at most


def init_app(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_REQUEST
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = None
    app.url_defaults(_fingerprint)
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint == "static" and request.args.get("v"):
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.immutable = True
        response.cache_control.max_age = _YEAR
    elif response.mimetype == "text/html" and response.status_code == 200:
        return _conditional(response)
    return response


def _conditional(response: Response) -> Response:
    """A page that did not change is not sent again over a slow line."""
    response.cache_control.no_cache = True
    response.add_etag()
    response.make_conditional(request)
    return response


def _fingerprint(endpoint: str, values: dict[str, Any]) -> None:
    """Links to static files carry a hash of their bytes, so that they may be kept for a year."""
    if endpoint == "static" and "v" not in values and current_app.static_folder:
        values["v"] = _hash(Path(current_app.static_folder) / values["filename"])


@lru_cache(maxsize=32)
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ""
