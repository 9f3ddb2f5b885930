"""The demo library: what it promises, and in and out by the front door."""

from collections import Counter, defaultdict

import pytest

from app import create_app
from app.database import writing
from app.demo.files import make_file
from app.demo.loading import load_demo
from app.demo.texts import demo_records, demo_texts
from app.library import Library
from app.resources.ingestion import add_record
from app.resources.metadata import Description
from app.resources.models import Edition, File, Processing, Resource
from app.resources.removal import remove_collection
from app.resources.vocabulary import SCHEMES
from app.worker import Worker

TEXTS = list(demo_texts())


def test_there_are_resources_enough_in_each_language_domain_and_format() -> None:
    languages = defaultdict(set)
    for text in TEXTS:
        languages[text.slug].add(text.description.language)
    kinds = Counter(frozenset(found) for found in languages.values())
    assert len(languages) >= 18
    assert kinds[frozenset({"en", "fr", "es"})] >= 12
    for language in ("en", "fr", "es"):
        assert kinds[frozenset({language})] >= 2
    assert {text.format for text in TEXTS} == {"pdf", "docx", "pptx", "html", "md"}
    topics = {code for text in TEXTS for scheme, code in text.description.topics}
    assert topics >= set(SCHEMES["domain"])


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_codes_are_those_of_the_lists_and_every_edition_has_several_pages(text) -> None:
    assert text.description.type in SCHEMES["type"]
    for scheme, code in text.description.topics:
        assert scheme == "country" or code in SCHEMES[scheme]
    assert sum(block.kind == "section" for block in text.blocks) >= 4


def test_editions_of_a_resource_are_parallel_block_by_block() -> None:
    shapes = defaultdict(set)
    for text in TEXTS:
        shape = tuple((b.kind, len(b.rows), len(b.rows[0]) if b.rows else 0) for b in text.blocks)
        shapes[text.slug].add(shape)
    assert {slug for slug, found in shapes.items() if len(found) > 1} == set()


def test_the_same_text_makes_the_same_bytes() -> None:
    one_of_each = {text.format: text for text in TEXTS}
    for text in one_of_each.values():
        assert make_file(text) == make_file(text)


@pytest.mark.slow
def test_the_demo_comes_in_is_read_right_and_leaves_whole(words_library: Library) -> None:
    receipts = list(load_demo(words_library, lambda _name: None))
    assert {receipt.outcome for receipt in receipts} == {"added"}
    Worker(words_library).finish()
    with words_library.sessions() as session:
        files = session.query(File).all()
        assert {file.processing for file in files} == {Processing.READY}
        for file in files:
            edition = file.version.edition
            assert file.text_language == edition.language, file.name
            sections = next(t for t in TEXTS if t.name == file.name).blocks
            assert file.page_count >= sum(block.kind == "section" for block in sections), file.name
        assert session.query(Edition).filter(Edition.published_version_id.is_(None)).count() == len(
            list(demo_records())
        )
    again = list(load_demo(words_library, lambda _name: None))
    assert {receipt.outcome for receipt in again} == {"unchanged"}
    remove_collection(words_library, "demo")
    Worker(words_library).finish()
    with words_library.sessions() as session:
        assert session.query(Resource).count() == session.query(File).count() == 0
    assert list(words_library.index.all_ids()) == []
    assert [p for p in words_library.config.files.rglob("*") if p.is_file()] == []


def test_the_demo_is_marked_as_one_on_its_pages(words_library: Library) -> None:
    with writing(words_library.sessions) as session:
        demo = add_record(session, next(demo_records())).resource_id
        own = add_record(session, Description(title="Our own", language="fr")).resource_id
    client = create_app(words_library).test_client()
    assert "Démonstration" in client.get(f"/fr/resources/{demo}").text
    assert "Démonstration" not in client.get(f"/fr/resources/{own}").text
