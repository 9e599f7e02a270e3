"""What the guard reports: what happened on a page, as the visitor's choice allows."""

from typing import Annotated, Literal

import msgspec

from gatekeeper.core import minimise
from gatekeeper.core.decisions import Reason
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.searches import search_term
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import GUARD, VISIT, Fault, Outcome
from gatekeeper.core.visits import Visit
from gatekeeper.store.contract import Total

from .access import own_hosts
from .hits import UNKNOWN, permit_of
from .http import NO_STORE, Request, Response, read_json
from .ids import order_event_id
from .service import Service
from .visits import Facts, is_visit, read_visit

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Text = Annotated[str, msgspec.Meta(max_length=2048)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}\Z")]
Currency = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{3})?\Z")]  # ISO 4217
Value = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
_outcomes = frozenset(Outcome)
_reasons = frozenset[str](Reason) | frozenset[str](Fault)
_DAY = 86_400


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """Something that happened on a page.

    :param path: of the page, as it stands in its address.
    """

    id: Id
    path: Text


class View(Row, tag_field="kind", tag="view"):
    """The page was viewed. What it was come by, and what was searched for, only where that may be told."""

    referrer: Text = ""
    search: Text = ""
    source: Text = ""
    medium: Text = ""
    campaign: Text = ""


class Stay(Row, tag_field="kind", tag="stay"):
    """It was in front of the visitor for so many seconds more."""

    seconds: Annotated[int, msgspec.Meta(ge=1, le=_DAY)]


class Seen(Row, tag_field="kind", tag="outcome"):
    """What became of a tracker on it."""

    tracker: Text
    outcome: Literal["released", "requested", "loaded", "failed", "blocked", "slipped"]
    reason: Text = ""


class Happened(Row, tag_field="kind", tag="event"):
    """What the site itself named.

    :param order: told again, such as by a page that is opened again, it is the same event.
    """

    event: Name
    value: Value | None = None
    currency: Currency = ""
    order: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Out(Row, tag_field="kind", tag="out"):
    """The visitor left for another site."""

    target: Text


AnyRow = View | Stay | Seen | Happened | Out


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """What one page reports at once.

    :param events: with ids; each kept only where its purpose is granted.
    :param totals: (tracker, outcome, reason), with nobody in them.
    """

    events: Annotated[list[AnyRow], msgspec.Meta(max_length=200)] = []
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
    if visit.token is None or not batch.events:
        return
    facts = Facts(service, request, visit)
    permits = {
        purpose: permit_of(visit.decide_purpose(purpose))
        for purpose in {_purpose(visit.site, row) for row in batch.events}
    }
    rows = []
    for row in batch.events:
        permit = permits[_purpose(visit.site, row)]
        if permit is not None:
            rows.append(Permitted(_event(service, visit, visit.token.subject, row, facts), permit))
    if rows:
        service.store.append_all(rows)


def _purpose(site: Site, row: AnyRow) -> str:
    """Return the purpose without which a row is not kept at all."""
    if isinstance(row, Happened):
        return site.event_purpose(row.event)
    # All else belongs to the visit log, but for the way out, which is nothing without where it leads.
    return site.fields["target"] if isinstance(row, Out) else site.trackers[VISIT].purpose


def _event(service: Service, visit: Visit, subject: bytes, row: AnyRow, facts: Facts) -> Event:
    site, name, order = visit.site, "", ""
    tracker = _known(visit, row.tracker) if isinstance(row, Seen) else VISIT
    if isinstance(row, Happened):
        name, order = row.event, row.order
    fields = facts.kept({"path": minimise.clean_path(row.path), **_told(site, row)}, name)
    key = service.config.keys[-1]
    event_id = order_event_id(key, subject, site.id, name, order) if order else bytes.fromhex(row.id)
    return Event(event_id, site.id, subject, visit.now, _KINDS[type(row)], tracker, fields)


_KINDS = {
    View: EventKind.VIEW,
    Stay: EventKind.STAY,
    Seen: EventKind.OUTCOME,
    Happened: EventKind.EVENT,
    Out: EventKind.OUT,
}


def _told(site: Site, row: AnyRow) -> dict[str, str]:
    """Return what a row tells beside its page, as it is kept."""
    match row:
        case View():
            words = {name: minimise.clean_words(getattr(row, name)) for name in ("source", "medium", "campaign")}
            referrer = minimise.referrer_host(row.referrer, own_hosts(site))
            return {**words, "referrer": referrer, "search": search_term(site.search, row.path, row.search)}
        case Stay():
            return {"seconds": str(row.seconds)}
        case Seen():
            return {"outcome": row.outcome, "reason": row.reason if row.reason in _reasons else ""}
        case Happened():
            value = "" if row.value is None else _decimal(row.value)
            return {"event": row.event, "value": value, "currency": row.currency, "order": row.order}
        case Out():
            return {"target": minimise.clean_host(row.target)}


def _decimal(value: float) -> str:
    """Return a number in plain digits, with as many decimals as money has anywhere (ISO 4217: four)."""
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 5e-5 else "0"


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
