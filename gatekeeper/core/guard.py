"""The settings that the guard and its parts carry: a site as far as a browser needs to know it."""

from typing import Any

from . import cookies
from .policy import DIRECTIVES, own_hosts
from .purposes import Purpose
from .sites import Mode, OnGrant, Scope, Site, Undeclared
from .trackers import Tracker


def guard_settings(site: Site) -> dict[str, Any]:
    """Return a site as plain JSON values, the same for every visitor: what the guard needs to decide and to deny.

    ``static/js/decide.js`` reads it under the names of the Python values: ``purposes``, ``trackers``, ``notices``.
    ``told`` maps, for each published notice, the trackers as declared now to those by which it told visitors of
    them; it is left out where each stands for itself.
    """
    return {
        "site": site.id,
        "notice": site.notice.no if site.notice else 0,
        "days": site.choice_days,
        "cookie": cookies.cookie_name(site, cookies.CHOICE),
        "purposes": {purpose.id: _purpose(purpose) for purpose in site.purposes.values()},
        "trackers": {tracker.id: _tracker(tracker) for tracker in site.trackers.values()},
        "notices": {str(no): _notice(site, no) for no in site.notices},
        "gate": _gate(site),
    }


def page_settings(site: Site) -> dict[str, Any]:
    """Return what the guard's later parts need beside that; they add it to the guard's own.

    ``consents`` maps the trackers whose vendors have a consent interface to its name (``static/js/vendors.js``).
    """
    gate: dict[str, Any] = {}
    if site.gate.on_grant is OnGrant.RELOAD:
        gate["reload"] = True
    if site.gate.no_reload:
        gate["no_reload"] = list(site.gate.no_reload)
    if site.gate.strict:
        gate["strict"] = True
    return {
        "attributes": cookies.attributes(site),
        "domain": site.domain if site.scope is Scope.DOMAIN else "",
        "anonymous": site.anonymous_totals,
        "consents": {tracker.id: tracker.consent.value for tracker in site.trackers.values() if tracker.consent},
        "gate": gate,
        "log": _log(site),
        **({"news": site.notice.published_day} if site.notice and site.notice.no > 1 else {}),
    }


def _log(site: Site) -> dict[str, Any]:
    """Return what the log may be told: what needs a purpose beside the row's own, the events' purposes, the search."""
    told: dict[str, Any] = {
        "asks": {name: site.fields[name] for name in ("search", "source", "medium", "campaign", "target")},
        "events": dict(site.events),
    }
    if site.search.paths:
        told["search"] = {"paths": list(site.search.paths), "parameters": list(site.search.parameters)}
    return told


def tells_early(site: Site) -> bool:
    """Return whether a vendor's tags may run as soon as the page is read, so that it has to be told before that.

    Where its tags are marked, or come from a tag manager whose tags are, they wait until the page's part runs them.
    """
    loaders = [tracker for tracker in site.trackers.values() if tracker.loads]

    def waits(tracker: Tracker) -> bool:
        by = [loader for loader in loaders if tracker.id in loader.loads]
        return tracker.marked or (bool(by) and all(loader.marked for loader in by))

    return any(tracker.consent and not waits(tracker) for tracker in site.trackers.values())


def _tracker(tracker: Tracker) -> dict[str, Any]:
    told: dict[str, Any] = {"purpose": tracker.purpose}
    if tracker.hosts:
        told["hosts"] = list(tracker.hosts)
    # Cookies of our own are kept from every other script, whoever declares them.
    if names := [cookie.name for cookie in tracker.cookies if not cookies.is_ours(cookie.name)]:
        told["keeps"] = names
    if tracker.marked:
        told["marked"] = True
    if tracker.loads:
        told["loads"] = list(tracker.loads)
    return told


def _gate(site: Site) -> dict[str, Any]:
    gate = site.gate
    told: dict[str, Any] = {"hosts": own_hosts(site), "policy": list(DIRECTIVES)}
    if gate.mode is Mode.OFF:
        told["off"] = True
    if gate.undeclared is Undeclared.KEEP:
        told["undeclared"] = True
    if gate.tags_only:
        told["tags_only"] = list(gate.tags_only)
    return told


def _purpose(purpose: Purpose) -> dict[str, Any]:
    if purpose.necessary:
        return {"necessary": True}
    told: dict[str, Any] = {"age": int(purpose.min_age)}
    if purpose.denied_by:
        told["denied_by"] = sorted(purpose.denied_by)
    return told


def _notice(site: Site, no: int) -> dict[str, Any]:
    notice = site.notices[no]
    told = {tracker: list(by) for tracker, by in site.told[no].items() if by}
    row: dict[str, Any] = {"purposes": list(notice.purposes), "trackers": list(notice.trackers)}
    if told != {tracker: [tracker] for tracker in notice.trackers}:
        row["told"] = told
    return row
