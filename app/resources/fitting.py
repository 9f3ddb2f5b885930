"""What is said of a resource, no longer than the column it goes to: PostgreSQL refuses more.

Texts are cut. A key has to stay one of its own: what is left out of it is told by a hash.
"""

from hashlib import sha256
from pathlib import PurePath
from typing import Final, TypeVar

from app.database import Base

# PostgreSQL indexes rows of up to 2,704 bytes.
_LONGEST_KEY: Final = 1000  # bytes
_LONGEST_NAME: Final = 1000
_HASH: Final = 16
Value = TypeVar("Value")


def fitting_key(key: str) -> str:
    """The key itself where it is short enough to be kept in an index."""
    content = key.encode("utf-8", "replace")
    if len(content) <= _LONGEST_KEY:
        return key
    start = content[: _LONGEST_KEY - _HASH - 1].decode("utf-8", "ignore")
    return f"{start}-{sha256(content).hexdigest()[:_HASH]}"


def fitting_name(name: str) -> str:
    """The name of a file; its ending tells the format and stays."""
    if len(name) <= _LONGEST_NAME:
        return name
    ending = PurePath(name).suffix[-_HASH:]
    return name[: _LONGEST_NAME - len(ending)] + ending


def fitting(row: Base, column: str, value: Value) -> Value | str:
    """The value as far as the column has room for it."""
    length = getattr(row.__table__.c[column].type, "length", None)
    if isinstance(value, str) and length and len(value) > length:
        return value[:length].rstrip()
    return value
