"""The description of what answers programs: it is whole, it is valid, and the service does what it says."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gatekeeper.core.learners import sign_learner
from gatekeeper.web import openapi
from gatekeeper.web.operations import OPERATIONS
from gatekeeper.web.routes import ROUTES, Auth, Route
from gatekeeper.web.service import Service

from .conftest import ORIGIN, Browser
from .fuzz import NEGATIVE, POSITIVE, Fuzz

JSON = "application/json"
PUBLIC = [route for route in ROUTES if openapi.is_described(route) and route.auth is not Auth.TOKEN]
SAID = {route: OPERATIONS.get(openapi.key_of(route)) for route in PUBLIC}
READERS = [route for route, said in SAID.items() if said and JSON in said.body]


def test_every_route_for_programs_is_described() -> None:
    routes = [openapi.key_of(route) for route in ROUTES if openapi.is_described(route)]

    assert set(routes) == OPERATIONS.keys()


def test_pages_of_the_dashboard_are_not() -> None:
    assert not any(openapi.is_described(route) for route in ROUTES if route.auth is Auth.MEMBER)


def test_the_description_is_valid() -> None:
    errors = [str(error) for error in OpenAPIV31SpecValidator(openapi.describe("/gk")).iter_errors()]

    assert errors == []


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
