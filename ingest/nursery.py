"""A process that has imported the parsers and forks a child for each job.

The sandbox starts it as a program of its own and brings two sockets a job over a control socket:
`data`, on which the child reads its call and writes its answer, and `leash`, on which this process
tells how the child ended, and which the caller closes to have it killed. Unlike multiprocessing's
fork server it never imports the caller's __main__, kills a child's descendants too, and ends with
its parent. It runs no threads, which makes forking safe.
"""

import ctypes
import importlib
import logging
import os
import pickle
import resource
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NoReturn

from ingest.errors import Reason, Refused

STATUS = struct.Struct("!i")  # the wait status of the child
READY = b"!"
_PR_SET_PDEATHSIG = 1
_CHECK_PARENT = (
    5.0  # seconds between looks whether the parent lives: a fork of it may hold our socket
)
_LOST = 3  # exit status of a child that could not even answer


@dataclass(frozen=True, slots=True)
class Call:
    """What a child runs, and the limits that the kernel holds it to (bytes, seconds)."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    memory_bytes: int
    cpu_seconds: int
    output_bytes: int


@dataclass(slots=True)
class _Nursery:
    control: socket.socket
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    leashes: dict[int, socket.socket] = field(default_factory=dict)


def serve(control_fd: int, parent: int, module: str) -> NoReturn:
    """The program: serves jobs until the control socket closes, then kills what still runs.

    `module` names what its children mostly run; its `preload` is called once, here.
    """
    nursery = _Nursery(socket.socket(fileno=control_fd))
    woken, waker = socket.socketpair()
    for end in (woken, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    nursery.selector.register(nursery.control, selectors.EVENT_READ, "control")
    nursery.selector.register(woken, selectors.EVENT_READ, "ended")
    with suppress(OSError):  # a parent that is gone already is noticed by the first turn
        importlib.import_module(module).preload()
        nursery.control.sendall(READY)
        while os.getppid() == parent and _turn(nursery, woken):
            pass
    for pid in nursery.leashes:
        _kill_group(pid)
    os._exit(0)


def _turn(nursery: _Nursery, woken: socket.socket) -> bool:
    """Handles what has happened; False when the parent is gone."""
    for key, _ in nursery.selector.select(_CHECK_PARENT):
        if key.data == "control":
            if not _accept(nursery):
                return False
        elif key.data == "ended":
            woken.recv(4096)
        else:  # the caller let go of the leash
            nursery.selector.unregister(key.fileobj)
            _kill_group(key.data)
    _reap(nursery)
    return True


def _accept(nursery: _Nursery) -> bool:
    message, descriptors, _, _ = socket.recv_fds(nursery.control, 1, 2)
    if not message or len(descriptors) != 2:
        return False
    data, leash = (socket.socket(fileno=descriptor) for descriptor in descriptors)
    pid = os.fork()
    if pid == 0:
        _child(nursery, data, leash)
    with suppress(OSError):  # the child does the same: whoever is first
        os.setpgid(pid, pid)
    data.close()
    nursery.leashes[pid] = leash
    nursery.selector.register(leash, selectors.EVENT_READ, pid)
    return True


def _reap(nursery: _Nursery) -> None:
    """Tells the callers of the children that ended."""
    while nursery.leashes:
        # Without reaping first: as long as the child is a zombie its group cannot be another's.
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return
        _kill_group(ended.si_pid)
        _, status = os.waitpid(ended.si_pid, 0)
        leash = nursery.leashes.pop(ended.si_pid)
        with suppress(KeyError, ValueError):
            nursery.selector.unregister(leash)
        with suppress(OSError):
            leash.sendall(STATUS.pack(status))
        leash.close()


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


# --- in the child ---------------------------------------------------------------------------


def _child(nursery: _Nursery, data: socket.socket, leash: socket.socket) -> NoReturn:
    status = _LOST
    try:
        _detach(nursery, leash)
        with data.makefile("rwb") as stream:
            call: Call = pickle.load(stream)  # noqa: S301 - from our own parent
            _confine(call)
            AnswerWriter(stream, protocol=5).dump(_answer(call))
        status = 0
    finally:
        os._exit(status)


def _detach(nursery: _Nursery, leash: socket.socket) -> None:
    """Its own process group, and nothing of the nursery's."""
    with suppress(PermissionError):
        os.setpgid(0, 0)
    _die_with_parent()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nursery.selector.close()
    for held in (nursery.control, leash, *nursery.leashes.values()):
        held.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    logging.disable(logging.CRITICAL)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(_LOST)


def _confine(call: Call) -> None:
    # SIGXCPU ends the process at the soft limit; the hard one is for code that ignores it.
    limits = {
        resource.RLIMIT_AS: (call.memory_bytes, call.memory_bytes),
        resource.RLIMIT_CPU: (call.cpu_seconds, call.cpu_seconds + 1),
        resource.RLIMIT_FSIZE: (call.output_bytes, call.output_bytes),
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, limit in limits.items():
        with suppress(ValueError, OSError):  # a lower limit is set from outside already
            resource.setrlimit(kind, limit)


class AnswerWriter(pickle.Pickler):
    """Writes members of enumerations by their value. By itself Python 3.11.2, which is Debian 12's,
    has them looked up with `getattr`, and an answer that calls that is not read.
    """

    def reducer_override(self, value: Any) -> Any:
        return (type(value), (value.value,)) if isinstance(value, Enum) else NotImplemented


def _answer(call: Call) -> Any:
    """What the function returns, or the refusal that it raised."""
    try:
        return call.function(*call.arguments)
    except Refused as refused:
        return refused
    except MemoryError:
        return Refused(Reason.TOO_MUCH_MEMORY, f"over {call.memory_bytes} bytes")
    except BaseException:
        return Refused(Reason.CRASHED, traceback.format_exc(limit=-8))
