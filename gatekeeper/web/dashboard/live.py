"""Decisions as they happen."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request, site: str) -> Response:
    """Show the page."""
    raise NotFound("not built yet")


def stream(service: Service, request: Request, site: str) -> Response:
    """Send decisions as server-sent events."""
    raise NotFound("not built yet")


def script(service: Service, request: Request) -> Response:
    """Send the script of the page."""
    raise NotFound("not built yet")
