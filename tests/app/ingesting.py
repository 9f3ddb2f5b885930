"""What tests of ingestion do again and again: a file arrives, the worker works, one searches."""

import io
from pathlib import Path

from app.library import Library
from app.resources.ingestion import (
    Arrival,
    Receipt,
    receive,
    store,
)
from app.resources.metadata import Description
from app.search.services import SearchRequest, search
from app.worker import Worker

GUIDE = """# Mesurer l’emploi culturel

L’emploi culturel comprend les personnes qui exercent une profession culturelle.

## Les sources

L’enquête sur les forces de travail croise professions et activités. Les secondes activités,
fréquentes chez les artistes, échappent à la plupart des enquêtes.
"""


def arrive(library: Library, text: str | bytes, key: str = "guide.md", **said: object) -> Receipt:
    content = text.encode() if isinstance(text, str) else text
    options = {name: said.pop(name) for name in ("publish", "retry") if name in said}
    return receive(
        library,
        Arrival(
            stored=store(library, io.BytesIO(content)),
            name=Path(key).name,
            source_key=key,
            description=Description(**said),  # type: ignore[arg-type]
            **options,  # type: ignore[arg-type]
        ),
    )


def work(library: Library) -> None:
    Worker(library).finish()


def found(library: Library, text: str) -> list[str]:
    return [hit.title for hit in search(library, SearchRequest(text)).hits]
