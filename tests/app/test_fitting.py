"""What is too long for its column is stored all the same, on each database alike."""

import pytest

from app.database import reading, writing
from app.library import Library
from app.resources.fitting import fitting_key, fitting_name
from app.resources.ingestion import Receipt, add_record
from app.resources.metadata import Description
from app.resources.models import File, Resource
from tests.app.ingesting import GUIDE, arrive, found, work


def test_long_descriptions_are_cut_and_are_not_new_the_second_time(words_library: Library) -> None:
    said = {"publisher": "P" * 900, "licence": "L" * 900, "title": "T" * 5000, "language": "fr"}
    arrive(words_library, GUIDE, work="W" * 5000, **said)
    work(words_library)
    again = arrive(words_library, GUIDE, work="W" * 5000, **said)
    assert again == Receipt("unchanged")  # type: ignore[arg-type]
    with reading(words_library.sessions) as session:
        (resource,) = session.query(Resource)
        assert (len(resource.publisher or ""), len(resource.licence or "")) == (400, 200)
        assert len(resource.editions[0].title) == 5000


def test_long_keys_and_names_stay_what_a_file_is_known_by(words_library: Library) -> None:
    deep = "/".join(["пapка字" * 20] * 30)
    for name in ("a", "b"):
        arrive(words_library, f"# {name}\n\nText {name}.", key=f"{deep}/{name * 2000}.md")
    work(words_library)
    assert (
        arrive(words_library, "# a\n\nText a.", key=f"{deep}/{'a' * 2000}.md").outcome
        == "unchanged"
    )
    with reading(words_library.sessions) as session:
        files = session.query(File).all()
        assert len({file.source_key for file in files}) == 2
        assert all(file.name.endswith(".md") for file in files)
    assert len(found(words_library, "text")) == 2


def test_a_record_with_a_long_work_is_the_same_the_second_time(words_library: Library) -> None:
    said = Description(title="T", language="en", work="字" * 3000)
    for _ in range(2):
        with writing(words_library.sessions) as session:
            add_record(session, said)
    with reading(words_library.sessions) as session:
        assert session.query(Resource).count() == 1


def test_texts_with_nul_are_stored_and_found(words_library: Library) -> None:
    said = {"title": "Nul\x00title", "publisher": "a\x00b", "authors": ("c\x00d",)}
    arrive(words_library, GUIDE, key="nul\x00.md", language="fr", **said)
    work(words_library)
    assert len(found(words_library, "emploi")) == 1
    assert found(words_library, "emploi\x00culturel")


@pytest.mark.parametrize("key", ["short", "é" * 500])
def test_a_key_that_fits_stays_itself(key: str) -> None:
    assert fitting_key(key) == key


def test_long_keys_that_differ_at_the_end_only_stay_two() -> None:
    one, other = fitting_key("字" * 2000 + "a"), fitting_key("字" * 2000 + "b")
    assert one != other
    assert max(len(key.encode()) for key in (one, other)) <= 1000
    assert fitting_name("a" * 2000 + ".PDF").endswith("a.PDF")
