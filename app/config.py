"""Configuration: `PASSERELLE_*` variables, read once. Each is described in docs/operating.md."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from app.logs import LogFormat, LogLevel
from indexes.elasticsearch.address import Address, read_address
from indexes.embedding.model_choice import ModelChoice, read_choice
from indexes.embedding.onnx_engine import default_model_folder
from indexes.errors import UnknownIndex, UnknownModel

SHORTEST_PASSWORD = 12


Choice = TypeVar("Choice", bound=StrEnum)


class ConfigError(Exception):
    """A variable has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Config:
    """Where things are and how they are served. `database_url` defaults to a file in `data`.

    Without `admin_password` there are no pages for administrators; without it and `metrics_token`
    nobody may see the portal's figures. Without `worker_metrics_port` workers tell none.
    """

    data: Path
    database_url: str
    model: ModelChoice
    cluster: Address | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    threads: int = 8
    admin_password: str | None = field(default=None, repr=False)
    metrics_token: str | None = field(default=None, repr=False)
    worker_metrics_host: str = "127.0.0.1"
    worker_metrics_port: int | None = None
    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.INFO

    @property
    def files(self) -> Path:
        return self.data / "files"

    @property
    def index(self) -> Path:
        return self.data / "index"

    @property
    def vector_cache(self) -> Path:
        return self.data / "vectors.sqlite"

    @property
    def evaluations(self) -> Path:
        return self.data / "evaluations"

    @property
    def page_images(self) -> Path:
        return self.data / "cache" / "pages"


def read_config(environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration that the environment asks for.

    Raises:
        ConfigError: naming the variable and what it may be.
    """
    data = Path(environment.get("PASSERELLE_DATA", "var")).absolute()
    return Config(
        data=data,
        database_url=environment.get("PASSERELLE_DATABASE_URL")
        or f"sqlite:///{data / 'library.sqlite'}",
        model=_model(environment.get("PASSERELLE_MODEL")),
        cluster=_cluster(environment),
        host=environment.get("PASSERELLE_HOST", "127.0.0.1"),
        port=_number(environment, "PASSERELLE_PORT", 8000),
        public_url=(environment.get("PASSERELLE_PUBLIC_URL") or "").rstrip("/") or None,
        threads=_number(environment, "PASSERELLE_THREADS", 8),
        admin_password=_password(environment, "PASSERELLE_ADMIN_PASSWORD"),
        metrics_token=_password(environment, "PASSERELLE_METRICS_TOKEN"),
        worker_metrics_host=_worker_metrics_host(environment),
        worker_metrics_port=_number(environment, "PASSERELLE_WORKER_METRICS_PORT", 0) or None,
        log_format=_one_of(LogFormat, environment, "PASSERELLE_LOG_FORMAT", LogFormat.TEXT),
        log_level=_one_of(LogLevel, environment, "PASSERELLE_LOG_LEVEL", LogLevel.INFO),
    )


def _model(text: str | None) -> ModelChoice:
    try:
        return read_choice(text or default_model_folder())
    except UnknownModel as error:
        raise ConfigError(f"PASSERELLE_MODEL: {error}") from error


def _cluster(environment: Mapping[str, str]) -> Address | None:
    """Where Elasticsearch is; none where the index is a folder on this machine."""
    url = environment.get("PASSERELLE_INDEX_URL")
    try:
        return cluster_at(url, environment) if url else None
    except UnknownIndex as error:
        raise ConfigError(f"PASSERELLE_INDEX_URL: {error}.") from error


def cluster_at(url: str, environment: Mapping[str, str] = os.environ) -> Address:
    """An address with the key and the certificate that the environment has for it.

    Raises:
        UnknownIndex: see `read_address`.
    """
    key = environment.get("PASSERELLE_INDEX_API_KEY", "")
    ca = environment.get("PASSERELLE_INDEX_CA", "")
    return read_address(url, key, ca)


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ConfigError(f"{name} must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _password(environment: Mapping[str, str], name: str) -> str | None:
    """Long enough that guessing it over the network leads nowhere; none closes what it opens."""
    password = environment.get(name) or None
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise ConfigError(f"{name} must have at least {SHORTEST_PASSWORD} characters.")
    return password


def _one_of(
    values: type[Choice], environment: Mapping[str, str], name: str, default: Choice
) -> Choice:
    try:
        return values(environment.get(name) or default)
    except ValueError:
        raise ConfigError(f"{name} must be one of {', '.join(values)}.") from None


def _worker_metrics_host(environment: Mapping[str, str]) -> str:
    """Elsewhere than on this machine only to those who have the token."""
    host = environment.get("PASSERELLE_WORKER_METRICS_HOST") or "127.0.0.1"
    if not _is_this_machine(host) and not environment.get("PASSERELLE_METRICS_TOKEN"):
        raise ConfigError(
            "PASSERELLE_WORKER_METRICS_HOST can be another than 127.0.0.1 "
            "only with PASSERELLE_METRICS_TOKEN."
        )
    return host


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
