"""The tally: totals in memory, on their way to the database."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping

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
        self._writing = threading.Lock()
        self._begun = 0
        self._written: Counter[tuple[str, str]] = Counter()

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, total: Total, n: int = 1) -> bool:
        """Add to a total; tell whether nothing waited before."""
        with self._changing:
            counts = self._counts
            first = not counts
            before = counts.get(total, 0)
            if not before and len(counts) >= MAX_WAITING:
                total = total._replace(name=OTHER)
                before = counts.get(total, 0)
            counts[total] = before + n
        return first

    def write(self, write: Callable[[Mapping[Total, int]], None]) -> None:
        """Have what waits written. It waits on if that fails.

        :param write: returns after the commit.
        """
        with self._writing:
            with self._changing:
                counts, self._counts = self._counts, {}
                self._begun += bool(counts)
            if not counts:
                return
            try:
                write(counts)
            except BaseException:
                for total, n in counts.items():
                    self.add(total, n)
                raise
            with self._changing:
                _add_up(self._written, counts)

    def by_reason(self) -> Counter[tuple[str, str]]:
        """Return how much was counted by this process since it began, of what and for which reason."""
        with self._changing:
            found = self._written.copy()
            _add_up(found, self._counts)
        return found

    def add_to(
        self, site: str, read: Callable[[], dict[Total, int]], asked: Callable[[Total], bool] = lambda _: True
    ) -> dict[Total, int]:
        """Return a site's totals as read from the database, with what waits added, each counted once.

        :param asked: tells which of those that wait are asked for.
        """
        while True:
            with self._writing:
                begun = self._begun
            found = read()
            with self._changing:
                if begun == self._begun:  # else counts were on their way while we read
                    waiting = list(self._counts.items())
                    break
        for total, n in waiting:
            if total.site == site and asked(total):
                found[total] = found.get(total, 0) + n
        return found


def _add_up(found: Counter[tuple[str, str]], counts: Mapping[Total, int]) -> None:
    for total, n in counts.items():
        found[total.what, total.reason] += n
