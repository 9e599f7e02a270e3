"""The writer: one thread for each serving process that writes for all of its requests, many in one transaction.

It also knows whether the database takes writes. All times in here are of the monotonic clock, in seconds.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

from gatekeeper.core.errors import StoreClosed, StoreUnavailable

from . import forks, writes
from .connections import Connections
from .contract import Total
from .engine import Engine
from .meter import Meter
from .settling import Schedule, Settler
from .tallies import Tally
from .transactions import ROOM, Job, Transactions, unavailable

log = logging.getLogger(__name__)

#: What is known of the database's health is believed this long, and refreshed in the background from half of it.
KNOWN_FOR = 1.0
#: How often a database that takes no writes is tried.
PROBE_EVERY = 0.25
#: How often the tally is written, and no more often.
FLUSH_EVERY = 60.0
#: How soon after an erasure the engine has what was erased leave its files, and how soon again where readers stood in
#: the way.
SCRUB_AFTER = 1.0
SCRUB_AGAIN = 5.0
#: How long after an event the next is expected as soon, so that settling keeps out of its way.
BUSY_FOR = 0.05
#: How many jobs may wait; beyond that, writes are refused at once.
MAX_WAITING = 1024
#: How many events go into one transaction, so that it stays well below a request's patience.
MAX_BATCH = 2000
#: How long to wait for as many jobs as came last time. Fewer, larger transactions cost less for each event.
WINDOW = 0.001
_NAP = WINDOW / 4
#: How long closing waits for a database that does not answer.
_LAST_WORDS = 5.0


class Writer:
    """Group commit: takes all jobs that wait, writes them in one transaction, wakes those who wait.

    :param patience: how long a request waits for its commit, in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        connections: Connections,
        tally: Tally,
        *,
        clock: Callable[[], float],
        zones: Mapping[str, str],
        patience: float,
    ) -> None:
        self._engine = engine
        self._troubles: tuple[type[Exception], ...] = (*engine.errors, StoreUnavailable)
        self._connections = connections
        self._tally = tally
        self._clock = clock
        self._zones = zones
        self._patience = patience
        self._stopping = False
        self._begin()
        forks.follow(self)

    def _begin(self) -> None:
        """Begin with nothing running and nothing known."""
        self._pid = os.getpid()
        self._transactions = Transactions(self._clock, self._zones)
        self._settler = Settler(self._zones)
        self._schedule = Schedule()
        self.meter = Meter()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._trouble = ""
        self._well_at = -math.inf
        self._written_at = -math.inf
        self._refreshing = False
        self._last_probe = -math.inf
        self._last_flush = time.monotonic()
        self._scrub_at = math.inf
        self._last_size = 1

    def before_fork(self) -> None:
        """Finish the transaction and close the connections, which must not be carried across."""
        self._connections.pause()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._connections.resume()

    def after_fork_in_child(self) -> None:
        """Leave the parent's jobs, counts and connections to the parent."""
        self._engine.end_writing()
        self._connections.begin_anew()
        self._tally.forget()
        self._begin()

    # For requests

    def do(self, job: Job, wait: float | None = None) -> None:
        """Have a job done, and return after its commit.

        :param wait: in seconds; a job that was given a time of its own is still done after it, if that can be.
        :raises StoreUnavailable: it was refused, failed, or took too long.
        """
        self._submit(job)
        if job.wait(self._patience if wait is None else wait):
            return
        if wait is None:
            job.abandoned = True
            self._in_trouble("it does not answer")
            self._queue.put(None)
        raise StoreUnavailable("the database was too slow to answer")

    def check(self) -> None:
        """Return at once while the database is known to take writes; otherwise try a write."""
        age = time.monotonic() - self._well_at
        if self._trouble or age > KNOWN_FOR:
            self.do(Job(probe=True))
        elif age > KNOWN_FOR / 2 and not self._refreshing:
            self._refreshing = True
            self._submit(Job(probe=True))

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return self._queue.qsize()

    @property
    def trouble(self) -> str:
        """Why the database takes no writes, as far as is known; empty while it does."""
        return self._trouble

    def wake(self) -> None:
        """Let the writer see what has become due."""
        self._ensure_running()
        self._queue.put(None)

    def scrub_soon(self) -> None:
        """Have what was erased leave the files."""
        self._scrub_at = min(self._scrub_at, time.monotonic() + SCRUB_AFTER)
        self.wake()

    def stop(self) -> None:
        """Write what waits and the tally, and end the thread."""
        with self._starting:
            thread = None if self._pid != os.getpid() else self._thread
            self._stopping = True
        if thread is not None:
            self._queue.put(None)
            thread.join(_LAST_WORDS)
        self._engine.end_writing()

    def _submit(self, job: Job) -> None:
        self._ensure_running()
        if self._trouble:
            raise StoreUnavailable(self._trouble)
        if self._queue.qsize() >= MAX_WAITING:
            raise StoreUnavailable("too many writes wait already")
        self._queue.put(job)

    def _ensure_running(self) -> None:
        if self._thread is not None and self._pid == os.getpid() and not self._stopping:
            return
        if self._pid != os.getpid():  # a fork that Python was not told of
            self.after_fork_in_child()
        with self._starting:
            if self._stopping:
                raise StoreClosed("the store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gatekeeper-writer", daemon=True)
                self._thread.start()
                self._connections.keep = True

    # In the writer's thread

    def _run(self) -> None:
        while not (self._stopping and self._queue.empty()):
            try:
                self._carry_out(self._take())
                self._look_after()
            except Exception as error:
                log.exception("the writer stumbled, and goes on")
                self._in_trouble(str(error))
        if self._tally:
            self._flush()

    def _take(self) -> list[Job]:
        """Return what waits; wait for it until something else is due."""
        jobs: list[Job] = []
        events = 0
        try:
            job = self._queue.get(timeout=self._until_due())
            napped = 0.0
            while True:
                if job is not None and not job.abandoned:
                    jobs.append(job)
                    events += len(job.events)
                if events >= MAX_BATCH:
                    break
                while self._queue.empty() and 0 < len(jobs) < self._last_size and napped < WINDOW:
                    time.sleep(_NAP)
                    napped += _NAP
                job = self._queue.get_nowait()
        except Empty:
            pass
        if jobs:
            self._last_size = len(jobs)
        return jobs

    def _until_due(self) -> float | None:
        """Return for how long there is nothing to do but wait; None for ever."""
        due = self._scrub_at
        due = min(due, self._last_probe + PROBE_EVERY if self._trouble else self._schedule.due)
        if self._tally:
            due = min(due, self._last_flush + FLUSH_EVERY)
        return None if due == math.inf else max(0.0, due - time.monotonic())

    def _carry_out(self, jobs: list[Job]) -> None:
        written = [job for job in jobs if not job.flush and not job.settle]
        if written:
            self._write(written)
        for job in jobs:
            if job.settle:
                job.finish(self._settle(job))
        flushes = [job for job in jobs if job.flush]
        if flushes:
            error = self._flush()
            for job in flushes:
                job.finish(error)

    def _write(self, jobs: list[Job]) -> None:
        if self._trouble:
            self._fail(jobs)
            return
        try:
            self._commit(jobs)
        except self._engine.mistakes as error:
            self._write_apart(jobs, error)
        except self._troubles as error:
            self._in_trouble(str(error))
            self._fail(jobs)
        except Exception as error:
            self._write_apart(jobs, error)
        else:
            for job in jobs:
                job.finish()

    def _write_apart(self, jobs: list[Job], error: Exception) -> None:
        """Write each job alone, so that one with a value that cannot be written does not take others with it."""
        if len(jobs) == 1:
            log.error("a write failed by a mistake in the program", exc_info=error)
            jobs[0].finish(unavailable(error))
            return
        for job in jobs:
            job.error = None
            self._write([job])

    def _commit(self, jobs: list[Job], *, room: int = 0) -> None:
        self._engine.claim_writing()
        began = time.monotonic()
        outcome = self._transactions.run_on(self._connections, jobs, room=room, urgent=True)
        self.meter.committed(time.monotonic() - began, sum(len(job.events) for job in jobs), outcome.dropped)
        self._refreshing = False
        if outcome.wrote:
            self._well()
        if any(job.events for job in jobs):
            self._written_at = time.monotonic()
            self._schedule.arrived(self._written_at)
        for total in outcome.dropped:
            self._tally.add(total)

    def _fail(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.finish(StoreUnavailable(self._trouble))

    def _well(self) -> None:
        self._well_at = time.monotonic()
        if self._trouble:
            self._trouble = ""
            log.warning("the database takes writes again")

    def _in_trouble(self, why: str) -> None:
        if not self._trouble:
            log.error("the database takes no writes: %s", why)
            self._last_probe = time.monotonic()
        self._trouble = f"the database takes no writes now: {why}"
        self._refreshing = False

    def _look_after(self) -> None:
        """Do what has become due."""
        now = time.monotonic()
        if self._trouble and now >= self._last_probe + PROBE_EVERY:
            self._probe()
        if not self._trouble and now >= self._schedule.due:
            self._settle(Job(settle=True))
        if self._tally and now >= self._last_flush + FLUSH_EVERY:
            self._flush()
        if now >= self._scrub_at:
            self._scrub()

    def _probe(self) -> None:
        self._last_probe = time.monotonic()
        try:
            self._commit([Job(probe=True)], room=ROOM)
        except Exception as error:
            self._in_trouble(str(error))

    def _flush(self) -> Exception | None:
        """Write the tally; return what it failed with."""
        self._last_flush = time.monotonic()
        try:
            self._tally.write(lambda counts: self._commit([totals_job(counts)]))
        except Exception as error:
            log.warning("the tally could not be written, and waits: %s", error)
            return unavailable(error)
        return None

    def _settle(self, job: Job) -> Exception | None:
        """Settle some of the events that wait; return what it failed with."""
        began, spent = time.monotonic(), time.thread_time()
        schedule = self._schedule
        busy = began - self._written_at < BUSY_FOR
        limit = schedule.limit(began, busy=busy)
        try:
            self._engine.claim_writing()
            settling = self._settler.job(job, limit, count=schedule.counting)
            self._transactions.run_on(self._connections, [settling], urgent=True)
        except Exception as error:
            mistake = not isinstance(error, self._troubles) or isinstance(error, self._engine.mistakes)
            schedule.failed(limit, time.monotonic(), mistake=mistake)
            log.warning("events could not be settled, and wait: %s", error)
            return unavailable(error)
        now = time.monotonic()
        schedule.settled(job.settled, limit, now - began, now, busy=busy)
        self.meter.settled(time.thread_time() - spent, job.settled or 0)
        return None

    def _scrub(self) -> None:
        try:
            with self._connections.use() as connection:
                done = self._engine.scrub(connection)
        except self._engine.errors:
            done = False
        self._scrub_at = math.inf if done else time.monotonic() + SCRUB_AGAIN


def totals_job(counts: Mapping[Total, int]) -> Job:
    """Return the job that adds to totals."""
    return Job(work=lambda connection: writes.add_totals(connection, counts))
