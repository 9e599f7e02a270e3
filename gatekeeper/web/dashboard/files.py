"""Panels as files, charts and printable reports."""

from functools import lru_cache
from hashlib import sha256

from gatekeeper import assets
from gatekeeper.core.panels import Panel
from gatekeeper.core.staff import Right
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.charts import draw
from gatekeeper.panels.writing import csv_of, json_of
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import NO_STORE, OWN, Request, Response
from gatekeeper.web.service import Service

from .asked import asked_of
from .page import check_right, headers, panels_of

#: A chart has its style inside; opened by itself it can do nothing else.
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


def show(service: Service, request: Request, site: str, panel: str, form: str) -> Response:
    """Send a panel as CSV, JSON or SVG."""
    if panel not in PANELS:
        raise NotFound(f"there is no panel {panel[:32]!r}")
    if form not in {"csv", "json", "svg"}:
        raise NotFound(f"there are no files of the form {form[:16]!r}: use csv, json or svg")
    asked = asked_of(service, request, site)
    if form != "svg":
        check_right(request, Right.EXPORT, site, "take numbers along")
    [made] = panels_of(service, site, asked, [panel])
    if form == "svg":
        return _picture(service, site, made, asked.first, asked.last)
    return _file(made, form, f"{site}-{panel}-{asked.first}-{asked.last}.{form}")


def _picture(service: Service, site: str, panel: Panel, first: str, last: str) -> Response:
    if panel.chart is None:
        raise NotFound(f"panel {panel.id} has no chart: it is a table")
    return Response(200, (*headers("image/svg+xml", _PICTURE), NO_STORE), draw(panel))


def _file(panel: Panel, form: str, name: str) -> Response:
    kind = "text/csv; charset=utf-8; header=present" if form == "csv" else "application/json"
    sent = (*headers(kind), NO_STORE, ("Content-Disposition", f'attachment; filename="{name}"'))
    return Response(200, sent, stream=csv_of(panel)) if form == "csv" else Response(200, sent, json_of(panel))


def report(service: Service, request: Request, site: str) -> Response:
    """Show a printable report."""
    raise NotFound("not built yet")


def style(service: Service, request: Request) -> Response:
    """Send the style sheet of the dashboard."""
    body, tag = _style()
    told = (("ETag", tag), ("Cache-Control", "no-cache"), *OWN)
    if request.header("HTTP_IF_NONE_MATCH") == tag:
        return Response(304, told)
    return Response(200, (("Content-Type", "text/css; charset=utf-8"), *told), body)


@lru_cache(maxsize=1)
def _style() -> tuple[bytes, str]:
    body = assets.static("dashboard.css").read_bytes()
    return body, f'"{sha256(body).hexdigest()[:16]}"'
