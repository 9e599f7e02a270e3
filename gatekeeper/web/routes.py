"""Every address the service answers, in one table. The dispatch, Flask's rules and the test matrices are made from it.

Paths are below the prefix (``/gk``), but for those marked ``root``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gatekeeper.core.staff import Right

from . import (
    beacons,
    choice,
    decide,
    erase,
    events,
    gate,
    health,
    learn,
    links,
    metrics,
    out,
    pages,
    preview,
    regime,
    reports,
    scripts,
)
from .dashboard import (
    account,
    alarms,
    api,
    changes,
    files,
    live,
    overview,
    people,
    registry,
    signing,
    trackers,
)
from .dashboard import audit as audits
from .dashboard import visits as visited
from .http import Response

KB = 1024


class Auth(StrEnum):
    """Who may ask."""

    ANYONE = "anyone"
    #: Something changes: only the site's own pages may (see ``access.check_writer``).
    WRITER = "writer"
    #: A page for people: only as a document in a window of its own (see ``access.check_navigation``).
    NAVIGATION = "navigation"
    #: Never on a site's own host, and nowhere but on those meant for it (see ``access.check_staff``).
    STAFF = "staff"
    #: There too, and signed in; what changes something comes from our own pages (see ``dashboard.members``).
    MEMBER = "member"
    #: There too, with a token of the API instead of a session.
    TOKEN = "token"  # noqa: S105


class Cache(StrEnum):
    """Who may keep the answer."""

    NONE = "no-store"
    FRESH = "max-age=60"
    IMMUTABLE = "immutable"
    CHECK = "no-cache"


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address.

    :param limit: the longest body that is read, in bytes.
    :param weight: how much it counts of what one address may ask a minute; 0 is not counted.
    :param hot: answered in front of Flask.
    :param cors: the site's own pages on other hosts may read the answer, with their cookies.
    :param root: at the root of the host instead of below the prefix.
    :param right: what a member of the staff must have; None where being one is enough.
    """

    method: str
    path: str
    handler: Callable[..., Response]
    auth: Auth = Auth.ANYONE
    cache: Cache = Cache.NONE
    limit: int = 0
    weight: int = 0
    hot: bool = False
    cors: bool = False
    root: bool = False
    right: Right | None = None


_SITE = "/dashboard/<site>"


def _page(path: str, handler: Callable[..., Response], right: Right | None = Right.SEE) -> Route:
    """Return the route of a page of the dashboard."""
    return Route("GET", path, handler, Auth.MEMBER, weight=5, root=True, right=right)


def _form(path: str, handler: Callable[..., Response], right: Right | None = None) -> Route:
    """Return the route of a form of the dashboard."""
    return Route("POST", path, handler, Auth.MEMBER, limit=64 * KB, weight=10, root=True, right=right)


def _api(path: str, handler: Callable[..., Response], right: Right | None = Right.SEE) -> Route:
    return Route("GET", path, handler, Auth.TOKEN, weight=5, root=True, right=right)


