"""Each format but PDF: what comes out of files that the formats' own libraries wrote."""

import io
import zipfile
from collections.abc import Callable
from datetime import date

import pytest
from docx import Document
from docx.enum.text import WD_BREAK
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches

from ingest.errors import Reason, Refused
from ingest.types import BlockKind, IngestedFile, Notice

Reader = Callable[[str, bytes | str], IngestedFile]


def kinds(page: object) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in page.blocks]  # type: ignore[attr-defined]


# --- Markdown -------------------------------------------------------------------------------


def test_markdown_front_matter_and_pages(read: Reader) -> None:
    text = """---
title: "L'évaluation"
author: [Ana, Luc]
date: 2014-03-01T10:00
lang: fr
description: >
  Un guide
  pratique.
---
# Un

Premier *texte*.

## Détail

- a
- b
  - c

# Deux

| Pays | Budget |
|------|--------|
| Mali | 10 |

> Citation.

```python
x = "{{ kept }}"
```
"""
    found = read("guide.md", text)
    assert found.title == "L'évaluation"
    assert found.metadata.authors == ("Ana", "Luc")
    assert (found.metadata.date, found.metadata.language) == ("2014-03-01", "fr")
    assert found.metadata.subject == "Un guide pratique."
    first, second = found.pages
    assert [(b.kind.value, b.text, b.level) for b in first.blocks] == [
        ("heading", "Un", 1),
        ("paragraph", "Premier texte.", 0),
        ("heading", "Détail", 2),
        ("list_item", "a", 1),
        ("list_item", "b", 1),
        ("list_item", "c", 2),
    ]
    assert second.label == "Deux"
    assert second.blocks[1].rows == (("Pays", "Budget"), ("Mali", "10"))
    assert kinds(second)[2:] == [("quote", "Citation."), ("code", 'x = "{{ kept }}"')]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{< figure src="a.png" >}}Texte{{% /note %}}', "Texte"),
        ("{% include a.html b='c' %} Texte {{ site.title }}", "Texte"),
        ("Texte\n{: .class #id}", "Texte"),
        ('<div class="x">\n\n**Texte**\n\n</div>', "Texte"),
        ("<!-- hidden\nlines -->Texte", "Texte"),
        ('<aside>\n  <img src="a.png">\n    Du <em>texte</em> ici.\n</aside>', "Du texte ici."),
        ("::: tip\nTexte\n:::", "Texte"),
        ("Texte[^1]", "Texte"),
        ("[Texte](umbrella://tools/a.md) ![](b.png)", "Texte"),
        ("Caf&eacute; &amp; th&#233;", "Café & thé"),
        ("```{r, echo=FALSE}\nplot(1)\n```\n\nTexte", "Texte"),
    ],
)
def test_markdown_without_the_marks_of_generators(read: Reader, source: str, text: str) -> None:
    assert read("a.md", source).pages[0].text == text


def test_a_list_right_after_its_paragraph(read: Reader) -> None:
    found = read("a.md", "On y trouve :\n- un\n- deux\n\nFin.")
    assert [kind for kind, _ in kinds(found.pages[0])] == [
        "paragraph",
        "list_item",
        "list_item",
        "paragraph",
    ]


# --- HTML -----------------------------------------------------------------------------------


def test_html_content_without_its_frame(read: Reader) -> None:
    page = """<!DOCTYPE html><html lang="fr"><head><title>Le guide</title>
    <meta name="author" content="Ana"><style>p{}</style></head><body>
    <header>Logo</header><nav>Accueil</nav>
    <main><h1>Guide</h1><p>L&rsquo;&eacute;t&eacute;<br>ici <b>bien</b>.</p>
    <h2>Un</h2><p>Premier.</p><ul><li>a<ul><li>b</li></ul></li></ul>
    <h2>Deux</h2><table><tr><th>Pays</th><th>An</th></tr><tr><td>Mali</td><td>2014</td></tr></table>
    <script>x()</script></main><footer>Contact</footer></body></html>"""
    found = read("a.html", page)
    assert (found.title, found.metadata.authors) == ("Le guide", ("Ana",))
    assert [p.label for p in found.pages] == ["Guide", "Un", "Deux"]
    assert found.pages[0].text == "Guide\n\nL’été\nici bien."
    assert [b.level for b in found.pages[1].blocks] == [2, 0, 1, 2]
    assert found.pages[2].headings == ("Guide",)
    assert found.pages[2].blocks[1].rows == (("Pays", "An"), ("Mali", "2014"))
    everything = " ".join(p.text for p in found.pages)
    assert not any(word in everything for word in ("Logo", "Accueil", "Contact", "x()"))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16"])
