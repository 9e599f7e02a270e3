"""Watching: a look at every site, what follows from it for the alarms, and telling them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gatekeeper.config import Config
from gatekeeper.core.alerts import Limits
from gatekeeper.core.sites import Site
from gatekeeper.core.staff import EVERY_SITE
from gatekeeper.store.books import Alarm
from gatekeeper.store.contract import Store

from .facts import Pulses, gather
from .rules import Verdict, judge, overdue
from .telling import STALE, Teller, Told, is_untold


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look changes.

    :param begun: alarms that are new; ``over`` are those that are right again.
    """

    begun: tuple[Alarm, ...]
    over: tuple[Alarm, ...]


def changes(site: str, verdicts: Sequence[Verdict], open_alarms: Sequence[Alarm], *, now: int) -> Changes:
    """Return what verdicts change: what they do not speak of any more is over, what they cannot tell stays."""
    wrong = {(verdict.kind.value, verdict.name): verdict for verdict in verdicts if verdict.wrong}
    unknown = {(verdict.kind.value, verdict.name) for verdict in verdicts if verdict.wrong is None}
    known = {(alarm.kind, alarm.name) for alarm in open_alarms}
    begun = [Alarm(site, *key, since=now, text=found.text) for key, found in wrong.items() if key not in known]
    over = [alarm for alarm in open_alarms if (alarm.kind, alarm.name) not in wrong.keys() | unknown]
    return Changes(tuple(begun), tuple(over))


class Watch:
    """Looks at all sites of a store, keeps alarms, and tells them.

    :param sites: as they are published.
    :param began: since when somebody could have purged, in seconds since the epoch.
    """

    def __init__(self, config: Config, store: Store, *, began: int) -> None:
        self._config = config
        self._store = store
        self._began = began
        self._pulses = Pulses()
        self.teller = Teller(config)

    def look(self, sites: Mapping[str, Site], *, now: int) -> list[Changes]:
        """Look at every site, and say what changes. Nothing is kept yet."""
        found = [self._look_at(site, now) for site in sites.values()]
        verdict = overdue(self._store.purged_at(), began=self._began, now=now)
        return [*found, changes(EVERY_SITE, [verdict], self._open(EVERY_SITE, now), now=now)]

    def _look_at(self, site: Site, now: int) -> Changes:
        limits = self._config.alerts.limits.get(site.id, Limits())
        facts = gather(site, limits, self._store, self._pulses, now=now)
        return changes(site.id, judge(facts), self._open(site.id, now), now=now)

    def keep(self, found: Sequence[Changes], *, now: int) -> None:
        """Keep what a look has changed."""
        book = self._store.alarms
        for alarm in [alarm for each in found for alarm in each.begun]:
            book.raise_alarm(alarm)
        for alarm in [alarm for each in found for alarm in each.over]:
            book.end_alarm(alarm.site, alarm.kind, alarm.name, at=now)

    def untold(self, *, now: int) -> list[Alarm]:
        """Return what is still to be told, the oldest first."""
        return sorted(self._untold(now), key=lambda alarm: (alarm.ended_at or alarm.since, alarm.site, alarm.kind))

    def _untold(self, now: int) -> Iterator[Alarm]:
        for site in (*self._config.sites, EVERY_SITE):
            yield from (alarm for alarm in self._store.alarms.alarms(site, since=now - STALE) if is_untold(alarm))

    def tell(self, *, now: int) -> Told:
        """Tell what is to be told, and note what has been. What was not is tried again by the next call."""
        left = self.untold(now=now)
        if not self.teller.ways or not left:
            return Told((), ())
        told = self.teller.tell(left, now=now)
        for alarm in told.done:
            self._store.alarms.told(alarm, at=now)
        return told

    def _open(self, site: str, now: int) -> list[Alarm]:
        return [alarm for alarm in self._store.alarms.alarms(site, since=now) if alarm.ended_at is None]
