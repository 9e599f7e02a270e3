"""What became of trackers, added up over everybody who is counted, with each counted once.

Visitors who agreed to the visit log leave outcomes as events. Those with other grants, and the undecided and refusing
where the site counts them, leave totals instead; a page never sends both. Hits of the site's own beacons and links are
logged where that was granted, and are totals everywhere else.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gatekeeper.core.decisions import Reason
from gatekeeper.core.rollups import What
from gatekeeper.core.trackers import GUARD, Outcome
from gatekeeper.store.contract import Sum, Total

from .sources import Sources

#: In outcomes and hits: whatever no tracker declares.
UNKNOWN = "unknown"
#: What hits are called where outcomes have their own names.
HITS, DENIED_HITS = "hits", "hits_denied"
#: More rows than a site's trackers can have of outcomes and reasons.
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a tracker, and why."""

    tracker: str
    outcome: str
    reason: str = ""


@dataclass(slots=True)
class Fired:
    """What became of trackers on some days.

    :ivar log: of visitors who agreed to the visit log.
    :ivar others: of everyone else who is counted.
    :ivar hits: hits of own beacons and links that were logged, by tracker.
    :ivar unlogged: hits that were not, and rows of the log that came too late to be kept, by tracker and reason.
    :ivar days: the first and the last day on which totals of a tracker were counted.
    :ivar late: clicks that did not wait for the log; they may be in it, or not.
    """

    log: Counter[Became] = field(default_factory=Counter)
    others: Counter[Became] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    unlogged: Counter[tuple[str, str]] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    days: dict[str, tuple[str, str]] = field(default_factory=dict)

    def n(self, outcome: Outcome, tracker: str | None = None, reasons: Iterable[str] | None = None) -> int:
        """Return how often trackers became something: one, or all but the guard; for any reason, or for some."""
        wanted = None if reasons is None else set(reasons)
        return sum(
            n
            for counts in (self.log, self.others)
            for became, n in counts.items()
            if became.outcome == outcome
            and (became.tracker != GUARD if tracker is None else became.tracker == tracker)
            and (wanted is None or became.reason in wanted)
        )

    def allowed_hits(self, tracker: str) -> int:
        """Return the hits of a tracker that were allowed: the logged ones, and those of necessary trackers."""
        return self.hits[tracker] + self.unlogged[tracker, Reason.NECESSARY]

    def denied_hits(self, tracker: str) -> int:
        """Return the hits of a tracker that were not allowed, or no longer."""
        return sum(n for (name, why), n in self.unlogged.items() if name == tracker and why != Reason.NECESSARY)

    def trackers(self) -> set[str]:
        """Return the names of all that was met, the guard left out."""
        of_pages = {became.tracker for counts in (self.log, self.others) for became in counts}
        return (of_pages | set(self.hits) | {name for name, _ in self.unlogged} | set(self.late)) - {GUARD}


def read(sources: Sources, first: str, last: str, *, bot: bool = False, tracker: str | None = None) -> Fired:
    """Return what became of trackers from one day to another.

    :param bot: of machines that say what they are. Totals hold no machines apart, and are left out then.
    :param tracker: count only this one.
    """
    store, site = sources.store, sources.site.id
    fired = Fired()
    for row in store.panel(site, What.OUTCOME, first, last, name=tracker, bot=bot, limit=MOST):
        fired.log[Became(row.name, row.outcome, row.reason)] += row.n
    for what in (What.BEACON, What.CLICK):
        for row in store.panel(site, what, first, last, name=tracker, bot=bot, limit=MOST):
            fired.hits[row.name] += row.n
    if not bot:
        _add_totals(fired, store.sums(site, first, last, name=tracker))
    return fired


def _add_totals(fired: Fired, sums: Mapping[Total, Sum]) -> None:
    for total, (n, begin, end) in sums.items():
        if total.what in {"outcome", "hit", "late"}:
            _widen(fired.days, total.name, begin, end)
        match total.what:
            case "outcome":
                fired.others[Became(total.name, total.outcome, total.reason)] += n
            case "hit":
                fired.unlogged[total.name, total.reason] += n
            case "late":
                fired.late[total.name] += n


def each_day(
    sources: Sources, first: str, last: str, *, tracker: str | None = None, bot: bool = False
) -> dict[str, Counter[str]]:
    """Return, by day, how often a tracker became what, with :data:`HITS` and :data:`DENIED_HITS` of it.

    Without a tracker, it is all of them but the guard.
    """
    found: dict[str, Counter[str]] = {}
    for day, name, what, n in _met(sources, first, last, tracker, bot=bot):
        if tracker is not None or name != GUARD:
            found.setdefault(day, Counter())[what] += n
    return found


def _met(
    sources: Sources, first: str, last: str, tracker: str | None, *, bot: bool
) -> Iterator[tuple[str, str, str, int]]:
    store, site = sources.store, sources.site.id
    for what in (What.OUTCOME, What.BEACON, What.CLICK):
        for day, rows in store.each_day(site, what, first, last, name=tracker, bot=bot).items():
            yield from ((day, row.name, row.outcome or HITS, row.n) for row in rows)
    if bot:
        return
    for total, n in store.totals(site, first, last, name=tracker).items():
        if total.what == "outcome":
            yield total.day, total.name, total.outcome, n
        elif total.what == "hit":
            yield total.day, total.name, HITS if total.reason == Reason.NECESSARY else DENIED_HITS, n


def seen_between(
    sources: Sources, first: str, last: str, fired: Fired, *, bot: bool = False
) -> dict[str, tuple[str, str]]:
    """Return, by tracker, the first and the last of some days on which anything of it was counted.

    :param fired: what was, on these days.
    """
    store, site = sources.store, sources.site.id
    found = dict(fired.days)
    for what in (What.OUTCOME, What.BEACON, What.CLICK):
        for name, (begin, end) in store.days_of(site, what, first, last, bot=bot).items():
            _widen(found, name, begin, end)
    return found


def _widen(found: dict[str, tuple[str, str]], name: str, begin: str, end: str) -> None:
    before = found.get(name, (begin, end))
    found[name] = min(before[0], begin), max(before[1], end)


def who(sources: Sources, *, bot: bool = False) -> str:
    """Return whom the numbers of trackers cover, in a sentence."""
    if bot:
        return "Machines that say what they are, as far as the visit log has them."
    if sources.site.anonymous_totals:
        return (
            "Everybody is counted: visitors who agreed to the visit log, and as mere totals all others, "
            "but for those who objected even to that."
        )
    return (
        "Counted: visitors who agreed to the visit log, and as mere totals those who agreed to something else. "
        "What was held back for the undecided and the refusing is not measured: anonymous_totals is off."
    )
