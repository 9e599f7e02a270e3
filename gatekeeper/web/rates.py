"""How much of something is taken a minute."""

import threading


class Rate:
    """So many a minute for each key; what is beyond is refused. In memory, for one process.

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
