"""The demo's texts made into PDF, DOCX, PPTX, HTML and Markdown files.

The same text gives the same bytes on every machine, so that loading the demo twice adds nothing.
Each section begins a new page or slide.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

from app.demo.texts import DemoText, TextBlock

_DATE = datetime(2026, 1, 1)  # noqa: DTZ001 - the Office formats hold times without a zone


def make_file(text: DemoText) -> bytes:
    """The bytes of one edition in its format."""
    return _MAKERS[text.format](text)


def _sections(blocks: Sequence[TextBlock]) -> Iterator[list[TextBlock]]:
    """The opening, then each section with its heading first."""
    section: list[TextBlock] = []
    for block in blocks:
        if block.kind == "section":
            yield section
            section = []
        section.append(block)
    yield section


def _pdf(text: DemoText) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import cm
    from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate

    said = text.description
    levels = {"section": 0, "heading": 1}

    def furnish(canvas: Any, document: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawRightString(A4[0] - 2.2 * cm, 1.3 * cm, str(document.page))

    class Document(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
        def afterFlowable(self, flowable: Any) -> None:  # noqa: N802 - reportlab's name
            level = levels.get(getattr(getattr(flowable, "style", None), "name", ""))
            if level is not None:
                title = flowable.getPlainText()
                key = f"{self.canv.getPageNumber()}-{title}"
                self.canv.bookmarkPage(key)
                self.canv.addOutlineEntry(title, key, level)

    out = io.BytesIO()
    document = Document(
        out,
        pagesize=A4,
        title=said.title,
        author=", ".join(said.authors),
        subject=said.abstract,
        lang=said.language,
        invariant=1,
    )
    frame = Frame(2.2 * cm, 2 * cm, A4[0] - 4.4 * cm, A4[1] - 4 * cm)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=furnish))
    story: list[Any] = []
    styles = _pdf_styles()
    for number, section in enumerate(_sections(text.blocks)):
        if number:
            story.append(PageBreak())
        story += [_pdf_block(block, bullet, styles) for block, bullet in _bulleted(section)]
    document.build(story)
    return out.getvalue()


def _pdf_styles() -> dict[str, Any]:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle(
        "paragraph", fontName="Times-Roman", fontSize=11.5, leading=16.5, spaceAfter=8
    )
    ink = HexColor("#0b5a6a")
    sizes = {"title": (24, 30), "section": (17, 22), "heading": (13, 18)}
    headings = {
        kind: ParagraphStyle(
            kind, body, fontName="Helvetica-Bold", fontSize=size, leading=leading, textColor=ink
        )
        for kind, (size, leading) in sizes.items()
    }
    indented = ParagraphStyle("bullet", body, leftIndent=16, bulletIndent=4, spaceAfter=5)
    return {
        **headings,
        "paragraph": body,
        "bullet": indented,
        "number": indented,
        "quote": ParagraphStyle("quote", body, fontName="Times-Italic", leftIndent=20),
    }


def _bulleted(blocks: Sequence[TextBlock]) -> Iterator[tuple[TextBlock, str | None]]:
    """Each block with the mark before it: a dot, its number in its list, or nothing."""
    number = 0
    for block in blocks:
        number = number + 1 if block.kind == "number" else 0
        yield block, f"{number}." if number else "•" if block.kind == "bullet" else None


def _pdf_block(block: TextBlock, bullet: str | None, styles: dict[str, Any]) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Paragraph, Table

    if block.kind == "table":
        cells = [
            [Paragraph(escape(cell), styles["paragraph"]) for cell in row] for row in block.rows
        ]
        line = HexColor("#b8c4c8")
        table = Table(
            cells,
            style=[("GRID", (0, 0), (-1, -1), 0.5, line), ("VALIGN", (0, 0), (-1, -1), "TOP")],
        )
        table.spaceAfter = 10
        return table
    return Paragraph(escape(block.text), styles[block.kind], bulletText=bullet)


_DOCX_STYLES = {
    "title": "Title", "section": "Heading 1", "heading": "Heading 2", "paragraph": "Normal",
    "bullet": "List Bullet", "number": "List Number", "quote": "Quote",
}  # fmt: skip


def _docx(text: DemoText) -> bytes:
    import docx

    document = docx.Document()
    _describe_office(document.core_properties, text)
    for number, section in enumerate(_sections(text.blocks)):
        if number:
            document.add_page_break()  # type: ignore[no-untyped-call]
        for block in section:
            if block.kind == "table":
                _office_table(
                    document.add_table(len(block.rows), len(block.rows[0]), "Table Grid"), block
                )
            else:
                document.add_paragraph(block.text, _DOCX_STYLES[block.kind])
    return _saved(document.save)


def _pptx(text: DemoText) -> bytes:
    from pptx import Presentation
    from pptx.util import Cm

    show = Presentation()
    _describe_office(show.core_properties, text)
    for section in _sections(text.blocks):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = section[0].text
        body = slide.placeholders[1]
        words = [block for block in section[1:] if block.kind != "table"]
        tables = [block for block in section[1:] if block.kind == "table"]
        if tables:
            body.left, body.top, body.width, body.height = Cm(1.3), Cm(4), Cm(22.8), Cm(3.5)
        _slide_text(body.text_frame, words)
        for block in tables:
            size = len(block.rows), len(block.rows[0])
            shape = slide.shapes.add_table(*size, Cm(1.3), Cm(8), Cm(22.8), Cm(9))
            _office_table(shape.table, block)
            _small(shape.table)
    return _saved(show.save)


def _slide_text(frame: Any, blocks: Sequence[TextBlock]) -> None:
    from pptx.util import Pt

    for number, block in enumerate(blocks):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.text = block.text
        paragraph.level = 1 if block.kind in ("bullet", "number") else 0
        paragraph.font.size = Pt(16)


def _small(table: Any) -> None:
    from pptx.util import Pt

    for row in table.rows:
        for cell in row.cells:
            for paragraph in cell.text_frame.paragraphs:
                paragraph.font.size = Pt(11)


def _office_table(table: Any, block: TextBlock) -> None:
    for y, row in enumerate(block.rows):
        for x, cell in enumerate(row):
            table.cell(y, x).text = cell


def _describe_office(properties: Any, text: DemoText) -> None:
    said = text.description
    properties.title, properties.subject = said.title, (said.abstract or "")[:255]
    properties.author, properties.language = ", ".join(said.authors), said.language
    properties.created = properties.modified = _DATE


def _saved(save: Callable[[io.BytesIO], None]) -> bytes:
    """What `save` writes, with the times of the ZIP's members set to one date."""
    written, out = io.BytesIO(), io.BytesIO()
    save(written)
    with zipfile.ZipFile(written) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as kept:
        for member in made.infolist():
            same = zipfile.ZipInfo(member.filename, _DATE.timetuple()[:6])
            kept.writestr(same, made.read(member), zipfile.ZIP_DEFLATED)
    return out.getvalue()


