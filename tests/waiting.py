"""Waiting for what another thread or process brings about."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
#: Long enough for a slow machine that does much else. Whoever waits goes on as soon as it is so.
PATIENCE = 30.0  # seconds


def wait_until(
    found: Callable[[], Found], within: float = PATIENCE, pause: Callable[[float], object] = time.sleep
) -> Found:
    """Wait until something is so, and return it.

    :param within: seconds.
    :param pause: lets some seconds go by. A test with a browser may want it to go on meanwhile.
    """
    deadline = time.monotonic() + within
    while not (value := found()):
        assert time.monotonic() < deadline, f"it never came to be so, but stayed {value!r}"
        pause(0.02)
    return value
