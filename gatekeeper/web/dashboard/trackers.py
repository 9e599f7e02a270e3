"""Trackers: all of them, and one with what explains its numbers."""

from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service


def show(service: Service, request: Request, site: str) -> Response:
    """Show all trackers."""
    raise NotFound("not built yet")


def show_one(service: Service, request: Request, site: str, tracker: str) -> Response:
    """Show one tracker."""
    raise NotFound("not built yet")


def explain(service: Service, request: Request, site: str) -> Response:
    """Explain a decision step by step."""
    raise NotFound("not built yet")
