"""Jobs, and running them: many in one transaction, each failing for its own mistakes alone."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby

from gatekeeper.core.errors import InvalidInput, StoreUnavailable

from . import writes
from .connections import Connections
from .contract import Total
from .engine import Connection

#: What a heartbeat asks room for after the database was full: about a batch of events. Less would let a nearly full
#: disk pass for a healthy one, and the next batch fail again.
ROOM = 64 * 1024

#: How often a transaction is tried that others stood in the way of, or that a lost connection ended.
TRIES = 3

Work = Callable[[Connection], object]


class Job:
    """Something to write, and the means to wait for it.

    :param events: to append.
    :param work: another write; it raises :class:`InvalidInput` where the job itself is at fault.
    :param probe: write the heartbeat, unless the transaction writes anything else.
    :param flush: write the tally.
    :param settle: settle some of the events that wait; ``settled`` then tells how many, None where another process
        settles.

    ``abandoned`` is set when nobody waits for it any more: it need not be done.
    """

    __slots__ = ("_done", "abandoned", "error", "events", "flush", "probe", "settle", "settled", "work")

    def __init__(
        self,
        events: Sequence[writes.Encoded] = (),
        *,
        work: Work | None = None,
        probe: bool = False,
        flush: bool = False,
        settle: bool = False,
    ) -> None:
        self.events = events
        self.work = work
        self.probe = probe
        self.flush = flush
        self.settle = settle
        self.settled: int | None = 0
        self.error: Exception | None = None
        self.abandoned = False
        # A bare lock is the cheapest thing in Python that one thread can wait for.
        self._done = threading.Lock()
        self._done.acquire()

    def finish(self, error: Exception | None = None) -> None:
        """Wake whoever waits."""
        self.error = self.error or error
        self._done.release()

    def wait(self, seconds: float) -> bool:
        """Wait until it is finished; tell whether it was.

        :raises Exception: what it failed with.
        """
        if not self._done.acquire(timeout=seconds):
            return False
        if self.error is not None:
            raise self.error
        return True


@dataclass(slots=True)
class Outcome:
    """What a transaction did.

    :param wrote: whether there was anything to write, so that the database has shown that it takes writes.
    :param dropped: totals of the events that were not kept.
    """

    wrote: bool = False
    dropped: list[Total] = field(default_factory=list)


class Transactions:
    """Runs jobs, in their order, in one transaction. Used by one thread at a time.

    :param clock: seconds since the epoch.
    :param zones: the time zones of sites; UTC for one that is not there.
    """

    def __init__(self, clock: Callable[[], float], zones: Mapping[str, str]) -> None:
        self._clock = clock
        self._appender = writes.Appender(zones)
        #: Whether the last run came as far as its COMMIT: what failed then may yet have been written.
        self.committing = False

    def run_on(self, connections: Connections, jobs: Sequence[Job], *, room: int = 0, urgent: bool = False) -> Outcome:
        """Run jobs and commit, on a connection of a set; again at once where the engine says that is worth it.

        See :meth:`run`. What failed while it was committed is not run again: it may have been written.
        """
        engine = connections.engine
        for left in reversed(range(TRIES)):
            try:
                with connections.use(urgent=urgent) as connection:
                    return self.run(connection, jobs, room=room)
            except engine.errors as error:
                if not left or self.committing or not engine.passes(error):
                    raise
                for job in jobs:
                    job.error = None
        raise AssertionError("the last try returns or raises")

    def run(self, connection: Connection, jobs: Sequence[Job], *, room: int = 0) -> Outcome:
        """Run jobs and commit. A job that is itself at fault keeps its error and writes nothing.

        :param room: how many bytes a heartbeat is to ask room for.
        :raises Exception: nothing at all was written; the driver's errors pass through.
        """
        at = int(self._clock())
        self.committing = False
        connection.execute(connection.BEGIN)
        try:
            outcome = self._run_in_order(connection, jobs, at)
            if not outcome.wrote and any(job.probe for job in jobs):
                writes.beat(connection, at, room)
                outcome.wrote = True
            self.committing = True
            connection.execute("COMMIT")
        except BaseException:
            self._appender.forget()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcome

    def _run_in_order(self, connection: Connection, jobs: Sequence[Job], at: int) -> Outcome:
        outcome = Outcome()
        for work, run in _runs(jobs):
            before = connection.total_changes
            if work is None:
                events = chain.from_iterable(job.events for job in run)
                outcome.dropped += self._appender.append(connection, events, at)
            elif not _run_alone(connection, work, run[0]):
                continue
            outcome.wrote = outcome.wrote or connection.total_changes > before
        return outcome


def _runs(jobs: Sequence[Job]) -> Iterator[tuple[Work | None, list[Job]]]:
    """Split jobs into runs of appends, which are written together, and single other writes."""
    for work, run in groupby(jobs, key=lambda job: job.work):
        if work is None:
            yield None, list(run)
        else:
            for job in run:
                yield work, [job]


def _run_alone(connection: Connection, work: Work, job: Job) -> bool:
    connection.execute("SAVEPOINT job")
    try:
        work(connection)
    except InvalidInput as error:
        job.error = error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return job.error is None


def unavailable(error: Exception) -> StoreUnavailable:
    """Say that a write did not happen, and why."""
    return StoreUnavailable(f"the database takes no writes now: {error}")
