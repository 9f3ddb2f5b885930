"""Looking at a part that may hang, without hanging with it."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Lock, Thread
from time import perf_counter
from typing import Final, Generic, TypeVar

PATIENCE: Final = 2.0  # seconds

T = TypeVar("T")


class NoAnswer(Exception):
    """The part has not answered within the time allowed; `seconds` tells since when."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer for {seconds:.0f} s")
        self.seconds = seconds


class Look(Generic[T]):
    """A look at one part, on a thread of its own; who comes while one is under way waits for that.

    A part that hangs so holds one thread, however often it is asked about, and who asks again
    later than `patience` seconds into it is told at once.
    """

    def __init__(self, at: Callable[[], T], patience: float = PATIENCE) -> None:
        self._at = at
        self._patience = patience
        self._lock = Lock()
        self._future: Future[T] | None = None
        self._began = 0.0

    def start(self) -> "Started[T]":
        """Begin, or join the look that is under way."""
        with self._lock:
            if self._future is None or self._future.done():
                self._future, self._began = Future(), perf_counter()
                run = copy_context().run
                Thread(target=run, args=(self._run, self._future), daemon=True).start()
            return Started(self._future, self._began, self._patience)

    def _run(self, future: Future[T]) -> None:
        try:
            future.set_result(self._at())
        except BaseException as error:  # it is raised again where the answer is waited for
            future.set_exception(error)


class Started(Generic[T]):
    """A look under way."""

    def __init__(self, future: Future[T], began: float, patience: float) -> None:
        self._future = future
        self._began = began
        self._patience = patience

    def result(self) -> T:
        """What was seen.

        Raises:
            NoAnswer: it takes too long.
            Exception: what the look raised.
        """
        left = self._began + self._patience - perf_counter()
        wait([self._future], max(0.0, left))
        if not self._future.done():
            raise NoAnswer(perf_counter() - self._began)
        return self._future.result()
