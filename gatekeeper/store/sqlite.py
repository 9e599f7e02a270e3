"""The engine on one SQLite file: for one machine, and one serving process."""

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from sqlalchemy.dialects import sqlite

from gatekeeper.core.errors import ConfigError, StoreLocked, StoreUnavailable

from .engine import REPLACED, Connection, Engine, Granted, Who
from .locks import ServingLock, WriterLock, locked_message
from .migrations import FIX, HEAD, PATIENCE, check_version, upgrade
from .statements import Statements

#: How long a serving process waits for another process's transaction, and how long a command does, in seconds.
SERVING_BUSY = 0.3
COMMAND_BUSY = 5.0

#: What every connection is told, each for one reason.
PRAGMAS = (
    "journal_mode = WAL",  # readers and the writer do not wait for one another
    "synchronous = FULL",  # an answered request outlives a power cut
    "secure_delete = ON",  # what is deleted is overwritten
    "foreign_keys = ON",  # SQLite leaves them unchecked otherwise
)

#: Errors after which a connection is as good as before; after others a new one may find a file put right.
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}


# Those for whom nothing is appended any more, and why. One statement for many: each lets go of Python's lock, for which
# all who wait for the commit contend.
_ENDED = """/* store.append */
WITH asked (site, subject, record) AS (VALUES {})
SELECT site, subject, record, coalesce(
    (SELECT ? FROM replaced WHERE (site, subject, record) = (asked.site, asked.subject, asked.record)),
    (SELECT status FROM blocked WHERE (site, subject) = (asked.site, asked.subject))
) AS ended
FROM asked
WHERE ended IS NOT NULL"""
#: How many are asked about at once: each number is a statement of its own, which the driver keeps.
_ASKED = 64
# Events as they arrived: rows that have no key of their own have a number that grows.
_OLDEST = """/* store.settle */
SELECT count(*), max(number) FROM (SELECT rowid AS number FROM fresh_events ORDER BY rowid LIMIT ?)"""
_MOVE = """/* store.settle */
INSERT INTO events SELECT site, subject, event, at, kind, tracker, body FROM fresh_events
WHERE rowid <= ? ORDER BY site, subject, event
ON CONFLICT DO NOTHING
RETURNING site, subject, event, at, kind, tracker, body"""
_DROP = "/* store.settle */ DELETE FROM fresh_events WHERE rowid <= ?"