#: Staff's routes. A right is asked for on the site that the path names; where it names none, see the handler.
_STAFF: tuple[Route, ...] = (
    Route("GET", "/sign-in", signing.show_sign_in, Auth.STAFF, weight=5, root=True),
    Route("POST", "/sign-in", signing.sign_in, Auth.STAFF, limit=8 * KB, weight=60, root=True),
    Route("GET", "/sign-in/code", signing.show_code, Auth.STAFF, weight=5, root=True),
    Route("POST", "/sign-in/code", signing.check_code, Auth.STAFF, limit=8 * KB, weight=60, root=True),
    Route("GET", "/sign-in/invitation", signing.show_invitation, Auth.STAFF, weight=5, root=True),
    Route("POST", "/sign-in/invitation", signing.take_invitation, Auth.STAFF, limit=8 * KB, weight=60, root=True),
    Route("GET", "/sign-in/provider", signing.begin_oidc, Auth.STAFF, weight=60, root=True),
    Route("GET", "/sign-in/back", signing.end_oidc, Auth.STAFF, weight=60, root=True),
    _form("/sign-out", signing.sign_out),
    Route("GET", "/favicon.ico", files.icon, Auth.STAFF, Cache.CHECK, root=True),
    Route("GET", "/dashboard.css", files.style, Auth.STAFF, Cache.CHECK, root=True),
    Route("GET", "/dashboard/live.js", live.script, Auth.STAFF, Cache.CHECK, root=True),
    _page("/dashboard/", overview.choose_site, None),
    _page("/dashboard/account", account.show, None),
    _form("/dashboard/account", account.change),
    _page("/dashboard/people", people.show, Right.MANAGE),
    _form("/dashboard/people", people.change, Right.MANAGE),
    _page("/dashboard/audit", audits.show, None),
    _page(f"{_SITE}/", overview.show),
    _page(f"{_SITE}/trackers", trackers.show),
    _page(f"{_SITE}/trackers/<tracker>", trackers.show_one),
    _page(f"{_SITE}/why", trackers.explain),
    _page(f"{_SITE}/visits", visited.show),
    _page(f"{_SITE}/visitor", visited.show_one, Right.SEE_VISITOR),
    _form(f"{_SITE}/visitor", visited.find, Right.SEE_VISITOR),
    _page(f"{_SITE}/changes", changes.show),
    _form(f"{_SITE}/changes", changes.mark, Right.MARK),
    _page(f"{_SITE}/alarms", alarms.show),
    _page(f"{_SITE}/live", live.show),
    _page(f"{_SITE}/live/stream", live.stream),
    _page(f"{_SITE}/registry", registry.show),
    _form(f"{_SITE}/registry", registry.draft, Right.DRAFT),
    _page(f"{_SITE}/report", files.report),
    _page(f"{_SITE}/panels/<panel>.<form>", files.show),
    _api("/api/v1/sites", api.sites, None),
    _api("/api/v1/panels", api.panels, None),
    _api("/api/v1/sites/<site>/panels/<panel>", api.send_panel),
    _api("/api/v1/sites/<site>/marks", api.marks),
    _api("/api/v1/sites/<site>/alarms", api.alarms),
    _api("/api/v1/audit", api.audit, None),
    Route("GET", "/openapi.json", api.describe, Auth.STAFF, Cache.CHECK, root=True),
)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/<site>/b/<tracker>.gif", beacons.beacon, weight=1, hot=True),
    Route("POST", "/<site>/events", events.report, Auth.WRITER, limit=64 * KB, weight=2, hot=True, cors=True),
    Route("GET", "/l/<token>", links.follow, weight=1, hot=True),
    Route("GET", "/<site>/choice", choice.get, weight=1, hot=True, cors=True),
    Route("POST", "/<site>/choice", pages.post_choice, Auth.WRITER, limit=8 * KB, weight=10, hot=True, cors=True),
    Route("DELETE", "/<site>/choice", choice.delete, Auth.WRITER, limit=8 * KB, weight=10, hot=True, cors=True),
    Route("POST", "/<site>/erase", erase.post, Auth.WRITER, limit=8 * KB, weight=10, cors=True),
    Route("GET", "/<site>/regime", regime.get, weight=1, hot=True, cors=True),
    Route("GET", "/<site>/gatekeeper.js", scripts.guard, cache=Cache.FRESH, hot=True),
    Route("GET", "/<site>/gatekeeper.<hash>.js", scripts.guard_version, cache=Cache.IMMUTABLE, hot=True),
    Route("GET", "/<site>/banner.<language>.js", scripts.banner, cache=Cache.CHECK, hot=True),
    Route("GET", "/<site>/banner.<language>.<hash>.js", scripts.banner_version, cache=Cache.IMMUTABLE, hot=True),
    Route("GET", "/<site>/panel.<language>.<hash>.js", scripts.panel, cache=Cache.IMMUTABLE, hot=True),
    Route("GET", "/<site>/part.<name>.<language>.<hash>.js", scripts.part, cache=Cache.IMMUTABLE, hot=True),
    Route("GET", "/<site>/gate", gate.gate, hot=True),
    Route("GET", "/<site>/out", out.leave, weight=1, hot=True),
    Route("POST", "/<site>/decide", decide.decisions, limit=8 * KB, weight=5),
    Route("GET", "/<site>/choices", pages.show_choices, Auth.NAVIGATION, weight=5),
    Route("POST", "/<site>/choices", pages.post_choices, Auth.WRITER, limit=8 * KB, weight=10),
    Route("GET", "/<site>/notice", pages.show_notice, weight=2, cors=True),
    Route("GET", "/<site>/notice/<int:no>", pages.show_notice, weight=2, cors=True),
    Route("GET", "/<site>/pages.css", pages.style, cache=Cache.FRESH),
    Route("POST", "/<site>/reports", reports.receive, Auth.WRITER, limit=64 * KB, weight=5),
    Route("GET", "/<site>/learn", learn.show, Auth.NAVIGATION, weight=5),
    Route("POST", "/<site>/learn", learn.change, Auth.WRITER, limit=8 * KB, weight=10),
    Route("GET", "/metrics", metrics.show, Auth.STAFF, root=True),
    Route("GET", "/preview/<site>", preview.show, Auth.STAFF, weight=5, root=True),
    Route("GET", "/preview/<site>/frame", preview.frame, Auth.STAFF, weight=2, root=True),
    Route("GET", "/preview/<site>/banner.js", preview.first_layer, Auth.STAFF, weight=2, root=True),
    Route("GET", "/preview/<site>/panel.js", preview.preferences, Auth.STAFF, weight=2, root=True),
    Route("GET", "/preview/<site>/preview.js", preview.script, Auth.STAFF, root=True),
    Route("GET", "/preview/<site>/preview.css", preview.style, Auth.STAFF, root=True),
    *_STAFF,
    Route("GET", "/healthz", health.healthz, root=True),
    Route("GET", "/.well-known/gpc.json", health.gpc, root=True),
)
