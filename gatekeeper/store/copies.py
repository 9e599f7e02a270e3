"""Copying what a SQLite file holds to a PostgreSQL server, while the file is in use.

Every table is read in one snapshot of the file, and each batch of rows added to the server's table or changed in it,
so that a run that was interrupted is made good by the next, which writes only what is new. What has meanwhile gone from
the file goes from the server. In the end both sides are counted and summed up, each row by a hash of its own.

The table ``copies`` says in the file what it is called, and on the server from which file its data come. A server that
holds anything else is left alone, and so is one that has been in use since: its data are the newer ones.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import MetaData, Table, or_, select
from sqlalchemy.dialects import postgresql

from gatekeeper.core.errors import ConfigError, GatekeeperError, StoreLocked

from . import schema
from .engine import Connection
from .postgres import PostgresEngine
from .sqlite import SqliteConnection, SqliteEngine

#: How many rows are written in one transaction.
BATCH = 2000
#: What is one database's own.
_OWN = {"heartbeat", "leases", "copies"}
#: Held by the session that copies; the number says "gatecopy" to nobody but us.
_COPYING = 0x67617463

#: What a row of ``copies`` says: this database's own name; a copy that is not finished, that was, that has been used.
ORIGIN, RUNNING, COMPLETE = "origin", "running", "complete"

Row = tuple[Any, ...]


class CopyDiffers(GatekeeperError):
    """After copying, the two databases do not hold the same."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one table.

    :param rows: how many both databases have now.
    :param written: how many of them were new or had changed.
    :param removed: how many the server had that the file has no more.
    :param checksum: of all rows, the same on both sides.
    """

    table: str
    rows: int
    written: int
    removed: int
    checksum: str


def tables() -> list[Table]:
    """Return the tables that are copied: each after those that it refers to."""
    return [table for table in schema.metadata.sorted_tables if table.name not in _OWN]


def key_of(table: Table) -> list[str]:
    """Return the columns that tell a table's rows apart."""
    if table.primary_key.columns:
        return [column.name for column in table.primary_key.columns]
    (index,) = (index for index in table.indexes if index.unique)
    return [column.name for column in index.columns]


