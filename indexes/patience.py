"""How long somebody waits in all. One page asks a backend several times, and all of that shares it.

Whoever waits says so for their thread; a backend that may be slow looks at what is left. Nobody
having said anything, there is no end.
"""

from contextvars import ContextVar, Token
from math import inf
from time import monotonic

_until: ContextVar[float] = ContextVar("until", default=inf)


def begin(seconds: float) -> Token[float]:
    """From now on there are so many seconds, until `end`."""
    return _until.set(monotonic() + seconds)


def end(token: Token[float]) -> None:
    _until.reset(token)


def left() -> float:
    """Seconds; infinite where nobody waits, negative when it is too late."""
    return _until.get() - monotonic()
