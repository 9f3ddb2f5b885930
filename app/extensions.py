"""What a request works with: the one library of the process, and who is reading."""

from typing import cast

from flask import Flask, current_app

from app.library import Library
from app.resources.permissions import ANYONE, Reader

_KEY = "passerelle"


def init_app(app: Flask, library: Library) -> None:
    app.extensions[_KEY] = library


def current_library() -> Library:
    return cast(Library, current_app.extensions[_KEY])


def current_reader() -> Reader:
    """Nobody signs in yet: everybody reads what is public."""
    return ANYONE
