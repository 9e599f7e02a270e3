"""The store: what the contract promises, on whatever engine."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Allowed, Reason, Status
from gatekeeper.core.errors import GatekeeperError, StoreClosed, StoreUnavailable
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.learners import Invitation
from gatekeeper.core.notices import Notice
from gatekeeper.core.retention import Rules
from gatekeeper.core.rollups import What
from gatekeeper.core.sightings import Seen, Sighting

from . import sealing, writes
from .books import Alarms, Drafts, Marks, StaffBook
from .connections import Connections
from .contract import KINDS, Amount, ConsentRecord, Measures, Purged, Row, Sum, Total, Visitors, Visits
from .engine import Engine
from .panels import Panels
from .purging import Purge, last_finished
from .settling import BATCH, BATCH_WHILE_BUSY, SOON, Settler
from .shelf import Shelf
from .tallies import Tally
from .transactions import Job, Transactions, unavailable
from .writer import Writer, totals_job

#: Comes after every day.
_AFTER_ALL = "~"
#: A total that says nothing yet.
_NOTHING = Total("", "", "", "")


class Keeper:
    """Keeps the promises of :class:`~gatekeeper.store.contract.Store`.

    Before :meth:`start` it is a command's store: every write is a short transaction of its own, beside a serving
    process. After it, one writer thread writes for all.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float], wait: float, zones: Mapping[str, str]) -> None:
        self._engine = engine
        self._sql = engine.sql
        self._panels = Panels(engine.sql, self._read)
        shelf = Shelf(engine.sql, self._read, lambda work: self._do(Job(work=work)))
        #: What is kept for staff: see :class:`~gatekeeper.store.contract.Store`.
        self.staff: StaffBook = shelf
        self.marks: Marks = shelf
        self.alarms: Alarms = shelf
        self.drafts: Drafts = shelf
        self._settler = Settler(zones)
        self._tally = Tally()
        self._connections = Connections(engine)
        self._writer = Writer(engine, self._connections, self._tally, clock=clock, zones=zones, patience=wait)
        self._commands = Transactions(clock, zones)
        self._commanding = threading.Lock()
        self._leases: set[str] = set()
        self._token = os.urandom(16)
        self._started = False
        self._checked = False
        self._in_use = False
        self._closed = False

    # Its life

    def start(self) -> None:
        """See :meth:`gatekeeper.store.contract.Store.start`."""
        if self._started:
            return
        self._engine.begin_serving()
        try:
            self._check_tables()
            self._begin_using()
        except GatekeeperError:
            self._engine.end_serving()
            raise
        self._started = True

    def close(self) -> None:
        """See :meth:`gatekeeper.store.contract.Store.close`."""
        if self._closed:
            return
        with suppress(StoreUnavailable):  # then others take them when they run out
            for name in list(self._leases):
                self.give_back(name)
        try:
            if self._started:
                self._closed = True
                self._writer.stop()
            elif self._tally:
                self._flush_alone()
        finally:
            self._closed = True
            self._connections.close()
            self._engine.end_serving()

    def check(self) -> None:
        """See :meth:`gatekeeper.store.contract.Store.check`."""
        self._refuse_if_closed()
        if self._started:
            self._writer.check()
        else:
            self._run_alone(Job(probe=True))

    def flush(self) -> None:
        """See :meth:`gatekeeper.store.contract.Store.flush`."""
        self._refuse_if_closed()
        if self._started:
            self._writer.do(Job(flush=True))
        else:
            self._flush_alone()

    def measures(self) -> Measures:
        """See :meth:`gatekeeper.store.contract.Store.measures`."""
        trouble = self._writer.trouble
        try:
            ((fresh,),) = self._read(self._sql.count_fresh)
        except StoreUnavailable as error:
            fresh, trouble = 0, trouble or str(error)
        return self._writer.meter.read(
            waiting=self._writer.waiting, fresh=fresh, tallied=self._tally.by_reason(), trouble=trouble
        )

    # Writing

    def publish(self, notice: Notice) -> None:
        """See :meth:`gatekeeper.store.contract.Store.publish`."""
        self._do(Job(work=lambda connection: writes.publish(connection, notice)))

    def lift(self, site: str, *, lifted: bool, at: int) -> None:
        """See :meth:`gatekeeper.store.contract.Store.lift`."""
        self._do(Job(work=lambda connection: writes.lift(connection, site, at, lifted=lifted)))

    def record(self, record: ConsentRecord) -> None:
        """See :meth:`gatekeeper.store.contract.Store.record`."""
        self._do(Job(work=lambda connection: writes.record(connection, record)))

    def end(self, site: str, subject: bytes, state: State, *, at: int) -> None:
        """See :meth:`gatekeeper.store.contract.Store.end`."""
        if state is State.GRANTED:
            raise ValueError("a record ends as refused or withdrawn")
        self._do(Job(work=lambda connection: writes.end(connection, (site, subject), state, at)))

    def block(self, site: str, subject: bytes, status: Status, *, at: int) -> None:
        """See :meth:`gatekeeper.store.contract.Store.block`."""
        if status is Status.ACTIVE:
            raise ValueError("a subject is blocked as restricted, objecting or erased")
        self._do(Job(work=lambda connection: writes.block(connection, (site, subject), status, at)))
        if status is Status.ERASED:
            self._scrub()

    def status(self, site: str, subject: bytes) -> Status:
        """See :meth:`gatekeeper.store.contract.Store.status`."""
        rows = self._read(self._sql.blocked, site, subject)
        return Status(rows[0][0]) if rows and rows[0][0] != writes.WITHDRAWN else Status.ACTIVE

    def append(self, event: Event, permit: Allowed, *, wait: float | None = None) -> None:
        """See :meth:`gatekeeper.store.contract.Store.append`."""
        self._do(Job([_encode(event, permit)]), wait)

    def append_all(self, permitted: Sequence[Permitted], *, wait: float | None = None) -> None:
        """See :meth:`gatekeeper.store.contract.Store.append_all`."""
        if permitted:
            self._do(Job([_encode(each.event, each.permit) for each in permitted]), wait)

    def settle(self) -> None:
        """See :meth:`gatekeeper.store.contract.Store.settle`."""
        settled: int | None = BATCH
        while settled is None or settled >= BATCH_WHILE_BUSY:  # fewer are all that waited, in any case
            if settled is None:  # another process is at it
                time.sleep(SOON)
            settled = self._settle_some()

    def _settle_some(self) -> int | None:
        job = Job(settle=True)
        if self._started:
            self._writer.do(job)
        else:
            self._run_alone(self._settler.job(job, BATCH))
        return job.settled

    def tally(self, total: Total, n: int = 1) -> None:
        """See :meth:`gatekeeper.store.contract.Store.tally`."""
        if self._tally.add(total, n) and self._started:
            with suppress(StoreUnavailable):  # closed: what comes now is lost with the process
                self._writer.wake()

    def see(self, seen: Mapping[Sighting, int]) -> None:
        """See :meth:`gatekeeper.store.contract.Store.see`."""
        self._do(Job(work=lambda connection: writes.see(connection, seen)))

    def forget_sightings(self, site: str) -> None:
        """See :meth:`gatekeeper.store.contract.Store.forget_sightings`."""
        self._do(Job(work=lambda connection: writes.forget_sightings(connection, site)))

    def use_invitation(self, invitation: Invitation, *, at: int) -> None:
        """See :meth:`gatekeeper.store.contract.Store.use_invitation`."""
        self._do(Job(work=lambda connection: writes.use_invitation(connection, invitation, at)))

    def purge(self, rules: Sequence[Rules], *, now: int, dry_run: bool = False) -> Iterator[Purged]:
        """See :meth:`gatekeeper.store.contract.Store.purge`."""
        yield from Purge(self._sql, self._read, lambda work: self._do(Job(work=work)), now=now, dry_run=dry_run).steps(
            rules
        )
        if not dry_run:
            self._scrub()

    def purged_at(self) -> int | None:
        """See :meth:`gatekeeper.store.contract.Store.purged_at`."""
        return last_finished(self._sql, self._read)

    def lease(self, name: str, seconds: float) -> bool:
        """See :meth:`gatekeeper.store.contract.Store.lease`."""
        taken = []
        self._do(Job(work=lambda connection: taken.append(writes.take_lease(connection, name, self._holder, seconds))))
        if taken[-1]:
            self._leases.add(name)
        return taken[-1]

    def give_back(self, name: str) -> None:
        """See :meth:`gatekeeper.store.contract.Store.give_back`."""
        self._do(Job(work=lambda connection: writes.give_lease_back(connection, name, self._holder)))
        self._leases.discard(name)

    @property
    def _holder(self) -> bytes:
        return self._token + os.getpid().to_bytes(8)  # a forked process is another

    def _do(self, job: Job, wait: float | None = None) -> None:
        self._refuse_if_closed()
        if self._started:
            self._writer.do(job, wait)
        else:
            self._run_alone(job)

    def _run_alone(self, job: Job) -> None:
        """Do a command's job in a transaction of its own."""
        self._check_ready()
        self._begin_using()
        with self._commanding, self._said_as_unavailable():
            outcome = self._commands.run_on(self._connections, [job])
        for total in outcome.dropped:
            self._tally.add(total)
        if job.error is not None:
            raise job.error

    def _flush_alone(self) -> None:
        def write(counts: Mapping[Total, int]) -> None:
            self._run_alone(totals_job(counts))

        self._tally.write(write)

    def _scrub(self) -> None:
        if self._started:
            self._writer.scrub_soon()
        else:
            with self._said_as_unavailable(), self._connections.use() as connection:
                self._engine.scrub(connection)

    # Reading

    def notices(self, site: str) -> list[Notice]:
        """See :meth:`gatekeeper.store.contract.Store.notices`."""
        rows = self._read(self._sql.notices, site)
        return [_notice(*row) for row in rows]

    def is_lifted(self, site: str) -> bool:
        """See :meth:`gatekeeper.store.contract.Store.is_lifted`."""
        return bool(self._read(self._sql.is_lifted, site))

    def totals(
        self, site: str, first: str = "", last: str = "", *, what: str | None = None, name: str | None = None
    ) -> dict[Total, int]:
        """See :meth:`gatekeeper.store.contract.Store.totals`."""
        days, given = (first, last or _AFTER_ALL), _given(what, name)
        statement = self._sql.totals(tuple(given))
        return self._tally.add_to(
            site,
            lambda: {Total(*key): n for *key, n in self._read(statement, site, *given.values(), *days)},
            lambda total: _is_asked(total, *days, given),
        )

    def sums(
        self,
        site: str,
        first: str,
        last: str,
        *,
        what: str | None = None,
        name: str | None = None,
        by: Sequence[str] = KINDS,
    ) -> dict[Total, Sum]:
        """See :meth:`gatekeeper.store.contract.Store.sums`."""
        given = _given(what, name)
        statement = self._sql.sums(tuple(given), tuple(by))
        found: dict[Total, Sum] = {}

        def read() -> dict[Total, int]:
            rows = self._read(statement, site, *given.values(), first, last)
            # A server's sums are decimals.
            found.update({Total(site, *key): Sum(int(n), begin, end) for *key, n, begin, end in rows})
            return {}

        for total, n in self._tally.add_to(site, read, lambda total: _is_asked(total, first, last, given)).items():
            key, day = _NOTHING._replace(site=site, **{part: getattr(total, part) for part in by}), total.day
            before = found.get(key, Sum(0, day, day))
            found[key] = Sum(before.n + n, min(before.first, day), max(before.last, day))
        return found

    def sightings(self, site: str) -> dict[Sighting, int]:
        """See :meth:`gatekeeper.store.contract.Store.sightings`."""
        rows = self._read(self._sql.sightings, site)
        return {Sighting(site, day, Seen(what), name, path): n for site, day, what, name, path, n in rows}

    def events(self, site: str, subject: bytes) -> list[Event]:
        """See :meth:`gatekeeper.store.contract.Store.events`."""
        keys = self._read(self._sql.key, site, subject)
        if not keys or keys[0][0] is None:
            return []
        sealer = sealing.opener(keys[0][0])
        events: dict[bytes, Event] = {}  # one that came again after it was settled is there twice, for a moment
        for _, _, event, at, kind, tracker, body in self._read(self._sql.events, *(site, subject) * 2):
            fields = sealing.open_fields(sealer, body, site, subject, event)
            if fields is not None and event not in events:
                events[event] = Event(event, site, subject, at, EventKind(kind), tracker, fields)
        return list(events.values())

    def panel(
        self,
        site: str,
        what: What,
        first: str,
        last: str,
        *,
        name: str | None = None,
        by: tuple[str, ...] | None = None,
        bot: bool = False,
        limit: int = 1000,
    ) -> list[Row]:
        """See :meth:`gatekeeper.store.contract.Store.panel`."""
        return self._panels.panel(site, what, first, last, name=name, by=by, bot=bot, limit=limit)

    def by_day(
        self, site: str, what: What, first: str, last: str, *, name: str | None = None, bot: bool = False
    ) -> dict[str, Amount]:
        """See :meth:`gatekeeper.store.contract.Store.by_day`."""
        return self._panels.by_day(site, what, first, last, name=name, bot=bot)

    def each_day(
        self,
        site: str,
        what: What,
        first: str,
        last: str,
        *,
        name: str | None = None,
        bot: bool = False,
    ) -> dict[str, list[Row]]:
        """See :meth:`gatekeeper.store.contract.Store.each_day`."""
        return self._panels.each_day(site, what, first, last, name=name, bot=bot)

    def outcomes_by_day(
        self, site: str, outcome: str, trackers: Collection[str], first: str, last: str, *, bot: bool = False
    ) -> dict[str, int]:
        """See :meth:`gatekeeper.store.contract.Store.outcomes_by_day`."""
        return self._panels.outcomes_by_day(site, outcome, trackers, first, last, bot=bot)

    def days_of(self, site: str, what: What, first: str, last: str, *, bot: bool = False) -> dict[str, tuple[str, str]]:
        """See :meth:`gatekeeper.store.contract.Store.days_of`."""
        return self._panels.days_of(site, what, first, last, bot=bot)

    def visitors(self, site: str, first: str, last: str, *, bot: bool = False) -> Visitors:
        """See :meth:`gatekeeper.store.contract.Store.visitors`."""
        return self._panels.visitors(site, first, last, bot=bot)

    def visits(
        self,
        site: str,
        what: What,
        first: str,
        last: str,
        *,
        where: Mapping[What, str] | None = None,
        bot: bool = False,
    ) -> Visits:
        """See :meth:`gatekeeper.store.contract.Store.visits`."""
        return self._panels.visits(site, what, first, last, where=where or {}, bot=bot)

    def find_receipt(self, site: str, receipt: bytes) -> ConsentRecord | None:
        """See :meth:`gatekeeper.store.contract.Store.find_receipt`."""
        rows = self._read(self._sql.find_receipt, site, receipt)
        return ConsentRecord(*rows[0]) if rows else None

    def records(self, site: str, subject: bytes) -> list[ConsentRecord]:
        """See :meth:`gatekeeper.store.contract.Store.records`."""
        return [ConsentRecord(*row) for row in self._read(self._sql.records, site, subject)]

    def _read(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        self._check_ready()
        if self._started and self._writer.trouble and not self._engine.reads_in_trouble:
            raise StoreUnavailable(self._writer.trouble)
        for last in (False, True):
            try:
                with self._connections.use() as connection:
                    return connection.execute(statement, parameters).fetchall()
            except self._engine.errors as error:
                if last or not self._engine.passes(error):
                    raise unavailable(error) from error
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def _said_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except self._engine.errors as error:
            raise unavailable(error) from error

    def _check_ready(self) -> None:
        """Check that the store is open, and once that its tables are the right ones."""
        self._refuse_if_closed()
        if not self._checked:
            self._check_tables()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreClosed("the store is closed")

    def _begin_using(self) -> None:
        if not self._in_use:
            with self._said_as_unavailable():
                self._engine.begin_using()
            self._in_use = True

    def _check_tables(self) -> None:
        self._engine.check_tables()
        self._checked = True


def _encode(event: Event, permit: Allowed) -> writes.Encoded:
    if not isinstance(permit, Allowed) or permit.reason is not Reason.GRANTED or permit.site != event.site:
        raise ValueError(f"an event of site {event.site!r} needs a grant for it; this permit is {permit!r}")
    return writes.encode(event, sealing.encode_body(event, permit), permit.record)


def _given(what: str | None, name: str | None) -> dict[str, str]:
    """Return the values that totals must have, by field."""
    return {field: value for field, value in (("what", what), ("name", name)) if value is not None}


def _is_asked(total: Total, first: str, last: str, given: Mapping[str, str]) -> bool:
    return first <= total.day <= last and all(getattr(total, field) == value for field, value in given.items())


def _notice(site: str, no: int, digest: str, content: str, day: str) -> Notice:
    return Notice(site, no, msgspec.json.decode(content), day, digest)
