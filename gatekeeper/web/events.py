"""What the guard reports: page views and what became of each tracker, as the visitor's choice allows."""

from typing import Annotated, Literal

import msgspec

from gatekeeper.core import minimise
from gatekeeper.core.decisions import Allowed, Reason
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.trackers import GUARD, VISIT, Fault, Outcome
from gatekeeper.core.visits import Visit
from gatekeeper.store.contract import Total

from .access import own_hosts
from .hits import UNKNOWN, permit_of
from .http import NO_STORE, Request, Response, read_json
from .service import Service
from .visits import facts_of, is_visit, read_visit

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Text = Annotated[str, msgspec.Meta(max_length=2048)]
_outcomes = frozenset(Outcome)
_reasons = frozenset[str](Reason) | frozenset[str](Fault)


class View(msgspec.Struct, tag_field="kind", tag="view", forbid_unknown_fields=True):
    """A page was viewed."""

    id: Id
    path: Text
    referrer: Text = ""


class Seen(msgspec.Struct, tag_field="kind", tag="outcome", forbid_unknown_fields=True):
    """What became of a tracker on a page."""

    id: Id
    tracker: Text
    outcome: Literal["released", "requested", "loaded", "failed", "blocked", "slipped"]
    path: Text
    reason: Text = ""


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """What one page reports at once.

    :param events: with ids; kept only where the visit log is granted.
    :param totals: (tracker, outcome, reason), with nobody in them.
    """

    events: Annotated[list[View | Seen], msgspec.Meta(max_length=200)] = []
    totals: Annotated[list[tuple[Text, Text, Text]], msgspec.Meta(max_length=200)] = []


def report(service: Service, request: Request, site: str) -> Response:
    """Keep a batch of events, answered after the commit. What may not be kept is dropped; the answer is the same.

    :raises StoreUnavailable: whatever the batch holds; the page may send it again, with the same ids.
    """
    visit = read_visit(service, request, site)
    batch = read_json(request.body(), Batch)
    service.store.check()
    if is_visit(request):
        _count(service, visit, batch)
        _log(service, request, visit, batch)
    return Response(204, (NO_STORE,))


def _log(service: Service, request: Request, visit: Visit, batch: Batch) -> None:
    # The site's own rows about a tracker belong to the visit log: its permission is what they need.
    permit = permit_of(visit.decide(VISIT))
    if permit is None or visit.token is None or not batch.events:
        return
    rows = [_permitted(service, request, visit, visit.token.subject, row, permit) for row in batch.events]
    service.store.append_all(rows)


def _permitted(
    service: Service, request: Request, visit: Visit, subject: bytes, row: View | Seen, permit: Allowed
) -> Permitted:
    told = {"path": minimise.clean_path(row.path)}
    if isinstance(row, View):
        kind, tracker = EventKind.VIEW, VISIT
        told["referrer"] = minimise.referrer_host(row.referrer, own_hosts(visit.site))
    else:
        kind, tracker = EventKind.OUTCOME, _known(visit, row.tracker)
        told |= {"outcome": row.outcome, "reason": row.reason if row.reason in _reasons else ""}
    fields = facts_of(service, request, visit, **told)
    event = Event(bytes.fromhex(row.id), visit.site.id, subject, visit.now, kind, tracker, fields)
    return Permitted(event, permit)


def _count(service: Service, visit: Visit, batch: Batch) -> None:
    if not (visit.site.anonymous_totals or _granted_anything(visit)):
        return
    for tracker, outcome, reason in batch.totals:
        if outcome in _outcomes:
            told = reason if reason in _reasons else ""
            name = _known(visit, tracker)
            service.store.tally(Total(visit.site.id, visit.site.day_of(visit.now), "outcome", name, told, outcome))


def _granted_anything(visit: Visit) -> bool:
    return any(permit_of(visit.decide(tracker)) for tracker in visit.site.trackers)


def _known(visit: Visit, tracker: str) -> str:
    return tracker if tracker == GUARD or tracker in visit.site.trackers else UNKNOWN
