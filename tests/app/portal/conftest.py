"""A small library with one of everything that a page has to cope with, opened by a real portal."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
import waitress
from flask import Flask
from flask.testing import FlaskClient
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import select

from app import create_app
from app.config import read_config
from app.database import writing
from app.library import Library
from app.resources.ingestion import Arrival, add_record, receive, store
from app.resources.metadata import Description
from app.resources.models import Availability, Edition, File, Review, Version
from app.worker import Worker
from tests.app.databases import Databases

_ENGLISH = (
    "Counting the people who work in culture starts from two lists, occupations and industries.",
    "Cultural employment is measured by the labour force survey, where both are crossed.",
    "Second jobs are frequent among artists and escape most surveys of employment.",
)
_FRENCH = (
    "Compter les personnes qui travaillent dans la culture part de deux listes.",
    "L’emploi culturel se mesure par l’enquête sur les forces de travail, en les croisant.",
    "Les secondes activités sont fréquentes chez les artistes et échappent aux enquêtes.",
)
_SPANISH = """# Contar el empleo cultural

El empleo cultural se mide con la encuesta de población activa y con los registros de empresas.

## Tabla

| Ocupación | Personas |
| --- | --- |
| Música | 1200 |
| Teatro | 800 |

#### Lista

- Primero, las ocupaciones
    - los músicos
- Después, las ramas de actividad

```
total = ocupaciones + ramas
```
"""
_HTML = """<!doctype html><html lang="fr"><title>Atelier</title><body><h1>Atelier</h1>
<p>Un atelier de trois jours réunit les équipes qui préparent le rapport périodique.</p>
<script>alert("uploaded")</script></body></html>"""
_ARABIC = "السياسات الثقافية تحتاج إلى بيانات. " * 12


@dataclass(frozen=True)
class Portal:
    """The portal of the tests and the ids of what is in it, by a name for each."""

    app: Flask
    library: Library
    ids: dict[str, str]

    def address(self, name: str, rest: str = "", ui: str = "en") -> str:
        return f"/{ui}/resources/{self.ids[name]}{rest}"


def pdf(*pages: str) -> bytes:
    """A PDF with a paragraph a page; an empty text makes a page that only holds a drawing."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(420, 595), invariant=1)
    for text in pages:
        canvas.rect(40, 40, 340, 60, fill=1)
        lines = canvas.beginText(50, 520)
        lines.setFont("Helvetica", 11)
        words = text.split()
        for start in range(0, len(words), 9):
            lines.textLine(" ".join(words[start : start + 9]))
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@pytest.fixture(scope="session")
def portal(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("portal")
    environment = {"PASSERELLE_DATA": str(folder), "PASSERELLE_MODEL": str(folder / "none")}
    with databases.migrated(folder) as address:
        library = Library(read_config(environment | {"PASSERELLE_DATABASE_URL": address}))
        ids = _fill(library)
        app = create_app(library=library)
        yield Portal(app, library, ids)
        library.index.close()
        library.engine.dispose()


@pytest.fixture
def client(portal: Portal) -> FlaskClient:
    return portal.app.test_client()


@pytest.fixture(scope="session")
def server(portal: Portal) -> Iterator[str]:
    """The portal on a free port, as it is served to people; its address."""
    serving = waitress.create_server(portal.app, host="127.0.0.1", port=0, threads=4)
    thread = Thread(target=serving.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.effective_port}"
    serving.close()
    thread.join(timeout=10)


def _fill(library: Library) -> dict[str, str]:
    add = _adder(library)
    ids = {
        "employment": add(
            "employment-en.pdf",
            pdf("First version, one page."),
            _about("en", "Counting cultural work"),
        )
    }
    _work(library)
    add("employment-en.pdf", pdf(*_ENGLISH), _about("en", "Counting cultural work"))
    add("employment-fr.pdf", pdf(*_FRENCH), _about("fr", "Compter l’emploi culturel"))
    add("employment-es.md", _SPANISH.encode(), _about("es", "Contar el empleo cultural"))
    ids["web"] = add(
        "atelier.html", _HTML.encode(), Description(language="fr", title="Atelier", type="guide")
    )
    ids["scan"] = add("scan.pdf", pdf("", ""), Description(language="en", title="Scanned"))
    ids["arabic"] = add("arabic.txt", _ARABIC.encode(), Description(title="سياسات ثقافية"))
    ids["mislabelled"] = add(
        "said.txt", " ".join(_FRENCH * 4).encode(), Description(language="en", title="Said English")
    )
    ids["draft"] = add(
        "draft.pdf", pdf("Secret draft."), Description(language="en", title="Draft"), publish=False
    )
    ids["withdrawn"] = add("gone.pdf", pdf("Gone."), Description(language="en", title="Gone"))
    _work(library)
    with writing(library.sessions) as session:
        hostile = Description(
            language="en",
            title='</title><script>alert(1)</script> "quoted" & more',
            abstract="</script><script>alert(2)</script>",
            authors=("O'Neill & {Sons}",),
            availability=Availability.IN_PREPARATION,
        )
        ids["record"] = add_record(session, hostile).resource_id
        _withdraw(session.scalars(select(Edition).where(Edition.resource_id == ids["withdrawn"])))
    _work(library)
    return ids


def _about(language: str, title: str) -> Description:
    return Description(
        work="employment",
        language=language,
        title=title,
        abstract=f"{title}: a method that compares." if language == "en" else title,
        authors=("Institute of Counting",),
        type="guide",
        year=2024,
        licence="CC-BY-SA-3.0-IGO",
        topics=(("domain", "statistics"), ("country", "BF")),
    )


def _adder(library: Library) -> Callable[..., str]:
    def add(name: str, content: bytes, said: Description, publish: bool = True) -> str:
        stored = store(library, io.BytesIO(content))
        arrival = Arrival(stored, name, source_key=name, description=said, publish=publish)
        receipt = receive(library, arrival)
        with library.sessions() as session:
            return session.get_one(File, receipt.file_id).version.edition.resource_id

    return add


def _work(library: Library) -> None:
    worker = Worker(library)
    while worker.step():
        pass
    worker.close()


def _withdraw(editions: object) -> None:
    for edition in editions:  # type: ignore[attr-defined]
        version: Version = edition.published_version
        version.review = Review.WITHDRAWN
        edition.published_version_id = edition.published_at = None


@pytest.fixture(scope="session")
def templates() -> Path:
    return Path(__file__).resolve().parents[3] / "app" / "templates"
