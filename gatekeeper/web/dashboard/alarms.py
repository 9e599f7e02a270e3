"""What is wrong with a site, and what the daily check found."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request, site: str) -> Response:
    """Show alarms and checks."""
    raise NotFound("not built yet")
