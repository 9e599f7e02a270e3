"""The overview of a site, and the way to it."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def choose_site(service: Service, request: Request) -> Response:
    """Send the browser to the first site it may see."""
    raise NotFound("not built yet")


def show(service: Service, request: Request, site: str) -> Response:
    """Show the overview."""
    raise NotFound("not built yet")
