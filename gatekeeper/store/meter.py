"""What a serving process has done so far, in plain numbers that the writer's thread adds to."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from .contract import COMMIT_BOUNDS, Measures, Total


class Meter:
    """Counts commits and events. One thread adds, any may read: each number is right, two may be a moment apart."""

    def __init__(self) -> None:
        self._commits = [0] * (len(COMMIT_BOUNDS) + 1)
        self._seconds = 0.0
        self._events = 0
        self._dropped: Counter[str] = Counter()
        self._settled = 0
        self._settling = 0.0

    def committed(self, seconds: float, events: int, dropped: Sequence[Total]) -> None:
        """Count a transaction.

        :param seconds: how long it took.
        :param events: how many it was given.
        :param dropped: one for each event that it did not keep.
        """
        slot = next((slot for slot, bound in enumerate(COMMIT_BOUNDS) if seconds <= bound), len(COMMIT_BOUNDS))
        self._commits[slot] += 1
        self._seconds += seconds
        self._events += events - len(dropped)
        for total in dropped:
            self._dropped[total.reason] += 1

    def settled(self, seconds: float, events: int) -> None:
        """Count what was settled.

        :param seconds: of processor time that it took.
        """
        self._settled += events
        self._settling += seconds

    def read(self, *, waiting: int, fresh: int, tallied: Counter[tuple[str, str]], trouble: str) -> Measures:
        """Return what was counted, with what others know."""
        return Measures(
            waiting=waiting,
            fresh=fresh,
            events=self._events,
            dropped=dict(self._dropped),
            denied={reason: n for (what, reason), n in tallied.items() if what == "hit"},
            late=tallied["late", ""],
            commits=tuple(accumulate(self._commits)),
            commit_seconds=self._seconds,
            settled=self._settled,
            settling_seconds=self._settling,
            trouble=trouble,
        )
