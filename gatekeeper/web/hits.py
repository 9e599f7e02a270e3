"""Record a hit: decide, then log it where it is granted, and count it where it is not."""

from gatekeeper.core import minimise
from gatekeeper.core.decisions import Allowed, Decision, Reason
from gatekeeper.core.events import Event, EventKind
from gatekeeper.core.sites import Site
from gatekeeper.core.visits import Visit
from gatekeeper.store.contract import Total

from .http import Request
from .ids import event_id
from .service import Service
from .visits import Facts

#: Stands in totals for every tracker that is not declared, so that nobody can fill memory with made-up names.
UNKNOWN = "unknown"


def record_hit(
    service: Service,
    request: Request,
    visit: Visit,
    kind: EventKind,
    tracker: str,
    *,
    page: str,
    wait: float | None = None,
) -> None:
    """Decide about one hit of a tracker, and keep what that allows.

    :param page: the address of the page it is on, of which the path is kept; empty where there is none.
    :param wait: how long to wait for the commit, in seconds; None means the store's own limit.
    :raises StoreUnavailable: it was granted, but could not be kept.
    """
    decision = visit.decide(tracker)
    permit = permit_of(decision)
    if permit is None or visit.token is None:
        count_hit(service, visit.site, tracker, decision, now=visit.now)
        return
    fields = Facts(service, request, visit).kept({"path": minimise.url_path(page)})
    event = Event(event_id(), visit.site.id, visit.token.subject, visit.now, kind, tracker, fields)
    service.store.append(event, permit, wait=wait)


def permit_of(decision: Decision) -> Allowed | None:
    """Return the permission to log, if a decision is one: what is merely necessary is allowed, but not logged."""
    return decision if isinstance(decision, Allowed) and decision.reason is Reason.GRANTED else None


def count_hit(service: Service, site: Site, tracker: str, decision: Decision, *, now: int) -> None:
    """Add a hit to the totals, in memory."""
    service.store.tally(total_of(site, tracker, decision, now=now))


def total_of(site: Site, tracker: str, decision: Decision, *, now: int) -> Total:
    """Return what a hit adds to: site, day, tracker, reason, and nobody in it."""
    name = tracker if tracker in site.trackers else UNKNOWN
    return Total(site.id, site.day_of(now), "hit", name, reason=decision.reason.value)
