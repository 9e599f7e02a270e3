"""Beacons of those who have not agreed: what was decided before is counted again, and that is all.

They are most of what arrives, and all who refuse on one day ask with the same bytes. So what :mod:`.beacons` came to
is remembered for a path, a choice and the browser's signals, for a minute, and nothing else of the request is read.
Whoever carries the cookie of a subject is looked at in full every time.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from gatekeeper.core.cookies import OURS, SUBJECT
from gatekeeper.core.signals import HEADERS, NONE, Signal, read_signals
from gatekeeper.store.contract import Total

from .beacons import PIXEL, SAME_EITHER_WAY
from .hits import permit_of, total_of
from .routes import ROUTES
from .service import Published, Service
from .visits import SPECULATIVE

(_ROUTE,) = (route for route in ROUTES if route.path.endswith("/b/<tracker>.gif"))
_WEIGHT = _ROUTE.weight
_END = ".gif"
#: The headers that change what a beacon comes to, beside its cookies.
_TELLING = frozenset({*SPECULATIVE, *HEADERS})
_MINUTE = 60  # seconds; no site's day ends within one
_REMEMBERED = 4096
_HEADERS = [*SAME_EITHER_WAY.headers, ("Content-Length", str(len(PIXEL)))]


class _Known(NamedTuple):
    """What a beacon adds to the totals, as long as its site is published so."""

    published: Published
    total: Total


class Quiet:
    """Answers beacons that are only counted.

    :param prefix: of the paths, such as ``/gk``; it may have been stripped.
    """

    def __init__(self, service: Service, prefix: str) -> None:
        self._service = service
        self._prefix = prefix
        self._known = lru_cache(maxsize=_REMEMBERED)(self._find)

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """Answer a beacon that is only counted; None for all else, which has to be looked at in full."""
        path: str = environ.get("PATH_INFO", "")
        if not path.endswith(_END) or environ["REQUEST_METHOD"] != "GET":
            return None
        ours = _our_cookie(environ.get("HTTP_COOKIE", ""))
        if ours is None:
            return None
        signals = NONE
        if not _TELLING.isdisjoint(environ):
            if any(name in environ for name in SPECULATIVE):
                return None
            signals = read_signals(environ)
        service = self._service
        try:
            known = self._known(path, ours, signals, service.now() // _MINUTE)
            if known is None or service.published(known.total.site) is not known.published:
                return None
            service.asks(environ, _WEIGHT)
            service.store.check()
        except Exception:
            return None  # whatever is wrong is told by the usual way
        service.store.tally(known.total)
        start_response("200 OK", _HEADERS.copy())
        return [PIXEL]

    def _find(self, path: str, cookies: str, signals: frozenset[Signal], minute: int) -> _Known | None:
        parts = path.removeprefix(self._prefix).removesuffix(_END).split("/")
        if len(parts) != 4 or parts[0] or parts[2] != "b" or not parts[3]:
            return None
        _, site, _, tracker = parts
        published = self._service.published(site)
        visit = published.visit(cookies, signals, now=minute * _MINUTE)
        decision = visit.decide(tracker)
        if permit_of(decision) is not None:
            return None
        return _Known(published, total_of(published.site, tracker, decision, now=visit.now))


def _our_cookie(cookies: str) -> str | None:
    """Return the one cookie that may be a choice, with its name; empty where there is none.

    None where several may be ours, or one is a subject's.
    """
    at = cookies.find(OURS)
    if at < 0:
        return ""
    if cookies.find(OURS, at + 1) >= 0 or cookies.startswith(SUBJECT, at):
        return None
    end = cookies.find(";", at)
    return cookies[cookies.rfind(";", 0, at) + 1 : end if end >= 0 else None]
