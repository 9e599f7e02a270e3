"""What runs beside the requests: each in a thread of its own, begun once in every process that serves."""

import os
import threading
from abc import ABC, abstractmethod
from typing import ClassVar


class Beside(ABC):
    """Something that runs beside the requests."""

    #: Of its thread.
    NAME: ClassVar[str]

    def __init__(self) -> None:
        self._pid: int | None = None
        self._starting = threading.Lock()

    def ensure(self) -> None:
        """Begin, unless that has been done: threads do not live through a fork, and servers fork after loading."""
        if self._pid != os.getpid() and self._starting.acquire(blocking=False):
            try:
                self._pid = os.getpid()
                threading.Thread(target=self._run, name=self.NAME, daemon=True).start()
            finally:
                self._starting.release()

    @abstractmethod
    def _run(self) -> None:
        """Do it, until the process ends."""
