"""One's own account: password, second factor, sessions, tokens."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request) -> Response:
    """Show the account."""
    raise NotFound("not built yet")


def change(service: Service, request: Request) -> Response:
    """Change something of it."""
    raise NotFound("not built yet")
