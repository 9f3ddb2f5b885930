"""A resource, its pages, their images, its files: what is shown, and to whom."""

import io
import json
import re

import pytest
from flask.testing import FlaskClient
from PIL import Image
from pypdf import PdfReader

from tests.app.portal.conftest import Portal

UNKNOWN = "0" * 26


def test_a_resource_shows_its_editions_the_readers_first(
    client: FlaskClient, portal: Portal
) -> None:
    for ui, title in (("en", "Counting cultural work"), ("fr", "Compter l’emploi culturel")):
        page = client.get(portal.address("employment", ui=ui)).text
        assert re.search(rf'<h1 class="title"[^>]*>{title}</h1>', page)
        for language in ("en", "fr", "es"):
            assert portal.address("employment", f"/{language}/pages/1", ui) in page
    chosen = client.get(portal.address("employment", "/es", "fr")).text
    assert '<h1 class="title" lang="es">Contar el empleo cultural</h1>' in chosen


def test_every_file_says_format_size_and_pages(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("employment", "/en")).text
    assert re.search(r"PDF · [\d.]+\u00a0kB · 3 pages", page)
    assert re.search(r"Markdown · \d+\u00a0bytes · \d pages", page)


def test_a_record_is_shown_as_what_it_is(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("record")).text
    assert "In preparation" in page
    assert "the description of this edition, not its text" in page
    assert "Read it here" not in page


def test_hostile_metadata_stays_text(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("record")).text
    assert "<script>alert" not in page
    data = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data[0])["abstract"] == "</script><script>alert(2)</script>"


def test_machines_read_schema_org_and_dublin_core(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("employment", "/fr")).text
    data = json.loads(re.findall(r'ld\+json">(.*?)</script>', page)[0])
    assert data["name"] == "Compter l’emploi culturel"
    assert data["inLanguage"] == "fr"
    assert data["license"] == "https://creativecommons.org/licenses/by-sa/3.0/igo/"
    assert '<meta name="DCTERMS.creator" content="Institute of Counting">' in page
    assert '<meta name="DCTERMS.date" content="2024">' in page


def test_citations_come_in_four_forms(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("employment", "/fr")).text
    assert "Institute of Counting (2024). <cite>Compter l’emploi culturel</cite>" in page
    url = f"http://localhost{portal.address('employment', '/fr')}"
    bib = client.get(portal.address("employment", "/fr/cite.bib")).text
    assert "author = {{Institute of Counting}}" in bib
    assert f"url = {{{url}}}" in bib
    ris = client.get(portal.address("employment", "/fr/cite.ris")).text
    assert ris.startswith("TY  - ")
    assert "\r\nLA  - fr\r\n" in ris
    assert ris.endswith("ER  - \r\n")
    (csl,) = json.loads(client.get(portal.address("employment", "/fr/cite.json")).text)
    assert csl["issued"] == {"date-parts": [[2024]]}
    odd = client.get(portal.address("record", "/en/cite.bib")).text
    assert r"{O'Neill \& \{Sons\}}" in odd


def test_a_language_that_is_not_the_texts_is_told(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("mislabelled")).text
    assert "described as English, but its text reads as French" in page
    assert "reads as" not in client.get(portal.address("employment")).text


def test_every_version_keeps_its_pages_and_files(client: FlaskClient, portal: Portal) -> None:
    first = client.get(portal.address("employment", "/en/v1/pages/1")).text
    assert "First version, one page." in first
    assert "This is version 1 of this edition" in first
    current = client.get(portal.address("employment", "/en/pages/1")).text
    assert "occupations and industries" in current
    assert "This is version" not in current
    assert f"{portal.address('employment', '/en/v2/pages/1')}</p>" in current  # the permalink
    old = client.get(portal.address("employment", "/en/v1/files/employment-en.pdf"))
    assert len(PdfReader(io.BytesIO(old.data)).pages) == 1


def test_pages_turn_and_open_in_the_other_editions(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("employment", "/en/pages/2")).text
    assert f'rel="prev" href="{portal.address("employment", "/en/pages/1")}"' in page
    assert f'rel="next" href="{portal.address("employment", "/en/pages/3")}"' in page
    others = page.partition("In other languages")[2].partition("</section>")[0]
    assert portal.address("employment", "/fr/pages/2") in others
    assert portal.address("employment", "/es/pages/2#p-") in others
    assert "about here, on page 2" in others  # no model, so that the texts cannot be compared
    assert 'rel="prev"' not in client.get(portal.address("employment", "/en/pages/1")).text


