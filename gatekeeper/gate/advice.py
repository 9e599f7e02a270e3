"""What a site's owner should know of the gate before visitors do."""

from collections.abc import Iterator

from gatekeeper.core.cookies import is_ours
from gatekeeper.core.sites import Mode, Site
from gatekeeper.core.trackers import Kind

_FROM_HOSTS = {Kind.SCRIPT, Kind.LOADER, Kind.EMBED}


def advice(site: Site) -> Iterator[str]:
    """Yield what is not wrong, but may not be meant."""
    unmarked = [
        tracker.id
        for tracker in site.trackers.values()
        if tracker.kind in _FROM_HOSTS and not tracker.marked and not site.purposes[tracker.purpose].necessary
    ]
    if unmarked and (site.gate.mode is Mode.OFF or "/*" in site.gate.tags_only):
        yield f"without the policy, tags in the page's own markup are held only where marked: {', '.join(unmarked)}"
    if not any(_needed(site)):
        yield (
            "behind the middleware the site's server sets only declared cookies, and no necessary one is declared: "
            "does yours set session, sessionid, csrftoken or the like? (docs/gate.md)"
        )


def _needed(site: Site) -> Iterator[str]:
    for tracker in site.trackers.values():
        if site.purposes[tracker.purpose].necessary:
            yield from (cookie.name for cookie in tracker.cookies if not is_ours(cookie.name))
