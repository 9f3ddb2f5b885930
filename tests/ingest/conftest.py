"""Small files made by the libraries themselves, and the real material beside the checkout."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ingest.pipeline import ingest
from ingest.source import Source
from ingest.types import IngestedFile

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def hostile() -> Path:
    folder = SHARED / "hostile"
    if not folder.is_dir():
        pytest.skip(f"the hostile files are not at {folder}")
    return folder


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, bytes | str], IngestedFile]:
    """Reads the bytes under that name in this process: no sandbox, so that failures show."""

    def reader(name: str, content: bytes | str) -> IngestedFile:
        path = tmp_path / "content"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return ingest(Source(path, name))

    return reader


def draw_pdf(
    pages: list[list[tuple[float, float, str]]],
    *,
    size: float = 11,
    draw: Callable[[Canvas, int], None] | None = None,
) -> bytes:
    """A PDF with a line of text at each (left, height) in points, page by page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for number, lines in enumerate(pages, start=1):
        canvas.setFont("Helvetica", size)
        for left, height, text in lines:
            canvas.drawString(left, height, text)
        if draw:
            draw(canvas, number)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def paragraph(
    lines: list[str], top: float = 700, left: float = 72
) -> list[tuple[float, float, str]]:
    return [(left, top - 13.5 * n, line) for n, line in enumerate(lines)]
