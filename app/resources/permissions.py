"""Who may see what: decided here and nowhere else, for search, pages, files, images and feeds."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, false

from app.resources.models import Edition, Resource

PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Reader:
    """The person asking, as far as rights go: the tokens that they hold."""

    tokens: tuple[str, ...] = (PUBLIC,)


ANYONE = Reader()


def visible_to(_resource: Resource) -> tuple[str, ...]:
    """The tokens of which a reader needs one, as written into the index."""
    return (PUBLIC,)


def is_readable(reader: Reader) -> ColumnElement[bool]:
    """The condition on `Edition` that holds for what the reader may see.

    An edition without a file is a record and is readable as such once it is published.
    """
    return Edition.published_at.is_not(None) if PUBLIC in reader.tokens else false()
