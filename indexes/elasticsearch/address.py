"""Where the cluster is and how the index lies on it, read from one address.

    https://reader:secret@search.example.org:9200/passerelle?shards=3&replicas=1

The path names the index. `vectors` is `hnsw` (quantised, approximate; the default) or `exact`.
"""

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from indexes.errors import UnknownIndex

DEFAULT_NAME: Final = "passerelle"
_PORTS: Final = {"http": 9200, "https": 9200}
_OPTIONS: Final = ("shards", "replicas", "vectors")
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class VectorSearch(StrEnum):
    """How the nearest vectors are found."""

    HNSW = "hnsw"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Address:
    """A cluster and the name of an index on it.

    `url` is scheme, host and port. `api_key` goes before user and password. `ca` is a file with the
    certificate of the authority that signed the server's.
    """

    url: str
    name: str = DEFAULT_NAME
    user: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    ca: Path | None = None
    shards: int = 1
    replicas: int = 0
    vectors: VectorSearch = VectorSearch.HNSW


def read_address(text: str, api_key: str = "", ca: str = "") -> Address:
    """What an address says.

    Raises:
        UnknownIndex: naming what of it cannot be used, and never its password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise UnknownIndex("the address must begin with http:// or https://") from None
    if not (api_key.isascii() and api_key.isprintable()):
        raise UnknownIndex("the API key holds characters that none can have")
    if not parts.hostname:
        raise UnknownIndex("the address names no host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := [name for name in options if name not in _OPTIONS]:
        raise UnknownIndex(f"{unknown[0]!r} is no option; there are {', '.join(_OPTIONS)}")
    return Address(
        url=f"{parts.scheme}://{host}:{port}",
        name=_name(parts.path.strip("/") or DEFAULT_NAME),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        api_key=api_key,
        ca=_file(ca),
        shards=_number(options, "shards", 1, 1),
        replicas=_number(options, "replicas", 0, 0),
        vectors=_vectors(options.get("vectors", VectorSearch.HNSW)),
    )


def _name(text: str) -> str:
    if not set(text) <= _LETTERS or text.startswith("-") or len(text) > 100:
        raise UnknownIndex(f"{text!r} is no name of an index: small letters, digits and hyphens")
    return text


def _file(text: str) -> Path | None:
    if not text:
        return None
    if not Path(text).is_file():
        raise UnknownIndex(f"there is no certificate file {text}")
    try:
        ssl.create_default_context(cafile=text)
    except ssl.SSLError:
        raise UnknownIndex(f"{text} holds no certificate in PEM format") from None
    return Path(text)


def _number(options: dict[str, str], name: str, default: int, least: int) -> int:
    text = options.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= 1_000:
        raise UnknownIndex(f"{name} must be a number from {least} to 1000, not {text!r}")
    return int(text)


def _vectors(text: str) -> VectorSearch:
    try:
        return VectorSearch(text)
    except ValueError:
        raise UnknownIndex(f"vectors must be hnsw or exact, not {text!r}") from None
