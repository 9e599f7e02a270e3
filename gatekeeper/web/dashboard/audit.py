"""The audit trail: who of the staff saw or changed what."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request) -> Response:
    """Show the trail."""
    raise NotFound("not built yet")
