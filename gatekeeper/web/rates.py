"""How much of something is taken a minute. In memory, for one process, and forgotten with the minute."""

import os
import threading
import time
from collections.abc import Callable
from hashlib import blake2b

from .errors import TooOften

_MINUTE = 60.0
#: How many addresses are counted at once. There are more only where somebody has very many of them, and then what is
#: beyond is let through: a limit must not become a way to shut everybody out.
MAX_COUNTED = 65_536


class Rate:
    """So many a minute for each key; what is beyond is refused.

    :param limit: how many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[str, tuple[int, int]] = {}
        self._taking = threading.Lock()

    def takes(self, key: str, *, now: int) -> bool:
        """Count one, and tell whether it is still within the limit.

        :param key: one of few: each is remembered.
        :param now: seconds since the epoch.
        """
        minute = now // 60
        with self._taking:
            began, count = self._taken.get(key, (minute, 0))
            count = count + 1 if began == minute else 1
            self._taken[key] = (minute, count)
        return count <= self._limit


class Limit:
    """What one address may ask a minute (OWASP ASVS 2.4.1).

    Kept is a keyed hash of the address with a count. Each minute begins with a new key and no counts, so nothing links
    one to the next, and none is ever written. Less than 2 us a request; the usual libraries take 5 and more, need a
    request of Flask's, or a thread that tidies up.

    :param limit: the sum of the weights of what is asked; 0 is no limit.
    :param clock: the monotonic clock, in seconds.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._changing = threading.Lock()
        self._begin(clock())

    def _begin(self, now: float) -> None:
        self._until = now + _MINUTE
        self._counts: dict[bytes, int] = {}
        self._keyed = blake2b(key=os.urandom(32), digest_size=8)

    def check(self, who: str, weight: int) -> None:
        """Count something that is asked.

        :param who: as :func:`gatekeeper.web.addresses.bucket` returns it; nobody is counted where it is empty.
        :raises TooOften: it is beyond the limit.
        """
        if not (who and self._limit):
            return
        now = self._clock()
        with self._changing:
            if now >= self._until:
                self._begin(now)
            hashed = self._keyed.copy()
            hashed.update(who.encode("utf-8", "replace"))
            key = hashed.digest()
            count = self._counts.get(key, 0) + weight
            if count == weight and len(self._counts) >= MAX_COUNTED:
                return
            self._counts[key] = count
            left = self._until - now
        if count > self._limit:
            raise TooOften(max(1, round(left + 0.5)))
