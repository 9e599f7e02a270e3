"""Panels as files, charts and printable reports."""

import re
from base64 import b64encode
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from gatekeeper import assets
from gatekeeper.core.panels import Asked, Panel
from gatekeeper.core.staff import Right
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.charts import draw
from gatekeeper.panels.writing import csv_of, json_of
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import NO_STORE, OWN, Request, Response
from gatekeeper.web.service import Service

from . import audit
from .asked import asked_of, fields_of, words_of
from .page import check_right, dashboard_page, headers, panels_of, shrunk

#: A chart has its style inside, which is known by its hash; opened by itself it can do nothing else.
_PICTURE = "default-src 'none'; style-src {}; frame-ancestors 'none'; sandbox"
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_KINDS = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json", "svg": "image/svg+xml"}


def show(service: Service, request: Request, site: str, panel: str, form: str) -> Response:
    """Send a panel as CSV, JSON or SVG."""
    if panel not in PANELS:
        raise NotFound(f"there is no panel {panel[:32]!r}")
    if form not in _KINDS:
        raise NotFound(f"there are no files of the form {form[:16]!r}: use one of {', '.join(_KINDS)}")
    asked = asked_of(service, request, site)
    if form == "svg":
        return _picture(service, request, site, _made(service, site, panel, asked), asked)
    check_right(request, Right.EXPORT, site, "take numbers along")
    made = _made(service, site, panel, asked)
    audit.note(service, request.member, "export", site=site, about=f"{panel}.{form}", detail=words_of(asked))
    return _file(made, form, f"{site}-{panel}-{asked.first}-{asked.last}.{form}")


def _made(service: Service, site: str, panel: str, asked: Asked) -> Panel:
    [made] = panels_of(service, site, asked, [panel])
    return made


def _picture(service: Service, request: Request, site: str, panel: Panel, asked: Asked) -> Response:
    if panel.chart is None:
        raise NotFound(f"panel {panel.id} has no chart: it is a table")
    marks = service.store.marks.marks(site, asked.first, asked.last)
    drawn = draw(panel, marks, dark=_dark(request), narrow=("narrow", "1") in fields_of(request))
    return shrunk(request, Response(200, (*headers(_KINDS["svg"], _policy(drawn)), NO_STORE), drawn))


def _policy(drawn: bytes) -> str:
    """Return the policy of a chart: its own style and nothing else (CSP Level 3, hashes of inline styles)."""
    hashes = [b64encode(sha256(style).digest()).decode() for style in _STYLE.findall(drawn)]
    return _PICTURE.format(" ".join(f"'sha256-{each}'" for each in hashes) or "'none'")


def _dark(request: Request) -> bool | None:
    """Return whether a chart is dark: on paper it never is, and on a screen as the screen likes it."""
    return False if ("paper", "1") in fields_of(request) else None


def _file(panel: Panel, form: str, name: str) -> Response:
    told = (*headers(_KINDS[form]), NO_STORE, ("Content-Disposition", f'attachment; filename="{quote(name)}"'))
    return Response(200, told, stream=csv_of(panel)) if form == "csv" else Response(200, told, json_of(panel))


def report(service: Service, request: Request, site: str) -> Response:
    """Show a printable report: all panels of the site, charts as pictures, each with its numbers."""
    asked = asked_of(service, request, site)
    check_right(request, Right.EXPORT, site, "take numbers along")
    ids: dict[str, list[str]] = {}
    for listed in PANELS.values():
        if not listed.about:
            ids.setdefault(listed.page.capitalize(), []).append(listed.id)
    audit.note(service, request.member, "export", site=site, about="report", detail=words_of(asked))
    return dashboard_page(
        service,
        request,
        "dashboard/report.html",
        site,
        title="Report",
        report_of=asked,
        filters=words_of(replace(asked, about="")),
        parts=[(title, panels_of(service, site, asked, part)) for title, part in ids.items()],
        made_at=service.published(site).site.day_of(service.now()),
    )


def style(service: Service, request: Request) -> Response:
    """Send the style sheet of the dashboard."""
    body, tag = _style()
    told = (("ETag", tag), ("Cache-Control", "no-cache"), *OWN)
    if request.header("HTTP_IF_NONE_MATCH") == tag:
        return Response(304, told)
    return shrunk(request, Response(200, (("Content-Type", "text/css; charset=utf-8"), *told), body))


def icon(service: Service, request: Request) -> Response:
    """Say that there is no icon: browsers ask for one, and would note its absence as an error."""
    return Response(204, (("Content-Type", "image/x-icon"), ("Cache-Control", "no-cache"), *OWN))


@lru_cache(maxsize=1)
def _style() -> tuple[bytes, str]:
    body = assets.static("dashboard.css").read_bytes()
    return body, f'"{sha256(body).hexdigest()[:16]}"'
