"""How fast the embedding engine is and what memory it takes.

    python -m benchmarks.embedding [--against sentence-transformers --fp32 FOLDER]

Passages of about 120 words and queries of one sentence, made of this project's parallel sentences
with a fixed seed. Each engine runs in a process of its own, which is where its memory is read.
`--fp32` is a local model folder of multilingual-e5-small for sentence-transformers.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from indexes.embedding.language_directions import parallel_sentences
from indexes.embedding.onnx_engine import OnnxEmbedder, default_model_folder

SEED = 1
PASSAGE_WORDS = 120

Engine = tuple[Callable[[str], Any], Callable[[Sequence[str]], Any]]  # a query, some passages


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds to the first vector, passages a second, seconds of each query, and MB of memory.

    `private` MB are the process's own; `shared` are mapped from files, which several processes
    have in common and the kernel may drop.
    """

    loading: float
    passages_a_second: float
    queries: Sequence[float]
    private: float
    shared: float


def onnx_engine(folder: Path) -> Engine:
    engine = OnnxEmbedder(folder)
    return engine.embed_query, engine.embed_passages


def sentence_transformers_engine(folder: Path) -> Engine:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def query(text: str) -> Any:
        return model.encode(f"query: {text}", normalize_embeddings=True)

    def passages(texts: Sequence[str]) -> Any:
        prefixed = [f"passage: {text}" for text in texts]
        return model.encode(prefixed, normalize_embeddings=True, show_progress_bar=False)

    return query, passages


ENGINES: dict[str, Callable[[Path], Engine]] = {
    "onnx": onnx_engine,
    "sentence-transformers": sentence_transformers_engine,
}


def measure(name: str, folder: Path, queries: int, passages: int) -> Figures:
    """Embed that many queries, then that many passages."""
    asked, embedded = sample_queries(queries), sample_passages(passages)
    start = time.perf_counter()
    embed_query, embed_passages = ENGINES[name](folder)
    embed_query(asked[0])
    loading = time.perf_counter() - start
    seconds = [timed(embed_query, text) for text in asked]
    rate = passages / timed(embed_passages, embedded)
    return Figures(loading, rate, seconds, *memory())


def timed(function: Callable[[Any], Any], argument: Any) -> float:
    start = time.perf_counter()
    function(argument)
    return time.perf_counter() - start


def memory() -> tuple[float, float]:
    """MB of this process: private, and mapped from files (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    return int(sizes["RssAnon"]) / 1000, int(sizes["RssFile"]) / 1000


def sample_queries(count: int) -> list[str]:
    sentences = [text for texts in parallel_sentences().values() for text in texts]
    return random.Random(SEED).choices(sentences, k=count)


def sample_passages(count: int) -> list[str]:
    """Sentences of one language in chance order, as many words as a passage has."""
    chance = random.Random(SEED)
    languages = list(parallel_sentences().values())
    return [_passage(chance, languages[number % len(languages)]) for number in range(count)]


def _passage(chance: random.Random, sentences: Sequence[str]) -> str:
    words = " ".join(chance.sample(list(sentences), k=20)).split()
    return " ".join(words[:PASSAGE_WORDS])


def main() -> None:
    options = _options()
    folders = {"onnx": options.model}
    if options.against:
        if find_spec("sentence_transformers") and options.fp32 and options.fp32.is_dir():
            folders[options.against] = options.fp32
        else:
            print(f"{options.against} is left out: not installed, or no --fp32 FOLDER")
    print(f"{'engine':<24}{'load s':>8}{'passages/s':>12}{'query ms':>10}{'95th':>8}", end="")
    print(f"{'private MB':>12}{'mapped MB':>11}")
    for name, folder in folders.items():
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            task = process.submit(measure, name, folder, options.queries, options.passages)
            print(_row(name, task.result()))


def _row(name: str, figures: Figures) -> str:
    middle, late = median(figures.queries), quantiles(figures.queries, n=20)[-1]
    speed = f"{figures.loading:>8.2f}{figures.passages_a_second:>12.1f}"
    latency = f"{middle * 1000:>10.1f}{late * 1000:>8.1f}"
    return f"{name:<24}{speed}{latency}{figures.private:>12.0f}{figures.shared:>11.0f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=default_model_folder())
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--passages", type=int, default=200)
    parser.add_argument("--against", choices=["sentence-transformers"])
    parser.add_argument("--fp32", type=Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    main()
