"""The API: panels and the rest for programs, described by itself."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def sites(service: Service, request: Request) -> Response:
    """List the sites that the token may see."""
    raise NotFound("not built yet")


def panels(service: Service, request: Request) -> Response:
    """List the panels."""
    raise NotFound("not built yet")


def panel(service: Service, request: Request, site: str, panel: str) -> Response:
    """Send a panel."""
    raise NotFound("not built yet")


def audit(service: Service, request: Request) -> Response:
    """Send the audit trail."""
    raise NotFound("not built yet")


def describe(service: Service, request: Request) -> Response:
    """Send the OpenAPI description."""
    raise NotFound("not built yet")
