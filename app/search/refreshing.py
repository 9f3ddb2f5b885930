"""A value in memory that is made anew, beside the requests, when what it was made from changed."""

import logging
from collections.abc import Callable
from threading import Lock, Thread
from time import monotonic, perf_counter
from typing import Generic, TypeVar

Value = TypeVar("Value")
_REST = 4  # of the time, at most a fifth goes into making it
_AGAIN_SECONDS = 1.0  # after a first time that failed

log = logging.getLogger(__name__)


class Refreshed(Generic[Value]):
    """Made when first asked for; later askers get the last one at once, and no more than
    `every_seconds` after a change the next one is in the making.

    `stamp` has to be cheap; the value is made anew when it says something else than last time.
    """

    def __init__(
        self,
        make: Callable[[], Value],
        stamp: Callable[[], object],
        every_seconds: float,
        patience_seconds: float | None = None,
    ) -> None:
        self._make = make
        self._stamp = stamp
        self._every = every_seconds
        self._patience = patience_seconds
        self._problem: Exception | None = None
        self._lock = Lock()
        self._held: tuple[Value, object] | None = None
        self._next = 0.0
        self._thread: Thread | None = None

    def get(self) -> Value:
        """The value, at most a little old.

        Raises, as long as there is none: what making it raised, or TimeoutError where that takes
        longer than the patience given. All who wait for the first one wait side by side.
        """
        with self._lock:
            if monotonic() >= self._next and not (self._thread and self._thread.is_alive()):
                self._thread = Thread(target=self._refresh, name="refresh", daemon=True)
                self._thread.start()
            thread = self._thread
        if self._held is None and thread:
            thread.join(self._patience)
        if self._held is None:
            raise self._problem or TimeoutError("still in the making")
        return self._held[0]

    def refresh(self) -> None:
        """Look now, and wait for it."""
        with self._lock:
            self._next = 0.0
        self.get()
        if self._thread:
            self._thread.join()

    def _refresh(self) -> None:
        try:
            held = self._held
            if held is None or self._stamp() != held[1]:
                self._held = self._made()
            else:
                self._next = monotonic() + self._every
        except Exception as error:
            if self._held is None:  # whoever asks is told
                self._problem = error
                self._next = monotonic() + min(self._every, _AGAIN_SECONDS)
            else:
                log.exception("what is held in memory could not be refreshed; trying again")
                self._next = monotonic() + self._every

    def _made(self) -> tuple[Value, object]:
        began = perf_counter()
        stamp = self._stamp()  # before: what changes meanwhile is seen the next time
        value = self._make()
        self._next = monotonic() + max(self._every, _REST * (perf_counter() - began))
        return value, stamp
