"""Trackers: all of them, and one with what explains its numbers. Why one did not fire is in why.py."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from gatekeeper.core.panels import Asked, Panel
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import GUARD, VISIT
from gatekeeper.panels import gaps
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.outcomes import UNKNOWN, read
from gatekeeper.panels.trackers import link_of
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service

from . import why
from .asked import asked_of, fields_of, is_ours, query_of
from .page import dashboard_page, panels_of, sources_of

#: A page shows so many rows of a table of pages; files have all of them.
_ROWS = 20
#: No vendor counts more.
_MOST_DIGITS = 12
_OF_ONE = ("tracker-outcomes", "tracker-by-day", "tracker-blocked", "tracker-pages", "tracker-kept")
_OF_UNKNOWN = ("tracker-outcomes", "tracker-by-day", "tracker-pages", "undeclared")
_OF_GUARD = ("coverage", "coverage-pages", "guard-faults")

explain = why.show


def show(service: Service, request: Request, site: str) -> Response:
    """Show all trackers."""
    asked = asked_of(service, request, site)
    ids = [listed.id for listed in PANELS.values() if listed.page == "trackers"]
    panels = panels_of(service, site, asked, ids)
    return dashboard_page(
        service,
        request,
        "dashboard/trackers.html",
        site,
        title="Trackers",
        asked=asked,
        panels=[_first_rows(panel) for panel in panels],
        states=_states(panels[0]),
        undeclared=len(panels[ids.index("undeclared")].rows),
        coverage=gaps.coverage(sources_of(service, site), asked),
        guard=link_of(GUARD),
    )


@dataclass(frozen=True, slots=True)
class _State:
    """The trackers of which the same can be said.

    :param trackers: their names, and where more is told of each.
    """

    says: str
    bad: bool
    trackers: list[tuple[str, str]]


#: What the states of trackers mean, in the order in which they are told; and whether somebody has to look.
_STATES = {
    "Slipped through": ("reached a vendor, or kept something, without being allowed", True),
    "Mostly fails": ("fail more often than they load: an ad blocker, a wrong address, or the vendor", True),
    "Silent": ("were not met at all, so look whether the tags are still in the pages", True),
    "Only blocked": ("were only ever held back", False),
    "Released": ("were let go, and told nothing more", False),
    "Fires": ("fire where their visitors allow it", False),
    "Not counted": ("have neither a tag nor an address by which anything could be counted", False),
}


def _states(panel: Panel) -> list[_State]:
    """Return what can be said of all trackers in a few lines."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row, link in zip(panel.rows, panel.links, strict=True):
        found[str(row[1])].append((str(row[0]), link))
    return [_State(says, bad, found[state]) for state, (says, bad) in _STATES.items() if found[state]]


def _first_rows(panel: Panel) -> Panel:
    """Return a panel with as much as a page has room for, where its rows are pages."""
    if panel.columns[0].id != "page" or len(panel.rows) <= _ROWS:
        return panel
    more = f"The first {_ROWS} of {len(panel.rows)}; the files have all."
    return replace(panel, rows=panel.rows[:_ROWS], links=panel.links[:_ROWS], note=f"{panel.note} {more}")


def show_one(service: Service, request: Request, site: str, tracker: str) -> Response:
    """Show one tracker; or the guard, or what no tracker declares, as if it were one.

    :raises NotFound: none goes by this name, and none did on these days.
    """
    asked = asked_of(service, request, site, tracker)
    published = service.published(site).site
    _check_known(service, published, asked)
    ids = _OF_GUARD if tracker == GUARD else _OF_UNKNOWN if tracker == UNKNOWN else _OF_ONE
    return dashboard_page(
        service,
        request,
        "dashboard/tracker.html",
        site,
        title=_TITLES.get(tracker, tracker),
        asked=asked,
        panels=[_first_rows(panel) for panel in panels_of(service, site, asked, ids)],
        panel_query=query_of(request, about=tracker),
        tracker=published.trackers.get(tracker),
        special=tracker if tracker in {GUARD, UNKNOWN, VISIT} else "",
        notices=_notices(published, tracker),
        coverage=gaps.coverage(sources_of(service, site), asked),
        guard=link_of(GUARD),
        why=f"why?{urlencode({'tracker': tracker})}",
        kept_fields_all=[(name, value) for name, value in fields_of(request) if is_ours(name)],
        **(_gap(service, request, site, asked) if tracker not in {GUARD, UNKNOWN, VISIT} else {}),
    )


_TITLES = {GUARD: "The guard itself", UNKNOWN: "What no tracker declares", VISIT: "The visit log"}


def _check_known(service: Service, site: Site, asked: Asked) -> None:
    name = asked.about
    if name in site.trackers or name in {GUARD, UNKNOWN}:
        return
    if name not in read(sources_of(service, site.id), asked.first, asked.last, bot=asked.bot, tracker=name).trackers():
        raise NotFound(f"no tracker {name[:64]!r} is declared, and none was met on these days")


def _notices(site: Site, tracker: str) -> list[int]:
    """Return the numbers of the notices that name a tracker."""
    return [no for no, notice in site.notices.items() if tracker in {row["id"] for row in notice.content["trackers"]}]


def _gap(service: Service, request: Request, site: str, asked: Asked) -> dict[str, Any]:
    """Return what the form of the vendor's own number needs, and what it says once there is one."""
    told = dict(fields_of(request)).get("counted", "").strip()
    plain = told.replace(",", "").replace(" ", "").replace("\u202f", "").replace("\u00a0", "")
    (panel,) = panels_of(service, site, asked, ["tracker-gap"])
    values: dict[str, Any] = {"gap": panel, "counted": told}
    if not told:
        return values
    if not (plain.isascii() and plain.isdecimal() and len(plain) <= _MOST_DIGITS):
        return {**values, "counted_error": f"{told[:32]!r} is not a whole number: type it without decimals, like 1234."}
    return {**values, "settled": gaps.settle(int(plain), gaps.steps_of(sources_of(service, site), asked))}
