"""Every address the service answers, in one table. The dispatch, Flask's rules and the test matrices are made from it.

Paths are below the prefix (``/gk``), but for those marked ``root``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

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
    Route("GET", "/healthz", health.healthz, root=True),
    Route("GET", "/.well-known/gpc.json", health.gpc, root=True),
)
