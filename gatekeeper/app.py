"""The only wiring: settings, store and service become a WSGI application."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from gatekeeper import purging
from gatekeeper.config import Config, load_config
from gatekeeper.core.regimes import check_regimes
from gatekeeper.doctor import examine
from gatekeeper.gate.advice import advice
from gatekeeper.geo.places import locator
from gatekeeper.marking import Marking
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store
from gatekeeper.watching import schedule as watching
from gatekeeper.web.collect import Collect
from gatekeeper.web.dispatch import answer
from gatekeeper.web.http import Request
from gatekeeper.web.openapi import description
from gatekeeper.web.routes import ROUTES, Route
from gatekeeper.web.service import Service


def create_app(
    config: Config | None = None, *, store: Store | None = None, clock: Callable[[], float] = time.time
) -> Flask:
    """Return the application, serving.

    :param config: None means the settings of the environment.
    :param store: one that is started already; None opens the configured one and takes the writer's lock.
    :raises Invalid: the configuration has mistakes.
    :raises StoreLocked: another process serves from the same SQLite file.
    """
    config = config or load_config()
    alone = store is None
    if store is None:
        store = open_store(config.database_url, clock=clock, zones=config.zones)
        store.start()
    locate = locator(config.geo, config.path.parent)
    service = Service(config, store, clock=clock, locate=locate)
    service.advise = lambda site: [*advice(site), *check_regimes(site)]
    service.examine = lambda: examine(os.environ)
    service.describe = partial(description, config.prefix)
    if alone:
        beside = purging.Schedule(service, clock), watching.Schedule(service, clock), Marking(config, store, clock)
        service.look_after = _beside(*beside)

    app = Flask("gatekeeper", static_folder=None)
    app.extensions["gatekeeper"] = service
    for route in ROUTES:
        if not route.hot:
            _add(app, service, route)
    app.register_error_handler(HTTPException, _no_such_page)
    app.wsgi_app = Collect(app.wsgi_app, service, config.prefix)  # type: ignore[method-assign]
    return app


def _beside(*schedules: purging.Schedule | watching.Schedule | Marking) -> Callable[[], None]:
    """Return what begins all that runs beside the requests, where it does not run."""

    def ensure() -> None:
        for schedule in schedules:
            schedule.ensure()

    return ensure


def _add(app: Flask, service: Service, route: Route) -> None:
    def view(**params: Any) -> Response:
        asked = Request(request.environ, request.path, route.limit, service.read_body)
        told = answer(service, route, asked, params)
        response = Response(
            told.body if told.stream is None else told.stream, status=told.status, headers=list(told.headers)
        )
        for cookie in told.cookies:
            response.headers.add("Set-Cookie", cookie)
        return response

    app.add_url_rule(route.path, f"{route.method} {route.path}", view, methods=[route.method])


def _no_such_page(error: HTTPException) -> tuple[dict[str, str | None], int]:
    return {"error": error.description}, error.code or 500
