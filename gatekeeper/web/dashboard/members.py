"""Who asks: the member of the staff behind a session or a token, and whether they may."""

from gatekeeper.core.staff import EVERY_SITE, Member, Right
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request
from gatekeeper.web.service import Service


def member_of(service: Service, request: Request, right: Right | None, site: str = EVERY_SITE) -> Member:
    """Return who is signed in, and has a right.

    :param right: None asks only that somebody is.
    :param site: where the right must be held; for pages of no site, anywhere is not enough.
    """
    raise NotFound("not built yet")


def holder_of(service: Service, request: Request, right: Right | None, site: str = EVERY_SITE) -> Member:
    """Return whose token a request carries, as the member it was made by, no further than it was limited."""
    raise NotFound("not built yet")


def check_own_page(request: Request) -> None:
    """Check that a request that changes something comes from a page of our own."""
    raise NotFound("not built yet")
