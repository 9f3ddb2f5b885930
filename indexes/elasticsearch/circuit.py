"""A circuit that opens when a server keeps failing, so that nobody waits for what will not come."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final

OPENS_AFTER: Final = 3  # failures one after the other
OPEN_SECONDS: Final = 5.0


class Circuit:
    """Closed while the server answers. After three failures in a row it is open for five seconds;
    then one caller tries, and all others go on being refused until that one has an answer.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._closed_again = 0.0

    def admits(self) -> bool:
        """Whether to try now."""
        with self._lock:
            if self._failures < OPENS_AFTER:
                return True
            if self._clock() < self._closed_again:
                return False
            self._closed_again = self._clock() + OPEN_SECONDS  # for the others
            return True

    def succeeded(self) -> None:
        """The server answered."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """The server did not answer, or could not."""
        with self._lock:
            self._failures += 1
            self._closed_again = self._clock() + OPEN_SECONDS
