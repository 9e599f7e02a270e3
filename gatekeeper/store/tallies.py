"""The tally: totals in memory, on their way to the database."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from .contract import Total

#: More different totals than this wait only if names are made up: what is beyond goes to the name "other".
MAX_WAITING = 10_000
OTHER = "other"


class Tally:
    """Totals that wait to be written. Adding takes no input or output, and no lock that is held during any."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start empty, with new locks: in a forked process the counts are the parent's to write."""
        self._counts: dict[Total, int] = {}
        self._changing = threading.Lock()
        self._writing = threading.RLock()

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, total: Total, n: int = 1) -> None:
        """Add to a total."""
        with self._changing:
            counts = self._counts
            if total not in counts and len(counts) >= MAX_WAITING:
                total = replace(total, name=OTHER)
            counts[total] = counts.get(total, 0) + n

    def write(self, write: Callable[[Mapping[Total, int]], None]) -> None:
        """Have what waits written. It waits on if that fails.

        :param write: returns after the commit.
        """
        with self._writing:
            with self._changing:
                counts, self._counts = self._counts, {}
            try:
                if counts:
                    write(counts)
            except BaseException:
                for total, n in counts.items():
                    self.add(total, n)
                raise

    def add_to(self, site: str, read: Callable[[], dict[Total, int]]) -> dict[Total, int]:
        """Return a site's totals as read from the database, with what waits added, each counted once."""
        with self._writing:
            found = read()
            with self._changing:
                waiting = list(self._counts.items())
        for total, n in waiting:
            if total.site == site:
                found[total] = found.get(total, 0) + n
        return found
