"""Decisions as they happen, as server-sent events: for as long as somebody looks, and is signed in."""

import time
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

import msgspec

from gatekeeper import assets
from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.core.sites import Site
from gatekeeper.core.staff import Member
from gatekeeper.panels import live
from gatekeeper.web.errors import TooManyListeners
from gatekeeper.web.http import NO_STORE, OWN, Request, Response
from gatekeeper.web.service import Service

from . import members
from .page import dashboard_page, headers

#: How often is looked, in seconds. What is kept is counted within about a second.
EVERY = 1.0
#: After how many looks the browser has to ask again; it does so by itself.
LOOKS = 600
#: After how many looks the session is asked for again.
_ASKED = 10
_MOST_AT_ONCE = 200


def show(service: Service, request: Request, site: str) -> Response:
    """Show the page."""
    return dashboard_page(service, request, "dashboard/live.html", site, script=True, title="Live")


def stream(service: Service, request: Request, site: str) -> Response:
    """Send decisions as server-sent events.

    :raises TooManyListeners: more than a process has threads for.
    """
    if not service.listeners.acquire(blocking=False):
        raise TooManyListeners("as many people look at this already as may: try again when one has gone")
    told = (*headers("text/event-stream"), NO_STORE, ("X-Accel-Buffering", "no"))
    return Response(200, told, stream=_Stream(service, request.member, service.published(site).site))


def script(service: Service, request: Request) -> Response:
    """Send the script of the page."""
    body, tag = _script()
    told = (("ETag", tag), ("Cache-Control", "no-cache"), *OWN)
    if request.header("HTTP_IF_NONE_MATCH") == tag:
        return Response(304, told)
    return Response(200, (("Content-Type", "text/javascript; charset=utf-8"), *told), body)


@lru_cache(maxsize=1)
def _script() -> tuple[bytes, str]:
    body = assets.static("js", "live.js").read_bytes()
    return body, f'"{sha256(body).hexdigest()[:16]}"'


class _Stream:
    """What one listener hears. Whoever serves it closes it, also where it was never begun."""

    def __init__(self, service: Service, member: Member, site: Site) -> None:
        self._service = service
        self._member = member
        self._site = site
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        yield b"retry: 3000\n\n"
        before: dict[live.Happening, int] = {}
        last = ""
        for look in range(LOOKS):
            if look % _ASKED == _ASKED - 1 and not members.lasts(self._service, self._member):
                yield b"event: over\ndata: {}\n\n"
                return
            now = self._service.now()
            day = self._site.day_of(now)
            try:
                counts = live.counts(self._service.store, self._site.id, day)
            except StoreUnavailable:
                yield b"event: trouble\ndata: {}\n\n"
            else:
                known = before if day == last else {}
                yield self._told(live.since(known, counts), now) if last else _BEGUN
                before, last = counts, day
            time.sleep(EVERY)

    def close(self) -> None:
        """Let somebody else listen."""
        if self._open:
            self._open = False
            self._service.listeners.release()

    def _told(self, happened: dict[live.Happening, int], at: int) -> bytes:
        if not happened:
            return b": nothing\n\n"  # so that a listener who has gone is noticed
        clock = datetime.fromtimestamp(at, ZoneInfo(self._site.time_zone)).strftime("%H:%M:%S")
        rows = [{"at": clock, "n": n, **happening._asdict()} for happening, n in happened.items()][:_MOST_AT_ONCE]
        # JSON has no line breaks of its own, and so ends no event early.
        return b"data: " + msgspec.json.encode(rows) + b"\n\n"


_BEGUN = b"event: begun\ndata: {}\n\n"