def test_html_in_its_declared_encoding(read: Reader, encoding: str) -> None:
    text = (
        f'<html><head><meta charset="{encoding}"></head><body><p>Élève à Málaga</p></body></html>'
    )
    assert read("a.html", text.encode(encoding)).pages[0].text == "Élève à Málaga"


def test_html_in_an_undeclared_encoding_is_guessed(read: Reader) -> None:
    text = "<html><body><p>Les élèves français étaient très étonnés</p></body></html>"
    found = read("a.html", text.encode("cp1252"))
    assert "élèves français étaient" in found.pages[0].text
    assert Notice.ENCODING_GUESSED in found.notices


# --- text and CSV ---------------------------------------------------------------------------


def test_text_paragraphs_and_form_feeds(read: Reader) -> None:
    found = read("a.txt", "One\nline.\n\n- item\n- other\n\fNext page.")
    assert [kind for kind, _ in kinds(found.pages[0])] == ["paragraph", "list_item", "list_item"]
    assert found.pages[1].text == "Next page."


def test_csv_keeps_every_row(read: Reader) -> None:
    lines = "\n".join(f'Pays {n};"{n};5"' for n in range(500))
    found = read("a.csv", f"Nom;Valeur\n{lines}\n")
    blocks = found.pages[0].blocks
    assert all(block.rows[0] == ("Nom", "Valeur") for block in blocks)
    assert sum(len(block.rows) - 1 for block in blocks) == 500
    assert blocks[-1].rows[-1] == ("Pays 499", "499;5")


# --- Word -----------------------------------------------------------------------------------


def docx_bytes(document: object) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)  # type: ignore[attr-defined]
    return buffer.getvalue()


def test_docx_in_document_order(read: Reader) -> None:
    document = Document()
    document.core_properties.title = "Guide de terrain"
    document.sections[0].header.paragraphs[0].text = "En-tête"
    document.add_heading("Un", 1)
    document.add_paragraph("Avant le tableau.")
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ("Pays", "An", "Mali", "2014"), strict=True):
        cell.text = text
    document.add_paragraph("Après.")
    document.add_paragraph("Point", style="List Bullet")
    document.add_paragraph("Dit-il", style="Quote")
    document.add_heading("Deux", 1)
    document.add_paragraph("Fin.")
    found = read("a.docx", docx_bytes(document))
    assert found.title == "Guide de terrain"
    assert [p.label for p in found.pages] == ["Un", "Deux"]
    assert [kind for kind, _ in kinds(found.pages[0])] == [
        "heading", "paragraph", "table", "paragraph", "list_item", "quote",
    ]  # fmt: skip
    assert found.pages[0].blocks[2].rows == (("Pays", "An"), ("Mali", "2014"))
    assert "En-tête" not in found.pages[0].text


def test_docx_pages_at_page_breaks(read: Reader) -> None:
    document = Document()
    document.add_heading("Titre", 1)
    document.add_paragraph("Un.").add_run().add_break(WD_BREAK.PAGE)
    document.add_paragraph("Deux.")
    found = read("a.docx", docx_bytes(document))
    assert [p.text for p in found.pages] == ["Titre\n\nUn.", "Deux."]
    assert found.pages[1].headings == ("Titre",)


def test_docx_that_is_cut_short_is_broken(read: Reader) -> None:
    with pytest.raises(Refused) as refused:
        read("a.docx", docx_bytes(Document())[:-200])
    assert refused.value.reason is Reason.BROKEN


# --- PowerPoint -----------------------------------------------------------------------------


