"""Connections to one database, made when needed and kept for the next use."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gatekeeper.core.errors import StoreUnavailable

from .engine import Connection, Engine

#: How long a fork waits for connections in use to come to rest.
_REST = 2.0  # seconds
#: How long one that is wanted is waited for where there may be no more.
_PATIENCE = 2.0  # seconds
#: More than these are closed after use where there may be any number: each keeps up to 2 MB of pages in memory.
_KEEP = 8


class Connections:
    """A set of connections, each used by one thread at a time.

    None must be carried across a fork: closing a SQLite connection in one process drops locks of the other, and
    closing one to a server ends the session of both.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        #: Whether to keep connections open after use; until something is, a fork finds none.
        self.keep = False
        self._inherited: list[Connection] = []
        self._idle: list[Connection] = []
        self._used = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def use(self, *, urgent: bool = False) -> Iterator[Connection]:
        """Lend a connection. What is not committed by the end is rolled back.

        :param urgent: take one more where there may be no more.
        :raises StoreUnavailable: all are in use, and stay so.
        """
        connection = self._take(urgent=urgent)
        try:
            yield connection
        except self.engine.errors as error:
            self._give_back(connection, keep=self.engine.survives(error))
            raise
        except BaseException:
            self._give_back(connection, keep=False)
            raise
        self._give_back(connection, keep=True)

    def _take(self, *, urgent: bool) -> Connection:
        with self._changed:
            if not urgent:
                self._wait_for_room()
            self._used += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self.engine.connect()
        except BaseException:
            with self._changed:
                self._used -= 1
                self._changed.notify_all()
            raise

    def _wait_for_room(self) -> None:
        """Wait for one's turn: first come, first served."""
        most = self.engine.most_connections
        if most is None:
            return
        mine = object()
        self._waiting.append(mine)
        try:
            if not self._changed.wait_for(lambda: self._used < most and self._waiting[0] is mine, _PATIENCE):
                raise StoreUnavailable("all connections to the database are in use")
        finally:
            self._waiting.remove(mine)
            self._changed.notify_all()

    def _give_back(self, connection: Connection, *, keep: bool) -> None:
        with self._changed:
            if keep and self.keep and len(self._idle) < self._most_idle and not connection.in_transaction:
                self._idle.append(connection)
            else:
                connection.close()
            if not keep:  # whatever ended this one has most likely ended the others
                self._close_idle()
            self._used -= 1
            self._changed.notify_all()

    @property
    def _most_idle(self) -> int:
        # Where there may be few, each is kept, and the urgent one too: opening another costs a server a process.
        most = self.engine.most_connections
        return _KEEP if most is None else most + 1

    def close(self) -> None:
        """Close what is not in use."""
        with self._changed:
            self.keep = False
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def pause(self) -> None:
        """Wait until none is in use, close all, and let nobody in until :meth:`resume`."""
        self._changed.acquire()
        deadline = time.monotonic() + _REST
        while self._used and (left := deadline - time.monotonic()) > 0:
            self._changed.wait(left)
        self._close_idle()

    def resume(self) -> None:
        """Let users in again."""
        self._changed.release()

    def begin_anew(self) -> None:
        """Forget, in a forked process, whatever was the parent's."""
        self._inherited.extend(self._idle)  # kept, never closed: see the class
        self._idle = []
        self.keep = False
        self._used = 0
        self._waiting.clear()
        self._changed = threading.Condition()
