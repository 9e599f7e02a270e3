"""Answer one request by its route: check who asks, call the handler, turn what goes wrong into a status."""

import logging
import traceback
from typing import Any

from gatekeeper.core.errors import GatekeeperError, StoreUnavailable

from .access import allow_origin, check_navigation, check_writer
from .errors import status_of
from .http import Request, Response, json_response
from .routes import Auth, Route
from .service import Service

log = logging.getLogger(__name__)

#: How soon a browser may try again while the store does not take writes, in seconds.
RETRY_AFTER = "1"


def answer(service: Service, route: Route, request: Request, params: dict[str, Any]) -> Response:
    """Answer a request."""
    try:
        _check(service, route, request, params)
        response = route.handler(service, request, **params)
    except GatekeeperError as error:
        response = _refused(error)
    except Exception as error:
        response = _failed(route, error)
    return _with_origin(service, route, request, params, response)


def _check(service: Service, route: Route, request: Request, params: dict[str, Any]) -> None:
    if route.auth is Auth.WRITER:
        check_writer(request, service.published(params["site"]).site)
    elif route.auth is Auth.NAVIGATION:
        check_navigation(request)


def _with_origin(
    service: Service, route: Route, request: Request, params: dict[str, Any], response: Response
) -> Response:
    site = service.config.sites.get(params["site"]) if route.cors else None
    return allow_origin(request, site, response) if site else response


def _refused(error: GatekeeperError) -> Response:
    response = json_response({"error": str(error)}, status_of(error))
    return response.adding(("Retry-After", RETRY_AFTER)) if isinstance(error, StoreUnavailable) else response


def _failed(route: Route, error: Exception) -> Response:
    # An exception's own text may hold what a visitor sent; where it happened does not.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s %s: %s\n%s", route.method, route.path, type(error).__name__, where)
    return json_response({"error": "something went wrong here; nothing was granted by it"}, 500)
