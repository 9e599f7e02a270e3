"""Why a number has changed, and the marks beside it."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request, site: str) -> Response:
    """Show what a change splits into."""
    raise NotFound("not built yet")


def mark(service: Service, request: Request, site: str) -> Response:
    """Mark a day, or take a mark away."""
    raise NotFound("not built yet")
