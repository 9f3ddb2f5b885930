"""A process of its own that works on a library, told by PASSERELLE_* variables, and keeps a record.

    python -m tests.app.racing claims|work|hold RECORD

It waits until RECORD.go is there, so that all start at once. For each job that it does it adds a
line to RECORD: the row's number and the process's. `claims` takes rows and does nothing with them,
`work` is a real worker that stops when nothing waits, `hold` takes a row and never ends.
"""

import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from app import outbox
from app.config import read_config
from app.database import new_id, writing
from app.library import Library
from app.outbox import Claim, Job, claim, done
from app.worker import Worker

LEASE = timedelta(seconds=3)  # a test does not wait for half a minute


class RecordingWorker(Worker):
    """Keeps a record of the jobs that went through, not of those put off for a busy index."""

    record: Path

    def _index(self, claims: Sequence[Claim]) -> None:
        super()._index(claims)
        _keep(self.record, claims)


def _keep(record: Path, claims: Sequence[Claim]) -> None:
    lines = "".join(f"{one.id} {os.getpid()}\n" for one in claims)
    with record.open("a") as stream:  # one write at the end of a file is never mixed with another
        stream.write(lines)


def _claims(library: Library, record: Path) -> None:
    while taken := claim(library.sessions, new_id(), Job.INDEX, 3):
        _keep(record, taken)
        with writing(library.sessions) as session:
            for one in taken:
                done(session, one)


def _work(library: Library, record: Path) -> None:
    worker = RecordingWorker(library)
    worker.record = record
    worker.finish()


def _hold(library: Library, record: Path) -> None:
    outbox.LEASE = LEASE
    _keep(record, claim(library.sessions, new_id(), Job.INDEX, 1))
    time.sleep(600)


def main(what: str, record: Path) -> None:
    library = Library(read_config())
    library.engine.connect().close()
    record.with_suffix(f".{os.getpid()}.ready").touch()
    while not record.with_suffix(".go").exists():
        time.sleep(0.005)
    {"claims": _claims, "work": _work, "hold": _hold}[what](library, record)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
