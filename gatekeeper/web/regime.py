"""Which regime a visitor is under: by what the operator's edge says, or by the file on this machine. Never online."""

import msgspec

from gatekeeper.core.regimes import Regime, regime_lines, regime_of
from gatekeeper.core.sites import Site

from .addresses import client_address
from .http import Request, Response, json_response
from .service import Service


class Complaints(msgspec.Struct):
    """Whom to complain to."""

    name: str
    url: str


class Here(msgspec.Struct):
    """The regime of whoever asks.

    :param consent_age: from which age one may agree by oneself.
    :param sells_link: whether the law asks for a link of its own to say no to selling.
    """

    id: str
    consent_age: int
    authority: Complaints | None
    sells_link: bool


def get(service: Service, request: Request, site: str) -> Response:
    """Tell which regime whoever asks is under. It names nobody, and nothing of it is kept."""
    found = regime(service, request, service.published(site).site)
    said = regime_lines(found)
    authority = Complaints(**said["authority"]) if said["authority"] else None
    return json_response(Here(found.id, said["age"], authority, said["sells_link"]))


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
