"""What an engine supplies: connections, their errors, and what only one kind of database needs.

Everything else of a store is written once, in :mod:`keeper`, :mod:`writer`, :mod:`transactions` and :mod:`writes`.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from .statements import Statements

#: A site and a subject.
Who = tuple[str, bytes]
#: A site, a subject, and the record that permits an event; empty where that is not known.
Granted = tuple[str, bytes, bytes]

#: Why nothing is appended under a record in whose place its subject has given another.
REPLACED = "replaced"


class Cursor(Protocol):
    """What a statement found or did."""

    @property
    def rowcount(self) -> int:
        """How many rows it wrote."""

    def fetchone(self) -> Any:
        """Return the next row as a tuple, None after the last."""

    def fetchall(self) -> list[Any]:
        """Return all rows, as tuples."""


class Connection(Protocol):
    """A connection, the driver's own with what drivers do not share. Transactions are begun and ended by hand."""

    #: The statements in this engine's words.
    sql: ClassVar[Statements]
    #: The statement that begins a transaction that writes.
    BEGIN: ClassVar[str]

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction was begun and not ended."""

    @property
    def total_changes(self) -> int:
        """How many rows it has written since it was opened."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run a statement."""

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run a statement for each row of parameters."""

    def close(self) -> None:
        """Close it; what was not committed is rolled back."""

    def now(self) -> float:
        """Return the time by the one clock of all who write to this database, in seconds since the epoch."""

    def ended(self, granted: Collection[Granted]) -> Mapping[Granted, str]:
        """Return those for whom nothing is appended any more, each with the subject's status, or :data:`REPLACED`.

        What it returns holds until the transaction is over, for those whom :meth:`keys` was asked before.
        """

    def keys(self, subjects: Collection[Who], known: Mapping[Who, object]) -> Mapping[Who, bytes | None]:
        """Return the sealing keys of subjects, of those not known at least; without those that never were.

        From then on until the transaction is over, nobody else ends these subjects.
        """

    def fetch_each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run a SELECT for each row of parameters; return the first row that each found, None where it found none."""

    def take_fresh(self, limit: int) -> tuple[int, list[Any]] | None:
        """Move events from ``fresh_events`` to ``events``, the oldest first.

        From then on until the transaction is over, no other process settles.

        :return: how many were taken, and the rows that were moved: repeats of settled ones are dropped. None where
            another process settles just now.
        """

    def append(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows to ``fresh_events``; those that are there already stay as they are."""


class Engine(ABC):
    """One kind of database at one address."""

    #: The statements in its words.
    sql: ClassVar[Statements]
    #: What the driver raises, and the system.
    errors: ClassVar[tuple[type[Exception], ...]]
    #: Of these, what comes of our own values or statements, and not of the database's state.
    mistakes: ClassVar[tuple[type[Exception], ...]]
    #: How many connections one process may have open at a time; None where that costs nobody anything.
    most_connections: ClassVar[int | None] = None
    #: Whether it can be read while nothing can be written; else whoever reads would wait for nothing.
    reads_in_trouble: ClassVar[bool] = False

    @abstractmethod
    def connect(self) -> Connection:
        """Connect to a database that exists."""

    @abstractmethod
    def survives(self, error: Exception) -> bool:
        """Tell whether a connection is as good as before after an error of the driver."""

    def passes(self, error: Exception) -> bool:
        """Tell whether a transaction that was not yet to be committed is worth running again at once."""
        return False

    @abstractmethod
    def is_new(self) -> bool:
        """Tell whether nobody has made its tables yet. Makes nothing.

        :raises ConfigError: it cannot be read.
        """

    def is_served(self) -> bool:
        """Tell whether a process is known to serve from it and keeps others from doing so. Makes nothing."""
        return False

    @abstractmethod
    def check_tables(self) -> None:
        """Check that the tables are of this version.

        :raises ConfigError: they are not; the message names the fix.
        """

    @abstractmethod
    def migrate(self) -> None:
        """Make the tables, or bring them up to date. Safe for two processes at once.

        :raises ConfigError: the tables are of a newer version, or cannot be upgraded.
        """

    def begin_serving(self) -> None:  # noqa: B027 - an engine that many may serve from has nothing to do
        """Take what only one family of serving processes may have.

        :raises StoreLocked: another has it; the message names both ways out.
        """

    def end_serving(self) -> None:  # noqa: B027
        """Let go of it."""

    def begin_using(self) -> None:  # noqa: B027
        """Note that the database is in use: asked before anything is written, and once.

        :raises ConfigError: it is a copy that is not complete.
        """

    def claim_writing(self) -> None:  # noqa: B027
        """Become the one writing process of the family, where there may be only one. Asked before every transaction.

        :raises StoreUnavailable: another is.
        """

    def end_writing(self) -> None:  # noqa: B027
        """Let another process write. In a forked process this leaves the parent's claim alone."""

    def scrub(self, connection: Connection) -> bool:
        """Have what was erased leave the files, as far as that is ours to do; tell whether that is done."""
        return True
