"""The shop's reverse proxy for ``/gk/``: what nginx or Caddy does for a real site.

A Gatekeeper that is down or hangs costs a page at most :data:`LIMIT` seconds, once per request, and answers 502 or 504.
"""

import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: Seconds for one whole exchange: connect, send, read.
LIMIT = 1.0
MAX_REQUEST = 1 << 20  # bytes
MAX_RESPONSE = 4 << 20

# RFC 9110 section 7.6.1, and the older ones that it replaces; and what the shop sets anew.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"),
        *("te", "trailer", "transfer-encoding", "upgrade", "content-length", "host", "date", "server"),
    }
)

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, whole."""

    status: str
    headers: Headers
    body: bytes = b""


class Proxy:
    """Pass requests below a prefix to Gatekeeper, and all others to the site itself.

    :param site: the site's own application.
    :param prefix: ends with a slash; it is passed on unstripped.
    :param port: where Gatekeeper listens, on this machine.
    """

    def __init__(self, site: WSGIApplication, prefix: str, port: int, limit: float = LIMIT) -> None:
        self._site = site
        self._prefix = prefix
        self._port = port
        self._limit = limit

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(self._prefix):
            return self._site(environ, start_response)
        answer = self._answer(environ)
        length = [] if answer.status[:3] in {"204", "304"} else [("Content-Length", str(len(answer.body)))]
        start_response(answer.status, answer.headers + length)
        return [answer.body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > MAX_REQUEST:
            return _failed("413 Content Too Large", f"a request to Gatekeeper has at most {MAX_REQUEST} bytes")
        body = environ["wsgi.input"].read(length) if length else b""
        try:
            return self._exchange(environ, body)
        except TimeoutError:
            return _failed("504 Gateway Timeout", f"Gatekeeper did not answer within {self._limit:g} s")
        except (OSError, HTTPException):
            return _failed("502 Bad Gateway", "Gatekeeper cannot be reached")

    def _exchange(self, environ: WSGIEnvironment, body: bytes) -> Answer:
        deadline = time.monotonic() + self._limit
        connection = HTTPConnection("127.0.0.1", self._port, timeout=self._limit)
        try:
            connection.connect()
            line = connection.sock
            _allow_until(deadline, line)
            connection.putrequest(
                environ["REQUEST_METHOD"], _target(environ), skip_host=True, skip_accept_encoding=True
            )
            for name, value in [*_request_headers(environ), ("Content-Length", str(len(body)))]:
                connection.putheader(name, value)
            connection.endheaders(body)
            _allow_until(deadline, line)
            response = connection.getresponse()
            received = b"".join(_chunks(response, line, deadline))
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
            return Answer(f"{response.status} {response.reason}", headers, received)
        finally:
            connection.close()


def _chunks(response: HTTPResponse, line: socket.socket, deadline: float) -> Iterator[bytes]:
    size = 0
    while chunk := response.read1(65_536):
        size += len(chunk)
        if size > MAX_RESPONSE:
            raise HTTPException("longer than anything Gatekeeper sends")
        yield chunk
        _allow_until(deadline, line)


def _allow_until(deadline: float, line: socket.socket) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)


def _target(environ: WSGIEnvironment) -> str:
    """Return path and query as they came, not decoded and encoded again."""
    raw: str = environ["REQUEST_URI"]  # by werkzeug; the path of PEP 3333 is decoded
    return raw if raw.startswith("/") else "/" + raw.split("://", 1)[-1].partition("/")[2]


def _request_headers(environ: WSGIEnvironment) -> Headers:
    named = {key[5:].replace("_", "-").title(): value for key, value in environ.items() if key.startswith("HTTP_")}
    dropped = _HOP_BY_HOP | {name.strip().lower() for name in named.get("Connection", "").split(",")}
    headers = [(name, value) for name, value in named.items() if name.lower() not in dropped]
    kind = [("Content-Type", environ["CONTENT_TYPE"])] if environ.get("CONTENT_TYPE") else []
    forwarded = [part for part in (named.get("X-Forwarded-For"), environ.get("REMOTE_ADDR")) if part]
    kept = [(name, value) for name, value in headers if name not in {"X-Forwarded-For", "X-Forwarded-Proto"}]
    return [
        *kept,
        *kind,
        ("Host", environ["HTTP_HOST"]),
        ("X-Forwarded-For", ", ".join(forwarded)),
        ("X-Forwarded-Proto", environ["wsgi.url_scheme"]),
    ]


def _failed(status: str, text: str) -> Answer:
    return Answer(
        status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")], f"{text}\n".encode()
    )