class Checksum:
    """Sums rows up. Their order does not matter: two engines sort text differently."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self.rows += len(rows)
        for row in rows:
            self._sum += int.from_bytes(blake2b(msgspec.msgpack.encode(row), digest_size=16).digest())

    def __str__(self) -> str:
        return f"{self._sum % 2**128:032x}"


@contextmanager
def open_source(engine: SqliteEngine) -> Iterator[tuple[SqliteConnection, bool]]:
    """Open a snapshot of a SQLite file; tell also whether nobody serves from it, and keep it so."""
    try:
        engine.begin_serving()
        at_rest = True
    except StoreLocked:
        at_rest = False
    try:
        engine.check_tables()
        with closing(engine.connect()) as connection:
            # Where nobody serves, commands wait too: what they wrote now would not be in the copy.
            connection.execute("BEGIN IMMEDIATE" if at_rest else "BEGIN")
            yield connection, at_rest
    finally:
        engine.end_serving()


def count(connection: Connection) -> dict[str, int]:
    """Return how many rows each table has that is copied."""
    return {
        table.name: connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608 - names of ours
        for table in tables()
    }


def name_of(engine: SqliteEngine) -> bytes:
    """Return what a file is called in a copy, calling it something first if need be."""
    with closing(engine.connect()) as connection:
        connection.execute(
            "INSERT INTO copies SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM copies WHERE state = ?)",
            (os.urandom(16), ORIGIN, int(time.time()), ORIGIN),
        )
        return known_name(connection) or b""


def known_name(connection: Connection) -> bytes | None:
    """Return what a file is called in a copy; None where it has not been copied yet."""
    row = connection.execute("SELECT source FROM copies WHERE state = 'origin'").fetchone()
    return None if row is None else bytes(row[0])


def check_target(connection: Connection, source: bytes | None) -> None:
    """Check that a server holds nothing, or what was copied from this file and not used since.

    :raises ConfigError: it holds something else.
    """
    found = {bytes(name): state for name, state in connection.execute("SELECT source, state FROM copies").fetchall()}
    if found and found.get(source or b"") not in {RUNNING, COMPLETE}:
        raise ConfigError(
            "the target holds a copy that has been in use, or is of another database: its data would be lost. "
            "Name an empty database"
        )
    if not found and any(count(connection).values()):
        raise ConfigError("the target holds data that are not a copy of this database: name an empty database")


class Target:
    """A server's tables, while they are made the same as a file's.

    :param source: what the file is called.
    :raises ConfigError: see :func:`check_target`, or another process copies into it.
    """

    def __init__(self, engine: PostgresEngine, source: bytes) -> None:
        self._engine = engine
        self._source = source
        self._connection = engine.connect()
        (alone,) = self._connection.execute(f"SELECT pg_try_advisory_lock({_COPYING})").fetchone()
        if not alone:
            self.close()
            raise ConfigError("another process copies into this database now")
        try:
            check_target(self._connection, source)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    def note(self, state: str) -> None:
        """Write down how far the copy is."""
        self._connection.execute(
            "INSERT INTO copies VALUES (%s, %s, %s) ON CONFLICT (source) DO UPDATE SET state = excluded.state",
            (self._source, state, int(time.time())),
        )

    def write(self, table: Table, rows: Sequence[Row]) -> int:
        """Add rows, or change those that are there; return how many that were."""
        connection = self._connection
        connection.execute(connection.BEGIN)
        connection.execute(f"CREATE TEMPORARY TABLE incoming (LIKE {table.name}) ON COMMIT DROP")
        connection.copy(table.name, rows, into="incoming")
        written = connection.execute(_merge(table)).rowcount
        connection.execute("COMMIT")
        return written

    def remove(self, table: Table, keys: Sequence[Row]) -> None:
        """Remove rows."""
        condition = " AND ".join(f"{name} = %s" for name in key_of(table))
        self._connection.executemany(f"DELETE FROM {table.name} WHERE {condition}", keys)  # noqa: S608

    def count(self, table: Table) -> int:
        """Return how many rows a table has."""
        return int(self._connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608

    def rows(self, table: Table, columns: Sequence[str]) -> Iterator[list[Row]]:
        """Yield columns of all rows, some at a time, as they were when this began."""
        with closing(self._engine.connect()) as connection:
            connection.execute(connection.BEGIN)
            connection.execute(f"DECLARE reading CURSOR FOR SELECT {', '.join(columns)} FROM {table.name}")  # noqa: S608
            while rows := connection.execute(f"FETCH {BATCH} FROM reading").fetchall():
                yield rows


def _merge(table: Table) -> str:
    """Return the statement that brings a table to what stands in ``incoming``."""
    key = key_of(table)
    incoming = table.to_metadata(MetaData(), name="incoming")
    names = [column.name for column in table.columns]
    insert = postgresql.insert(table).from_select(names, select(incoming))
    rest = [name for name in names if name not in key]
    if rest:
        insert = insert.on_conflict_do_update(
            index_elements=key,
            set_={name: insert.excluded[name] for name in rest},
            where=or_(*(table.c[name].is_distinct_from(insert.excluded[name]) for name in rest)),
        )
    else:
        insert = insert.on_conflict_do_nothing()
    return str(insert.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


def copy(source: SqliteConnection, target: Target, *, finish: bool, progress: Callable[[int], None]) -> list[Copied]:
    """Make a server hold what a snapshot of a file holds.

    :param finish: whether nobody writes to the file meanwhile, so that the copy is then complete.
    :param progress: told the numbers of rows that were written or checked: in the end twice as many as there are.
    :raises CopyDiffers: it does not.
    """
    target.note(RUNNING)
    sums = {table.name: Checksum() for table in tables()}
    written = {table.name: _write(source, target, table, sums[table.name], progress) for table in tables()}
    removed = {table.name: _remove_gone(source, target, table, sums[table.name].rows) for table in reversed(tables())}
    for table in tables():
        _verify(target, table, sums[table.name], progress)
    if finish:
        target.note(COMPLETE)
    return [Copied(name, sums[name].rows, written[name], removed[name], str(sums[name])) for name in written]


def _write(
    source: SqliteConnection, target: Target, table: Table, checksum: Checksum, progress: Callable[[int], None]
) -> int:
    written = 0
    names = ", ".join(column.name for column in table.columns)
    cursor = source.execute(f"SELECT {names} FROM {table.name}")  # noqa: S608
    while rows := cursor.fetchmany(BATCH):
        written += target.write(table, rows)
        checksum.add(rows)
        progress(len(rows))
    return written


def _remove_gone(source: SqliteConnection, target: Target, table: Table, rows: int) -> int:
    """Remove what a file has no more. All that it has is on the server by now, so equal counts are equal sets."""
    if target.count(table) == rows:
        return 0
    key = key_of(table)
    condition = " AND ".join(f"{name} = ?" for name in key)
    there = f"SELECT 1 FROM {table.name} WHERE {condition}"  # noqa: S608
    removed = 0
    for keys in target.rows(table, key):
        gone = [each for each in keys if source.execute(there, each).fetchone() is None]
        target.remove(table, gone)
        removed += len(gone)
    return removed


def _verify(target: Target, table: Table, expected: Checksum, progress: Callable[[int], None]) -> None:
    found = Checksum()
    for rows in target.rows(table, [column.name for column in table.columns]):
        found.add(rows)
        progress(len(rows))
    if (found.rows, str(found)) != (expected.rows, str(expected)):
        raise CopyDiffers(
            f"table {table.name} has {found.rows} rows with checksum {found} on the server, and should have "
            f"{expected.rows} with {expected}: something else writes to it. See that nothing does, and copy again"
        )
