"""Which regime a visitor is under: by what the operator's edge says, or by the file on this machine. Never online."""

from gatekeeper.core.regimes import Regime, regime_lines, regime_of
from gatekeeper.core.sites import Site

from .addresses import client_address
from .http import Request, Response, json_response
from .service import Service


def get(service: Service, request: Request, site: str) -> Response:
    """Tell which regime whoever asks is under. It names nobody, and nothing of it is kept."""
    found = regime(service, request, service.published(site).site)
    said = regime_lines(found)
    told = {"authority": said["authority"], "sells_link": said["sells_link"]}
    return json_response({"id": found.id, "consent_age": said["age"], **told})


def regime(service: Service, request: Request, site: Site) -> Regime:
    """Return the regime of the place a request comes from; the strictest where nothing that counts says which."""
    region = site.region
    country = _said(service, request, region.header)
    if country:
        return regime_of(country, _said(service, request, region.subdivision_header))
    if region.geo:
        # The address is used for this alone.
        address = client_address(request.environ, service.config.trusted_proxies)
        return regime_of(service.locate(address).country)
    return regime_of(None)


def _said(service: Service, request: Request, header: str) -> str:
    """Return what the operator's edge says in a header; empty where it says nothing.

    A browser may send the same header: it counts only from a proxy whose word about addresses counts as well
    (OWASP ASVS 4.1.3).
    """
    peer = {"REMOTE_ADDR": request.header("REMOTE_ADDR"), "HTTP_X_FORWARDED_FOR": "another"}
    if not header or client_address(peer, service.config.trusted_proxies) != "another":
        return ""
    return request.header(f"HTTP_{header.upper().replace('-', '_')}").strip()
