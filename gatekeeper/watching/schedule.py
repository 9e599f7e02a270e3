"""Watching beside the requests, in a thread of its own: one process of all does it at a time."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from gatekeeper.beside import Beside
from gatekeeper.core.alerts import last_round
from gatekeeper.core.errors import StoreClosed, StoreUnavailable, where
from gatekeeper.core.sites import Site
from gatekeeper.web.service import Service

from .letters import send_due
from .mail import Undelivered
from .rounds import NotChecked, check, outcome, why_not
from .watch import Watch

log = logging.getLogger(__name__)

LEASE = "watch"
#: Who has a browser has this one: not every process that watches needs to.
LIVE_LEASE = "live-check"
#: How often is looked, and how soon again after a failure, in seconds.
LOOK_EVERY = 300.0
AGAIN = 120.0
#: How long a lease lasts if nothing more is heard, in seconds.
LEASED = 2 * LOOK_EVERY
#: How soon a check that could not be done is tried again, in seconds.
CHECK_AGAIN = 3600
_NOTE = "alerts"


class Schedule(Beside):
    """Looks at all sites every few minutes, and at their pages once a day.

    What goes wrong with it stands in the service's notes, and so in /healthz as a warning: visitors are served all the
    same.
    """

    NAME = "gatekeeper-watch"

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        super().__init__()
        self._service = service
        self._clock = clock
        self._watch = Watch(service.config, service.store, began=service.began)
        self._tried: dict[str, int] = {}

    def _run(self) -> None:
        pause = threading.Event()
        # Not in the moments in which it begins to serve.
        wait = AGAIN
        while not pause.wait(wait):
            wait = self.look()

    def look(self) -> float:
        """Look, and do what is due; return when to look again, in seconds."""
        try:
            well = self._look_and_tell()
            if self._check_pages():
                well = self._look_and_tell()
        except StoreClosed:
            return LOOK_EVERY
        except StoreUnavailable as error:
            log.warning("watching waits for the database: %s", error)
            return AGAIN
        except Exception as error:
            log.error("watching failed: %s", where(error))
            self._service.notes[_NOTE] = f"alerts: watching failed ({type(error).__name__}), and is tried again"
            return AGAIN
        return LOOK_EVERY if well else AGAIN

    def _look_and_tell(self) -> bool:
        """Look at the counts, and tell; tell whether all that is to be sent was."""
        store, now = self._service.store, self._now()
        if not store.lease(LEASE, LEASED):
            self._service.notes.pop(_NOTE, None)
            return True
        sites = self._sites()
        self._watch.keep(self._watch.look(sites, now=now), now=now)
        troubles = [*self._watch.tell(now=now).troubles, *self._send_reports(sites, now)]
        for trouble in troubles:
            log.warning("it could not be told, and is tried again: %s", trouble)
        if troubles:
            self._service.notes[_NOTE] = f"alerts: {'; '.join(troubles)}; tried again, and `gatekeeper alerts test` too"
        else:
            self._service.notes.pop(_NOTE, None)
        return not troubles

    def _send_reports(self, sites: Mapping[str, Site], now: int) -> list[str]:
        try:
            for sent in send_due(self._service.config, self._service.store, sites, now=now):
                log.info("sent the report %s", sent)
        except Undelivered as error:
            return [str(error)]
        return []

    def _check_pages(self) -> bool:
        """Look at the pages of each site whose check is due; tell whether any was looked at."""
        service = self._service
        service.unchecked = why_not(service.config)
        due = [site for site in self._sites().values() if is_due(service, site, now=self._now())]
        due = [site for site in due if self._now() - self._tried.get(site.id, 0) >= CHECK_AGAIN]
        if service.unchecked or not due or not service.store.lease(LIVE_LEASE, LEASED):
            return False
        try:
            # Somebody else may have done it in the meantime.
            done = [self._check(site) for site in due if is_due(service, site, now=self._now())]
            return any(done)
        finally:
            with suppress(StoreUnavailable):
                service.store.give_back(LIVE_LEASE)

    def _check(self, site: Site) -> bool:
        service = self._service
        self._tried[site.id] = self._now()
        try:
            runs = check(service.config, site, going_on=lambda: service.store.lease(LIVE_LEASE, LEASED))
        except NotChecked as error:
            service.unchecked = str(error)
            log.warning("the pages of %s could not be checked: %s", site.id, error)
            return False
        service.store.alarms.keep_check(outcome(site, runs, now=self._now()))
        return True

    def _sites(self) -> dict[str, Site]:
        return published(self._service)

    def _now(self) -> int:
        return int(self._clock())


def published(service: Service) -> dict[str, Site]:
    """Return all sites as they are published."""
    return {name: service.published(name).site for name in service.config.sites}


def is_due(service: Service, site: Site, *, now: int) -> bool:
    """Tell whether the time of a site's check has come since the last one, or since the process began."""
    plan = service.config.alerts.rounds.get(site.id)
    if plan is None or not plan.daily or site.notice is None:
        return False
    due = last_round(plan.at, site.time_zone, now)
    last = service.store.alarms.checks(site.id, limit=1)
    return last[0].at < due if last else service.began < due
