"""Answer one request by its route: check who asks, call the handler, turn what goes wrong into a status."""

import logging
from typing import Any

from gatekeeper.core.errors import GatekeeperError, StoreUnavailable, where
from gatekeeper.core.staff import EVERY_SITE

from .access import allow_origin, check_navigation, check_staff, check_writer, is_navigation, is_staff
from .dashboard import members
from .errors import NotHere, SignedOut, TooManyListeners, TooManySlow, TooOften, status_of
from .http import Request, Response, json_response
from .routes import Auth, Route
from .service import Service

log = logging.getLogger(__name__)

#: How soon a browser may try again while the store does not take writes, in seconds.
RETRY_AFTER = "1"
#: What may be asked for again.
_NOT_NOW = (TooOften, StoreUnavailable, TooManySlow, TooManyListeners)
#: What visitors are told while nothing can be kept.
UNAVAILABLE = "this could not be kept just now; try again"


def answer(service: Service, route: Route, request: Request, params: dict[str, Any]) -> Response:
    """Answer a request."""
    try:
        if route.weight:
            service.asks(request.environ, route.weight)
        _check(service, route, request, params)
        response = route.handler(service, request, **params)
    except GatekeeperError as error:
        of_staff = route.auth in {Auth.STAFF, Auth.MEMBER}
        response = _refused_person(service, route, request, error) if of_staff else _refused(error)
    except Exception as error:
        response = _failed(route, error)
    return _with_origin(service, route, request, params, response)


def _check(service: Service, route: Route, request: Request, params: dict[str, Any]) -> None:
    if route.auth is Auth.WRITER:
        check_writer(request, service.published(params["site"]).site)
    elif route.auth is Auth.NAVIGATION:
        check_navigation(request)
    elif route.auth is Auth.STAFF:
        check_staff(request, service.config)
    elif route.auth in {Auth.MEMBER, Auth.TOKEN}:
        check_staff(request, service.config)
        ask = members.member_of if route.auth is Auth.MEMBER else members.holder_of
        request.member = ask(service, request, route.right, params.get("site", EVERY_SITE))
        if route.method != "GET" and route.auth is Auth.MEMBER:
            members.check_own_page(request)


def _with_origin(
    service: Service, route: Route, request: Request, params: dict[str, Any], response: Response
) -> Response:
    site = service.config.sites.get(params["site"]) if route.cors else None
    return allow_origin(request, site, response) if site else response


def _refused_person(service: Service, route: Route, request: Request, error: GatekeeperError) -> Response:
    """Refuse as a page where somebody of the staff opens one; scripts and images of a page get what programs get."""
    refused = _refused(error)
    if not is_navigation(request) or isinstance(error, NotHere):
        return refused
    if isinstance(error, _NOT_NOW):
        # What is refused before anything is looked at may have been asked for on a site's own host.
        shown = "text/html" in request.header("HTTP_ACCEPT") and is_staff(request, service.config)
        return members.show_not_now(service, request, refused) if shown else refused
    if route.auth is Auth.STAFF:
        return refused
    if isinstance(error, SignedOut):
        return members.show_sign_in(request)
    return members.show_refusal(service, request, error, refused.status)


def _refused(error: GatekeeperError) -> Response:
    # Why the store is unavailable names files and hosts: that is for the log and the health check.
    told = UNAVAILABLE if isinstance(error, StoreUnavailable) else str(error)
    response = json_response({"error": told}, status_of(error))
    if isinstance(error, SignedOut):
        return response.adding(("WWW-Authenticate", "Bearer"))
    if isinstance(error, TooOften):
        return response.adding(("Retry-After", str(error.again_in)))
    if isinstance(error, _NOT_NOW):
        return response.adding(("Retry-After", RETRY_AFTER))
    return response


def _failed(route: Route, error: Exception) -> Response:
    log.error("%s %s failed: %s", route.method, route.path, where(error))
    return json_response({"error": "something went wrong here; nothing was granted by it"}, 500)
