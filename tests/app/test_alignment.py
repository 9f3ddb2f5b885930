"""The same passage in another edition: where pairs are known, and where a reader judged them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import reading
from app.demo.texts import DemoText, demo_texts
from app.library import Library
from app.resources.alignment import Counterpart, counterparts, places
from app.resources.entries import edition_entries
from app.resources.ingestion import Arrival, receive, store
from app.resources.metadata import Description
from app.resources.models import Edition, File, Passage
from app.worker import Worker
from indexes.embedding.windows import whole_text
from tests.app.demo import VECTORS
from tests.app.ingesting import arrive, work

JUDGED = Path(__file__).with_name("alignment_judged.tsv")
MANY_PAGES = 8
MOST_ARE_RIGHT = 0.9
_SHINGLE = 20  # characters
_SEEN = 2  # shingles of a block in a passage that say that it holds some of it


def between(library: Library, session: Session, ours: File, theirs: File) -> list[Counterpart]:
    return list(counterparts(library.index, places(session, ours), places(session, theirs)))


# The demo: editions are parallel block by block, which says where each passage belongs.


def letters(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def held_blocks(text: DemoText, passage: str) -> dict[int, int]:
    """The blocks of which a passage holds something, with how many characters of each."""
    found, within = {}, letters(passage)
    for number, block in enumerate(text.blocks):
        if block.kind in ("title", "section", "heading"):
            continue
        said = letters(block.text or " ".join(cell for row in block.rows for cell in row))
        pieces = [said[at : at + _SHINGLE] for at in range(0, len(said), _SHINGLE)]
        held = [piece for piece in pieces if piece in within]
        if said in within or len(held) >= _SEEN:
            found[number] = sum(map(len, held))
    return found


def right_places(blocks: Mapping[int, int], others: Sequence[Mapping[int, int]]) -> set[int]:
    """Passages in which the text of `blocks` begins, and the one that holds most of it."""
    shares = [sum(size for block, size in blocks.items() if block in own) for own in others]
    begins = {at for at, own in enumerate(others) if min(blocks) in own}
    return begins | {shares.index(max(shares))}


def long_editions(session: Session) -> Iterator[list[tuple[File, DemoText]]]:
    """The demo's editions of eight pages and more, resource by resource."""
    texts = {text.name: text for text in demo_texts()}
    works: dict[str, list[tuple[File, DemoText]]] = defaultdict(list)
    for file in session.scalars(select(File).where(File.page_count >= MANY_PAGES)):
        if file.name in texts:
            works[texts[file.name].slug].append((file, texts[file.name]))
    return (editions for editions in works.values() if len(editions) > 1)


@pytest.mark.model
@pytest.mark.slow
def test_passages_of_the_demo_open_in_the_other_languages(demo_library: Library) -> None:
    right = asked = works = 0
    with reading(demo_library.sessions) as session:
        for editions in long_editions(session):
            works += 1
            for (ours, text), (theirs, other) in permutations(editions, 2):
                others = [held_blocks(other, one.text) for one in passages(session, theirs)]
                order = [place.passage for place in places(session, theirs)]
                found = between(demo_library, session, ours, theirs)
                for passage, one in zip(passages(session, ours), found, strict=True):
                    blocks = held_blocks(text, passage.text)
                    if blocks:
                        asked += 1
                        at = order.index(one.place.passage)
                        right += one.exact and at in right_places(blocks, others)
    assert works >= 3
    assert asked > 500
    assert right / asked >= MOST_ARE_RIGHT


def passages(session: Session, file: File) -> Sequence[Passage]:
    query = select(Passage).where(Passage.file_id == file.id).order_by(Passage.ordinal)
    return session.scalars(query).all()


# Manuals of many pages: what a reader judged.


@pytest.mark.material
@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_passages_of_manuals_open_where_a_reader_finds_them(
    library: Library, shared: Path, model_folder: Path
) -> None:
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    library.config.data.mkdir(parents=True, exist_ok=True)
    library.config.vector_cache.symlink_to(VECTORS.with_name("manual-vectors.sqlite"))
    judged = read_judged()
    ingest(library, shared / "corpus", {file for source in judged for file in source[::3]})
    right = 0
    with reading(library.sessions) as session:
        files = {file.source_key: file for file in session.scalars(select(File))}
        for (name, page, words, other), accepted in judged.items():
            ours, theirs = files[name], files[other]
            at = [begins(one, page, words) for one in passages(session, ours)].index(True)
            place = between(library, session, ours, theirs)[at].place
            target = session.get_one(Passage, place.passage)
            right += any(begins(target, there, first) for there, first in accepted)
    assert len(judged) == 60
    assert right / len(judged) >= MOST_ARE_RIGHT


Source = tuple[str, int, str, str]


def read_judged() -> dict[Source, list[tuple[int, str]]]:
    """(file, page, first words, other file) → pages and first words that are right there."""
    judged: dict[Source, list[tuple[int, str]]] = defaultdict(list)
    for line in JUDGED.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            file, page, words, other, there, first = line.split("\t")
            judged[file, int(page), words, other].append((int(there), first))
    return judged


def begins(passage: Passage, page: int, words: str) -> bool:
    return passage.page == page and " ".join(passage.text.split()).startswith(words)


def ingest(library: Library, folder: Path, names: set[str]) -> None:
    """Files as editions without a work; of each passage the whole is embedded, without windows."""
    for name in sorted(names):
        language = next(code for code in ("en", "fr", "es") if re.search(rf"[-.]{code}\b", name))
        with (folder / name).open("rb") as content:
            stored = store(library, content)
        said = Description(title=name, language=language)
        receive(library, Arrival(stored, Path(name).name, source_key=name, description=said))
    worker = Worker(library)
    while library.index.status().entries < expected_entries(library):
        worker.step()
    worker.close()
    embedder = library.embedder
    assert embedder is not None
    with library.index.writer() as writer, reading(library.sessions) as session:
        for edition in session.scalars(select(Edition.id)):
            entries = edition_entries(session, edition)
            vectors = embedder.embed_passages([whole_text(entry) for entry in entries])
            writer.add_vectors(entries, [vector[None] for vector in vectors])


def expected_entries(library: Library) -> int:
    """A record an edition and its passages; more than there can be while files are to be read."""
    with reading(library.sessions) as session:
        files = session.scalars(select(File)).all()
        unread = any(not file.page_count for file in files)
        return 10**9 if unread else sum(1 + file.passage_count for file in files)


def test_without_vectors_a_passage_is_sought_about_there(words_library: Library) -> None:
    for language, sections in (("en", 12), ("fr", 30)):
        content = "\n\n".join(f"# {n}\n\n{'word ' * 60}{n}." for n in range(sections))
        arrive(words_library, content, key=f"both-{language}.md", work="both", language=language)
    work(words_library)
    with reading(words_library.sessions) as session:
        ours, theirs = sorted(session.scalars(select(File)), key=lambda file: file.passage_count)
        found = between(words_library, session, ours, theirs)
        order = [place.passage for place in places(session, theirs)]
        back = between(words_library, session, theirs, ours)
    there = [order.index(one.place.passage) for one in found]
    assert not any(one.exact for one in (*found, *back))
    assert (there[0], there[-1]) == (0, len(order) - 1)
    assert there == sorted(there)
    assert len(back) == len(order)
