"""Connections to one SQLite file, made when needed and kept for the next use."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

#: How long a fork waits for connections in use to come to rest.
_REST = 2.0  # seconds
#: More than these are closed after use: each keeps up to 2 MB of pages in memory.
_KEEP = 8

#: Errors after which a connection is as good as before; after others a new one may find a file put right.
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}

#: What every connection is told, each for one reason.
PRAGMAS = (
    "journal_mode = WAL",  # readers and the writer do not wait for one another
    "synchronous = FULL",  # an answered request outlives a power cut
    "secure_delete = ON",  # what is deleted is overwritten
    "foreign_keys = ON",  # SQLite leaves them unchecked otherwise
)


def connect(path: Path, *, busy_timeout: float, pragmas: tuple[str, ...] = PRAGMAS) -> sqlite3.Connection:
    """Connect to a file that exists. Transactions are begun and ended by hand.

    :param busy_timeout: how long to wait for another process's transaction, in seconds.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
    except BaseException:
        connection.close()
        raise
    return connection


class Connections:
    """A set of connections, each used by one thread at a time.

    A SQLite connection must not be carried across a fork: closing it in one process drops locks of the other.
    """

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self.path = path
        self.busy_timeout = busy_timeout
        self.pragmas = PRAGMAS
        #: Whether to keep connections open after use; until something is, a fork finds none.
        self.keep = False
        self._inherited: list[sqlite3.Connection] = []
        self._idle: list[sqlite3.Connection] = []
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection. What is not committed by the end is rolled back."""
        connection = self._take()
        try:
            yield connection
        except sqlite3.Error as error:
            self._give_back(connection, keep=getattr(error, "sqlite_errorcode", None) in _PASSING)
            raise
        except BaseException:
            self._give_back(connection, keep=False)
            raise
        self._give_back(connection, keep=True)

    def _take(self) -> sqlite3.Connection:
        with self._changed:
            self._used += 1
            if self._idle:
                return self._idle.pop()
        try:
            return connect(self.path, busy_timeout=self.busy_timeout, pragmas=self.pragmas)
        except BaseException:
            with self._changed:
                self._used -= 1
                self._changed.notify_all()
            raise

    def _give_back(self, connection: sqlite3.Connection, *, keep: bool) -> None:
        with self._changed:
            if keep and self.keep and len(self._idle) < _KEEP and not connection.in_transaction:
                self._idle.append(connection)
            else:
                connection.close()
            self._used -= 1
            self._changed.notify_all()

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
        self._changed = threading.Condition()


def empty_log(connection: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the database and cut it to nothing; tell whether nobody stood in the way."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
