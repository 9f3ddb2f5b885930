"""`python -m ingest FILE...`: what is read out of files, as JSON."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ingest.errors import Refused
from ingest.sandbox import ingest_file
from ingest.source import MIB, Limits

_DESCRIPTION = """\
Read files and print their pages and passages as JSON: an object for one file, an object a line for
several. A file that cannot be read is reported on the standard error output.

Each file is read in a process of its own, with limits on time and memory.
"""
_EPILOG = """\
exit status: 0 all files were read; 1 a file was refused; 2 the arguments are unusable.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    chosen = _parser().parse_args(arguments)
    limits = Limits(
        seconds=chosen.seconds,
        cpu_seconds=max(1, round(chosen.seconds)),
        memory_bytes=chosen.memory * MIB,
    )
    refusals = 0
    for path in chosen.files:
        try:
            ingested = asdict(ingest_file(path, limits=limits))
        except Refused as refused:
            refusals += 1
            sys.stderr.write(f"{path}: refused: {refused}\n")
            continue
        layout = 2 if len(chosen.files) == 1 else None
        json.dump(ingested, sys.stdout, ensure_ascii=False, indent=layout)
        sys.stdout.write("\n")
    return 1 if refusals else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m ingest",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file to read")
    parser.add_argument(
        "--seconds",
        type=_positive,
        default=Limits().seconds,
        metavar="N",
        help="the longest that one file may take (default: %(default)g)",
    )
    parser.add_argument(
        "--memory",
        type=int,
        default=Limits().memory_bytes // MIB,
        metavar="MIB",
        help="the most memory that one file may take, in MiB (default: %(default)s)",
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"must be more than 0 and less than 1,000,000: {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
