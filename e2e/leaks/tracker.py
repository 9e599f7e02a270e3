"""The third party: it answers everything a page may ask of it, and remembers who asked."""

import base64
import hashlib
import selectors
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit

HOST = "127.0.0.2"
#: What each kind of address is answered with: media type and body.
KINDS = {
    "gif": ("image/gif", base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")),
    "svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    "js": ("text/javascript", b"0"),
    "mjs": ("text/javascript", b"export default 0"),
    "css": ("text/css", b"leak{color:red}"),
    "json": ("application/json", b"0"),
    "webmanifest": ("application/manifest+json", b"{}"),
    "html": ("text/html", b"<!doctype html><title>vendor</title>"),
    "txt": ("text/plain", b"0"),
    "wasm": ("application/wasm", b"\0asm\1\0\0\0"),
    "vtt": ("text/vtt", b"WEBVTT\n"),
    "woff2": ("font/woff2", b"wOF2"),
    "mp4": ("video/mp4", b""),
    "wav": ("audio/wav", b""),
    "events": ("text/event-stream", b""),
}
#: RFC 6455 section 1.3.
_SOCKETS = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: The vectors that are known by a port of their own, in the order of ``Tracker.ports``.
CONNECTED = ("preconnect", "append-preconnect")
DATAGRAMS = ("web-rtc", "web-transport")


class Tracker:
    """A web server on a host of its own, and ports that notice a connection or a datagram.

    :param hits: how often each vector called; a preflight is no call, but it is in ``reached``.
    """

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.reached: set[str] = set()
        self._news = threading.Condition()
        self._server = _Server((HOST, 0), _Handler)
        self._server.tracker = self
        kinds = [socket.SOCK_STREAM] * len(CONNECTED) + [socket.SOCK_DGRAM] * len(DATAGRAMS)
        self._sockets = [_bound(kind) for kind in kinds]
        self._ending, self._end = socket.socketpair()

    def start(self) -> Self:
        for work in (lambda: self._server.serve_forever(0.02), self._listen):
            threading.Thread(target=work, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._end.close()

    @property
    def host(self) -> str:
        return f"{HOST}:{self._server.server_port}"

    @property
    def ports(self) -> list[str]:
        """The hosts with the ports of ``CONNECTED`` and ``DATAGRAMS``."""
        return [f"{HOST}:{bound.getsockname()[1]}" for bound in self._sockets]

    def forget(self) -> None:
        with self._news:
            self.hits.clear()
            self.reached.clear()

    def note(self, vector: str, *, call: bool = True) -> None:
        with self._news:
            new = vector not in self.hits
            self.reached.add(vector)
            if call:
                self.hits[vector] += 1
            if new:
                self._news.notify_all()

    def wait_for(self, vectors: set[str], within: float) -> set[str]:
        """Wait until all of these have called; return those that have not after so many seconds."""
        with self._news:
            self._news.wait_for(lambda: vectors <= self.hits.keys(), within)
            return vectors - self.hits.keys()

    def wait_until_quiet(self, quiet: float, within: float) -> None:
        """Wait until no vector has called for the first time for so many seconds."""
        deadline = monotonic() + within
        with self._news:
            while self._news.wait(quiet):
                assert monotonic() < deadline, "it is never quiet"

    def _listen(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._ending, selectors.EVENT_READ)
        for vector, bound in zip(CONNECTED + DATAGRAMS, self._sockets, strict=True):
            selector.register(bound, selectors.EVENT_READ, vector)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    selector.close()
                    return self._close()
                bound = key.fileobj
                assert isinstance(bound, socket.socket)
                if bound.type == socket.SOCK_STREAM:
                    bound.accept()[0].close()
                else:
                    bound.recv(2048)
                self.note(key.data)

    def _close(self) -> None:
        for bound in (*self._sockets, self._ending):
            bound.close()


def _bound(kind: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    bound.bind((HOST, 0))
    if kind == socket.SOCK_STREAM:
        bound.listen()
    return bound


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    tracker: Tracker

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that is closed drops its connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 20

    def do_GET(self) -> None:
        name, _, kind = urlsplit(self.path).path.removeprefix("/v/").rpartition(".")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.tracker.note(name or self.path, call=self.command != "OPTIONS")
        if kind == "ws":
            self._open_socket()
        elif kind == "events":
            self._answer(204, "text/plain", b"")  # no content: the page does not come again
        else:
            self._answer(200, *KINDS.get(kind, ("text/plain", body)))

    do_POST = do_OPTIONS = do_HEAD = do_GET

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _open_socket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + _SOCKETS).digest()).decode())
        self.end_headers()
        self.wfile.write(b"\x88\x00")  # a closing frame
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
