"""How fast files become pages, and passages vectors.

    python -m benchmarks.ingest [--pages 300] [--files 20] [--no-embedding]
    python -m benchmarks.ingest --against sentence-transformers --reference FOLDER

PDFs of the corpus are read by our pipeline and by pypdf's `extract_text`, file by file in turn,
each in a child of the same sandbox; a PDF that either of them does not finish counts for neither
and is named. Ours does more in its time: blocks, languages, passages. Then files of the other
formats, read by ours alone, then passages embedded, as `benchmarks.embedding` does it. Files come
in a chance order fixed by a seed; where `../shared` is absent they are the demo's own.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import embedding
from benchmarks.material import Material, open_material, read_passages
from benchmarks.pypdf_pages import read_pages
from ingest.errors import Refused
from ingest.sandbox import ingest_file, run_confined
from ingest.source import Limits, Source

OURS, THEIRS = "passerelle", "pypdf"
LIMITS = Limits()

Reader = Callable[[Path], Sequence[str]]  # the text of each page; Refused


@dataclass(slots=True)
class Tally:
    """What a reader has read, and how long it took."""

    files: int = 0
    pages: int = 0
    characters: int = 0
    seconds: float = 0.0

    def add(self, pages: Sequence[str], seconds: float) -> None:
        self.files += 1
        self.pages += len(pages)
        self.characters += sum(map(len, pages))
        self.seconds += seconds


def by_us(path: Path) -> Sequence[str]:
    return [page.text for page in ingest_file(path, limits=LIMITS).pages]


def by_pypdf(path: Path) -> Sequence[str]:
    return run_confined(read_pages, Source(path, path.name, LIMITS), limits=LIMITS)


def compare_pdfs(files: Sequence[Path], pages: int) -> tuple[Tally, Tally]:
    """Ours and pypdf's, on the same files until they have that many pages."""
    ours, theirs = Tally(), Tally()
    for number, path in enumerate(files):
        if ours.pages >= pages:
            break
        read = partial(_read, by_us, path), partial(_read, by_pypdf, path)
        try:  # who reads first finds the file on the disk, perhaps: they alternate
            found = [once() for once in (read if number % 2 == 0 else read[::-1])]
        except Refused as refused:
            print(f"left out: {path.name}: {refused.reason}")
            continue
        own, other = found if number % 2 == 0 else found[::-1]
        ours.add(*own)
        theirs.add(*other)
    return ours, theirs


def read_all(files: Sequence[Path]) -> Tally:
    """Ours; refused files are named and not counted."""
    tally = Tally()
    for path in files:
        try:
            tally.add(*_read(by_us, path))
        except Refused as refused:
            print(f"left out: {path.name}: {refused.reason}")
    return tally


def _read(reader: Reader, path: Path) -> tuple[Sequence[str], float]:
    """The pages, and the seconds they took."""
    start = time.perf_counter()
    pages = reader(path)
    return pages, time.perf_counter() - start


def print_parsing(material: Material, pages: int, files: int) -> None:
    _warm_up(material)
    rows = list(_tallies(material, pages, files))
    print(f"{'format':<8}{'reader':<12}{'files':>7}{'pages':>7}{'characters':>12}", end="")
    print(f"{'seconds':>9}{'pages/s':>9}{'files/s':>9}")
    for name, reader, tally in rows:
        print(_row(name, reader, tally))
    read = {reader: tally for name, reader, tally in rows if name == "pdf"}
    if read and read[OURS].pages:
        ratio = read[THEIRS].seconds / read[OURS].seconds
        print(f"\n{OURS} to {THEIRS}: {ratio:.2f} times the pages a second")


def _warm_up(material: Material) -> None:
    """The sandbox starts its nursery with the first file: a second that is paid once."""
    with suppress(Refused):
        by_us(next(iter(material.files.values()))[0])


def _tallies(material: Material, pages: int, files: int) -> Iterator[tuple[str, str, Tally]]:
    """Format, reader, tally."""
    for name, found in material.files.items():
        if name == "pdf":
            ours, theirs = compare_pdfs(found, pages)
            yield from ((name, OURS, ours), (name, THEIRS, theirs))
        else:
            yield name, OURS, read_all(found[:files])


def _row(name: str, reader: str, tally: Tally) -> str:
    seconds = tally.seconds or 1e-9
    sizes = f"{tally.files:>7}{tally.pages:>7}{tally.characters:>12,}{tally.seconds:>9.1f}"
    speed = f"{tally.pages / seconds:>9.1f}{tally.files / seconds:>9.1f}"
    return f"{name:<8}{reader:<12}{sizes}{speed}"


def main() -> None:
    options = _options()
    with open_material() as material:
        print(f"read from {material.name}")
        print_parsing(material, options.pages, options.files)
        if not options.no_embedding:
            passages = read_passages(material, options.passages)
    if not options.no_embedding:
        print()
        embedding.print_comparison(options, passages)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=300, help="of PDFs, at least")
    parser.add_argument("--files", type=int, default=20, help="of each other format, at most")
    parser.add_argument("--no-embedding", action="store_true", help="files to pages only")
    embedding.add_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
