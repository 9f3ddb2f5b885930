"""Where foreign exceptions end: whatever a parser library raises becomes Refused here."""

from collections.abc import Iterator
from contextlib import contextmanager

from ingest.errors import Reason, Refused


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Wraps the work of one library on one file.

    Parser libraries raise anything on damaged input (KeyError, struct.error, AssertionError...),
    hence the bare Exception; memory running out is told apart by the sandbox.
    """
    try:
        yield
    except (Refused, MemoryError):
        raise
    except Exception as error:
        raise Refused(Reason.BROKEN, f"{what}: {type(error).__name__}: {error}") from error
