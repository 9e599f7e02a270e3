"""The hot path: a plain WSGI callable in front of Flask, which answers scripts, choices, beacons, events and links.

It also makes every way of mounting look alike: whether a proxy strips the prefix or not, what lies behind it sees the
path below the prefix.
"""

import re
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from .access import preflight
from .dispatch import answer
from .errors import NotFound
from .http import Request, Response, json_response
from .quiet import Quiet
from .routes import ROUTES, Route
from .service import Service


class Collect:
    """Answers the hot routes, and passes the rest on.

    :param app: what answers the rest.
    """

    def __init__(self, app: WSGIApplication, service: Service, prefix: str) -> None:
        self._app = app
        self._service = service
        self._prefix = prefix
        self._table = _table()
        self._quiet = Quiet(service, prefix)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        counted = self._quiet.answer(environ, start_response)
        if counted is not None:
            return counted
        path = _below(environ, self._prefix)
        for pattern, methods in self._table[path.count("/")]:
            match = pattern.fullmatch(path)
            if match:
                return self._answer(environ, start_response, path, methods, match.groupdict())
        return self._app(environ, start_response)

    def _answer(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        path: str,
        methods: dict[str, Route],
        params: dict[str, Any],
    ) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            return self._other_method(Request(environ, path), methods, params).send(start_response)
        response = answer(self._service, route, Request(environ, path, route.limit, self._service.read_body), params)
        return response.send(start_response, head=method == "HEAD")

    def _other_method(self, request: Request, methods: dict[str, Route], params: dict[str, Any]) -> Response:
        allowed = ", ".join(sorted(methods))
        if request.method == "OPTIONS" and any(route.cors for route in methods.values()):
            try:
                return preflight(request, self._service.published(params["site"]).site, allowed)
            except NotFound as error:
                return json_response({"error": str(error)}, 404)
        refused = json_response({"error": f"{request.method} is not answered here, only {allowed}"}, 405)
        return refused.adding(("Allow", allowed))


def _below(environ: WSGIEnvironment, prefix: str) -> str:
    path: str = environ.get("PATH_INFO", "")
    if path.startswith(f"{prefix}/"):
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
        path = environ["PATH_INFO"] = path[len(prefix) :]
    return path


_Patterns = list[tuple[re.Pattern[str], dict[str, Route]]]


def _table() -> dict[int, _Patterns]:
    """Return the hot routes by the number of slashes in their path, each with its methods."""
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        if route.hot:
            by_path.setdefault(route.path, {})[route.method] = route
    table: dict[int, _Patterns] = _NoPatterns()
    for path, methods in by_path.items():
        table.setdefault(path.count("/"), []).append((_pattern(path), methods))
    return table


class _NoPatterns(dict[int, _Patterns]):
    def __missing__(self, slashes: int) -> _Patterns:
        return []


def _pattern(path: str) -> re.Pattern[str]:
    # <hash> is hexadecimal, <language> a tag without dots, the others anything without a slash.
    forms = {"hash": "[0-9a-f]+", "language": "[A-Za-z-]+", "name": "[a-z]+"}
    parts = re.split(r"<(\w+)>", path)
    fixed = [re.escape(part) for part in parts[::2]]
    named = [f"(?P<{name}>{forms.get(name, '[^/]+')})" for name in parts[1::2]]
    return re.compile("".join(text for pair in zip(fixed, [*named, ""], strict=True) for text in pair))
