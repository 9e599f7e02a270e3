"""The engine on a PostgreSQL server: for several serving processes, on one machine or many.

No process waits for another's turn to write. What must not happen at once is kept apart by locks of rows, in
transactions of isolation READ COMMITTED, where each statement sees what was committed before it began: an append locks
its subjects' rows and then asks who has ended; an ending locks its subject's row alone. So one of the two comes first.
"""

import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects import postgresql

from gatekeeper.core.errors import ConfigError

from . import schema
from .engine import REPLACED, Cursor, Engine, Granted, Who
from .migrations import HEAD, PATIENCE, check_version, upgrade
from .statements import Statements

#: How long a serving process waits for another's lock, and how long a command does, in seconds.
SERVING_BUSY = 0.3
COMMAND_BUSY = 5.0
#: How long the server may take over one statement before the connection is given up, likewise.
SERVING_LIMIT = 3.0
COMMAND_LIMIT = 60.0
#: After this long the server ends a transaction that its client left open, such as one whose process hangs.
IDLE_LIMIT = 10  # seconds
#: Until then nobody tries again to reach a server that could not be reached.
REST = 0.2  # seconds
#: Kept while migrating; the number says "gatekeeper" to nobody but us.
_MIGRATING = 0x67617465
#: Kept while settling.
_SETTLING = _MIGRATING + 1

#: What every connection asks for, unless the database's address says otherwise.
PARAMETERS: Mapping[str, str] = {
    "application_name": "gatekeeper",
    "client_encoding": "utf8",
    "connect_timeout": "2",  # seconds; the least there is
    # A machine that is gone says nothing: these find out within seconds.
    "tcp_user_timeout": "5000",  # milliseconds
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "gssencmode": "disable",
}

#: SQLSTATEs (PostgreSQL, appendix A) of transactions that did nothing and are worth running again at once:
#: serialization failure, deadlock, a lock that was not to be had.
_AGAIN = {"40001", "40P01", "55P03"}
#: The same, but the connection is gone: the server is restarted, or an operator ended the session, or a time limit.
_GONE = {"57P01", "57P02", "25P03"}

#: By table, its columns and their types, as COPY wants them.
_COPIED = {
    table.name: (
        ", ".join(f'"{column.name}"' for column in table.columns),
        [column.type.compile(postgresql.dialect()).lower() for column in table.columns],  # type: ignore[no-untyped-call]
    )
    for table in schema.metadata.sorted_tables
}

_KEYS = """/* store.append */
SELECT s.site, s.subject, s.key
FROM subjects AS s
WHERE (s.site, s.subject) IN (SELECT * FROM unnest(%b::text[], %b::bytea[]))
ORDER BY s.site, s.subject
FOR KEY SHARE
"""
_ENDED = f"""/* store.append */
SELECT asked.site, asked.subject, asked.record, CASE WHEN r.record IS NULL THEN b.status ELSE '{REPLACED}' END
FROM unnest(%b::text[], %b::bytea[], %b::bytea[]) AS asked (site, subject, record)
LEFT JOIN replaced AS r USING (site, subject, record)
LEFT JOIN blocked AS b USING (site, subject)
WHERE r.record IS NOT NULL OR b.status IS NOT NULL
"""  # noqa: S608 - a constant of ours

# A lock of its own is let go with the transaction, however that ends. Rows lie about as they arrived, but where they
# wait in thousands, old space may have been used again.
_SETTLES = f"/* store.settle */ SELECT pg_try_advisory_xact_lock({_SETTLING})"
_TAKE = """/* store.settle */
WITH oldest AS (SELECT ctid FROM fresh_events ORDER BY at LIMIT %b FOR UPDATE SKIP LOCKED),
taken AS (
    DELETE FROM fresh_events WHERE ctid = ANY (ARRAY(SELECT ctid FROM oldest))
    RETURNING site, subject, event, at, kind, tracker, body
),
moved AS (
    INSERT INTO events (site, subject, event, at, kind, tracker, body)
    SELECT * FROM taken ORDER BY site, subject, event
    ON CONFLICT DO NOTHING
    RETURNING site, subject, event, at, kind, tracker, body
)
SELECT counted.n, moved.* FROM (SELECT count(*) AS n FROM taken) AS counted LEFT JOIN moved ON true
"""

T = TypeVar("T")


class Silent(psycopg.OperationalError):
    """The server did not answer in time, so that nobody knows what it did."""


