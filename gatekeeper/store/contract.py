"""What a store promises, whatever the engine. The contract tests run on every one of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Allowed, Status
from gatekeeper.core.events import Event, Permitted
from gatekeeper.core.learners import Invitation
from gatekeeper.core.notices import Notice
from gatekeeper.core.retention import Rules
from gatekeeper.core.rollups import What
from gatekeeper.core.sightings import Sighting

from .books import Alarms, Drafts, Marks, StaffBook


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """The proof of one grant: who said what, when, to which notice, how. Of refusals there is none.

    :param subject: 16 random bytes; a consenting visitor, on this site only.
    :param record: 16 random bytes.
    :param receipt: SHA-256 of the receipt code; the code itself is the visitor's alone.
    :param choice: the ``gk_choice`` value as it was set.
    :param language: of the banner that was shown.
    :param method: which control was used, such as ``accept_all`` or ``save``.
    :param at: seconds since the epoch.
    :param ended_at: when it was withdrawn or replaced; None while it holds.
    :param ended_as: ``withdrawn``, ``refused``, ``replaced`` or ``expired``; empty while it holds.
    """

    site: str
    subject: bytes
    record: bytes
    receipt: bytes
    notice: int
    choice: str
    language: str
    method: str
    at: int
    ended_at: int | None = None
    ended_as: str = ""


#: The outcome of a choice that grants something, but not all that it was asked for.
PARTIAL = "partial"


class Total(NamedTuple):
    """What a tally counts, with nobody in it. Every hit looks one up, and a tuple is hashed without running Python.

    :param day: ISO date, in the site's time zone.
    :param what: ``choice`` (name = state), ``purpose`` (name = purpose), ``hit`` (name = tracker), ``outcome`` (name =
        tracker), ``late``.
    :param reason: the decision's reason, where there is one.
    :param outcome: of a tracker on a page; the state of a purpose; :data:`PARTIAL` for a grant of some purposes only.
    """

    site: str
    day: str
    what: str
    name: str
    reason: str = ""
    outcome: str = ""
    notice: int = 0


#: The fields of a total that say what was counted, whenever it was.
KINDS = ("what", "name", "reason", "outcome")


class Sum(NamedTuple):
    """How much some totals are together, and the first and the last of their days."""

    n: int
    first: str
    last: str


class Row(NamedTuple):
    """A row of a panel: what was counted, how often, and the sum of its values. A year has thousands; see Total.

    The names are those of :class:`~gatekeeper.core.rollups.Count`; ``n`` and ``value`` are explained at
    :class:`~gatekeeper.core.rollups.What`.
    """

    name: str
    page: str
    outcome: str
    reason: str
    currency: str
    n: int
    value: int


@dataclass(frozen=True, slots=True)
class Amount:
    """How often something was counted, and the sum of its values."""

    n: int
    value: int


@dataclass(frozen=True, slots=True)
class Visitors:
    """How many different visitors there were: altogether, and on each day that had any. Exact."""

    total: int
    by_day: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Visits:
    """How many visits a filter lets through: by the values of what was asked for, most first, and by day."""

    by_name: Mapping[str, int]
    by_day: Mapping[str, int]


#: The upper bounds of the classes in which commit times are counted, in seconds.
COMMIT_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Measures:
    """What a process has done since it began, and what waits.

    :param waiting: writes that wait for the writer.
    :param fresh: events that are kept, but not settled.
    :param events: how many it wrote.
    :param dropped: events that were not kept, by the reason of the decision in the transaction.
    :param denied: hits of trackers that were not logged, by the reason of the decision.
    :param late: clicks that did not wait for their commit.
    :param commits: how many transactions took no longer than each of :data:`COMMIT_BOUNDS`, and how many there were.
    :param commit_seconds: how long all of them took.
    :param settled: how many events it has settled.
    :param settling_seconds: how much processor time that took.
    :param trouble: why the database takes no writes; empty while it does.
    """

    waiting: int
    fresh: int
    events: int
    dropped: Mapping[str, int]
    denied: Mapping[str, int]
    late: int
    commits: tuple[int, ...]
    commit_seconds: float
    settled: int
    settling_seconds: float
    trouble: str


@dataclass(frozen=True, slots=True)
class Purged:
    """What a step of a purge did.

    :param what: in words, such as ``addresses shortened``.
    :param count: of how many rows.
    """

    site: str
    what: str
    count: int


class Store(Protocol):
    """Where Gatekeeper keeps what it may keep.

    Every method that writes returns after the commit, or raises :class:`~gatekeeper.core.errors.StoreUnavailable`
    within ``wait`` seconds, the store's own limit unless one is given. What was refused so is usually not kept, but
    may be: a caller tries again with the same ids. :meth:`tally` alone never waits.

    What it keeps for staff is in books of their own; see :mod:`gatekeeper.store.books`.
    """

    @property
    def staff(self) -> StaffBook: ...
    @property
    def marks(self) -> Marks: ...
    @property
    def alarms(self) -> Alarms: ...
    @property
    def drafts(self) -> Drafts: ...

    def start(self) -> None:
        """Become the serving process's store: take the lock, check the tables. The writer starts with the first use.

        A store that was never started is a command's: it writes in short transactions beside a serving process.

        :raises StoreLocked: another serving process has the lock; the message names both ways out.
        :raises ConfigError: the tables are missing or of another version.
        """

    def close(self) -> None:
        """Write what waits, the tally too, and let go of everything."""

    def check(self) -> None:
        """Return at once while the store is known to take writes; otherwise try one.

        What is known is at most a second old; it is refreshed in the background while requests come in.

        :raises StoreUnavailable: it does not.
        """

    def publish(self, notice: Notice) -> None:
        """Keep a notice for good.

        :raises InvalidInput: the number is taken, or is not the next.
        """

    def notices(self, site: str) -> list[Notice]:
        """Return a site's published notices, oldest first."""

    def lift(self, site: str, *, lifted: bool, at: int) -> None:
        """Lift a site's policy, or put it back; doing either twice changes nothing."""

    def is_lifted(self, site: str) -> bool:
        """Tell whether a site's policy is lifted."""

    def record(self, record: ConsentRecord) -> None:
        """Keep a grant. A new subject gets its sealing key.

        A subject's earlier record ends as ``replaced``, and permits nothing any more: who narrows a grant is not
        logged by the cookies of the wider one.

        :raises InvalidInput: the subject has ended: a new grant is a new subject.
        """

    def end(self, site: str, subject: bytes, state: State, *, at: int) -> None:
        """End a subject's record and block the subject: nothing is appended for it any more, by any process.

        Ending twice, or a subject that never was, changes nothing.
        """

    def block(self, site: str, subject: bytes, status: Status, *, at: int) -> None:
        """Restrict, erase or register the objection of a subject. Erasing destroys its sealing key.

        A weaker status never replaces a stronger one: withdrawn, objecting, restricted, erased. A subject that never
        was stays so.
        """

    def status(self, site: str, subject: bytes) -> Status:
        """Return what a subject's own requests have made of it; active also where its record has merely ended."""

    def append(self, event: Event, permit: Allowed, *, wait: float | None = None) -> None:
        """Keep one event. See :meth:`append_all`."""

    def append_all(self, permitted: Sequence[Permitted], *, wait: float | None = None) -> None:
        """Keep events, sealed under their subjects' keys, all or none.

        With a ``wait`` of the caller's own they are still kept later, if the database answers then.

        Decides again inside the writing transaction: events of a subject that was blocked meanwhile are dropped and
        counted in the tally. An event id that the subject already has is kept once.

        :raises ValueError: a permit is not a grant for the event's site (a mistake in the program).
        """

    def tally(self, total: Total, n: int = 1) -> None:
        """Add to a total in memory; it is written at most once a minute, and on :meth:`close`."""

    def totals(
        self, site: str, first: str = "", last: str = "", *, what: str | None = None, name: str | None = None
    ) -> dict[Total, int]:
        """Return a site's totals, with those not yet written.

        :param first: an ISO date, in the site's time zone: only from this day on; ``last`` likewise, both included.
        :param what: only those that count this: choices, say.
        :param name: only what goes by this name: a tracker, say.
        """

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
        """Return the totals of some days, added up.

        :param what: as with :meth:`totals`; so is the name.
        :param by: the fields of a total that are told apart; of all others there is nothing in what is returned.
        """

    def see(self, seen: Mapping[Sighting, int]) -> None:
        """Add to how often each of some things was met; while a site has thousands of them, new ones are left out."""

    def sightings(self, site: str) -> dict[Sighting, int]:
        """Return what was met on a site, and how often."""

    def forget_sightings(self, site: str) -> None:
        """Forget what was met on a site."""

    def use_invitation(self, invitation: Invitation, *, at: int) -> None:
        """Note that an invitation has been used.

        :raises InvalidInput: it was before.
        """

    def events(self, site: str, subject: bytes) -> list[Event]:
        """Return a subject's events, settled or not, oldest first, opened; none once the subject's key is gone."""

    def settle(self) -> None:
        """Settle all events that wait: count them, and put them where those of their subject are.

        A serving process does this by itself within about a second; a command that reads panels asks for it first, as
        nothing may serve just now.
        """

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
        """Return what was counted from one day to another, both included, most first. Exact, of what is settled.

        :param first: an ISO date, in the site's time zone.
        :param name: count only what goes by this name: a tracker, say.
        :param by: which of :data:`~gatekeeper.core.rollups.DETAILS` are told apart; by default all are. Fewer take less
            time.
        :param bot: count what machines did that say what they are, instead of people.
        """

    def by_day(
        self, site: str, what: What, first: str, last: str, *, name: str | None = None, bot: bool = False
    ) -> dict[str, Amount]:
        """Return how much was counted on each day that had any."""

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
        """Return what was counted on each day that had any, as :meth:`panel` does for all days together."""

    def outcomes_by_day(
        self, site: str, outcome: str, trackers: Collection[str], first: str, last: str, *, bot: bool = False
    ) -> dict[str, int]:
        """Return how often some trackers had an outcome, together, on each day that had any."""

    def days_of(self, site: str, what: What, first: str, last: str, *, bot: bool = False) -> dict[str, tuple[str, str]]:
        """Return, by name, the first and the last of some days on which anything was counted."""

    def visitors(self, site: str, first: str, last: str, *, bot: bool = False) -> Visitors:
        """Return how many different visitors began a visit on some days. Each is counted once, over any range."""

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
        """Return how the visits of some days that have certain values are divided by something else.

        Exact, but that of each day only the first :data:`~gatekeeper.core.rollups.MAX_VALUES` values of a facet are
        told apart; the others go by :data:`~gatekeeper.core.rollups.OTHER`.

        :param what: one of :data:`~gatekeeper.core.rollups.FACETS`.
        :param where: facets and the values that visits must have.
        :raises InvalidInput: something that is no facet.
        """

    def find_receipt(self, site: str, receipt: bytes) -> ConsentRecord | None:
        """Return the record of a receipt, by the hash of its code."""

    def records(self, site: str, subject: bytes) -> list[ConsentRecord]:
        """Return a subject's records, oldest first."""

    def lease(self, name: str, seconds: float) -> bool:
        """Take the lease of a job that must not be done twice at once, or prolong it; tell whether this store has it.

        There is at most one holder: a store, and so a process, on whatever machine. A holder that dies or hangs loses
        it when the seconds are over. So a job asks for it again before each of its batches, for several times as long
        as a batch takes, and ends where the answer is no. On PostgreSQL the server ends a transaction whose process
        hangs after 10 s, so with 20 s and more nothing of a former holder is written beside the next one's.

            while store.lease("purge", 60) and purge_batch(store):
                pass
            store.give_back("purge")

        In a transaction of its own making a job uses :func:`gatekeeper.store.writes.take_lease`, which also locks the
        lease's row until the commit.
        """

    def give_back(self, name: str) -> None:
        """Let others take a lease; does nothing where it is not this store's. Closing gives all back."""

    def flush(self) -> None:
        """Write the tally now."""

    def purge(self, rules: Sequence[Rules], *, now: int, dry_run: bool = False) -> Iterator[Purged]:
        """Let go of what may be kept no longer, in short transactions, one or two for each value that is taken.

        Whoever takes them decides how fast it goes, and has the lease ``purge`` meanwhile. What is interrupted is
        gone on with by the next purge.

        :param rules: of all sites that are declared.
        :param now: seconds since the epoch.
        :param dry_run: change nothing, only say what would be.
        """

    def purged_at(self) -> int | None:
        """Return when a purge was last finished, in seconds since the epoch; None before the first."""

    def measures(self) -> Measures:
        """Return what this process has done so far. It writes nothing."""
