"""Files are read in a child process: what breaks there, breaks there.

The public functions of the package. Each call forks a child from the nursery (see nursery.py),
waits no longer than the limits allow, and returns a value or raises Refused. Calls may come from
several threads at once. What is done inside is left to pipeline.py and pdf_pages.py.
"""

import atexit
import io
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ingest import nursery, pdf_pages, pipeline
from ingest.errors import Reason, Refused
from ingest.passages import split_long
from ingest.pdf_pages import PageImage, PageWords
from ingest.source import Limits, Source
from ingest.types import IngestedFile

_T = TypeVar("_T")
_START = 60.0  # seconds for the nursery to import the parsers on a busy machine
_GRACE = 5.0  # seconds for the nursery to tell how a child ended
_CHUNK = 1 << 20
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from ingest.nursery import serve; serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[4])"
)
# What an answer may consist of: a child that a hostile file has taken over chooses the bytes.
_ANSWERS = frozenset(("ingest.types", "ingest.errors", "ingest.pdf_pages"))


def ingest_file(
    path: Path,
    *,
    name: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    count_tokens: Callable[[str], int] | None = None,
) -> IngestedFile:
    """Pages and passages of a file. Raises Refused.

    `name` is the original file name where `path` is a content hash. `count_tokens` splits the
    passages that exceed 480 tokens; it runs here, not in the child.
    """
    source = _source(path, name, limits)
    ingested = run_confined(pipeline.ingest, source, limits=limits)
    if count_tokens is None:
        return ingested
    return replace(ingested, passages=split_long(ingested.passages, count_tokens))


def render_page(
    path: Path,
    number: int,
    *,
    width: int,
    limits: Limits = Limits(),  # noqa: B008
) -> PageImage:
    """A page of a PDF as WebP, `width` pixels wide. Raises Refused, IndexError for no such page."""
    source = _source(path, None, limits)
    return _page_of(run_confined(pdf_pages.render_page, source, number, width, limits=limits))


def page_words(path: Path, number: int, *, limits: Limits = Limits()) -> PageWords:  # noqa: B008
    """The words of a page of a PDF with their boxes. Raises Refused, IndexError."""
    source = _source(path, None, limits)
    return _page_of(run_confined(pdf_pages.page_words, source, number, limits=limits))


def extract_pages(path: Path, first: int, last: int, *, limits: Limits = Limits()) -> bytes:  # noqa: B008
    """A PDF of the pages `first` to `last` only. Raises Refused, IndexError."""
    source = _source(path, None, limits)
    return _page_of(run_confined(pdf_pages.extract_pages, source, first, last, limits=limits))


def run_confined(function: Callable[..., _T], *arguments: Any, limits: Limits) -> _T:
    """The function's value, computed in a child. Arguments and value must be picklable.

    Raises Refused: what the function refused, TOO_SLOW, TOO_MUCH_MEMORY, TOO_LARGE (the answer),
    or CRASHED when the child died.
    """
    call = nursery.Call(
        function, arguments, limits.memory_bytes, limits.cpu_seconds, limits.output_bytes
    )
    kept = _DRAWING if function.__module__ == _DRAWING.module else _PARSING
    answer = _unpickled(_converse(kept, pickle.dumps(call, protocol=5), limits))
    if isinstance(answer, Refused):
        raise answer
    value: _T = answer
    return value


def rest() -> None:
    """Give back the memory that the imported parsers take (150 MB).

    To be called while nothing is being parsed; the next parse imports them again, in a second.
    """
    with _PARSING.lock:
        _PARSING.stop()


def _source(path: Path, name: str | None, limits: Limits) -> Source:
    try:
        resolved = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise Refused(Reason.UNREADABLE, str(error)) from error
    if not resolved.is_file():
        raise Refused(Reason.UNREADABLE, f"not a file: {path}")
    return Source(resolved, name or path.name, limits)


def _page_of(found: "_T | None") -> _T:
    if found is None:
        raise IndexError("no such page")
    return found


# --- talking to a child ---------------------------------------------------------------------


def _converse(kept: "_NurseryHandle", call: bytes, limits: Limits) -> bytes:
    data, leash = kept.new_job()
    with closing(data), closing(leash):
        answer = _exchange(data, call, limits)
        leash.settimeout(_GRACE)
        status = _status(leash)
    if status == 0:
        return answer
    raise _death(status)


