"""The registry on the screen: what is declared, published, served and proposed."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request, site: str) -> Response:
    """Show the registry."""
    raise NotFound("not built yet")


def draft(service: Service, request: Request, site: str) -> Response:
    """Propose a text, or decide on one."""
    raise NotFound("not built yet")
