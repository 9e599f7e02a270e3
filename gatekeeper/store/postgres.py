"""The engine on a PostgreSQL server: for several serving processes, on one machine or many.

No process waits for another's turn to write. What must not happen at once is kept apart by locks of rows, in
transactions of isolation READ COMMITTED, where each statement sees what was committed before it began: an append locks
its subjects' rows and then asks who has ended; an ending locks its subject's row alone. So one of the two comes first.
"""

import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import errors

from gatekeeper.core.errors import ConfigError

from .engine import Engine
from .migrations import HEAD, PATIENCE, check_version, upgrade
from .postgres_connections import PostgresConnection
from .postgres_driver import PatientConnection, Silent, Unreachable, plainly

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
            with plainly():
                driver = PatientConnection.connect(**self._with_settings(), autocommit=True)
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