class Unreachable(psycopg.OperationalError):
    """The server could not be connected to."""


class _Patient(psycopg.Connection[tuple[Any, ...]]):
    """The driver's connection, which gives up a server that does not answer. The driver itself would wait for ever."""

    limit = COMMAND_LIMIT

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """Wait as the driver does, but no longer than the limit."""
        try:
            return super().wait(_within(self.limit, gen), *args, **kwargs)
        except Silent:
            self.pgconn.finish()
            raise


def _within(seconds: float, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    """Pass a generator of the driver's on, until it has been waiting too long. It is resumed every 0.1 s."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                raise Silent(f"the server did not answer within {seconds:g} s")
            wanted = gen.send(ready)
    except StopIteration as ended:
        value: T = ended.value
        return value


@contextmanager
def _plain() -> Iterator[None]:
    """Leave of the driver's errors only what they say first: the details quote rows, and so subjects."""
    try:
        yield
    except psycopg.Error as error:
        if error.diag.message_primary:
            error.args = (error.diag.message_primary,)
        raise


class PostgresConnection:
    """See :class:`~gatekeeper.store.engine.Connection`."""

    sql: ClassVar = Statements(postgresql.dialect(paramstyle="format"), postgresql.insert)  # type: ignore[no-untyped-call]
    BEGIN: ClassVar = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

    def __init__(self, driver: _Patient) -> None:
        self.driver = driver
        self.total_changes = 0

    @property
    def in_transaction(self) -> bool:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        return not self.driver.closed and self.driver.info.transaction_status != TransactionStatus.IDLE

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        with _plain():
            cursor = self.driver.execute(statement.encode(), parameters)
        self._count(cursor)
        return cursor

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> None:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        cursor = self.driver.cursor()
        with _plain():
            cursor.executemany(statement.encode(), rows)
        self._count(cursor)

    def _count(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        if not (cursor.statusmessage or "SELECT").startswith("SELECT"):
            self.total_changes += max(0, cursor.rowcount)

    def close(self) -> None:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        self.driver.close()

    def now(self) -> float:
        """See :meth:`gatekeeper.store.engine.Connection.now`: machines' clocks differ, so it is the server's."""
        (now,) = self.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        return float(now)

    def ended(self, granted: Collection[Granted]) -> dict[Granted, str]:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        found = self.execute(_ENDED, _columns(granted)).fetchall()
        return {(site, subject, record): status for site, subject, record, status in found}

    def keys(self, subjects: Collection[Who], known: Mapping[Who, object]) -> dict[Who, bytes | None]:
        """Lock the subjects, in one order for all processes, and return the keys of all: locking has read them."""
        found = self.execute(_KEYS, _columns(subjects)).fetchall()
        return {(site, subject): key for site, subject, key in found}

    def fetch_each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """See :class:`~gatekeeper.store.engine.Connection`. The driver sends all before it reads an answer."""
        if not rows:
            return []
        cursor = self.driver.cursor()
        with _plain():
            cursor.executemany(statement.encode(), rows, returning=True)
            found = [cursor.fetchone()]
            while cursor.nextset():
                found.append(cursor.fetchone())
        return found

    def take_fresh(self, limit: int) -> tuple[int, list[Any]] | None:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        if not self.execute(_SETTLES).fetchone()[0]:
            return None
        rows = self.execute(_TAKE, (limit,)).fetchall()
        return rows[0][0], [row[1:] for row in rows if row[1] is not None]

    def append(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Copy rows in, which costs least; COPY knows no repeats, so where there is one they are inserted."""
        self.execute("SAVEPOINT append")
        try:
            self.copy("fresh_events", rows)
        except errors.UniqueViolation:
            self.execute("ROLLBACK TO append")
            self.executemany(self.sql.append, rows)
        self.execute("RELEASE append")

    def copy(self, table: str, rows: Iterable[Sequence[Any]], *, into: str = "") -> None:
        """Add rows to a table by COPY.

        :param into: another table of the same columns.
        :raises psycopg.errors.UniqueViolation: one is there already; nothing was added.
        """
        cursor = self.driver.cursor()
        names, types = _COPIED[table]
        with _plain(), cursor.copy(f"COPY {into or table} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        self._count(cursor)


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


class PostgresEngine(Engine):
    """A database of a PostgreSQL server.

    :param parameters: how to connect, as libpq names them; there may be a password among them.
    :raises ConfigError: libpq knows no such parameter.
    """

    sql = PostgresConnection.sql
    errors = (psycopg.Error, OSError)
    mistakes = (
        psycopg.ProgrammingError,
        psycopg.InterfaceError,
        psycopg.IntegrityError,
        psycopg.DataError,
        psycopg.NotSupportedError,
    )
    most_connections = 10

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.name = _name(parameters)
        self.busy_timeout = COMMAND_BUSY
        self.limit = COMMAND_LIMIT
        self._parameters = {**PARAMETERS, **parameters}
        self._resting_until = 0.0
        self._failure = ""
        try:
            psycopg.conninfo.make_conninfo(**self._parameters)
        except psycopg.ProgrammingError as error:
            raise ConfigError(f'GATEKEEPER_DATABASE_URL: {error}: see libpq, "Parameter Key Words"') from None

    def connect(self) -> PostgresConnection:
        """See :meth:`gatekeeper.store.engine.Engine.connect`. Who could not, lets the server rest for a moment."""
        if time.monotonic() < self._resting_until:
            raise Unreachable(self._failure)
        try:
            with _plain():
                driver = _Patient.connect(**self._with_settings(), autocommit=True)
        except psycopg.Error as error:
            self._failure = f"{self.name} cannot be reached: {_one_line(error)}"
            self._resting_until = time.monotonic() + REST
            raise Unreachable(self._failure) from None
        driver.limit = self.limit
        return PostgresConnection(driver)

    def _with_settings(self) -> dict[str, Any]:
        settings = {
            "lock_timeout": f"{self.busy_timeout * 1000:.0f}",
            "idle_in_transaction_session_timeout": f"{IDLE_LIMIT * 1000}",
            "synchronous_commit": "on",  # an answered request outlives a power cut, whatever the server's default
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        return {**self._parameters, "options": f"{options} {self._parameters.get('options', '')}".strip()}

    def survives(self, error: Exception) -> bool:
        """See :meth:`gatekeeper.store.engine.Engine.survives`."""
        return isinstance(error, psycopg.Error) and error.sqlstate in _AGAIN

    def passes(self, error: Exception) -> bool:
        """See :meth:`gatekeeper.store.engine.Engine.passes`."""
        if not isinstance(error, psycopg.Error) or isinstance(error, Silent | Unreachable):
            return False
        was_lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
        return was_lost or error.sqlstate in _AGAIN | _GONE

    def is_new(self) -> bool:
        """See :meth:`gatekeeper.store.engine.Engine.is_new`."""
        return not self._version()

    def check_tables(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.check_tables`."""
        check_version(self._version(), self.name)

    def _version(self) -> str:
        try:
            connection = self.connect()
            try:
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            finally:
                connection.close()
        except errors.UndefinedTable:
            return ""
        except psycopg.Error as error:
            raise ConfigError(f"the database cannot be read: {_one_line(error)}") from None
        return "" if row is None else str(row[0])

    def migrate(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.migrate`; it is one transaction, under a lock of its own."""
        if self._version() < HEAD:
            self._upgrade()
        self.check_tables()

    def _upgrade(self) -> None:
        from sqlalchemy import create_engine, pool, text
        from sqlalchemy.exc import SQLAlchemyError

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(**self._parameters)  # type: ignore[arg-type]

        engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=pool.NullPool)
        try:
            with engine.begin() as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE:.0f}s'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
                upgrade(connection)
        except (psycopg.Error, SQLAlchemyError) as error:
            raise ConfigError(f"{self.name} cannot be upgraded: {_one_line(error)}") from None

    def begin_serving(self) -> None:
        """Wait less than a command does. Any number of processes may serve."""
        self.busy_timeout = SERVING_BUSY
        self.limit = SERVING_LIMIT

    def begin_using(self) -> None:
        """See :meth:`gatekeeper.store.engine.Engine.begin_using`: of a copy that is used, no more is copied."""
        connection = self.connect()
        try:
            if connection.execute("SELECT 1 FROM copies WHERE state = 'running'").fetchone():
                raise ConfigError(
                    f"{self.name} holds a copy that is not complete: stop whatever serves from the SQLite file, and "
                    "run `gatekeeper store copy` once more"
                )
            connection.execute("UPDATE copies SET state = 'used' WHERE state = 'complete'")
        finally:
            connection.close()


def _name(parameters: Mapping[str, str]) -> str:
    """Return how messages name a database: without its user and password."""
    return f"the PostgreSQL database {parameters.get('dbname', '')!r} at {parameters.get('host') or 'this machine'}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
