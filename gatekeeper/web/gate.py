"""The policy of a page, for the site's own web server, which asks while the visitor waits. Nothing is recorded."""

from urllib.parse import unquote

from gatekeeper.core.learners import is_learner
from gatekeeper.core.policy import Header, gate_headers, hint_headers, learn_headers
from gatekeeper.core.visits import Visit

from .http import NO_STORE, OWN, Request, Response
from .service import Service
from .visits import read_visit

#: How the page is gated. An answer without it is none.
MODE = "Gatekeeper-Mode"


def gate(service: Service, request: Request, site: str) -> Response:
    """Answer with the headers that a page is to have, by the cookies and signals of its request.

    ``X-Forwarded-Uri`` says which page it is; without it, one that has a policy.
    """
    visit = read_visit(service, request, site)
    path = unquote(request.header("HTTP_X_FORWARDED_URI").partition("?")[0])
    varies = ("Vary", "Cookie, Sec-GPC, DNT, X-Forwarded-Uri")
    return Response(204, (*_headers(service, request, visit, path), varies, NO_STORE, *OWN))


def _headers(service: Service, request: Request, visit: Visit, path: str) -> list[Header]:
    def allows(tracker: str) -> bool:
        return bool(visit.decide(tracker))

    policy = gate_headers(visit.site, allows, path)
    if not policy:
        return [(MODE, "off")]
    if is_learner(service.config.keys, visit.site, request.header("HTTP_COOKIE"), now=visit.now):
        reports = f"{service.config.prefix}/{visit.site.id}/reports"
        return [(MODE, "learn"), *learn_headers(visit.site, reports), *hint_headers(visit.site, allows)]
    return [(MODE, "enforce"), *policy, *hint_headers(visit.site, allows)]
