"""Accounts of the staff, and who may do what."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request) -> Response:
    """Show all accounts."""
    raise NotFound("not built yet")


def change(service: Service, request: Request) -> Response:
    """Open, change or close one."""
    raise NotFound("not built yet")
