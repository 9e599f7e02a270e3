"""Signed links: the click is decided and kept, then the visitor goes on. The destination learns nothing."""

from gatekeeper.core.errors import BadToken, StoreUnavailable
from gatekeeper.core.events import EventKind
from gatekeeper.core.links import Link
from gatekeeper.store.contract import Total

from .errors import NotFound
from .hits import record_hit
from .http import NO_STORE, Request, Response
from .service import Service
from .visits import is_visit, read_visit

#: A click waits this long for the log, in seconds; then the visitor goes on all the same.
PATIENCE = 0.25


def follow(service: Service, request: Request, token: str) -> Response:
    """Send the visitor on to a signed destination, byte for byte as it was signed.

    :raises NotFound: no key on the list signed it. Nothing else can be a destination.
    """
    try:
        link = service.links.verify(token)
    except BadToken as error:
        raise NotFound("this link was not made here, or its key has been retired") from error
    if is_visit(request):
        _record(service, request, link)
    headers = (("Location", link.url), NO_STORE, ("Referrer-Policy", "no-referrer"))
    return Response(302, headers)


def _record(service: Service, request: Request, link: Link) -> None:
    visit = read_visit(service, request, link.site)
    try:
        record_hit(service, request, visit, EventKind.CLICK, link.tracker, page="", wait=PATIENCE)
    except StoreUnavailable:
        service.store.tally(Total(link.site, visit.site.day_of(visit.now), "late", link.tracker))
