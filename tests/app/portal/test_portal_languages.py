"""The language of a page: from the browser at `/`, from the address everywhere else."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import formats
from app.i18n import compile_catalogues, is_right_to_left, language_name
from app.resources.vocabulary import SCHEMES, codes, label
from tests.app.portal.conftest import Portal

UIS = ("en", "fr", "es")


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("fr-CA,fr;q=0.9,en;q=0.5", "fr"),
        ("es", "es"),
        ("de,es;q=0.4,en;q=0.3", "es"),
        ("de", "en"),
        ("", "en"),
    ],
)
def test_the_start_follows_the_browser(client: FlaskClient, accepted: str, expected: str) -> None:
    answer = client.get("/", headers={"Accept-Language": accepted})
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/{expected}/"
    assert "Accept-Language" in answer.headers["Vary"]


def test_the_address_decides_whatever_the_browser_wants(client: FlaskClient) -> None:
    answer = client.get("/es/help", headers={"Accept-Language": "fr"})
    assert '<html lang="es">' in answer.text
    assert "Ayuda" in answer.text


def test_the_switcher_keeps_the_page_and_its_query(client: FlaskClient) -> None:
    page = client.get("/en/search?q=culture+%26+work&language=fr&language=es").text
    query = "q=culture+%26+work&amp;language=fr&amp;language=es"
    assert f'href="/fr/search?{query}" lang="fr" hreflang="fr"' in page
    assert f'href="/es/search?{query}" lang="es" hreflang="es"' in page


def test_alternates_and_canonical_are_absolute_and_complete(
    client: FlaskClient, portal: Portal
) -> None:
    page = client.get(portal.address("employment", "/fr/v2/pages/1?q=emploi", "fr")).text
    found = dict(re.findall(r'rel="alternate" hreflang="([^"]+)" href="([^"]+)"', page))
    assert set(found) == {*UIS, "x-default"}
    assert all(address.startswith("http://localhost/") for address in found.values())
    assert found["es"].startswith("http://localhost/es/resources/")


def test_the_current_version_is_canonical_without_its_number(
    client: FlaskClient, portal: Portal
) -> None:
    current = client.get(portal.address("employment", "/en/v2/pages/2")).text
    earlier = client.get(portal.address("employment", "/en/v1/pages/1")).text
    own = portal.address("employment", "/en")
    assert f'rel="canonical" href="http://localhost{own}/pages/2"' in current
    assert f'rel="canonical" href="http://localhost{own}/v1/pages/1"' in earlier


def test_text_in_another_language_says_so(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("employment", "/fr")).text
    assert '<h1 class="title" lang="fr">' in page
    own = client.get(portal.address("employment", "/fr", "fr")).text
    assert '<h1 class="title">' in own


def test_right_to_left_text_is_shown_as_such(client: FlaskClient, portal: Portal) -> None:
    page = client.get(portal.address("arabic", "/ar/pages/1")).text
    assert '<article class="leaf text" lang="ar" dir="rtl">' in page
    assert is_right_to_left("ar-EG")
    assert not is_right_to_left("fr")


def test_an_unknown_address_is_told_in_its_own_language(client: FlaskClient) -> None:
    assert "Il n’y a pas de page ici" in client.get("/fr/nowhere").text
    answer = client.get("/nowhere", headers={"Accept-Language": "es"})
    assert "Aquí no hay ninguna página" in answer.text


def test_sizes_dates_and_numbers_are_written_as_each_language_does() -> None:
    assert formats.size(2_134_567, "en") == "2.1\u00a0MB"
    assert formats.size(2_134_567, "fr") == "2,1\u202fMo"
    assert formats.size(900, "en") == "900\u00a0bytes"
    assert formats.number(12_345, "es") == "12.345"


def test_names_of_languages_and_countries_come_in_the_readers_language() -> None:
    assert language_name("fr", "es") == "francés"
    assert language_name("pt-BR", "fr") == "portugais (Brésil)"
    assert language_name("zz-unknown", "en") == "zz-unknown"
    assert language_name("und", "en") != language_name("en", "en")
    assert label("country", "CI", "fr") == "Côte d’Ivoire"


def test_every_term_of_the_vocabulary_has_three_labels() -> None:
    for scheme, terms in SCHEMES.items():
        for code, labels in terms.items():
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code), (scheme, code)
            assert all(labels), (scheme, code)
            assert "'" not in "".join(labels), (scheme, code)
    assert len(codes("domain")) == 6
    assert label("type", "never-heard-of", "fr") == "never-heard-of"


def test_a_fresh_clone_compiles_its_catalogues_once(tmp_path: Path) -> None:
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "messages.po"
    source.write_text('msgid "Help"\nmsgstr "Aide"\n', "utf-8")
    assert compile_catalogues(tmp_path) == [folder / "messages.mo"]
    assert compile_catalogues(tmp_path) == []
