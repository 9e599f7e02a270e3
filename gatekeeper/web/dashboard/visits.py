"""Visits of those who agreed; one visitor's own log for staff with the right to see it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gatekeeper.core.choices import read_choice
from gatekeeper.core.days import local_time
from gatekeeper.core.decisions import Status
from gatekeeper.core.errors import BadChoice
from gatekeeper.core.events import Event, EventKind
from gatekeeper.core.panels import Panel
from gatekeeper.core.sites import Site
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.changes import outcome_words
from gatekeeper.panels.groups import REST
from gatekeeper.store.contract import ConsentRecord
from gatekeeper.web.choice import receipt_hash
from gatekeeper.web.http import Request, Response, first_of
from gatekeeper.web.pages import form_fields
from gatekeeper.web.service import Service

from . import audit
from .asked import asked_of
from .page import dashboard_page, panels_of

#: A page shows so many rows of each table; files have all of them.
_ROWS = 20
#: And so many of a visitor's events, the last ones.
_EVENTS = 500
#: A receipt code is no longer, with whatever stands between its groups.
_MAX_CODE = 100


def show(service: Service, request: Request, site: str) -> Response:
    """Show what visits were like."""
    asked = asked_of(service, request, site)
    ids = [listed.id for listed in PANELS.values() if listed.page == "visits"]
    panels = [_first_rows(panel) for panel in panels_of(service, site, asked, ids)]
    return dashboard_page(service, request, "dashboard/visits.html", site, title="Visits", asked=asked, panels=panels)


def _first_rows(panel: Panel) -> Panel:
    """Return a panel with as much as a page has room for; what is told of a day is told of all days."""
    if panel.columns[0].id == "day" or len(panel.rows) <= _ROWS:
        return panel
    rows, links = panel.rows[:_ROWS], panel.links[:_ROWS]
    if panel.rows[-1][0] == REST:
        rows, links = (*rows, panel.rows[-1]), (*links, "")
    more = f"The first {_ROWS} of {len(panel.rows):,}; the files have all."
    return replace(panel, rows=rows, links=links, note=f"{panel.note} {more}")


def show_one(service: Service, request: Request, site: str) -> Response:
    """Ask for the receipt code of the visitor whose log is wanted."""
    return dashboard_page(service, request, "dashboard/visitor.html", site, title="One visitor")


def find(service: Service, request: Request, site: str) -> Response:
    """Show what the log holds of one visitor. That it was looked at stands in the audit trail before it is.

    The code comes in a form, so that no address, and no log of addresses, holds it.
    """
    code = "".join(first_of(form_fields(request), "code").split())
    held = service.store.find_receipt(site, receipt_hash(code)) if 0 < len(code) <= _MAX_CODE else None
    if held is None:
        audit.note(service, request.member, "visitor.sought", site=site, detail="no such receipt code")
        error = (
            "Nothing is held under this code. It may have a slip in it; or what it stood for was erased, or ran out."
        )
        return dashboard_page(
            service, request, "dashboard/visitor.html", site, status=404, title="One visitor", error=error
        )

    audit.note(service, request.member, "visitor.seen", site=site, about=held.record.hex())
    published = service.published(site).site
    # What is restricted is kept, and used for nothing (GDPR Art. 18(2)): the visitor alone sees it.
    status = service.store.status(site, held.subject)
    events = [] if status is Status.RESTRICTED else service.store.events(site, held.subject)
    return dashboard_page(
        service,
        request,
        "dashboard/visitor.html",
        site,
        title="One visitor",
        records=[_told_record(published, record) for record in service.store.records(site, held.subject)],
        events=[_told_event(published, event) for event in events[-_EVENTS:]],
        left_out=max(0, len(events) - _EVENTS),
        found=held.record.hex(),
        wish=status.value,
    )


@dataclass(frozen=True, slots=True)
class _Consent:
    """A consent record in words."""

    id: str
    at: str
    notice: int
    language: str
    method: str
    granted: str
    ended: str


@dataclass(frozen=True, slots=True)
class _Happened:
    """An event in words.

    :param with_: the browser and whatever else the request told, as far as it is kept.
    """

    at: str
    what: str
    page: str
    details: str
    with_: str
    address: str


def _told_record(site: Site, record: ConsentRecord) -> _Consent:
    ended = f"{record.ended_as} {_moment(site, record.ended_at)}" if record.ended_at is not None else ""
    return _Consent(
        record.record.hex(),
        _moment(site, record.at),
        record.notice,
        record.language,
        record.method,
        _granted(site, record),
        ended,
    )


def _granted(site: Site, record: ConsentRecord) -> str:
    try:
        choice = read_choice(record.choice, site.notices)
    except BadChoice:
        return record.choice
    names = sorted(choice.purposes)
    return ", ".join([*names, *(f"except {name}" for name in sorted(choice.trackers))])


_WHAT = {
    EventKind.VIEW: "Viewed a page",
    EventKind.STAY: "Stayed on it",
    EventKind.OUTCOME: "A tracker",
    EventKind.EVENT: "The site's own event",
    EventKind.OUT: "Left for another site",
    EventKind.BEACON: "Beacon",
    EventKind.CLICK: "Followed a signed link",
}
_WITH = ("browser", "system", "device", "language", "country", "provider")


def _told_event(site: Site, event: Event) -> _Happened:
    get = event.fields.get
    return _Happened(
        _moment(site, event.at),
        _WHAT[event.kind],
        get("path", ""),
        ", ".join(_details(event)),
        ", ".join(value for name in _WITH if (value := get(name, ""))),
        get("address", ""),
    )


def _details(event: Event) -> Iterable[str]:
    get = event.fields.get
    match event.kind:
        case EventKind.STAY:
            yield f"{get('seconds', '')} s"
        case EventKind.OUTCOME:
            yield f"{event.tracker}: {outcome_words(get('outcome', ''), get('reason', ''))}"
        case EventKind.EVENT:
            yield " ".join(value for name in ("event", "value", "currency", "order") if (value := get(name, "")))
        case EventKind.OUT:
            yield get("target", "")
        case EventKind.BEACON | EventKind.CLICK:
            yield event.tracker
        case EventKind.VIEW:
            named = {"referrer": "from", "campaign": "campaign", "source": "source", "medium": "medium"}
            yield from (f"{words} {value}" for name, words in named.items() if (value := get(name, "")))
            if searched := get("search", ""):
                yield f"searched for {searched}"


def _moment(site: Site, at: int) -> str:
    return local_time(at, site.time_zone).strftime("%Y-%m-%d %H:%M:%S")
