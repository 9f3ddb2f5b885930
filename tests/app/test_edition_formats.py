"""Several formats of one edition: files of one version, of which one is read and searched."""

from sqlalchemy.orm import Session

from app.library import Library
from app.resources.entries import edition_entries
from app.resources.ingestion import (
    Outcome,
)
from app.resources.models import (
    Edition,
    Passage,
    Version,
)
from app.search.services import SearchRequest, search
from indexes.types import Kind
from tests.app.ingesting import GUIDE, arrive, found, work
from tests.app.portal.conftest import pdf

HTML = "<html lang=fr><title>Mesurer</title><body><h1>Mesurer</h1><p>{}</p></body></html>"
IN_HTML = HTML.format("L’emploi culturel comprend les professions culturelles. " * 4)


def _edition(session: Session) -> Edition:
    return session.query(Edition).one()


def _formats(version: Version) -> list[str]:
    return [file.name for file in version.files]


def test_two_formats_of_an_edition_are_files_of_one_version_and_one_is_searched(
    words_library: Library,
) -> None:
    arrive(words_library, GUIDE, key="g.md", work="g", language="fr")
    second = arrive(words_library, IN_HTML, key="g.html", work="g", language="fr")
    assert (second.outcome, second.reason) == (Outcome.ADDED, "")
    work(words_library)
    with words_library.sessions() as session:
        edition = _edition(session)
        (version,) = edition.versions
        assert _formats(version) == ["g.md", "g.html"]
        assert edition.published_version is version
        assert edition.title == "Mesurer l’emploi culturel"  # of the file that is read
        entries = edition_entries(session, edition.id)
        passages = [entry.id for entry in entries if entry.kind is Kind.PASSAGE]
        assert set(passages) == {
            row.id for row in session.query(Passage).filter_by(file_id=version.files[0].id)
        }
        assert entries[0].facets["format"] == ("html", "md")
    (hit,) = search(words_library, SearchRequest("professions culturelles")).hits
    assert hit.file == "g.md"


def test_a_format_that_comes_later_joins_and_the_pages_stay_where_they_are(
    words_library: Library,
) -> None:
    arrive(words_library, GUIDE, key="g.md", work="g", language="fr")
    work(words_library)
    arrive(words_library, IN_HTML, key="g.html", work="g", language="fr")
    work(words_library)
    with words_library.sessions() as session:
        (version,) = _edition(session).versions
        assert version.reading_file is version.files[0]
        assert _edition(session).title == "Mesurer l’emploi culturel"


def test_a_pdf_that_comes_later_leads_in_a_new_version_that_holds_both(
    words_library: Library,
) -> None:
    arrive(words_library, GUIDE, key="g.md", work="g", language="fr")
    work(words_library)
    arrive(words_library, pdf("Les professions culturelles."), key="g.pdf", work="g", language="fr")
    work(words_library)
    with words_library.sessions() as session:
        first, second = _edition(session).versions
        assert _formats(first) == ["g.md"]
        assert first.reading_file is first.files[0]  # its links open what they opened
        assert sorted(_formats(second)) == ["g.md", "g.pdf"]
        assert second.reading_file
        assert second.reading_file.name == "g.pdf"
        assert _edition(session).published_version is second
    assert arrive(words_library, GUIDE, key="g.md", work="g", language="fr").reason == ""


def test_a_refused_format_does_not_keep_the_other_from_being_shown(words_library: Library) -> None:
    arrive(words_library, GUIDE, key="g.md", work="g", language="fr")
    arrive(words_library, b"%PDF-1.7\nno", key="g.pdf", work="g", language="fr")
    work(words_library)
    assert found(words_library, "professions culturelles") == ["Mesurer l’emploi culturel"]
    with words_library.sessions() as session:
        assert len(_edition(session).versions) == 1


def test_the_same_format_again_for_an_edition_is_a_version_and_says_what_it_replaces(
    words_library: Library,
) -> None:
    arrive(words_library, GUIDE, key="old.md", work="g", language="fr")
    work(words_library)
    receipt = arrive(words_library, GUIDE + "\nUn ajout.", key="new.md", work="g", language="fr")
    assert (receipt.outcome, receipt.reason) == (Outcome.ADDED, "replaces old.md")
    work(words_library)
    with words_library.sessions() as session:
        assert [_formats(v) for v in _edition(session).versions] == [["old.md"], ["new.md"]]


def test_a_draft_in_another_format_does_not_join_what_is_shown(words_library: Library) -> None:
    arrive(words_library, GUIDE, key="g.md", work="g", language="fr")
    work(words_library)
    arrive(words_library, IN_HTML, key="g.html", work="g", language="fr", publish=False)
    work(words_library)
    with words_library.sessions() as session:
        shown = _edition(session).published_version
        assert shown
        assert _formats(shown) == ["g.md"]
