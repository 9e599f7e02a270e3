"""Asking a service everything that its description allows, and what it does not."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from gatekeeper.web import openapi
from gatekeeper.web.routes import Route

#: Staff's host on this machine, and the only one that schemathesis sends cookies to.
HOST = "http://localhost"
EXAMPLES = 10

CONFORMS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
REFUSES = [*CONFORMS, checks.negative_data_rejection]


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
