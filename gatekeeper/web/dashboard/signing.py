"""Signing in and out: password, second factor, a provider's own sign-in."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show_sign_in(service: Service, request: Request) -> Response:
    """Show the form."""
    raise NotFound("not built yet")


def sign_in(service: Service, request: Request) -> Response:
    """Check the password."""
    raise NotFound("not built yet")


def show_code(service: Service, request: Request) -> Response:
    """Ask for the second factor."""
    raise NotFound("not built yet")


def check_code(service: Service, request: Request) -> Response:
    """Check the second factor."""
    raise NotFound("not built yet")


def sign_out(service: Service, request: Request) -> Response:
    """End the session."""
    raise NotFound("not built yet")


def begin_oidc(service: Service, request: Request) -> Response:
    """Send the browser to the provider."""
    raise NotFound("not built yet")


def end_oidc(service: Service, request: Request) -> Response:
    """Take what the provider says."""
    raise NotFound("not built yet")
