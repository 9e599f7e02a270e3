"""Purging once a day beside the requests, and by hand: what may be kept no longer goes, slowly enough to be no load."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from gatekeeper.beside import Beside
from gatekeeper.config import Config
from gatekeeper.core.errors import GatekeeperError, StoreClosed, StoreUnavailable, where
from gatekeeper.core.retention import rules_of
from gatekeeper.geo.status import STALE_DAYS
from gatekeeper.store.contract import Purged, Store
from gatekeeper.web.service import Service

log = logging.getLogger(__name__)

LEASE = "purge"
#: How long the lease lasts if nothing more is heard, and how often it is prolonged, in seconds.
LEASED = 120.0
_PROLONG = 30.0
DAILY = 24 * 3600
#: How often is looked whether it is time, and how soon a purge that failed is tried again, in seconds.
LOOK_EVERY = 600.0
AGAIN = 1800.0
#: Of the time, at most this part is spent on purging: requests have the rest.
_SHARE = 0.2
_LONGEST_PAUSE = 2.0


class Lost(GatekeeperError):
    """Somebody else purges now."""


def steps(config: Config, store: Store, *, now: int, dry_run: bool = False, share: float = 1.0) -> Iterator[Purged]:
    """Purge, and say what each step did.

    :param now: seconds since the epoch.
    :param share: which part of the time to work; the rest is left to others.
    :raises Lost: another process purges now.
    """
    rules = [rules_of(site) for site in config.sites.values()]
    if dry_run:
        yield from store.purge(rules, now=now, dry_run=True)
        return
    leased = _lease(store)
    try:
        began = time.monotonic()
        for step in store.purge(rules, now=now):
            yield step
            took = time.monotonic() - began
            time.sleep(min(took * (1 / share - 1), _LONGEST_PAUSE))
            if time.monotonic() - leased > _PROLONG:
                leased = _lease(store)
            began = time.monotonic()
    finally:
        store.give_back(LEASE)


def _lease(store: Store) -> float:
    if not store.lease(LEASE, LEASED):
        raise Lost("another process purges now: wait for it, or see its log")
    return time.monotonic()


class Schedule(Beside):
    """Purges once a day, in a thread of its own, and looks after what nobody asks for.

    What goes wrong stands in the service's troubles, and so in /healthz.
    """

    NAME = "gatekeeper-purge"

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        super().__init__()
        self._service = service
        self._clock = clock

    def _run(self) -> None:
        with suppress(StoreUnavailable):  # then it is tried again by the store, whose writer has begun
            self._service.store.check()  # where nobody comes, what the process before left would wait to be settled
        pause = threading.Event()
        while not pause.wait(self.look()):
            pass

    def look(self) -> float:
        """Purge if it is time; return when to look again, in seconds."""
        self._look_at_geo()
        try:
            self._purge_if_due()
        except (Lost, StoreClosed):
            return LOOK_EVERY
        except StoreUnavailable as error:
            return self._failed(str(error))
        except Exception as error:
            log.error("the purge failed: %s", where(error))
            return self._failed(type(error).__name__)
        self._service.troubles.pop(LEASE, None)
        return LOOK_EVERY

    def _purge_if_due(self) -> None:
        now, store = int(self._clock()), self._service.store
        last = store.purged_at()
        if last is not None and 0 <= now - last < DAILY:
            return
        done: Counter[str] = Counter()
        for step in steps(self._service.config, store, now=now, share=_SHARE):
            done[step.what] += step.count
        if done:
            log.info("purged: %s", ", ".join(f"{what} {count}" for what, count in done.items()))

    def _failed(self, why: str) -> float:
        log.warning("the purge could not be finished, and is tried again: %s", why)
        self._service.troubles[LEASE] = f"purge: the last one failed ({why}); `gatekeeper purge` tries it by hand"
        return AGAIN

    def _look_at_geo(self) -> None:
        config, now = self._service.config, self._clock()
        found = [_geo_warning(config.path.parent / file, now) for file in config.geo.files]
        self._service.warnings = tuple(warning for warning in found if warning)


def _geo_warning(path: Path, now: float) -> str:
    try:
        days = (now - path.stat().st_mtime) / 86_400
    except OSError:
        return f"geo: {path} is missing, so providers and countries stay blank; run `gatekeeper geo update`"
    old = f"geo: {path} is {days:.0f} days old, and networks change hands; run `gatekeeper geo update`"
    return old if days > STALE_DAYS else ""
