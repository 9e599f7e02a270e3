"""The site with the leak page: Gatekeeper under ``/gk/``, and the gate as its server, or its page, sets it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from gatekeeper.core.policy import gate_headers
from gatekeeper.core.sites import Gate
from gatekeeper.web.http import Request
from gatekeeper.web.visits import read_visit

from ..site import Site
from .own import SVG, own_page
from .tracker import CONNECTED, DATAGRAMS, Tracker
from .vectors import PRELUDE, PURPOSE, SCRIPTED, TRACKER, VECTORS, Vector, marked

#: A page that asks, and one that does nothing: visiting it makes the page before it end.
CHOOSE, BLANK = "/choose", "/blank"
#: An address of the site's own that sends whoever follows it to the tracker's.
LEAVE = "/leave"
GUARD = '<script src="/gk/shop/gatekeeper.js"></script>'
_WORKER = "fetch(location.search.slice(1))"


class Mode(StrEnum):
    """Who puts up the gate."""

    NONE = "no gate"
    HEADER = "header"
    STRICT = "header, strict"
    MARKED = "script alone, tags marked"
    UNMARKED = "script alone, tags unmarked"


@dataclass
class LeakSite(Site):
    """A shop with one page, which calls the tracker in every way."""

    mode: Mode = Mode.NONE
    tracker: Tracker = field(default_factory=Tracker)

    def start(self) -> "LeakSite":
        self.declared = {**self._table(), "trackers": {TRACKER: self._leaky()}}
        self.tracker.start()
        super().start()
        return self

    def stop(self) -> None:
        super().stop()
        self.tracker.stop()

    def _leaky(self) -> dict[str, Any]:
        return {
            "kind": "script",
            "purpose": PURPOSE,
            "vendor": "adco",
            "hosts": [self.tracker.host, *self.tracker.ports],
            "retention_days": 90,
            "description": "Reaches out in every way there is.",
        }

    def leak_page(self) -> str:
        """Return the page, as a site in this mode would write it."""
        guard = "" if self.mode is Mode.NONE else GUARD
        parts = [marked(vector) if self.mode is Mode.MARKED else (vector.head, vector.body) for vector in VECTORS]
        static = list(zip(VECTORS, parts, strict=True))
        return "\n".join(
            [
                f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Leaks</title>{guard}',
                *(self._filled(vector, head) for vector, (head, _) in static),
                "</head><body>",
                *(self._filled(vector, body) for vector, (_, body) in static),
                f"<script>{PRELUDE}",
                *(self._filled(vector, f"attempt(async () => {{{vector.script}}});") for vector in SCRIPTED),
                "</script></body></html>",
            ]
        )

    def _filled(self, vector: Vector, text: str) -> str:
        ports = dict(zip(CONNECTED + DATAGRAMS, self.tracker.ports, strict=True))
        text = text.replace("@U", f"http://{self.tracker.host}/v/{vector.id}")
        return text.replace("@H", ports.get(vector.id, ""))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/gk/"):
            return super().__call__(environ, start_response)
        if path == LEAVE:
            start_response("302 Found", [("Location", f"http://{self.tracker.host}/v/link.html")])
            return [b""]
        kind, text = self._files().get(path, ("text/plain", ""))
        start_response("200 OK", [("Content-Type", kind), ("Cache-Control", "no-store"), *self.gate(environ)])
        return [text.encode()]

    def _files(self) -> dict[str, tuple[str, str]]:
        guard = "" if self.mode is Mode.NONE else GUARD
        return {
            "/": ("text/html", self.leak_page()),
            "/own": ("text/html", own_page(guard)),
            CHOOSE: ("text/html", f"<!doctype html><title>Choose</title>{GUARD}<main>Choose</main>"),
            "/links": ("text/html", f'<!doctype html><title>Links</title><a href="{LEAVE}">Leave</a>'),
            BLANK: ("text/html", "<!doctype html><title>Blank</title>"),
            "/worker.js": ("text/javascript", _WORKER),
            "/sw.js": ("text/javascript", _WORKER),
            "/own.js": ("text/javascript", "self.postMessage ? postMessage(1) : 0"),
            "/own.css": ("text/css", "#sheet{width:7px}"),
            "/own.svg": ("image/svg+xml", SVG),
            "/own.txt": ("text/plain", "own"),
        }

    def gate(self, environ: WSGIEnvironment) -> list[tuple[str, str]]:
        """Return the headers that the gate adds to an answer of the site's own."""
        if self.mode not in (Mode.HEADER, Mode.STRICT):
            return []
        visit = read_visit(self.service, Request(environ, environ["PATH_INFO"]), "shop")
        site = replace(visit.site, gate=Gate(strict=self.mode is Mode.STRICT))
        return gate_headers(site, lambda tracker: bool(visit.decide(tracker)), environ["PATH_INFO"])
