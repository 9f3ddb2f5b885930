"""How long passages take to be found by words: `python -m benchmarks.indexing [PASSAGES]`.

An index is built of so many passages (as `benchmarks.search` makes them, without vectors); then one
resource of a hundred is added and asked for. Beside it tantivy by itself with one analysed field
and nothing else, in the same run: what the rest of an entry costs.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import tantivy

from benchmarks.search import OF_AN_EDITION, made_of, read_sentences
from indexes.base import Question
from indexes.embedded.index import EmbeddedIndex
from indexes.query_parser import parse
from indexes.types import Entry, Kind, Scope

ADDED = 100  # passages of the resource that comes last
ROUNDS = 5
MEMORY = 90_000_000  # as much as the writers of three languages have together


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", nargs="?", type=int, default=100_000)
    options = parser.parse_args()
    entries = list(made(options.passages + ROUNDS * ADDED))
    first, added = entries[: options.passages], entries[options.passages :]
    with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as folder:
        index = EmbeddedIndex(Path(folder) / "index", dimensions=0, fingerprint="words only")
        whole = seconds(lambda: build(index, first))
        parts = [added[at : at + ADDED] for at in range(0, len(added), ADDED)]
        later = [seconds(partial(add, index, part)) for part in parts]
        plain = seconds(lambda: build_plain(Path(folder) / "plain", first))
    print(f"{options.passages:,} passages by words: {whole:.1f} s ({whole / plain:.1f} times")
    print(f"  tantivy with the text alone: {plain:.1f} s)")
    print(f"a resource of {ADDED} more: {sorted(later)[ROUNDS // 2]:.2f} s until it is found")


def made(count: int) -> Iterator[Entry]:
    """Passages of 131 words, forty an edition, all of an edition in one language."""
    chance = random.Random(1)
    sentences = read_sentences()
    for number in range(count):
        edition = number // OF_AN_EDITION
        code = sorted(sentences)[edition % len(sentences)]
        text = made_of(sentences[code], chance)
        yield Entry(
            id=f"passage-{number:07}",
            kind=Kind.PASSAGE,
            group=f"resource-{edition:06}",
            group_kind="resource",
            source=f"edition-{edition:06}",
            language=code,
            title=f"Report {edition}",
            heading="",
            text=f"{text} number{number}",
            facets={"type": ("report",), "language": (code,)},
            address=f"version-{edition:06}",
        )


def build(index: EmbeddedIndex, entries: list[Entry]) -> None:
    with index.rebuild() as writer:
        for at in range(0, len(entries), OF_AN_EDITION):
            some = entries[at : at + OF_AN_EDITION]
            writer.replace(some[0].source, some)


def add(index: EmbeddedIndex, entries: list[Entry]) -> None:
    """One resource in one language, until its last passage is found."""
    language = "en"
    source = f"added-{entries[0].id}"
    own = [replace(one, source=source, group=source, language=language) for one in entries]
    with index.writer() as writer:
        writer.replace(source, own)
    word = own[-1].text.rpartition(" ")[2]
    found = index.candidates(Question(parse(word), Scope(), 1))
    if [entry_id for (entry_id, _, _), _ in found.told(found.words)] != [own[-1].id]:
        raise SystemExit(f"{word} is not found")


def build_plain(folder: Path, entries: list[Entry]) -> None:
    """tantivy as a user of it would: English stems, the text and an id."""
    folder.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="en_stem")
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    writer = tantivy.Index(builder.build(), str(folder)).writer(MEMORY, 1)
    for entry in entries:
        writer.add_document(tantivy.Document(text=entry.text, id=entry.id))
    writer.commit()
    writer.wait_merging_threads()


def seconds(work: Callable[[], None]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


if __name__ == "__main__":
    main()