def test_words_are_marked_in_text_and_image_alike(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("employment", "/en/v2/pages/2?q=labour+survey")).text
    assert page.count("<mark>") == 2
    assert page.count("<rect ") == 2
    view = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)" aria-hidden="true" pres', page)
    assert view == [("420.0", "595.0")]
    x, y = (float(value) for value in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', page)[0])
    assert 50 < x < 420
    assert 55 < y < 110  # the text begins 75 points below the top
    assert " style=" not in page
    assert "<rect " not in client.get(portal.address("employment", "/en/v2/pages/2")).text


def test_images_are_made_once_kept_and_asked_for_again_for_free(
    client: FlaskClient, portal: Portal
) -> None:
    address = portal.address("employment", "/en/v2/pages/2.webp")
    made = client.get(address)
    assert made.content_type == "image/webp"
    assert "max-age=31536000" in made.headers["Cache-Control"]
    image = Image.open(io.BytesIO(made.data))
    assert image.format == "WEBP"
    assert image.width == 1100
    assert list(portal.library.config.page_images.rglob("2.webp"))
    again = client.get(address, headers={"If-None-Match": made.headers["ETag"]})
    assert again.status_code == 304
    for nothing in ("/en/v2/pages/4.webp", "/en/v2/pages/0.webp", "/es/pages/1.webp"):
        assert client.get(portal.address("employment", nothing)).status_code == 404


def test_a_scanned_page_says_so_and_shows_its_image(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("scan", "/en/pages/1")).text
    assert "No text could be read on this page" in page
    assert "/v1/pages/1.webp" in page
    assert "No page holds text" in client.get(portal.address("scan")).text


def test_other_formats_are_clean_html(client: FlaskClient, portal: Portal) -> None:
    text = ""
    for number in (1, 2, 3):
        answer = client.get(portal.address("employment", f"/es/pages/{number}"))
        text += answer.text if answer.status_code == 200 else ""
    article = "".join(re.findall(r"<article.*?</article>", text, re.DOTALL))
    article = re.sub(r'<span class="across".*?</span></a></span>\s*', "", article, flags=re.DOTALL)
    assert '<th scope="col">Ocupación</th>' in article
    assert "<td>1200</td>" in article
    assert re.search(r"<li[^>]*>Primero, las ocupaciones\s*<ul>\s*<li>los músicos</li>", article)
    assert "<code>total = ocupaciones + ramas</code>" in article
    assert "<img" not in article


def test_some_pages_only(client: FlaskClient, portal: Portal) -> None:
    answer = client.get(portal.address("employment", "/en/v2/pages.pdf?from=2&to=3"))
    assert answer.content_type == "application/pdf"
    assert "employment-en-p2-3.pdf" in answer.headers["Content-Disposition"]
    pages = PdfReader(io.BytesIO(answer.data)).pages
    assert len(pages) == 2
    assert "labour force survey" in " ".join(pages[0].extract_text().split())
    for wrong in ("", "?from=2", "?from=x&to=3", "?from=3&to=2", "?from=-1&to=2", "?from=²&to=3"):
        assert client.get(portal.address("employment", f"/en/pages.pdf{wrong}")).status_code == 400
    beyond = client.get(portal.address("employment", "/en/pages.pdf?from=2&to=4"))
    assert beyond.status_code == 404


def test_files_are_sent_whole_in_part_or_not_again(client: FlaskClient, portal: Portal) -> None:
    address = portal.address("employment", "/en/files/employment-en.pdf")
    whole = client.get(address)
    assert whole.content_type == "application/pdf"
    assert whole.headers["Content-Disposition"].startswith("attachment")
    part = client.get(address, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, b"%PDF")
    again = client.get(address, headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304
    assert client.get(f"{address}x").status_code == 404
    assert client.get(portal.address("employment", "/en/files/../atelier.html")).status_code == 404


def test_uploaded_html_never_runs_here(client: FlaskClient, portal: Portal) -> None:
    answer = client.get(portal.address("web", "/fr/files/atelier.html"))
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "alert(" not in client.get(portal.address("web", "/fr/pages/1")).text


RESTS = ("", "/en", "/en/pages/1", "/en/v1/pages/1", "/en/pages/1.webp", "/en/v1/pages/1.webp",
         "/en/pages.pdf?from=1&to=1", "/en/v1/pages.pdf?from=1&to=1", "/en/cite.bib")  # fmt: skip


@pytest.mark.parametrize("rest", [*RESTS, "/en/files/draft.pdf", "/en/v1/files/draft.pdf"])
def test_a_draft_is_nowhere(client: FlaskClient, portal: Portal, rest: str) -> None:
    answer = client.get(portal.address("draft", rest))
    assert answer.status_code == 404
    assert b"Secret" not in answer.data


@pytest.mark.parametrize("rest", [*RESTS, "/en/files/gone.pdf", "/en/v1/files/gone.pdf"])
def test_what_was_withdrawn_is_gone_and_says_no_more(
    client: FlaskClient, portal: Portal, rest: str
) -> None:
    answer = client.get(portal.address("withdrawn", rest, "fr"))
    assert answer.status_code == 410
    assert "Ce contenu a été retiré" in answer.text
    assert "Gone" not in answer.text


def test_drafts_and_withdrawn_resources_are_in_no_list(client: FlaskClient, portal: Portal) -> None:
    for address in ("/en/browse/all", "/en/browse/all.atom", "/en/", "/en/search?q=secret+gone"):
        page = client.get(address).text
        assert portal.ids["draft"] not in page
        assert portal.ids["withdrawn"] not in page


@pytest.mark.parametrize(
    "address",
    [f"/en/resources/{UNKNOWN}", "/en/resources/x", f"/en/resources/{UNKNOWN}/fr/pages/1"],
)
def test_unknown_resources_are_404(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "rest",
    ["/de", "/en/pages/0", "/en/pages/4", f"/en/pages/{10**30}", "/en/v9/pages/1", "/en/v0/pages/1",
     "/en/pages/one", "/%00/pages/1", "/en/files/%00", "/en/cite.exe"],
)  # fmt: skip
def test_unknown_parts_of_a_resource_are_404(
    client: FlaskClient, portal: Portal, rest: str
) -> None:
    assert client.get(portal.address("employment", rest)).status_code == 404