_TAGS = {
    "title": "h1", "section": "h2", "heading": "h3", "paragraph": "p", "bullet": "li",
    "number": "li", "quote": "blockquote",
}  # fmt: skip
_LISTS = {"bullet": "ul", "number": "ol"}


def _html(text: DemoText) -> bytes:
    said = text.description
    head = (
        f'<!doctype html>\n<html lang="{said.language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(said.title or '')}</title>\n"
        f'<meta name="author" content="{escape(", ".join(said.authors))}">\n'
        f'<meta name="description" content="{escape(said.abstract or "")}">\n</head>\n'
        "<body>\n<main>\n"
    )
    return (head + "\n".join(_html_lines(text.blocks)) + "\n</main>\n</body>\n</html>\n").encode()


def _html_lines(blocks: Sequence[TextBlock]) -> Iterator[str]:
    open_list = ""
    for block in blocks:
        wanted = _LISTS.get(block.kind, "")
        if wanted != open_list:
            if open_list:
                yield f"</{open_list}>"
            if wanted:
                yield f"<{wanted}>"
            open_list = wanted
        if block.kind == "table":
            yield _html_table(block)
        else:
            yield f"<{_TAGS[block.kind]}>{escape(block.text)}</{_TAGS[block.kind]}>"
    if open_list:
        yield f"</{open_list}>"


def _html_table(block: TextBlock) -> str:
    rows = [
        "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for row, tag in zip(block.rows, ["th"] + ["td"] * len(block.rows), strict=False)
    ]
    return "<table>\n" + "\n".join(rows) + "\n</table>"


_MARKS = {
    "title": "# ",
    "section": "## ",
    "heading": "### ",
    "bullet": "- ",
    "number": "1. ",
    "quote": "> ",
}


def _markdown(text: DemoText) -> bytes:
    said = text.description
    authors = ", ".join(said.authors)
    front = f'---\ntitle: "{said.title}"\nauthor: "{authors}"\nlang: {said.language}\n---\n'
    parts = [
        _markdown_table(block) if block.kind == "table" else _MARKS.get(block.kind, "") + block.text
        for block in text.blocks
    ]
    return (front + "\n" + "\n\n".join(parts) + "\n").encode()


def _markdown_table(block: TextBlock) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in block.rows]
    lines.insert(1, "|" + " --- |" * len(block.rows[0]))
    return "\n".join(lines)


_MAKERS: dict[str, Callable[[DemoText], bytes]] = {
    "pdf": _pdf,
    "docx": _docx,
    "pptx": _pptx,
    "html": _html,
    "md": _markdown,
}
