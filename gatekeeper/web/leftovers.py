"""What is left in a browser of trackers that its visitor's choice denies, as far as a request tells the service."""

from dataclasses import replace
from urllib.parse import urlsplit

from gatekeeper.core.choices import Choice
from gatekeeper.core.decisions import decide
from gatekeeper.core.jar import removals
from gatekeeper.core.sites import Site
from gatekeeper.core.visits import Visit

from .http import Request
from .service import Service


def leftovers(service: Service, request: Request, visit: Visit, choice: Choice) -> list[str]:
    """Return what removes the cookies of denied trackers, of which a script neither sees nor removes some."""
    site = visit.site
    jar = service.published(site.id).jar

    def allows(tracker: str) -> bool:
        return bool(decide(tracker, replace(visit.visitor, choice=choice), site, now=visit.now))

    denied = jar.denied(request.header("HTTP_COOKIE"), allows)
    if not denied:
        return []
    return removals(denied, _host(request, site), "/", secure=site.secure)


def _host(request: Request, site: Site) -> str:
    """Return the host that the visitor's browser sees: a proxy may have put another into the request."""
    hosts = [urlsplit(origin).netloc for origin in site.origins]
    asked = request.header("HTTP_HOST").lower()
    return asked if asked in hosts else hosts[0]
