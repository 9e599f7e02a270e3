"""Web beacons: one transparent pixel, the same bytes whatever was decided."""

from gatekeeper.core.events import EventKind

from .hits import record_hit
from .http import NO_STORE, Request, Response
from .service import Service
from .visits import is_visit, read_visit

#: A transparent GIF of one pixel: header, two colours, "colour 0 is transparent", one pixel, end.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

#: No ETag: a validator that a browser sends back would be an identifier.
SAME_EITHER_WAY = Response(
    200,
    (
        ("Content-Type", "image/gif"),
        NO_STORE,
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("X-Content-Type-Options", "nosniff"),
    ),
    PIXEL,
)


def beacon(service: Service, request: Request, site: str, tracker: str) -> Response:
    """Log a beacon where its visitor granted that, count it where not.

    :raises StoreUnavailable: whatever the decision would be, so that the answer tells nothing about it.
    """
    visit = read_visit(service, request, site)
    service.store.check()
    if is_visit(request):
        record_hit(service, request, visit, EventKind.BEACON, tracker, page=request.header("HTTP_REFERER"))
    return SAME_EITHER_WAY