def _exchange(data: socket.socket, call: bytes, limits: Limits) -> bytes:
    """Sends the call, reads the answer to its end."""
    deadline = time.monotonic() + limits.seconds
    received = bytearray()
    try:
        data.settimeout(limits.seconds)
        with suppress(BrokenPipeError, ConnectionResetError):
            data.sendall(call)
        data.shutdown(socket.SHUT_WR)
        while chunk := _receive(data, deadline):
            received += chunk
            if len(received) > limits.output_bytes:
                raise Refused(Reason.TOO_LARGE, f"over {limits.output_bytes} bytes of pages")
    except TimeoutError as error:
        raise Refused(Reason.TOO_SLOW, f"over {limits.seconds:g} seconds") from error
    except OSError as error:
        raise Refused(Reason.CRASHED, str(error)) from error
    return bytes(received)


def _receive(data: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    data.settimeout(left)
    return data.recv(_CHUNK)


def _status(leash: socket.socket) -> int | None:
    """The wait status of the child; None where the nursery itself is gone."""
    try:
        told = leash.recv(nursery.STATUS.size)
        return int(nursery.STATUS.unpack(told)[0])
    except Exception:  # closed, late or short: all the same
        return None


def _death(status: int | None) -> Refused:
    import signal

    if status is None:
        return Refused(Reason.CRASHED, "the parser's nursery died")
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return Refused(Reason.TOO_SLOW, "over the limit of processor time")
    how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {status >> 8}"
    return Refused(Reason.CRASHED, how)


class _AnswerReader(pickle.Unpickler):
    """Unpickles the package's own values and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if module in _ANSWERS and not name.startswith("_") and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} in an answer")


def _unpickled(answer: bytes) -> Any:
    try:
        return _AnswerReader(io.BytesIO(answer)).load()
    except Exception as error:  # pickle raises anything on damaged input
        raise Refused(Reason.CRASHED, f"no answer: {error}") from error


# --- the nursery ----------------------------------------------------------------------------


@dataclass(slots=True)
class _NurseryHandle:
    """A nursery of this process, started by its first job and again should it die.

    `module` is what its children find imported: the parsers with the language model take 150 MB,
    what draws pages a third of that.
    """

    module: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    process: "subprocess.Popen[bytes] | None" = None
    control: socket.socket | None = None

    def new_job(self) -> tuple[socket.socket, socket.socket]:
        """The ends of a fresh job's data and leash sockets."""
        data, its_data = socket.socketpair()
        leash, its_leash = socket.socketpair()
        with closing(its_data), closing(its_leash), self.lock:
            for attempt in (1, 2):
                try:
                    control = self.control or self._start()
                    socket.send_fds(control, [b"j"], [its_data.fileno(), its_leash.fileno()])
                    return data, leash
                except OSError as error:
                    self.stop()
                    if attempt == 2:
                        raise Refused(Reason.CRASHED, f"no nursery: {error}") from error
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Ends the nursery and every child of it."""
        if self.control:
            self.control.close()
        if self.process:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE)
            self.process.kill()
            self.process.wait()
        self.process = self.control = None

    def forget(self) -> None:
        """In a fork of this process: the nursery is the parent's."""
        if self.control:
            self.control.close()
        if self.process:
            self.process.returncode = 0  # not ours to wait for
        self.process, self.control, self.lock = None, None, threading.Lock()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        package_path = str(Path(__file__).resolve().parents[1])
        search_path = json.dumps([package_path, *(entry for entry in sys.path if entry)])
        with closing(theirs):
            self.process = subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-c",
                    _PROGRAM,
                    str(theirs.fileno()),
                    str(os.getpid()),
                    search_path,
                    self.module,
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # A thread pool of a linear algebra library would make forking unsafe.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self.control = ours
        ours.settimeout(_START)
        if ours.recv(1) != nursery.READY:
            raise ConnectionError("the nursery did not start")
        ours.settimeout(_GRACE)
        return ours


_PARSING = _NurseryHandle(pipeline.__name__)
_DRAWING = _NurseryHandle(pdf_pages.__name__)
for _handle in (_PARSING, _DRAWING):
    atexit.register(_handle.stop)
    os.register_at_fork(after_in_child=_handle.forget)
