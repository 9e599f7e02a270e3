"""What the rules look at: the counts of a site, from the store."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from gatekeeper.core.alerts import Limits
from gatekeeper.core.rollups import What
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import GUARD, Outcome
from gatekeeper.store.contract import Store, Total

from .rules import LOOKS_BACK, Facts, Named, Pulse

#: That something fired. Where a page tells both, they are of one time.
_SIGNS = {Outcome.REQUESTED.value, Outcome.LOADED.value}
_Counts = defaultdict[str, Counter[tuple[str, str]]]


def gather(site: Site, limits: Limits, store: Store, pulses: "Pulses", *, now: int) -> Facts:
    """Return the facts of a site.

    :param site: as it is published.
    """
    bare = Facts(site, limits, now)
    first, today = bare.day(LOOKS_BACK + 7), bare.day(0)
    totals = store.totals(site.id, first, today)
    outcomes = _outcomes(store, totals, site.id, first, today)
    views = {day: amount.n for day, amount in store.by_day(site.id, What.PAGE, first, today).items()}
    signs = {day: _signs(counts) for day, counts in outcomes.items()}
    checks = store.alarms.checks(site.id, limit=1)
    return Facts(
        site=site,
        limits=limits,
        now=now,
        signs=signs,
        slipped={day: dict(_of(counts, Outcome.SLIPPED)) for day, counts in outcomes.items()},
        views=views,
        choices=_choices(totals),
        sightings=store.sightings(site.id),
        pulses=pulses.feel(site, signs, views, now=now),
        check=checks[0] if checks else None,
    )


def _outcomes(store: Store, totals: Mapping[Total, int], site: str, first: str, last: str) -> _Counts:
    """Return by day how often each tracker had each outcome, told by those who agreed and by the others."""
    found: _Counts = defaultdict(Counter)
    for day, rows in store.each_day(site, What.OUTCOME, first, last).items():
        for row in rows:
            if row.name != GUARD:  # it tells of itself that it is there
                found[day][row.name, row.outcome] += row.n
    for day, rows in store.each_day(site, What.BEACON, first, last).items():
        for row in rows:
            found[day][row.name, Outcome.REQUESTED.value] += row.n
    for total, n in totals.items():
        if total.what == "outcome" and total.name != GUARD:
            found[total.day][total.name, total.outcome] += n
    return found


def _signs(counts: Counter[tuple[str, str]]) -> dict[str, int]:
    names = {name for name, outcome in counts if outcome in _SIGNS}
    return {name: max(counts[name, outcome] for outcome in _SIGNS) for name in names}


def _of(counts: Counter[tuple[str, str]], outcome: Outcome) -> Iterator[tuple[str, int]]:
    return ((name, n) for (name, became), n in counts.items() if became == outcome)


def _choices(totals: Mapping[Total, int]) -> Named:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for total, n in totals.items():
        if total.what == "choice":
            found[total.day][total.name] += n
    return found


class Pulses:
    """When this process last saw each count grow. Counts are of whole days; this tells the hour."""

    def __init__(self) -> None:
        self._signs: dict[str, Named] = {}
        self._views: dict[str, Mapping[str, int]] = {}
        self._pulses: dict[tuple[str, str], Pulse] = {}

    def feel(self, site: Site, signs: Named, views: Mapping[str, int], *, now: int) -> dict[str, Pulse]:
        """Take the counts of now, and return by tracker since when they have not grown."""
        known = site.id in self._views
        before, views_before = self._signs.get(site.id, {}), self._views.get(site.id, {})
        more = sum(max(n - views_before.get(day, 0), 0) for day, n in views.items())
        for tracker in site.trackers:
            grown = any(row.get(tracker, 0) > before.get(day, {}).get(tracker, 0) for day, row in signs.items())
            last = self._pulses.get((site.id, tracker))
            fresh = last is None or not known or grown
            self._pulses[site.id, tracker] = (
                Pulse(now, 0) if fresh or last is None else Pulse(last.at, last.views + more)
            )
        self._signs[site.id], self._views[site.id] = signs, views
        return {tracker: self._pulses[site.id, tracker] for tracker in site.trackers}
