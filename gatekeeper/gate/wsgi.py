"""The gate in front of a WSGI application: Flask, Django, and all others."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from gatekeeper.core.policy import Header

from .rules import Gate, Ruling
from .tags import Injector


class GateWSGI:
    """Middleware: ``app.wsgi_app = GateWSGI(app.wsgi_app, gate)``.

    :param app: the site.
    """

    def __init__(self, app: WSGIApplication, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        ruling = self._gate.rule(environ, _path(environ))
        if ruling is None:
            return self._app(environ, start_response)
        for name, value in list(ruling.conditions()):
            environ[name] = value
            if not value:
                del environ[name]
        page = _Page(ruling, start_response, head=environ["REQUEST_METHOD"] == "HEAD")
        return page.send(self._app(environ, page.start))


def _path(environ: WSGIEnvironment) -> str:
    # PEP 3333: bytes, disguised as Latin-1.
    raw: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


class _Page:
    """One response on its way out; where the script tag goes in, its start waits until the place for it is known."""

    def __init__(self, ruling: Ruling, start_response: StartResponse, *, head: bool) -> None:
        self._ruling = ruling
        self._start_response = start_response
        self._head = head
        self._injector: Injector | None = None
        self._waiting: tuple[str, list[Header]] | None = None
        self._write: Callable[[bytes], object] | None = None
        self._started = False
        self._body: Iterable[bytes] = ()

    def start(self, status: str, headers: list[Header], exc_info: Any = None) -> Callable[[bytes], object]:
        """Stand in for the server's ``start_response``."""
        ruled = self._ruling.apply(int(status[:3]), headers)
        self._started = True
        if self._write is not None or not self._ruling.takes_tag(int(status[:3]), ruled):
            self._injector = self._waiting = None
            more = (exc_info,) if exc_info else ()
            return self._start_response(status, ruled, *more)
        if self._head:
            # What its length would be is known only by making the page.
            unsized = [header for header in ruled if header[0].lower() != "content-length"]
            return self._start_response(status, unsized)
        # Nothing has been sent yet, so an error that comes late (exc_info) simply takes the place of the page.
        self._injector = Injector(self._ruling.tag(headers))
        self._waiting = (status, ruled)
        return self._write_through

    def send(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Return what the server is to send: the site's own body where nothing is put into it."""
        if self._started and self._injector is None:
            return body
        self._body = body
        return _Closing(self._pieces(), body)

    def _pieces(self) -> Iterator[bytes]:
        for piece in self._body:
            sent = self._feed(piece)
            if sent or self._injector is None:
                yield sent
        if self._injector and not self._injector.decided:
            rest = self._injector.finish()
            self._release()
            yield rest

    def _write_through(self, data: bytes) -> None:
        sent = self._feed(data)
        if sent:
            cast(Callable[[bytes], object], self._write)(sent)

    def _feed(self, piece: bytes) -> bytes:
        if self._injector is None:
            return piece
        sent = self._injector.feed(piece)
        if self._injector.decided:
            self._release()
        return sent

    def _release(self) -> None:
        """Start the response, now that its length is known."""
        if self._waiting is None or self._injector is None:
            return
        status, headers = self._waiting
        self._waiting = None
        self._write = self._start_response(status, grown(headers, self._injector.grows))


class _Closing:
    """A body that closes the site's own, also where nobody has begun to read it (PEP 3333)."""

    def __init__(self, pieces: Iterator[bytes], body: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


def grown(headers: list[Header], grows: int) -> list[Header]:
    """Return the headers of a page that has become longer."""
    return [
        (name, str(int(value) + grows) if name.lower() == "content-length" and value.isdecimal() else value)
        for name, value in headers
    ]
