"""Absolute addresses, for what leaves the site: feeds, citations, `hreflang`."""

from urllib.parse import quote, urlsplit, urlunsplit

from flask import request

from app.extensions import current_library


def absolute(address: str) -> str:
    """An address of the portal with its host: the configured one, or the one that was asked."""
    return (current_library().config.public_url or request.host_url.rstrip("/")) + address


def with_query(address: str, text: str) -> str:
    """The address with `?q=`, before its fragment, so that the page marks these words."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(query=f"q={quote(text)}" if text else ""))
