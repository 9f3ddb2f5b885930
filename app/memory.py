"""How this process holds memory."""

import ctypes
import ctypes.util
import sys
from contextlib import suppress
from typing import Final

# Of glibc's <malloc.h>.
_M_TRIM_THRESHOLD: Final = -1
_M_ARENA_MAX: Final = -8
_TRIM_BYTES: Final = 128 * 1024


def keep_one_heap() -> None:
    """Let all threads of this process allocate from one heap, which gives back what is free.

    glibc gives each thread a heap of its own and keeps what was freed in it: a worker that had
    parsed and embedded on two threads each held 349 MB, with one heap 211. To be called before
    threads start; other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(ctypes.util.find_library("c")).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
