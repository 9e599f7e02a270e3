"""The gate in front of an ASGI application: FastAPI, Starlette, Django, and all others."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from gatekeeper.core.policy import Header

from .rules import Gate, Ruling
from .tags import Injector
from .wsgi import grown

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


class GateASGI:
    """Middleware: ``app = GateASGI(app, gate)``, or ``app.add_middleware(GateASGI, gate=gate)``.

    :param app: the site. Only HTTP passes the gate; a WebSocket answers no page.
    """

    def __init__(self, app: ASGIApplication, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ruling = self._gate.rule(_environ(scope), scope["path"]) if scope["type"] == "http" else None
        if ruling is None:
            await self._app(scope, receive, send)
            return
        page = _Page(ruling, send, head=scope["method"] == "HEAD")
        await self._app(_conditioned(scope, ruling), receive, page.send)


def _environ(scope: Scope) -> dict[str, object]:
    """Return the headers of a request as WSGI names and joins them."""
    environ: dict[str, object] = {"REQUEST_METHOD": scope["method"]}
    for raw_name, raw_value in scope["headers"]:
        name = f"HTTP_{raw_name.decode('latin-1').upper().replace('-', '_')}"
        value = raw_value.decode("latin-1")
        # HTTP/2 may split the Cookie header (RFC 9113 section 8.2.3).
        joined = "; " if name == "HTTP_COOKIE" else ","
        environ[name] = f"{environ[name]}{joined}{value}" if name in environ else value
    return environ


def _conditioned(scope: Scope, ruling: Ruling) -> Scope:
    changed = dict(ruling.conditions())
    if not changed:
        return scope
    names = {key.removeprefix("HTTP_").replace("_", "-").lower().encode(): value for key, value in changed.items()}
    kept = [(name, value) for name, value in scope["headers"] if name.lower() not in names]
    added = [(name, value.encode("latin-1")) for name, value in names.items() if value]
    return {**scope, "headers": [*kept, *added]}


class _Page:
    """One response on its way out; where the script tag goes in, its start waits until the place for it is known."""

    def __init__(self, ruling: Ruling, send: Send, *, head: bool) -> None:
        self._ruling = ruling
        self._send = send
        self._head = head
        self._injector: Injector | None = None
        self._waiting: Message | None = None

    async def send(self, message: Message) -> None:
        """Stand in for the server's ``send``."""
        if message["type"] == "http.response.start":
            await self._start(message)
        elif message["type"] == "http.response.body" and self._injector is not None:
            await self._body(message, self._injector)
        else:
            await self._release()
            await self._send(message)

    async def _start(self, message: Message) -> None:
        own = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
        ruled = self._ruling.apply(message["status"], own)
        if not self._ruling.takes_tag(message["status"], ruled):
            await self._send({**message, "headers": _raw(ruled)})
        elif self._head:
            unsized = [header for header in ruled if header[0].lower() != "content-length"]
            await self._send({**message, "headers": _raw(unsized)})
        else:
            self._injector = Injector(self._ruling.tag(own))
            self._waiting = {**message, "headers": ruled}

    async def _body(self, message: Message, injector: Injector) -> None:
        more = message.get("more_body", False)
        sent = injector.feed(message.get("body", b""))
        if not more:
            sent += injector.finish()
        if injector.decided:
            await self._release()
            await self._send({**message, "body": sent})

    async def _release(self) -> None:
        """Start the response, now that its length is known."""
        if self._waiting is not None:
            message, self._waiting = self._waiting, None
            grows = self._injector.grows if self._injector else 0
            await self._send({**message, "headers": _raw(grown(message["headers"], grows))})


def _raw(headers: Iterable[Header]) -> list[tuple[bytes, bytes]]:
    # ASGI wants lower-case names.
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