def test_pptx_slides(read: Reader) -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Les objectifs"
    slide.placeholders[1].text = "Un\nDeux"
    slide.notes_slide.notes_text_frame.text = "À dire."
    other = deck.slides.add_slide(deck.slide_layouts[6])
    group = other.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame.text = "Dans le groupe"
    table = other.shapes.add_table(1, 2, 0, 0, Inches(4), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "A", "B"
    found = read("a.pptx", docx_bytes(deck))
    assert kinds(found.pages[0]) == [
        ("heading", "Les objectifs"),
        ("list_item", "Un"),
        ("list_item", "Deux"),
        ("paragraph", "À dire."),
    ]  # fmt: skip
    assert found.pages[0].label == "Les objectifs"
    assert kinds(found.pages[1]) == [("paragraph", "Dans le groupe"), ("table", "A\tB")]
    assert found.pages[1].headings == ()


# --- Excel ----------------------------------------------------------------------------------


def test_xlsx_sheets(read: Reader) -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "Budget"
    for row in (
        ["Pays", None, "Date", "Somme"],
        ["Mali", None, date(2014, 3, 1), 10.0],
        [],
        ["Note"],
    ):
        sheet.append(row)
    many = book.create_sheet("Long")
    for n in range(1000):
        many.append([f"Ligne {n}", n])
    found = read("a.xlsx", docx_bytes(book))
    assert [p.label for p in found.pages] == ["Budget", "Long"]
    assert found.pages[0].blocks[0].rows == (
        ("Pays", "Date", "Somme"),
        ("Mali", "2014-03-01", "10"),
    )
    assert found.pages[0].blocks[1].text == "Note"
    assert "Ligne 999 | 999" in found.passages[-1].text


# --- EPUB -----------------------------------------------------------------------------------

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>"""
OPF = """<package xmlns="http://www.idpf.org/2007/opf"><metadata
xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Le livre</dc:title>
<dc:creator>Ana</dc:creator>
<dc:language>fr</dc:language></metadata><manifest>
<item id="b" href="b%20.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
</manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol><li><a href="a.xhtml">Un</a>
<ol><li><a href="b%20.xhtml#x">Deux</a></li></ol></li></ol></nav></body></html>"""


def epub(encryption: str = "", prefix: str = "") -> bytes:
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": OPF,
        "OEBPS/nav.xhtml": NAV,
        "OEBPS/a.xhtml": "<html><body><h1>Un</h1><p>Premier&#160;texte.</p></body></html>",
        "OEBPS/b .xhtml": "<html><body><h1>Deux</h1><p>Second.</p></body></html>",
    }
    if encryption:
        members["META-INF/encryption.xml"] = (
            '<encryption xmlns:e="urn:x">'
            f'<e:EncryptionMethod Algorithm="{encryption}"/></encryption>'
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(prefix + name, text)
    return buffer.getvalue()


@pytest.mark.parametrize("prefix", ["", "book/"])
def test_epub_in_spine_order_with_its_outline(read: Reader, prefix: str) -> None:
    found = read("a.epub", epub(prefix=prefix))
    assert (found.title, found.metadata.authors) == ("Le livre", ("Ana",))
    assert [p.text for p in found.pages] == ["Un\n\nPremier texte.", "Deux\n\nSecond."]
    assert [(o.title, o.level, o.page) for o in found.outline] == [("Un", 1, 1), ("Deux", 2, 2)]


def test_epub_with_obfuscated_fonts_is_read_and_with_drm_is_not(read: Reader) -> None:
    assert read("a.epub", epub("http://www.idpf.org/2008/embedding")).pages
    with pytest.raises(Refused) as refused:
        read("a.epub", epub("http://www.w3.org/2001/04/xmlenc#aes256-cbc"))
    assert refused.value.reason is Reason.ENCRYPTED


def test_an_empty_document_is_one_page_without_text(read: Reader) -> None:
    found = read("a.docx", docx_bytes(Document()))
    assert (len(found.pages), found.passages, found.notices) == (1, (), (Notice.NO_TEXT,))


def test_all_blocks_of_a_table_have_rows(read: Reader) -> None:
    found = read("a.md", "|a|b|\n|-|-|\n|1|2|")
    assert [b.rows for b in found.pages[0].blocks if b.kind is BlockKind.TABLE] == [
        (("a", "b"), ("1", "2"))
    ]
