"""Read the visit of a request, and what may be kept about it."""

from collections.abc import Mapping

from gatekeeper.core import minimise
from gatekeeper.core.agents import with_hints
from gatekeeper.core.events import permitted_fields
from gatekeeper.core.signals import read_signals
from gatekeeper.core.visits import Visit

from .addresses import client_address
from .agents import read_agent
from .http import Request
from .service import Service

#: What every request tells of itself.
_OF_REQUEST = ("browser", "system", "device", "language", "address", "provider", "country")
#: The headers by which browsers say that nobody is looking yet.
SPECULATIVE = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ")


def read_visit(service: Service, request: Request, site_id: str) -> Visit:
    """Read the visit of a request.

    :raises NotFound: the site is not declared.
    """
    signals = read_signals(request.environ)
    return service.published(site_id).visit(request.header("HTTP_COOKIE"), signals, now=service.now())


def is_visit(request: Request) -> bool:
    """Tell whether somebody is really looking: a prefetch or a HEAD request is no visit, and is never logged."""
    if request.method == "HEAD":
        return False
    said = [request.header(name).lower() for name in SPECULATIVE if name in request.environ]
    return not any(word in purpose for purpose in said for word in ("prefetch", "prerender", "preview"))


class Facts:
    """What may be kept about a request, for all the events that it tells of. Nothing is read that may not be kept."""

    def __init__(self, service: Service, request: Request, visit: Visit) -> None:
        self._service = service
        self._request = request
        self._visit = visit
        self._of_request: Mapping[str, str] | None = None

    def kept(self, told: Mapping[str, str], event: str = "") -> dict[str, str]:
        """Return what may be kept of an event.

        :param told: what the page said of it, such as its path.
        :param event: the name of one of the site's own events; empty for all else.
        """
        if self._of_request is None:
            self._of_request = self._read_request()
        return permitted_fields({**self._of_request, **told}, self._visit.grants, self._visit.kept(event))

    def _read_request(self) -> Mapping[str, str]:
        kept = self._visit.kept()
        if not any(name in kept and self._visit.grants(kept[name]) for name in _OF_REQUEST):
            return {}
        agent = read_agent(self._request.header("HTTP_USER_AGENT"))
        if brands := self._request.header("HTTP_SEC_CH_UA"):
            agent = with_hints(agent, brands, self._request.header("HTTP_SEC_CH_UA_PLATFORM_VERSION"))
        address = client_address(self._request.environ, self._service.config.trusted_proxies)
        place = self._service.locate(address)
        return {
            "browser": agent.browser,
            "system": agent.system,
            "device": agent.device,
            "language": minimise.first_language(self._request.header("HTTP_ACCEPT_LANGUAGE")),
            "address": minimise.keep_address(address, self._visit.site.ip),
            "provider": place.provider,
            "country": place.country,
        }
