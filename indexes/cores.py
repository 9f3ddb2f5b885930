"""How many cores there are to share work among."""

import os


def usable_cores() -> int:
    """Cores that this process may run on, which in a container are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
