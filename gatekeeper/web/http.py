"""A request as far as handlers need it, and a response. The hot path cannot afford a framework's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, TypeVar, cast
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.staff import Member

from .errors import TooLarge

Headers = tuple[tuple[str, str], ...]

Form = TypeVar("Form")

#: Reads so many bytes of a request's body, or fewer where it ends.
ReadBody = Callable[[WSGIEnvironment, int], bytes]

NO_STORE = ("Cache-Control", "no-store")
#: What is the site's own: nobody guesses at its type, and other sites' pages cannot take it in.
OWN = (("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin"))
_JSON = (("Content-Type", "application/json"), NO_STORE, *OWN)
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back. ``Content-Length`` is added on sending.

    :param stream: sent piece by piece in place of a body; only for what is not hot.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    cookies: tuple[str, ...] = field(default=(), repr=False)
    stream: Iterable[bytes] | None = None

    def adding(self, *headers: tuple[str, str]) -> "Response":
        """Return this response with more headers."""
        return replace(self, headers=(*self.headers, *headers))

    def send(self, start_response: StartResponse, *, head: bool = False) -> Iterable[bytes]:
        """Send it the WSGI way."""
        headers = [*self.headers, *(("Set-Cookie", cookie) for cookie in self.cookies)]
        if self.status not in {204, 304}:
            headers.append(("Content-Length", str(len(self.body))))
        start_response(_STATUS_LINES[self.status], headers)
        return [] if head else [self.body]


class Request:
    """A WSGI request, read only where a handler looks.

    :param limit: the longest body that is read, in bytes.
    :param read: reads the body; None means that it is waited for as long as it takes.
    :ivar member: who of the staff asks; the dispatch sets it for routes that only members may ask for.
    """

    __slots__ = ("_read", "environ", "limit", "member", "method", "path")

    member: Member

    def __init__(self, environ: WSGIEnvironment, path: str, limit: int = 0, read: ReadBody | None = None) -> None:
        self.environ = environ
        self.path = path
        self.limit = limit
        self._read = read
        self.method: str = environ["REQUEST_METHOD"]

    def header(self, name: str) -> str:
        """Return a header by its WSGI name, such as ``HTTP_REFERER``; empty where it is absent."""
        return cast(str, self.environ.get(name, ""))

    @property
    def content_type(self) -> str:
        return self.header("CONTENT_TYPE").split(";", 1)[0].strip().lower()

    def body(self) -> bytes:
        """Return the body.

        :raises TooLarge: it is longer than the route allows; it is not read to its end.
        :raises InvalidInput: it ended before its announced length: what is cut off may say something else.
        :raises StillSending: it is too slow to come.
        :raises TooManySlow: others are already.
        """
        length = self.header("CONTENT_LENGTH")
        if length.isdecimal() and int(length) > self.limit:
            raise TooLarge(f"a body of {length} bytes: at most {self.limit} are read here")
        wanted = int(length) if length.isdecimal() else self.limit + 1
        if not wanted:
            return b""
        read = self._read
        body = cast(bytes, self.environ["wsgi.input"].read(wanted)) if read is None else read(self.environ, wanted)
        if length.isdecimal() and len(body) < wanted:
            raise InvalidInput(f"a body of {len(body)} bytes where {length} were announced: it ended early")
        if len(body) > self.limit:
            raise TooLarge(f"a body of more than {self.limit} bytes: at most {self.limit} are read here")
        return body


def first_of(fields: Mapping[str, Sequence[str]], name: str) -> str:
    """Return the first value of a field of a form or a query; empty where there is none."""
    return next(iter(fields.get(name, ())), "")


def json_response(value: Any, status: int = 200, *, cookies: tuple[str, ...] = ()) -> Response:
    """Return a JSON response that nobody may cache."""
    return Response(status, _JSON, msgspec.json.encode(value), cookies)


def read_json(body: bytes, form: type[Form]) -> Form:
    """Read a JSON body into a msgspec form.

    :raises InvalidInput: it is not JSON, or not of the form; the message names the key and the rule.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=form)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"not JSON: {error}") from error
