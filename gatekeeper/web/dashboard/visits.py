"""Visits of those who agreed; one visit's own log for staff with the right to see it."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request, site: str) -> Response:
    """Show what visits were like."""
    raise NotFound("not built yet")


def show_one(service: Service, request: Request, site: str) -> Response:
    """Show what the log holds of one visitor."""
    raise NotFound("not built yet")
