"""Bodies that are slow to come: they hold a few threads for some time, and no more.

A WSGI server reads headers by itself, and bodies when the application asks, in the thread that asks. So whoever sends a
body a byte a minute would hold that thread, and a few dozen of them the whole service. A phone that drops off the
network in the middle of a request does the same without meaning it.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable

from .errors import StillSending, TooManySlow

#: How many bodies are read without a limit of time. Nearly all have come with their headers, and reading them takes no
#: time: while no more than these are being read, nothing needs watching.
FREE = 4
#: How many more are read, each for a limited time, and how many of them for one address.
WATCHED = 28
SHARE = 4
#: How many threads slow bodies can hold.
SLOW = FREE + WATCHED
#: How long a watched body may take, in seconds.
PATIENCE = 5.0
#: A watched body is read in steps of so many bytes, and after each there may be an end. No thread is ever left behind
#: in a read: granian comes to a halt where a request is answered while another thread still reads its body.
STEP = 8

Read = Callable[[int], bytes]


class Bodies:
    """Reads bodies.

    :param patience: how long one may take while several are slow, in seconds.
    :param clock: the monotonic clock, in seconds.
    """

    def __init__(self, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._free = threading.Semaphore(FREE)
        self._watched: Counter[str] = Counter()
        self._began: dict[int, float] = {}
        self._changing = threading.Lock()

    def read(self, read: Read, wanted: int, asker: Callable[[], str]) -> bytes:
        """Read a body.

        :param read: the server's; it waits until so many bytes are there, or the client has ended.
        :param asker: says who sends it, as :func:`gatekeeper.web.addresses.bucket` does.
        :raises StillSending: it took too long.
        :raises TooManySlow: too many others are slow already, or too many of the same address.
        """
        thread = threading.get_ident()
        self._began[thread] = self._clock()
        try:
            if not self._free.acquire(blocking=False):
                return self._watch(read, wanted, asker())
            try:
                return read(wanted)
            finally:
                self._free.release()
        finally:
            del self._began[thread]

    def slowest(self) -> float:
        """Return for how long the oldest of the bodies that are being read has been, in seconds; 0 without any."""
        began = list(self._began.values())
        return self._clock() - min(began) if began else 0.0

    def _watch(self, read: Read, wanted: int, who: str) -> bytes:
        with self._changing:
            if self._watched.total() >= WATCHED or (who and self._watched[who] >= SHARE):
                raise TooManySlow("too many requests are slow to arrive")
            self._watched[who] += 1
        try:
            return self._in_steps(read, wanted)
        finally:
            with self._changing:
                self._watched[who] -= 1
                self._watched += Counter()  # without those that are at zero

    def _in_steps(self, read: Read, wanted: int) -> bytes:
        until = self._clock() + self._patience
        body = bytearray()
        while len(body) < wanted:
            part = read(min(STEP, wanted - len(body)))
            if not part:
                break
            body += part
            if self._clock() > until:
                raise StillSending(f"the body did not arrive within {self._patience:g} s")
        return bytes(body)
