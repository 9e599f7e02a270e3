"""The description of what answers programs: it is whole, it is valid, and the service does what it says."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from gatekeeper.core.learners import sign_learner
from gatekeeper.web import openapi
from gatekeeper.web.operations import OPERATIONS
from gatekeeper.web.routes import ROUTES, Auth, Route
from gatekeeper.web.service import Service

from .conftest import ORIGIN, Browser

#: Staff's host on this machine, and the only one that schemathesis sends cookies to.
HOST = "http://localhost"
JSON = "application/json"
EXAMPLES = 10
PUBLIC = [route for route in ROUTES if openapi.is_described(route) and route.auth is not Auth.TOKEN]
READERS = [route for route in PUBLIC if JSON in OPERATIONS[openapi.key_of(route)].body]

CONFORMS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
REFUSES = [*CONFORMS, checks.negative_data_rejection]


def test_every_route_for_programs_is_described() -> None:
    routes = [openapi.key_of(route) for route in ROUTES if openapi.is_described(route)]

    assert set(routes) == OPERATIONS.keys()


def test_pages_of_the_dashboard_are_not() -> None:
    assert not any(openapi.is_described(route) for route in ROUTES if route.auth is Auth.MEMBER)


def test_the_description_is_valid() -> None:
    errors = [str(error) for error in OpenAPIV31SpecValidator(openapi.describe("/gk")).iter_errors()]

    assert errors == []


@cache
def described() -> Any:
    """Return the description as schemathesis has it."""
    refusals = {"negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "413"]}}
    config = schemathesis.Config.from_dict({"checks": refusals})
    return schemathesis.openapi.from_dict(openapi.describe("/gk"), config=config)


class Fuzz:
    """Asks a service what its description allows, and what it does not, and checks each answer against it."""

    def __init__(self, app: WSGIApplication, headers: Mapping[str, str]) -> None:
        def here(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return app({**environ, "REMOTE_ADDR": "127.0.0.1"}, start_response)

        self._app = here
        self._headers = dict(headers)

    def ask(self, route: Route, mode: GenerationMode, **fixed: Any) -> set[int]:
        """Ask a route for some examples, always the same ones, and return the statuses of the answers."""
        site = {"site": "shop"} if "<site>" in route.path else None
        operation = described()[openapi.path_of(route, "/gk")][route.method]
        statuses = set()

        @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(mode, path_parameters=site, **fixed))
        def run(case: Case) -> None:
            response = case.call(app=self._app, base_url=HOST, headers=self._headers)
            case.validate_response(response, checks=CONFORMS if mode is POSITIVE else REFUSES)
            statuses.add(response.status_code)

        run()
        return statuses


@pytest.fixture
def cookies(browser: Browser, service: Service) -> dict[str, str]:
    """The cookies of a browser that has granted something, and is one of the staff's own."""
    browser.choose("analytics", "marketing")
    learner = sign_learner(service.config.keys, service.config.sites["shop"], until=service.now() + 3600)
    held = {name: browser.cookie(name) or "" for name in ("gk_choice", "gk_subject")}
    return {**held, "gk_learn": learner}


@pytest.mark.parametrize("route", PUBLIC, ids=openapi.key_of)
def test_what_pages_ask_is_answered_as_described(app: Any, cookies: dict[str, str], route: Route) -> None:
    fuzz = Fuzz(app, {"Origin": ORIGIN})

    statuses = fuzz.ask(route, POSITIVE, cookies={} if route.method == "GET" else cookies)

    assert statuses


@pytest.mark.parametrize("route", READERS, ids=openapi.key_of)
def test_what_pages_may_not_send_is_refused(app: Any, cookies: dict[str, str], route: Route) -> None:
    fuzz = Fuzz(app, {"Origin": ORIGIN})

    statuses = fuzz.ask(route, NEGATIVE, cookies=cookies, media_type=JSON)

    assert 400 in statuses
