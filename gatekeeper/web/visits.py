"""Read the visit of a request, and what may be kept about it."""

from collections.abc import Mapping

from gatekeeper.core import minimise, visits
from gatekeeper.core.agents import read_agent
from gatekeeper.core.events import permitted_fields
from gatekeeper.core.signals import read_signals
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import VISIT
from gatekeeper.core.visits import Visit

from .addresses import client_address
from .http import Request
from .service import Service


def read_visit(service: Service, request: Request, site_id: str) -> Visit:
    """Read the visit of a request.

    :raises NotFound: the site is not declared.
    """
    published = service.published(site_id)
    return visits.read_visit(
        published.site,
        request.header("HTTP_COOKIE"),
        read_signals(request.environ),
        published.read_choice,
        service.read_token,
        now=service.now(),
    )


def is_visit(request: Request) -> bool:
    """Tell whether somebody is really looking: a prefetch or a HEAD request is no visit, and is never logged."""
    speculative = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ")
    purposes = " ".join(request.header(name) for name in speculative).lower()
    return request.method != "HEAD" and not any(word in purposes for word in ("prefetch", "prerender", "preview"))


def facts_of(service: Service, request: Request, visit: Visit, **more: str) -> dict[str, str]:
    """Return what may be kept about a request: nothing is read unless the visit log is granted.

    :param more: facts that the page told, such as its path and referrer.
    """
    facts: Mapping[str, str] = more
    if visit.grants(visit.site.trackers[VISIT].purpose):
        facts = {**_facts(service, request, visit.site), **more}
    return permitted_fields(facts, visit.grants)


def _facts(service: Service, request: Request, site: Site) -> dict[str, str]:
    agent = read_agent(request.header("HTTP_USER_AGENT"))
    address = client_address(request.environ, service.config.trusted_proxies)
    return {
        "browser": agent.browser,
        "system": agent.system,
        "device": agent.device,
        "language": minimise.first_language(request.header("HTTP_ACCEPT_LANGUAGE")),
        "address": minimise.keep_address(address, site.ip),
    }
