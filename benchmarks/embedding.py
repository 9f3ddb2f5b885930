"""How fast the embedding engine is and what memory it takes.

    python -m benchmarks.embedding [--against sentence-transformers --reference FOLDER]

Passages are real ones, from the corpus or the demo (`benchmarks.material`); queries are sentences
of this project. Each engine runs in a process of its own, which is where its memory is read. The
engines take turns over the same texts, one at a time, so that both meet the machine as it is.
`--reference` is a model folder for sentence-transformers: `benchmarks.fp32_reference` writes it.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np

from benchmarks.material import SEED, open_material, read_passages
from indexes.base import Vectors
from indexes.cores import usable_cores
from indexes.embedding.language_directions import parallel_sentences
from indexes.embedding.onnx_engine import OnnxEmbedder, default_model_folder

OURS, THEIRS = "onnx", "sentence-transformers"
TURN = 20  # queries

Engine = tuple[Callable[[str], Any], Callable[[Sequence[str]], Any]]  # a query, some passages


@dataclass(frozen=True, slots=True)
class Memory:
    """MB of a process: the most it ever had, what is its own now, what is mapped from files now.

    `shared` counts in `peak`, too, though several processes have it in common and the kernel may
    drop it.
    """

    peak: float
    private: float
    shared: float


@dataclass(slots=True)
class Figures:
    """Seconds to the first vector, passages a second of each turn, seconds of each query."""

    loading: float = 0.0
    rates: list[float] = field(default_factory=list)
    queries: list[float] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)
    memory: Memory = Memory(0, 0, 0)


def onnx_engine(folder: Path) -> Engine:
    engine = OnnxEmbedder(folder)
    return engine.embed_query, engine.embed_passages


def sentence_transformers_engine(folder: Path, batch: int) -> Engine:
    """As its documentation has it, on as many threads as our engine.

    Its own default is a batch of 32; on two cores with AVX2 batches of 4 were 1.3 to 1.5 times as
    fast (measured, not explained).
    """
    import_module("torch").set_num_threads(usable_cores())
    library = import_module("sentence_transformers")
    model = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def query(text: str) -> Any:
        return model.encode(f"query: {text}", show_progress_bar=False)

    def passages(texts: Sequence[str]) -> Any:
        prefixed = [f"passage: {text}" for text in texts]
        return model.encode(prefixed, batch_size=batch, show_progress_bar=False)

    return query, passages


# --- in the process of an engine ------------------------------------------------------------

_loaded: list[Engine] = []


def _load(make: Callable[[], Engine]) -> float:
    """Seconds until a query and a passage have been embedded."""
    start = time.perf_counter()
    embed_query, embed_passages = engine = make()
    embed_query("the first query")
    embed_passages(["the first passage"])
    _loaded.append(engine)
    return time.perf_counter() - start


def _queries(texts: Sequence[str]) -> list[float]:
    """Seconds of each."""
    return [_timed(_loaded[0][0], text)[0] for text in texts]


def _passages(texts: Sequence[str]) -> tuple[float, Vectors]:
    return _timed(_loaded[0][1], texts)


def _timed(function: Callable[[Any], Any], argument: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    value = function(argument)
    return time.perf_counter() - start, value


def _memory() -> Memory:
    """Of this process (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    peak, private, shared = (int(sizes[name]) for name in ("VmHWM", "RssAnon", "RssFile"))
    return Memory(peak / 1000, private / 1000, shared / 1000)


# --- the comparison -------------------------------------------------------------------------


def measure(
    engines: Mapping[str, Callable[[], Engine]],
    queries: Sequence[str],
    passages: Sequence[str],
    rounds: int,
) -> dict[str, Figures]:
    """Figures by engine; each round is another part of the passages, the same for every engine."""
    figures = {name: Figures() for name in engines}
    with ExitStack() as stack:
        processes = {}
        for name, make in engines.items():
            processes[name] = process = stack.enter_context(_process())
            figures[name].loading = process.submit(_load, make).result()
        for at, name in _turns(list(engines), -(-len(queries) // TURN)):
            part = queries[at * TURN : (at + 1) * TURN]
            figures[name].queries += processes[name].submit(_queries, part).result()
        for at, name in _turns(list(engines), rounds):
            part = passages[at::rounds]
            seconds, vectors = processes[name].submit(_passages, part).result()
            figures[name].rates.append(len(part) / seconds)
            figures[name].vectors.append(vectors)
        for name, process in processes.items():
            figures[name].memory = process.submit(_memory).result()
    return figures


@contextmanager
def _process() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        yield process


def _turns(names: list[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Each round each engine once; who begins alternates."""
    for at in range(rounds):
        yield from ((at, name) for name in (names if at % 2 == 0 else names[::-1]))


def sample_queries(count: int) -> list[str]:
    sentences = [text for texts in parallel_sentences().values() for text in texts]
    return random.Random(SEED).choices(sentences, k=count)


def print_figures(figures: Mapping[str, Figures]) -> None:
    """A line an engine, then what the second is beside the first."""
    print(f"{'engine':<24}{'load s':>8}{'passages/s':>12}{'of rounds':>14}", end="")
    print(f"{'query ms':>10}{'95th':>8}{'peak MB':>9}{'private':>9}{'mapped':>8}")
    for name, found in figures.items():
        print(_row(name, found))
    if OURS in figures and THEIRS in figures:
        _print_ratio(figures[OURS], figures[THEIRS])


def _row(name: str, found: Figures) -> str:
    middle, late = median(found.queries) * 1000, quantiles(found.queries, n=20)[-1] * 1000
    spread = f"{min(found.rates):.1f}-{max(found.rates):.1f}"
    speed = f"{found.loading:>8.2f}{median(found.rates):>12.1f}{spread:>14}"
    memory = found.memory
    sizes = f"{memory.peak:>9.0f}{memory.private:>9.0f}{memory.shared:>8.0f}"
    return f"{name:<24}{speed}{middle:>10.1f}{late:>8.1f}{sizes}"


def _print_ratio(ours: Figures, theirs: Figures) -> None:
    """The median over rounds of the ratio of the round: both met the same load in it."""
    ratios = [own / other for own, other in zip(ours.rates, theirs.rates, strict=True)]
    cosines = (np.vstack(ours.vectors) * np.vstack(theirs.vectors)).sum(axis=1)
    print(
        f"\n{OURS} to {THEIRS}: {median(ratios):.2f} times the passages a second "
        f"({min(ratios):.2f}-{max(ratios):.2f}), "
        f"{median(theirs.queries) / median(ours.queries):.2f} times as quick with a query, "
        f"{theirs.memory.peak / ours.memory.peak:.1f} times less memory at the peak; "
        f"cosine of the vectors {cosines.mean():.4f} ({cosines.min():.4f} at worst)"
    )


def print_comparison(options: argparse.Namespace, passages: Sequence[str]) -> None:
    """Measure what the options of `add_options` ask for, and print it."""
    words = sum(len(text.split()) for text in passages) / len(passages)
    print(f"{len(passages)} passages of {words:.0f} words on average, {options.queries} queries")
    queries = sample_queries(options.queries)
    print_figures(measure(_engines(options), queries, passages, options.rounds))


def _engines(options: argparse.Namespace) -> dict[str, Callable[[], Engine]]:
    engines: dict[str, Callable[[], Engine]] = {OURS: partial(onnx_engine, options.model)}
    if options.against and not find_spec("sentence_transformers"):
        print(f"{THEIRS} is left out: it is not installed here")
    elif options.against and not (options.reference and options.reference.is_dir()):
        print(f"{THEIRS} is left out: no --reference FOLDER (see benchmarks.fp32_reference)")
    elif options.against:
        make = partial(sentence_transformers_engine, options.reference, options.batch)
        engines[options.against] = make
    return engines


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `print_comparison`, which benchmarks.ingest has as well."""
    parser.add_argument("--model", type=Path, default=default_model_folder(), metavar="FOLDER")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--passages", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=4, help="parts the passages come in")
    parser.add_argument("--against", choices=[THEIRS])
    parser.add_argument("--reference", type=Path, metavar="FOLDER")
    parser.add_argument("--batch", type=int, default=32, help="passages, of sentence-transformers")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_options(parser)
    options = parser.parse_args()
    with open_material() as material:
        passages = read_passages(material, options.passages)
    print_comparison(options, passages)


if __name__ == "__main__":
    main()
