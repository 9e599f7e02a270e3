"""The OpenAPI description of what answers programs, made of the routes, of the types that handlers read and send, and
of what :mod:`gatekeeper.web.operations` says of each.

Staff's own pages are left out: they are for people.
"""

import inspect
import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from gatekeeper import __version__

from .operations import OPERATIONS, PATH_PARAMETERS, Answer, Error, Operation, Parameter
from .routes import ROUTES, Auth, Route

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_PARAMETER = re.compile(r"<(?:int:)?(\w+)>")
#: What errors say, by their status.
_ERRORS = {
    400: "What was sent breaks a rule; the message names it.",
    401: "There is no token, or none that is good.",
    403: "Whoever asks may not.",
    404: "There is no such thing here.",
    408: "The body was too slow to come.",
    413: "The body is too long.",
    429: "One address asks too much; `Retry-After` says when it may ask again.",
    503: "Nothing can be kept just now; `Retry-After` says when to try again.",
}
_ABOUT = """What Gatekeeper answers to programs.

`/api/v1` is for your own programs. It answers on the staff hosts, to whoever sends `Authorization: Bearer` with a token
that somebody of the staff made on the account page. All else is what a site's own pages ask, on the site's origin,
below the prefix; those under `writer` answer no page of another origin.
"""


def is_described(route: Route) -> bool:
    """Tell whether a route is for programs."""
    return route.auth not in {Auth.MEMBER, Auth.STAFF} or key_of(route) in OPERATIONS


def key_of(route: Route) -> str:
    """Return what a route goes by in the table of what is said of each."""
    return f"{route.method} {route.path}"


def path_of(route: Route, prefix: str) -> str:
    """Return the path of a route as the description has it."""
    path = _PARAMETER.sub(r"{\1}", route.path)
    return path if route.root else f"{prefix}{path}"


@lru_cache(maxsize=4)
def description(prefix: str) -> tuple[bytes, str]:
    """Return the description as JSON, and its ETag.

    :param prefix: the path under which the service is reached.
    """
    body = msgspec.json.encode(describe(prefix))
    return body, f'"{sha256(body).hexdigest()[:16]}"'


def describe(prefix: str) -> dict[str, Any]:
    """Return the description."""
    described = [route for route in ROUTES if is_described(route)]
    schemas = _Schemas([OPERATIONS[key_of(route)] for route in described])
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        operation = _operation(route, OPERATIONS[key_of(route)], schemas)
        paths.setdefault(path_of(route, prefix), {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gatekeeper", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """The JSON schemas of all types that operations name."""

    def __init__(self, operations: list[Operation]) -> None:
        self._types: list[Any] = [Error]
        for operation in operations:
            self._types += operation.body.values()
            self._types += [type for answer in operation.answers.values() for type in answer.types]
        found, components = msgspec.json.schema_components(self._types, ref_template=_REF)
        self._found = [_tidy(schema) for schema in found]
        self.components = {name: _tidy(schema) for name, schema in components.items()}

    def of(self, *types: Any) -> dict[str, Any]:
        """Return the schema of a type; of several, that it is one of them."""
        found = [self._found[self._types.index(type)] for type in types]
        return found[0] if len(found) == 1 else {"anyOf": found}


def _tidy(schema: Any) -> Any:
    """Return a schema as OpenAPI has it: JavaScript's patterns, and each parameter's words beside it."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _tidy(value) for key, value in schema.items()}
    if isinstance(tidied.get("pattern"), str):
        tidied["pattern"] = tidied["pattern"].replace(r"\Z", "$")
    if isinstance(tidied.get("description"), str):
        tidied["description"], words = _read_docstring(tidied["description"])
        for name, told in words.items():
            if name in tidied.get("properties", {}):
                tidied["properties"][name]["description"] = told
    return tidied


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return what a docstring says, and what it says of each parameter."""
    about, *told = re.split(r"^\s*:param (\w+):", text, flags=re.MULTILINE)
    names, words = told[::2], told[1::2]
    return _flow(about), {name: _flow(said) for name, said in zip(names, words, strict=True)}


def _flow(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _operation(route: Route, operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    module = route.handler.__module__.rpartition(".")[2]
    names = _PARAMETER.findall(route.path)
    found: dict[str, Any] = {
        "operationId": f"{module}_{route.handler.__name__}{operation.id}",
        "summary": _flow((inspect.getdoc(route.handler) or "").split("\n\n")[0]),
        "description": " ".join(_about(route, operation)),
        "tags": ["api" if route.path.startswith("/api/") else route.auth.value],
        "parameters": [*(_path_parameter(name) for name in names), *map(_parameter, operation.parameters)],
        "responses": {str(status): answer for status, answer in sorted(_answers(route, operation, schemas))},
    }
    if operation.body:
        content = {media: {"schema": schemas.of(type)} for media, type in operation.body.items()}
        found["requestBody"] = {"description": f"At most {route.limit} bytes.", "content": content}
    if route.auth is Auth.TOKEN:
        found["security"] = [{"token": []}]
    return found


def _about(route: Route, operation: Operation) -> Iterator[str]:
    if operation.about:
        yield operation.about
    if route.right:
        yield f"Needs the right `{route.right}` on the site."
    if route.auth is Auth.WRITER:
        yield "Only the site's own pages may ask: by `Sec-Fetch-Site: same-origin`, or an `Origin` of the site."
    if route.cors:
        yield "The site's pages on its other origins may read the answer."
    if route.weight:
        yield f"Counts {route.weight} of what one address may ask a minute."


def _path_parameter(name: str) -> dict[str, Any]:
    about, schema = PATH_PARAMETERS[name]
    return {"name": name, "in": "path", "required": True, "description": about, "schema": schema}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.about,
        "schema": parameter.schema,
    }


def _answers(route: Route, operation: Operation, schemas: _Schemas) -> Iterator[tuple[int, dict[str, Any]]]:
    own = {_JSON: {"schema": schemas.of(Error)}}
    for status in _errors(route, operation) - operation.answers.keys():
        yield status, {"description": _ERRORS[status], "content": own}
    for status, answer in operation.answers.items():
        yield status, {"description": answer.about, **_content(answer, schemas), **_headers(answer)}


def _content(answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": {"type": "string"}} for media in answer.media}
    if answer.types:
        content[_JSON] = {"schema": schemas.of(*answer.types)}
    return {"content": content} if content else {}


def _headers(answer: Answer) -> dict[str, Any]:
    headers = {name: {"description": about, "schema": {"type": "string"}} for name, about in answer.headers.items()}
    return {"headers": headers} if headers else {}


def _errors(route: Route, operation: Operation) -> set[int]:
    """Return how a request may be refused, by what the table of routes says of it."""
    found = {*operation.errors}
    if operation.body:
        found |= {400, 408, 413, 503}
    if route.auth in {Auth.WRITER, Auth.NAVIGATION}:
        found |= {403}
    if route.auth is Auth.TOKEN:
        found |= {400, 401, 403, 503}
    if "<" in route.path or route.auth in {Auth.TOKEN, Auth.STAFF}:
        found |= {404}
    if route.weight:
        found |= {429}
    return found
