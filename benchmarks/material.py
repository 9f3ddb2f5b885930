"""What is measured on: real files of `../shared/corpus`, or the demo's own where that is absent.

Files come in a chance order that a seed fixes, so that the first so many of them are a sample, and
the same one on every machine.
"""

import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path

from ingest.errors import Refused
from ingest.sandbox import ingest_file

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
FORMATS = ("pdf", "docx", "pptx", "xlsx", "epub", "html", "md")
LANGUAGES = ("en", "fr", "es")
SEED = 1
WITH_PASSAGES = ("pdf", "docx", "html", "md")  # a book takes seconds for the same few passages
OF_A_FILE = 8  # passages: a long file says the same things in the same layout


@dataclass(frozen=True, slots=True)
class Material:
    """Files by format, each format's in chance order; a format without files is not there."""

    name: str
    files: Mapping[str, Sequence[Path]]


@contextmanager
def open_material(corpus: Path = CORPUS) -> Iterator[Material]:
    """The corpus, or the demo's files for as long as the context lasts."""
    if corpus.is_dir():
        yield Material(f"the corpus in {corpus}", files_of(corpus))
        return
    print(f"{corpus} is absent: this is the demo, small and made by us.", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="passerelle-benchmark-") as folder:
        write_demo(Path(folder))
        yield Material("the demo", files_of(Path(folder)))


def files_of(folder: Path) -> dict[str, list[Path]]:
    """The folder's files by format, in chance order."""
    found: dict[str, list[Path]] = {}
    for name in FORMATS:
        files = sorted(path for path in folder.rglob(f"*.{name}") if path.is_file())
        if files:
            random.Random(SEED).shuffle(files)
            found[name] = files
    return found


def write_demo(folder: Path) -> None:
    """Every edition of the demo library as the file that it is."""
    from app.demo.files import make_file  # the portal: 23 MB that an engine's process is spared
    from app.demo.texts import demo_texts

    for text in demo_texts():
        (folder / text.name).write_bytes(make_file(text))


def read_passages(material: Material, count: int) -> list[str]:
    """As many passages, a third in each language, a few of a file, from every format in turn."""
    share = -(-count // len(LANGUAGES))
    found: dict[str, list[str]] = {language: [] for language in LANGUAGES}
    for path in _in_turn(material):
        for language, text in _some_passages(path):
            if language in found and len(found[language]) < share:
                found[language].append(text)
        if all(len(texts) == share for texts in found.values()):
            break
    mixed = [text for texts in zip_longest(*found.values()) for text in texts if text]
    if not mixed:
        raise SystemExit(f"there are no passages in {material.name}")
    return list(islice(cycle(mixed), count))


def _in_turn(material: Material) -> Iterator[Path]:
    """A file of each format, then the next of each."""
    rounds = zip_longest(*(material.files.get(name, ()) for name in WITH_PASSAGES))
    return (path for path in chain.from_iterable(rounds) if path)


def _some_passages(path: Path) -> Iterator[tuple[str, str]]:
    """Language and text of a few passages, spread over the file; none of a refused one."""
    try:
        passages = ingest_file(path).passages
    except Refused:
        return
    for passage in passages[:: max(1, len(passages) // OF_A_FILE)][:OF_A_FILE]:
        yield passage.language, passage.text
