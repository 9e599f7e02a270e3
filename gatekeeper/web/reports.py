"""Reports of what pages reach for and nothing declares: from browsers of the site's own staff, and from nobody else.

Browsers report by themselves what the gate's policy would have stopped (CSP Level 3 section 5, Reporting API); the
guard reports what it sees. Of each report a host, a use and a clean path are read, and all else is left unread: a
page's address, a line of its code.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.learners import is_learner
from gatekeeper.core.sightings import Seen, Sighting, see_host, see_name, see_url
from gatekeeper.core.sites import Site

from .errors import Forbidden
from .http import NO_STORE, Request, Response, json_response, read_json
from .service import Service

Text = Annotated[str, msgspec.Meta(max_length=4096)]
_MAX_AT_ONCE = 300
_FORMS = "application/csp-report, application/reports+json, application/json, text/plain"

#: What a directive is about, by the beginning of its name. A worker is a script; what is left is something else.
_USES = {
    "script": Seen.SCRIPT,
    "worker": Seen.SCRIPT,
    "img": Seen.IMAGE,
    "frame": Seen.FRAME,
    "child": Seen.FRAME,
    "fenced": Seen.FRAME,
    "connect": Seen.CONNECT,
    "font": Seen.FONT,
    "style": Seen.STYLE,
    "media": Seen.MEDIA,
    "form": Seen.FORM,
}


class SeenHost(msgspec.Struct, forbid_unknown_fields=True):
    """A host that a page used.

    :param host: with its port unless that is the usual one, as ``URL.host`` has it.
    """

    host: Text
    use: Literal["script", "image", "frame", "connect", "font", "style", "media", "form", "other"] = msgspec.field(
        name="as"
    )
    path: Text = ""


class SeenName(msgspec.Struct, forbid_unknown_fields=True):
    """A name that the browser keeps something under."""

    name: Text
    kind: Literal["cookie", "local", "session", "database"]


class Guarded(msgspec.Struct, forbid_unknown_fields=True):
    """What the guard reports."""

    seen: Annotated[list[SeenHost], msgspec.Meta(max_length=_MAX_AT_ONCE)] = []
    names: Annotated[list[SeenName], msgspec.Meta(max_length=_MAX_AT_ONCE)] = []


# Browsers may add to their reports, and do: unknown fields are left unread there.


class Violation(msgspec.Struct, rename="kebab"):
    """What a browser would have stopped, as ``report-uri`` says it."""

    blocked_uri: Text = ""
    effective_directive: Text = ""
    violated_directive: Text = ""


class Enclosed(msgspec.Struct, rename="kebab"):
    """The body of such a report."""

    csp_report: Violation


class Blocked(msgspec.Struct, rename={"blocked_url": "blockedURL", "effective_directive": "effectiveDirective"}):
    """What a browser would have stopped, as ``report-to`` says it."""

    blocked_url: Text | None = None
    effective_directive: Text = ""


class Report(msgspec.Struct):
    """One report of many; those of other kinds have bodies of other forms."""

    type: Text
    body: msgspec.Raw = msgspec.Raw(b"{}")


Reports = Annotated[list[Report], msgspec.Meta(max_length=_MAX_AT_ONCE)]


def receive(service: Service, request: Request, site: str) -> Response:
    """Keep what a staff browser met, answered after the commit.

    :raises Forbidden: the browser is a visitor's. Nothing of its report is read.
    """
    published, now = service.published(site).site, service.now()
    if not is_learner(service.config.keys, published, request.header("HTTP_COOKIE"), now=now):
        raise Forbidden("only browsers of the site's own staff report here: see `gatekeeper learn`")
    if not service.reports.takes(site, now=now):
        busy = json_response({"error": "too many reports: more are taken in a minute"}, 429)
        return busy.adding(("Retry-After", "60"))

    seen = Counter(_read(request, published, published.day_of(now)))
    if seen:
        service.store.see(seen)
    return Response(204, (NO_STORE,))


def _read(request: Request, site: Site, day: str) -> Iterator[Sighting]:
    kind, body = request.content_type, request.body()
    found: Iterable[Sighting | None]
    if kind == "application/csp-report":
        found = [_of_violation(site, day, read_json(body, Enclosed).csp_report)]
    elif kind == "application/reports+json":
        found = (_of_report(site, day, report) for report in _listed(body))
    elif kind in {"application/json", "text/plain"}:  # a beacon's text/plain asks no leave of other origins
        found = _of_guard(site, day, read_json(body, Guarded))
    else:
        raise InvalidInput(f"a report is one of {_FORMS}")
    yield from (sighting for sighting in found if sighting is not None)


def _listed(body: bytes) -> list[Report]:
    reports: Any = Reports
    listed: list[Report] = read_json(body, reports)
    return listed


def _of_violation(site: Site, day: str, told: Violation) -> Sighting | None:
    return see_url(site, day, _use(told.effective_directive or told.violated_directive), told.blocked_uri)


def _of_report(site: Site, day: str, report: Report) -> Sighting | None:
    if report.type != "csp-violation":
        return None
    told = read_json(bytes(report.body), Blocked)
    return see_url(site, day, _use(told.effective_directive), told.blocked_url or "")


def _of_guard(site: Site, day: str, told: Guarded) -> Iterator[Sighting | None]:
    yield from (see_host(site, day, Seen(one.use), one.host, one.path) for one in told.seen)
    yield from (see_name(site, day, Seen(one.kind), one.name) for one in told.names)


def _use(directive: str) -> Seen:
    return _USES.get(directive.partition("-")[0], Seen.OTHER)
