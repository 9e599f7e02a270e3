"""A connection to a PostgreSQL server, and what is done on it in other words than on SQLite."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects import postgresql

from . import schema
from .engine import REPLACED, Cursor, Granted, Who
from .postgres_driver import PatientConnection, plainly
from .statements import Statements

#: Kept while settling; the number says "gatesett" to nobody but us.
_SETTLING = 0x67617473

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


class PostgresConnection:
    """See :class:`~gatekeeper.store.engine.Connection`."""

    sql: ClassVar = Statements(postgresql.dialect(paramstyle="format"), postgresql.insert)  # type: ignore[no-untyped-call]
    BEGIN: ClassVar = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

    def __init__(self, driver: PatientConnection) -> None:
        self.driver = driver
        self.total_changes = 0

    @property
    def in_transaction(self) -> bool:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        return not self.driver.closed and self.driver.info.transaction_status != TransactionStatus.IDLE

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        with plainly():
            cursor = self.driver.execute(statement.encode(), parameters)
        self._count(cursor)
        return cursor

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> None:
        """See :class:`~gatekeeper.store.engine.Connection`."""
        cursor = self.driver.cursor()
        with plainly():
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
        with plainly():
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
        with plainly(), cursor.copy(f"COPY {into or table} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        self._count(cursor)


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
