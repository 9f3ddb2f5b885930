"""`passerelle demo`: the library's own texts, to begin with and to be removed later."""

from collections import Counter

import click

from app.commands.operating import work_to_end
from app.commands.output import as_json, bar, emit, say
from app.demo.loading import load_demo
from app.library import Library
from app.resources.models import DEMO
from app.resources.removal import remove_collection
from app.worker import Worker


@click.group()
def demo() -> None:
    """The demo library: texts of this project in three languages."""


@demo.command()
@click.option("--no-wait", is_flag=True, help="Leave the reading to a worker and return.")
@as_json
@click.pass_obj
def load(library: Library, no_wait: bool, as_json: bool) -> None:
    """Bring the demo library in. Again: nothing is added."""
    with bar("Making the demo's files", 42) as shown:
        receipts = list(load_demo(library, lambda _: shown.update(1)))
    if not no_wait:
        work_to_end(Worker(library))
    counts = Counter(receipt.outcome.value for receipt in receipts)
    _answer(dict(counts), as_json)


@demo.command()
@as_json
@click.pass_obj
def remove(library: Library, as_json: bool) -> None:
    """Take the demo library out again, whole. Nothing else is touched."""
    removed = remove_collection(library, DEMO)
    work_to_end(Worker(library))
    _answer({"removed": removed}, as_json)


def _answer(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        emit(counts)
    else:
        say(", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing to do")
