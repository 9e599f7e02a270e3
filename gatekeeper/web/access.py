"""Which pages may talk to the service: exactly the site's own origins."""

from urllib.parse import urlsplit

from gatekeeper.config import Config
from gatekeeper.core.sites import Site

from .errors import Forbidden, NotHere
from .http import Request, Response

#: What this machine is called where no host is named as staff's.
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def check_writer(request: Request, site: Site) -> None:
    """Check that a request that changes something comes from the site's own pages.

    A browser says so by ``Sec-Fetch-Site``, which no page can set; where it does not, by an ``Origin`` that is
    listed exactly. ``null`` is no origin (OWASP ASVS 3.5.1).

    :raises Forbidden: it does not.
    """
    if request.header("HTTP_SEC_FETCH_SITE") == "same-origin":
        return
    origin = request.header("HTTP_ORIGIN")
    if origin not in site.origins:
        shown = repr(origin[:80]) if origin else "(none)"
        raise Forbidden(f"origin {shown} may not do this: only the origins listed for site {site.id} may")


def check_navigation(request: Request) -> None:
    """Check that a page is being opened as a document, not fetched or framed by a script.

    :raises Forbidden: the browser says otherwise. Browsers that say nothing are let through: the page holds nothing
        that would identify its visitor.
    """
    if not is_navigation(request):
        raise Forbidden("this page is for people: it opens in a window of its own, not in a frame or a script")


def check_staff(request: Request, config: Config) -> None:
    """Check that a request reaches the service where staff's is answered.

    :raises NotHere: it does not; nobody is told that there is something.
    """
    if not is_staff(request, config):
        raise NotHere("there is nothing here")


def is_staff(request: Request, config: Config) -> bool:
    """Tell whether a request reaches the service under a host name that is staff's, and not by way of a site.

    Every vendor's script that a visitor allowed runs on the site's origin, and what answers there answers it.
    """
    host = _host_of(request)
    sites = frozenset[str]().union(*(own_hosts(site) for site in config.sites.values()))
    below = request.header("SCRIPT_NAME")  # reached by the prefix that proxies and applications pass on
    if host in sites or below:
        return False
    return host in config.staff_hosts or (not config.staff_hosts and _is_here(request, host))


def _host_of(request: Request) -> str:
    return (urlsplit(f"//{request.header('HTTP_HOST')}").hostname or "").lower()


def _is_here(request: Request, host: str) -> bool:
    """Tell whether a request was made on this machine, to this machine, by nobody's proxy."""
    forwarded = any(request.header(f"HTTP_{name}") for name in ("X_FORWARDED_FOR", "FORWARDED", "VIA"))
    return host in LOCAL and request.header("REMOTE_ADDR") in LOCAL and not forwarded


def is_navigation(request: Request) -> bool:
    """Tell whether a request opens a document in a window of its own, as far as the browser says."""
    mode, destination = request.header("HTTP_SEC_FETCH_MODE"), request.header("HTTP_SEC_FETCH_DEST")
    return (mode or "navigate", destination or "document") == ("navigate", "document")


def allow_origin(request: Request, site: Site, response: Response) -> Response:
    """Let the site's pages on another host of the same domain read a response, with their cookies."""
    origin = request.header("HTTP_ORIGIN")
    if origin not in site.origins:
        return response.adding(("Vary", "Origin"))
    return response.adding(
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
    )


def preflight(request: Request, site: Site, methods: str) -> Response:
    """Answer an ``OPTIONS`` request. To an origin that is not listed it grants nothing."""
    response = allow_origin(request, site, Response(204, (("Cache-Control", "no-store"),)))
    if request.header("HTTP_ORIGIN") not in site.origins:
        return response
    return response.adding(
        ("Access-Control-Allow-Methods", methods),
        ("Access-Control-Allow-Headers", "Content-Type"),
        ("Access-Control-Max-Age", "600"),
    )


def own_hosts(site: Site) -> frozenset[str]:
    """Return the hosts of a site's origins."""
    return frozenset(urlsplit(origin).hostname or "" for origin in site.origins)
