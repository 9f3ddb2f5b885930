"""PDF text: lines to paragraphs, furniture, headings, passwords, and what is made of pages."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from ingest.errors import Reason, Refused
from ingest.parsers.pdf_lines import UNMAPPED, Line
from ingest.parsers.pdf_paragraphs import Vocabulary
from ingest.pdf_pages import extract_pages, page_words, render_page
from ingest.source import Source
from ingest.types import BlockKind, IngestedFile, Notice
from tests.ingest.conftest import draw_pdf, paragraph

Reader = Callable[[str, bytes | str], IngestedFile]

BODY = [
    "La Convention de 2005 sur la protection et la promotion de la diversité des infor-",
    "mations culturelles reconnaît le droit souverain des États d’adopter des mesures et",
    "des politiques. Elle fut adoptée à Paris.",
]
NEXT = [
    "Un second paragraphe commence ici, après une ligne courte, et il a lui aussi assez de",
    "mots pour faire deux lignes.",
]


def encrypted(data: bytes, user: str, owner: str) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user, owner, algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_lines_become_paragraphs_without_hyphens(read: Reader) -> None:
    found = read("a.pdf", draw_pdf([paragraph(BODY + NEXT)]))
    first, second = found.pages[0].blocks
    assert "diversité des informations culturelles reconnaît" in first.text
    assert first.text.endswith("Elle fut adoptée à Paris.")
    assert second.text.startswith("Un second")
    assert second.text.endswith("faire deux lignes.")


def test_bullets_become_list_items(read: Reader) -> None:
    lines = ["Les étapes :", "• la première étape", "• la seconde étape"]
    found = read("a.pdf", draw_pdf([paragraph(lines)]))
    assert [b.kind for b in found.pages[0].blocks][1:] == [BlockKind.LIST_ITEM, BlockKind.LIST_ITEM]


def test_running_headers_and_numbers_go_and_the_text_stays(read: Reader) -> None:
    numbers = ["un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit"]
    pages = [
        [
            (72, 800, "Rapport annuel du Comité"),
            *paragraph([f"Le chapitre {word} parle de la culture."]),
            (300, 30, f"Page {n} / 8"),
        ]
        for n, word in enumerate(numbers, start=1)
    ]
    found = read("a.pdf", draw_pdf(pages))
    text = "\n".join(page.text for page in found.pages)
    assert text.count("Rapport annuel") == 1  # kept where it first stands
    assert text.count("Page ") <= 1
    assert all(
        f"chapitre {word}" in page.text for word, page in zip(numbers, found.pages, strict=True)
    )


def test_headings_by_size_and_by_outline(read: Reader) -> None:
    def draw(canvas: Canvas, number: int) -> None:
        if number == 1:
            canvas.setFont("Helvetica-Bold", 20)
            canvas.drawString(72, 760, "Stratégie de renforcement")
        canvas.bookmarkPage(f"p{number}")
        canvas.addOutlineEntry(f"Étape {number}", f"p{number}", 1 if number > 1 else 0)

    pages = [paragraph([f"Étape {n}", *BODY], top=600) for n in (1, 2)]
    found = read("a.pdf", draw_pdf(pages, draw=draw))
    assert [(o.title, o.level, o.page) for o in found.outline] == [
        ("Étape 1", 1, 1),
        ("Étape 2", 2, 2),
    ]
    headings = [[b.text for b in p.blocks if b.kind is BlockKind.HEADING] for p in found.pages]
    assert sorted(headings[0]) == ["Stratégie de renforcement", "Étape 1"]
    assert headings[1] == ["Étape 2"]


def test_the_last_of_900_pages_is_found(read: Reader) -> None:
    pages = [[(72, 700, f"Ceci est la feuille {n} du long rapport.")] for n in range(1, 901)]
    found = read("a.pdf", draw_pdf(pages))
    assert len(found.pages) == 900
    assert found.passages[-1].page == 900
    assert "feuille 900" in found.passages[-1].text


def test_a_page_without_text_is_kept(read: Reader) -> None:
    found = read("a.pdf", draw_pdf([paragraph(BODY), []]))
    assert [bool(p.blocks) for p in found.pages] == [True, False]
    assert found.notices == (Notice.SOME_PAGES_WITHOUT_TEXT,)
    assert read("a.pdf", draw_pdf([[]])).notices == (Notice.NO_TEXT,)


def test_page_labels(read: Reader) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(draw_pdf([paragraph(BODY)] * 3)))
    writer.set_page_label(0, 1, style="/r")
    writer.set_page_label(2, 2, style="/D")
    buffer = io.BytesIO()
    writer.write(buffer)
    assert [p.label for p in read("a.pdf", buffer.getvalue()).pages] == ["i", "ii", "1"]


def test_passwords(read: Reader) -> None:
    plain = draw_pdf([paragraph(BODY)])
    found = read("a.pdf", encrypted(plain, "", "owner"))
    assert Notice.OWNER_PASSWORD in found.notices
    assert "Convention" in found.pages[0].text
    with pytest.raises(Refused) as refused:
        read("a.pdf", encrypted(plain, "user", "owner"))
    assert refused.value.reason is Reason.ENCRYPTED


def test_a_truncated_pdf_is_broken_or_repaired(read: Reader) -> None:
    with pytest.raises(Refused) as refused:
        read("a.pdf", draw_pdf([paragraph(BODY)])[:300])
    assert refused.value.reason is Reason.BROKEN


def line(text: str) -> Line:
    return Line(text)


def test_hyphens_are_undone_by_what_the_document_writes() -> None:
    words = Vocabulary.of(
        [[line("long-term plans, socio-cultural; a term, a term, a term, long, long, long days")]]
    )
    assert words.joined("the long", "term plans") == "the long-term plans"
    assert words.joined("socio", "cultural") == "socio-cultural"
    assert words.joined("infor", "mation") == "information"
    assert words.joined("Franco", "Allemand") == "Franco-Allemand"


def test_a_ligature_without_a_meaning_is_restored() -> None:
    words = Vocabulary.of([[line("the office and the flow")]])
    assert words.restored(f"of{UNMAPPED}ce") == "office" or "of" in words.restored(
        f"of{UNMAPPED}ce"
    )
    assert words.restored(f"{UNMAPPED}ow") == "flow"
    assert words.restored(f"de{UNMAPPED}nition") == "definition"
    assert words.restored(f"{UNMAPPED} = 3") == " = 3"


# --- pages ----------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "a.pdf"
    path.write_bytes(draw_pdf([paragraph(BODY), paragraph(NEXT), paragraph(["Fin."])]))
    return Source(path, "a.pdf")


def test_a_page_as_an_image(source: Source) -> None:
    image = render_page(source, 1, 400)
    assert image is not None
    assert (image.width, image.webp[:4], image.webp[8:12]) == (400, b"RIFF", b"WEBP")
    assert 560 < image.height < 570
    assert render_page(source, 4, 400) is None


def test_words_have_their_places_from_the_upper_left(source: Source) -> None:
    found = page_words(source, 2)
    assert found is not None
    first = found.words[0]
    assert first.text == "Un"
    assert 71 < first.left < 74 < first.right
    assert 841.9 - 700 - 10 < first.top < first.bottom < 841.9 - 700 + 4


def test_words_of_a_rotated_page_stay_on_it(source: Source) -> None:
    upright = page_words(source, 1)
    for rotation in (90, 180, 270):
        writer = PdfWriter(clone_from=source.path)
        writer.pages[0].rotate(rotation)
        writer.write(source.path)
        found = page_words(source, 1)
        assert upright is not None
        assert found is not None
        assert len(found.words) == len(upright.words)
        for word in found.words:
            assert 0 <= word.left < word.right <= found.width
            assert 0 <= word.top < word.bottom <= found.height
        writer.pages[0].rotate(-rotation)
        writer.write(source.path)


def test_only_these_pages(source: Source) -> None:
    data = extract_pages(source, 2, 3)
    assert data is not None
    pages = PdfReader(io.BytesIO(data)).pages
    assert len(pages) == 2
    assert "Un second" in pages[0].extract_text()
    assert extract_pages(source, 2, 9) is None
