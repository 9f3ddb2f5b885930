"""A file comes in, becomes pages and passages, and is found; again, replaced, refused, removed."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.database import writing
from app.library import Library
from app.outbox import MOST_ATTEMPTS, Job, OutboxRow, claim
from app.rebuilding import rebuild_index
from app.resources.entries import edition_entries
from app.resources.file_reading import publish
from app.resources.ingestion import (
    Outcome,
    Receipt,
    add_record,
)
from app.resources.metadata import Description
from app.resources.models import (
    Edition,
    File,
    Page,
    Passage,
    Processing,
    Resource,
    Review,
)
from app.resources.removal import remove_collection
from app.search.services import SearchRequest, search
from app.worker import Worker
from indexes.errors import IndexMismatch
from indexes.types import Kind
from tests.app.ingesting import GUIDE, arrive, found, work


def test_a_file_becomes_pages_and_passages_and_is_found(words_library: Library) -> None:
    receipt = arrive(words_library, GUIDE)
    assert receipt.outcome is Outcome.ADDED
    assert found(words_library, "emploi") == []  # nothing has been read yet
    work(words_library)
    with words_library.sessions() as session:
        file = session.get_one(File, receipt.file_id)
        assert (file.processing, file.page_count, file.text_language) == ("ready", 2, "fr")
        assert file.version.edition.title == "Mesurer l’emploi culturel"
        assert file.version.edition.language == "fr"
        assert file.version.review == Review.PUBLISHED
    (hit,) = search(words_library, SearchRequest("seconde activité")).hits
    assert (hit.page, hit.language, hit.kind) == (2, "fr", Kind.PASSAGE)
    assert "secondes activités" in hit.text
    assert {span.text for span in hit.extract if span.marked} == {"secondes", "activités"}
    assert hit.url.endswith(f"/fr/v1/pages/2#p-{_passage(words_library, hit.text)}")


def _passage(library: Library, text: str) -> str:
    with library.sessions() as session:
        return session.query(Passage).filter_by(text=text).one().id


def test_the_same_file_again_is_unchanged_and_elsewhere_a_duplicate(words_library: Library) -> None:
    arrive(words_library, GUIDE)
    work(words_library)
    assert arrive(words_library, GUIDE) == Receipt(Outcome.UNCHANGED)
    copy = arrive(words_library, GUIDE, key="other/copy.md")
    assert copy == Receipt(Outcome.UNCHANGED, "duplicate_of guide.md")
    with words_library.sessions() as session:
        assert session.query(Resource).count() == 1


def test_other_bytes_under_the_same_key_make_a_version_and_old_pages_stay(
    words_library: Library,
) -> None:
    first = arrive(words_library, GUIDE)
    work(words_library)
    assert arrive(words_library, GUIDE + "\nUne phrase sur les bibliothèques.").outcome == "updated"
    work(words_library)
    with words_library.sessions() as session:
        edition = session.query(Edition).one()
        assert [version.number for version in edition.versions] == [1, 2]
        assert edition.published_version is edition.versions[1]
        assert session.query(Page).filter_by(file_id=first.file_id).count() == 2
        entries = edition_entries(session, edition.id)
        assert {entry.address for entry in entries} == {edition.versions[1].id}
    assert found(words_library, "bibliothèque") == ["Mesurer l’emploi culturel"]
    assert len(list(words_library.index.all_ids())) == len(entries)


def test_reading_the_same_bytes_again_gives_the_same_passages(words_library: Library) -> None:
    receipt = arrive(words_library, GUIDE)
    work(words_library)
    with writing(words_library.sessions) as session:
        before = {row.id for row in session.query(Passage)}
        from app.outbox import enqueue

        enqueue(session, Job.PARSE, receipt.file_id or "")
    work(words_library)
    with words_library.sessions() as session:
        assert {row.id for row in session.query(Passage)} == before
        assert before


def test_a_repeated_sentence_has_passages_of_its_own(words_library: Library) -> None:
    same = "La culture est un droit que chacun exerce dans la langue de son choix. " * 9
    receipt = arrive(words_library, f"# T\n\n{same}\n\n## A\n\nx.\n\n{same}")
    work(words_library)
    with words_library.sessions() as session:
        file = session.get_one(File, receipt.file_id)
        assert file.processing == Processing.READY
        assert file.passage_count == session.query(Passage).count()


def test_a_refused_file_keeps_its_bytes_and_can_be_tried_again(words_library: Library) -> None:
    broken = b"%PDF-1.7\nnothing that follows is a PDF"
    receipt = arrive(words_library, broken, key="broken.pdf")
    work(words_library)
    with words_library.sessions() as session:
        file = session.get_one(File, receipt.file_id)
        assert (file.processing, file.reason) == ("refused", "broken")
        assert words_library.files.path(file.sha256).read_bytes() == broken
        assert file.version.edition.published_at is None
    assert arrive(words_library, broken, key="broken.pdf") == Receipt(Outcome.REFUSED, "broken")
    assert arrive(words_library, broken, key="broken.pdf", retry=True).file_id == receipt.file_id


def test_languages_of_a_work_become_editions_of_one_resource(words_library: Library) -> None:
    arrive(words_library, GUIDE, key="fr/g.md", work="g", language="fr")
    english = "# Measuring employment\n\nCultural employment covers people in cultural occupations."
    arrive(words_library, english, key="en/g.md", work="g", language="en")
    work(words_library)
    with words_library.sessions() as session:
        resource = session.query(Resource).one()
        assert [edition.language for edition in resource.editions] == ["en", "fr"]
    (hit,) = search(words_library, SearchRequest("occupations")).hits
    assert [link.language for link in hit.editions] == ["fr"]


def test_what_people_say_of_the_language_stands_and_the_text_is_kept_beside_it(
    words_library: Library,
) -> None:
    receipt = arrive(words_library, GUIDE, work="g", language="es")
    work(words_library)
    with words_library.sessions() as session:
        file = session.get_one(File, receipt.file_id)
        assert (file.version.edition.language, file.text_language) == ("es", "fr")


def test_a_draft_is_read_but_not_found(words_library: Library) -> None:
    receipt = arrive(words_library, GUIDE, publish=False)
    work(words_library)
    with words_library.sessions() as session:
        assert session.get_one(File, receipt.file_id).processing == Processing.READY
    assert found(words_library, "emploi culturel") == []


def test_a_record_is_found_without_a_file(words_library: Library) -> None:
    said = Description(
        title="Guide for designing projects", abstract="How to plan.", language="en", work="r"
    )
    with writing(words_library.sessions) as session:
        add_record(session, said)
        add_record(session, said)
    work(words_library)
    (hit,) = search(words_library, SearchRequest("designing")).hits
    assert (hit.kind, hit.page, hit.title) == (Kind.RECORD, None, "Guide for designing projects")


def test_what_was_withdrawn_a_moment_ago_is_not_shown_though_the_index_still_holds_it(
    words_library: Library,
) -> None:
    arrive(words_library, GUIDE)
    work(words_library)
    with writing(words_library.sessions) as session:
        session.query(Edition).one().published_at = None
    page = search(words_library, SearchRequest("emploi culturel"))
    assert (page.hits, page.total, dict(page.facets)) == ((), 0, {})


def test_a_collection_is_removed_whole_and_nothing_else(words_library: Library) -> None:
    arrive(words_library, GUIDE, collection="demo")
    arrive(words_library, "# Other\n\nA text that stays in the library.", key="stays.md")
    work(words_library)
    assert remove_collection(words_library, "demo") == 1
    work(words_library)
    assert found(words_library, "emploi") == []
    assert found(words_library, "stays") == ["Other"]
    assert len([p for p in words_library.config.files.rglob("*") if p.is_file()]) == 1


def test_a_rebuilt_index_answers_as_before(words_library: Library) -> None:
    arrive(words_library, GUIDE)
    work(words_library)
    before = set(words_library.index.all_ids())
    generation = words_library.index.status().generation
    rebuild_index(words_library, lambda _done, _total: None)
    assert set(words_library.index.all_ids()) == before
    assert words_library.index.status().generation != generation
    assert found(words_library, "emploi") == ["Mesurer l’emploi culturel"]


def test_a_job_that_fails_is_put_off_and_the_others_are_done(
    words_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app.worker as module

    arrive(words_library, GUIDE)
    arrive(words_library, "# Other\n\nAnother text altogether.", key="b.md")
    worker = Worker(words_library)
    worker.step()  # both are parsed
    with words_library.sessions() as session:
        bad = session.query(Edition).filter_by(title="Other").one().id
    real = edition_entries

    def sometimes(session, edition):  # type: ignore[no-untyped-def]
        if edition == bad:
            raise RuntimeError("no")
        return real(session, edition)

    monkeypatch.setattr(module, "edition_entries", sometimes)
    worker.step()
    worker.close()
    assert found(words_library, "emploi") == ["Mesurer l’emploi culturel"]
    with words_library.sessions() as session:
        (row,) = session.query(OutboxRow).all()
        assert (row.subject, row.error) == (bad, "RuntimeError: no")
    assert claim(words_library.sessions, "w", Job.INDEX, 1) == []  # not at once again


@pytest.mark.model
def test_passages_are_found_by_meaning_when_the_worker_has_come_by(
    library: Library, model_folder: Path
) -> None:
    arrive(library, GUIDE)
    work(library)
    (hit,) = search(library, SearchRequest("how many people earn a living as artists?")).hits
    assert hit.language == "fr"
    assert "meaning" in hit.found_by
    status = library.index.status()
    assert status.vectors == status.entries > 0


def test_bytes_that_come_back_make_a_version_again(words_library: Library) -> None:
    for text in (GUIDE, "# Autre\n\nUn tout autre texte sur les musées.", GUIDE):
        assert arrive(words_library, text).outcome is not Outcome.UNCHANGED
        work(words_library)
    with words_library.sessions() as session:
        assert [v.number for v in session.query(Edition).one().versions] == [1, 2, 3]
    assert found(words_library, "musées") == []
    assert len(found(words_library, "emploi")) == 1


def test_a_version_read_late_does_not_replace_a_later_one(words_library: Library) -> None:
    arrive(words_library, GUIDE)
    work(words_library)
    arrive(words_library, GUIDE + "\nUn ajout.")
    work(words_library)
    with writing(words_library.sessions) as session:
        edition = session.query(Edition).one()
        publish(session, edition.versions[0])
        assert edition.published_version is edition.versions[1]


def test_a_draft_is_published_when_it_comes_again_without_that_wish(words_library: Library) -> None:
    arrive(words_library, GUIDE, publish=False)
    work(words_library)
    assert arrive(words_library, GUIDE).outcome is Outcome.UPDATED
    work(words_library)
    assert len(found(words_library, "emploi")) == 1


def test_a_draft_of_a_new_version_changes_nothing_that_is_shown(words_library: Library) -> None:
    arrive(words_library, GUIDE)
    work(words_library)
    arrive(words_library, "# Otro título\n\nUn texto en español sobre la cultura.", publish=False)
    work(words_library)
    with words_library.sessions() as session:
        edition = session.query(Edition).one()
        assert (edition.title, edition.language) == ("Mesurer l’emploi culturel", "fr")


def test_what_people_confirm_is_theirs_and_the_next_text_does_not_change_it(
    words_library: Library,
) -> None:
    arrive(words_library, GUIDE)
    work(words_library)
    arrive(words_library, GUIDE, title="Mesurer l’emploi culturel", language="fr")
    arrive(words_library, "# Otro título\n\nUn texto en español sobre la cultura.")
    work(words_library)
    with words_library.sessions() as session:
        edition = session.query(Edition).one()
        assert (edition.title, edition.language) == ("Mesurer l’emploi culturel", "fr")


def test_a_changed_record_is_found_by_what_is_new(words_library: Library) -> None:
    first = Description(title="Handbook", abstract="About theatres.", language="en", work="r")
    with writing(words_library.sessions) as session:
        add_record(session, first)
    work(words_library)
    with writing(words_library.sessions) as session:
        add_record(session, replace(first, abstract="About lighthouses."))
    work(words_library)
    assert found(words_library, "lighthouses") == ["Handbook"]
    with words_library.sessions() as session:
        assert session.query(Resource).count() == 1


def test_a_file_that_cannot_be_stored_is_given_up_and_nobody_waits_for_it(
    words_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = arrive(words_library, GUIDE)
    with writing(words_library.sessions) as session:
        session.query(OutboxRow).update({"attempts": MOST_ATTEMPTS - 1})

    def broken(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("app.resources.file_reading._keep", broken)
    work(words_library)
    with words_library.sessions() as session:
        file = session.get_one(File, receipt.file_id)
        assert (file.processing, file.reason) == (Processing.REFUSED, "crashed")


def test_an_index_made_otherwise_is_told_and_its_jobs_wait(
    words_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(words_library, GUIDE)

    def refuses() -> None:
        raise IndexMismatch("built otherwise")

    monkeypatch.setattr(words_library.index, "writer", refuses)
    worker = Worker(words_library)
    with pytest.raises(IndexMismatch):
        worker.finish()
    monkeypatch.undo()
    work(words_library)
    assert len(found(words_library, "emploi")) == 1
