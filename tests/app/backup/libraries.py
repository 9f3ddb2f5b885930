"""What the tests of backups fill libraries with, and compare of them."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result
from sqlalchemy import (
    func,
    select,
)

from app.backup.archive import open_members
from app.backup.tables import parts_of, snapshot, tables_of
from app.database import now, writing
from app.library import Library
from app.resources.models import Edition
from app.search.models import SearchCount
from app.search.services import SearchRequest, search
from tests.app.ingesting import arrive, work

TEXTS = {
    "en": ("map.md", "# Mapping\n\nA map of the cultural sector shows who works where."),
    "fr": ("carte.md", "# Cartographier\n\nUne carte du secteur culturel montre qui travaille."),
    "es": ("gasto.md", "# Presupuesto\n\nEl presupuesto detalla cada gasto previsto."),
}


QUESTIONS = ("map of the sector", "carte du secteur culturel", "gasto del presupuesto")


Run = Callable[..., Result]


def quiet(_step: str, _done: int, _total: int) -> None:
    pass


def fill(library: Library) -> Library:
    for language, (name, content) in TEXTS.items():
        arrive(library, content, name, work="w", language=language)
    work(library)
    with writing(library.sessions) as session:
        session.add(SearchCount(day=now().date(), language="en", text="map", asked=2, found=1))
    library.config.evaluations.mkdir()
    (library.config.evaluations / "first.jsonl.gz").write_bytes(b"a run")
    return library


def variables(data: Path, database: str) -> dict[str, str]:
    """Of a library without a model."""
    return {
        "PASSERELLE_DATA": str(data),
        "PASSERELLE_DATABASE_URL": database,
        "PASSERELLE_MODEL": "none",
        "LANGUAGE": "en",
    }


def variables_of(library: Library) -> dict[str, str]:
    return variables(library.config.data, library.config.database_url)


def rows(library: Library) -> dict[str, list[str]]:
    """Every row of every table, as lines."""
    with snapshot(library.engine) as connection:
        return {
            table.name: sorted(
                line
                for part, _ in parts_of(connection, table)
                for line in part.decode().splitlines()
            )
            for table in tables_of(connection)
        }


def stored(library: Library) -> dict[str, bytes]:
    return {name: library.files.path(name).read_bytes() for name in library.files.names()}


def hits(library: Library) -> list[Any]:
    return [
        [(hit.title, hit.language, hit.page, hit.url, hit.score) for hit in answer.hits]
        for answer in (search(library, SearchRequest(question)) for question in QUESTIONS)
    ]


def goes_on(library: Library) -> None:
    """Rows that come now get ids after those that were restored."""
    arrive(library, "# New\n\nOne more text.", "new.md")
    work(library)
    with library.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Edition)) == len(TEXTS) + 1


def rewrite(archive: Path, change: Callable[[str, bytes], bytes]) -> None:
    """The archive with other content and right checksums, as somebody who means harm writes it."""
    parts: dict[str, dict[str, Any]] = {}
    digest = ""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member in open_members(archive):
            content = change(member.name, member.whole())
            if member.name == "manifest.json":
                content = json.dumps(json.loads(content) | {"parts": parts}).encode()
            if member.name == "manifest.sha256":
                content = f"{digest}  manifest.json\n".encode()
            digest = hashlib.sha256(content).hexdigest()
            if not member.name.startswith(("files/", "manifest")):
                parts[member.name] = {"size": len(content), "sha256": digest}
            made = tarfile.TarInfo(member.name)
            made.size = len(content)
            tar.addfile(made, io.BytesIO(content))
    archive.write_bytes(out.getvalue())
