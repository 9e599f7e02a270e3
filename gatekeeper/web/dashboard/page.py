"""The shell of the dashboard: what surrounds each of its pages, and what all of them send along."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader

from gatekeeper import assets
from gatekeeper.core.panels import Asked, Panel
from gatekeeper.core.staff import Member, Right
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.charts import size
from gatekeeper.panels.sources import Sources
from gatekeeper.panels.writing import say
from gatekeeper.web.errors import Forbidden
from gatekeeper.web.http import NO_STORE, OWN, Request, Response
from gatekeeper.web.service import Service

from .asked import DAYS, USUAL, YEAR, chips_of, fields_of, is_ours, query_of

#: Pages run nothing; only those that must say so (``script=True``), run a script of our own.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_WORTH_SHRINKING = 1024
_WITH_SCRIPT = "; script-src 'self'; connect-src 'self'"


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a site, as the navigation has it.

    :param path: relative to the site's dashboard.
    """

    path: str
    title: str


_PLACES = (
    Place("", "Overview"),
    Place("trackers", "Trackers"),
    Place("visits", "Visits"),
    Place("changes", "Changes"),
    Place("alarms", "Alarms"),
    Place("live", "Live"),
    Place("registry", "Registry"),
)


def dashboard_page(
    service: Service,
    request: Request,
    template: str,
    site: str | None,
    *,
    status: int = 200,
    script: bool = False,
    **values: Any,
) -> Response:
    """Return a page of the dashboard: ``template`` extends ``dashboard/base.html``.

    Beside ``values`` a template gets ``site`` (a Site), ``member``, ``root`` (before ``/dashboard/``), ``base`` (the
    address of the site's dashboard, ends with a slash) and ``query`` (the days and filters, to go on with). Where
    ``values`` has an ``asked``, the page gets the picker of days, machines and filters.

    :param site: None on pages of no site. Pages before the sign-in show no navigation.
    :param script: whether the page may run scripts of our own.
    """
    asked = values.get("asked")
    shown = {**_shell(service, request, site), **(_picker(request, asked) if asked else {}), **values}
    policy = POLICY + _WITH_SCRIPT if script else POLICY
    body = templates().get_template(template).render(shown).encode()
    page = Response(status, (*headers("text/html; charset=utf-8", policy), NO_STORE), body)
    return shrunk(request, page) if site else page


def headers(content_type: str, policy: str = POLICY) -> tuple[tuple[str, str], ...]:
    """Return the headers of whatever is the dashboard's."""
    return (
        ("Content-Type", content_type),
        *OWN,
        ("Content-Security-Policy", policy),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        # Not no-referrer: under that, browsers post our own forms with the origin "null".
        ("Referrer-Policy", "same-origin"),
    )


def shrunk(request: Request, response: Response) -> Response:
    """Return a response compressed, where the browser takes that and it is worth it.

    Not for what holds a secret beside what somebody else may have put into the address: its size would tell of it
    (BREACH, CVE-2013-3587).
    """
    if len(response.body) < _WORTH_SHRINKING or "gzip" not in request.header("HTTP_ACCEPT_ENCODING"):
        return response
    body = gzip.compress(response.body, compresslevel=6, mtime=0)
    return replace(response, body=body).adding(("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))


def _shell(service: Service, request: Request, site: str | None) -> dict[str, Any]:
    member: Member | None = getattr(request, "member", None)
    root = request.header("SCRIPT_NAME")
    path = request.header("PATH_INFO")
    base = f"{root}/dashboard/{site}/"
    here = path.removeprefix(f"/dashboard/{site}/").split("/")[0] if site else ""
    known = service.config.sites
    return {
        "root": root,
        "base": base,
        "site": service.published(site).site if site else None,
        "member": member,
        "sites": [known[each] for each in member.sites(known)] if member else [],
        "places": [(place, place.path == here) for place in _PLACES] if site and member else [],
        "here": here,
        "path": root + path,
        "query": query_of(request) if site else "",
        "today": service.published(site).site.day_of(service.now()) if site else "",
        "may_export": bool(member and site and member.may(Right.EXPORT, site)),
        "may_manage": bool(member and member.may(Right.MANAGE)),
        "may_audit": bool(member and any(member.may(Right.SEE_AUDIT, each) for each in known)),
    }


def _picker(request: Request, asked: Asked) -> dict[str, Any]:
    fields = dict(fields_of(request))
    own = "first" in fields or "last" in fields
    days = "" if own else fields.get("days", str(USUAL))
    yearly = fields.get("compare") == YEAR
    return {
        "ranges": [(n, str(n) == days, query_of(request, without=("first", "last"), days=str(n))) for n in DAYS],
        "own_range": own,
        "compared": [
            ("the days before", not yearly, query_of(request, without=["compare"])),
            ("the same days of the week a year ago", yearly, query_of(request, compare=YEAR)),
        ],
        "chips": chips_of(request, asked),
        "people_query": query_of(request, without=["bot"]),
        "machines_query": query_of(request, bot="1"),
        "kept_fields": [
            (name, value)
            for name, value in fields_of(request)
            if is_ours(name) and name not in {"days", "first", "last"}
        ],
    }


def sources_of(service: Service, site: str) -> Sources:
    """Return what a site's panels are made of."""
    return Sources(service.published(site).site, service.store, service.now())


def panels_of(service: Service, site: str, asked: Asked, ids: Iterable[str]) -> list[Panel]:
    """Return some panels of the catalogue, each with a word where it does not heed the filters that are set."""
    sources = sources_of(service, site)
    return [heeding(PANELS[id].make(sources, asked), asked, filtered=PANELS[id].filtered) for id in ids]


def heeding(panel: Panel, asked: Asked, *, filtered: bool) -> Panel:
    """Return a panel that says so where it does not heed the filters that are set."""
    if filtered or not asked.where:
        return panel
    return replace(panel, note=f"{panel.note} Filters do not apply here.".strip())


def check_right(request: Request, right: Right, site: str, what: str) -> None:
    """Check that whoever asks has a right beyond the one that the route asks for.

    :raises Forbidden: they have not.
    """
    if not request.member.may(right, site):
        raise Forbidden(f"your role on this site does not let you {what}: an owner can change that")


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Return the templates of the dashboard."""
    environment = Environment(
        loader=FileSystemLoader(assets.templates()), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["say"] = say
    environment.globals["chart_size"] = size
    return environment