class SqliteConnection(sqlite3.Connection):
    """See :class:`~gatekeeper.store.engine.Connection`. One transaction writes at a time, so nothing has to be held."""

    sql: ClassVar = Statements(sqlite.dialect(paramstyle="qmark"), sqlite.insert)
    BEGIN: ClassVar = "BEGIN IMMEDIATE"

    def now(self) -> float:
        """See :meth:`gatekeeper.store.engine.Connection.now`: all who write are on this machine."""
        return time.time()

    def ended(self, granted: Collection[Granted]) -> dict[Granted, str]:
        """Look for each of them in the two small tables, rather than for all in that of all subjects."""
        asked = list(granted)
        found: dict[Granted, str] = {}
        for begin in range(0, len(asked), _ASKED):
            some = asked[begin : begin + _ASKED]
            statement = _ENDED.format(", ".join(["(?, ?, ?)"] * len(some)))
            rows = self.execute(statement, (*chain.from_iterable(some), REPLACED)).fetchall()
            found |= {(site, subject, record): ended for site, subject, record, ended in rows}
        return found

    def keys(self, subjects: Collection[Who], known: Mapping[Who, object]) -> dict[Who, bytes | None]:
        """See :meth:`gatekeeper.store.engine.Connection.keys`."""
        found = {}
        for who in subjects:
            if who not in known and (row := self.execute(self.sql.key, who).fetchone()) is not None:
                found[who] = row[0]
        return found

    def fetch_each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """See :meth:`gatekeeper.store.engine.Connection.fetch_each`."""
        return [self.execute(statement, row).fetchone() for row in rows]

    def take_fresh(self, limit: int) -> tuple[int, list[Any]]:
        """See :meth:`gatekeeper.store.engine.Connection.take_fresh`."""
        taken, last = self.execute(_OLDEST, (limit,)).fetchone()
        moved = self.execute(_MOVE, (last,)).fetchall() if taken else []
        if taken:
            self.execute(_DROP, (last,))
        return taken, moved

    def append(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """See :meth:`gatekeeper.store.engine.Connection.append`."""
        self.executemany(self.sql.append, rows)


def connect(path: Path, *, busy_timeout: float, pragmas: tuple[str, ...] = PRAGMAS) -> SqliteConnection:
    """Connect to a file that exists. Transactions are begun and ended by hand.

    :param busy_timeout: how long to wait for another process's transaction, in seconds.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        factory=SqliteConnection,
    )
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
    except BaseException:
        connection.close()
        raise
    return connection


class SqliteEngine(Engine):
    """One SQLite file. Two locks beside it keep a second serving process, and a second writing one, away."""

    sql = SqliteConnection.sql
    errors = (sqlite3.Error, OSError)
    mistakes = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError, sqlite3.DataError)

    reads_in_trouble = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.busy_timeout = COMMAND_BUSY
        self.pragmas = PRAGMAS
        self._serving = ServingLock(path)
        self._writing = WriterLock(path)

    def connect(self) -> SqliteConnection:
        """See :meth:`gatekeeper.store.engine.Engine.connect`."""
        return connect(self.path, busy_timeout=self.busy_timeout, pragmas=self.pragmas)

    def survives(self, error: Exception) -> bool:
        """See :meth:`gatekeeper.store.engine.Engine.survives`."""
        return getattr(error, "sqlite_errorcode", None) in _PASSING

    def is_new(self) -> bool:
        """See :meth:`gatekeeper.store.engine.Engine.is_new`."""
        return not self.path.exists() or self.path.stat().st_size == 0

    def is_served(self) -> bool:
        """See :meth:`gatekeeper.store.engine.Engine.is_served`."""
        if not self._serving.path.exists():
            return False
        try:
            self._serving.take()
        except StoreLocked:
            return True
        self._serving.release()
        return False

    def check_tables(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.check_tables`; takes the files away from everyone else, too."""
        if not self.path.exists():
            raise ConfigError(f"the database {self.path} does not exist yet: {FIX}")
        check_version(_version(self.path), str(self.path))
        make_private(self.path)

    def migrate(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.migrate`; it is one exclusive transaction."""
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if _version(self.path) < HEAD:
            self._upgrade()
        self.check_tables()

    def _upgrade(self) -> None:
        from sqlalchemy import create_engine, event, pool
        from sqlalchemy.exc import SQLAlchemyError

        def patient() -> SqliteConnection:
            return connect(self.path, busy_timeout=PATIENCE)

        engine = create_engine("sqlite://", creator=patient, poolclass=pool.NullPool)
        # The driver would begin only at the first INSERT, and leave each CREATE TABLE to itself.
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN EXCLUSIVE"))
        try:
            _patiently(lambda: patient().close())
            with engine.begin() as connection:
                upgrade(connection)
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise ConfigError(f"the database {self.path} cannot be upgraded: {error}") from error

    def begin_serving(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.begin_serving`."""
        self._serving.take()
        self.busy_timeout = SERVING_BUSY

    def end_serving(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.end_serving`."""
        self._serving.release()

    def claim_writing(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.claim_writing`."""
        if not self._writing.take():
            raise StoreUnavailable(locked_message(self.path))

    def end_writing(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.end_writing`."""
        self._writing.release()

    def scrub(self, connection: Connection) -> bool:
        """Move the write-ahead log into the database and cut it to nothing; tell whether nobody stood in the way."""
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def _version(path: Path) -> str:
    """Return the version of the tables, empty where there are none."""
    try:
        connection = connect(path, busy_timeout=PATIENCE, pragmas=())
    except sqlite3.OperationalError as error:
        raise ConfigError(f"the database {path} cannot be opened: {error}") from error
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise ConfigError(f"the database {path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is not a Gatekeeper database: {error}") from error
    finally:
        connection.close()
    return "" if row is None else str(row[0])


def _patiently(action: Callable[[], None]) -> None:
    """Do something that SQLite may refuse at once while another process does the same."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            action()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def make_private(path: Path) -> None:
    """Take a database's files away from everyone else. SQLite gives new ones the mode of the database."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        file = path.with_name(name)
        try:
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ConfigError(f"others may read {file}, and it is not ours to change: run chmod 600 on it") from error


def check_place(path: Path) -> None:
    """Check that a database can be made or written where it is to be.

    :raises ConfigError: it cannot; the message names the fix.
    """
    directory = path.parent
    if not directory.is_dir():
        raise ConfigError(f"the directory of the database, {directory}, does not exist: make it (mkdir -p {directory})")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigError(f"the directory of the database, {directory}, cannot be written by this user: chown it")
    if path.exists() and not (path.is_file() and os.access(path, os.R_OK | os.W_OK)):
        raise ConfigError(f"the database {path} is not a file that this user can read and write: chown it")
