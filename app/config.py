"""Configuration: `PASSERELLE_*` variables, read once. Each is described in docs/operating.md."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexes.embedding.onnx_engine import default_model_folder


class ConfigError(Exception):
    """A variable has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Config:
    """Where things are and how they are served. `database_url` defaults to a file in `data`."""

    data: Path
    database_url: str
    model_folder: Path
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    threads: int = 8

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
        model_folder=Path(environment.get("PASSERELLE_MODEL") or default_model_folder()),
        host=environment.get("PASSERELLE_HOST", "127.0.0.1"),
        port=_number(environment, "PASSERELLE_PORT", 8000),
        public_url=(environment.get("PASSERELLE_PUBLIC_URL") or "").rstrip("/") or None,
        threads=_number(environment, "PASSERELLE_THREADS", 8),
    )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ConfigError(f"{name} must be a number from 1 to 65535, not {text!r}.")
    return int(text)
