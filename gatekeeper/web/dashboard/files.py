"""Panels as files, charts and printable reports."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request, site: str, panel: str, form: str) -> Response:
    """Send a panel as CSV, JSON or SVG."""
    raise NotFound("not built yet")


def report(service: Service, request: Request, site: str) -> Response:
    """Show a printable report."""
    raise NotFound("not built yet")


def style(service: Service, request: Request) -> Response:
    """Send the style sheet of the dashboard."""
    raise NotFound("not built yet")
