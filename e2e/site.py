"""A small site with pages of a test's own, Gatekeeper under ``/gk/``, and vendors that remember who called."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from playwright.sync_api import Page

from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.core.events import Event
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site as Declared
from gatekeeper.core.sites import notice_content
from gatekeeper.core.tokens import SubjectToken
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.service import Service
from tests.ports import free_port

from .serving import Servers

KEY = "a-key-for-tests-that-is-long-enough-to-be-one"
#: The vendors' addresses: other hosts, as every third party is.
STATS, ADS, TUBE = "127.0.0.2", "127.0.0.3", "127.0.0.4"
SLOWLY = 0.4  # seconds

_GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
#: What a vendor answers, by the end of the path.
_ANSWERS = {
    "js": ("text/javascript", b"ran.push('%s')"),
    "css": ("text/css", b"body { color: black }"),
    "gif": ("image/gif", _GIF + b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"),
    "": ("text/html", b"<!doctype html><title>vendor</title>"),
}


def _tracker(kind: str, purpose: str, vendor: str, host: str, description: str) -> dict[str, Any]:
    row = {"kind": kind, "purpose": purpose, "vendor": vendor, "retention_days": 90, "description": description}
    return {**row, "hosts": [host], "marked": True} if host else row


@dataclass
class Site:
    """The site, and everything it takes to run it.

    :param pages: HTML by path.
    :param headers: what its pages are sent with.
    :param scripts: what a vendor serves under a path, where it is more than a script that notes its name.
    :param mood: how the service does: ``well``, ``slow``, ``busy`` (answers 503 to what it would have to write),
        ``deaf`` (answers 503 to events alone) or ``gone`` (the proxy answers 502).
    :param hits: every request a vendor received, as ``id`` in the order of arrival.
    :param posts: every body the service received, as (path, text).
    :param asked: every path and query that pages asked of the site itself.
    """

    folder: Path
    declared: dict[str, Any] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    headers: list[tuple[str, str]] = field(default_factory=list)
    scripts: dict[str, str] = field(default_factory=dict)
    mood: str = "well"
    hits: list[str] = field(default_factory=list)
    posts: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    ahead: float = 0.0  # how far its clock is, in seconds
    _servers: Servers | None = None

    def start(self) -> "Site":
        """Publish the site's notice and serve."""
        self.declared = {**self._table(), **self.declared}
        config, self.store = published(self.folder, self.declared, clock=self.now)
        self.app = create_app(config, store=self.store, clock=self.now)
        self._servers = Servers(self.port, dict.fromkeys(("127.0.0.1", STATS, ADS, TUBE), self))
        return self

    def stop(self) -> None:
        if self._servers:
            self._servers.stop()
        self.store.close()

    def now(self) -> float:
        return time.time() + self.ahead

    @property
    def service(self) -> Service:
        found = self.app.extensions["gatekeeper"]
        assert isinstance(found, Service)
        return found

    def publish_again(self, **changes: Any) -> None:
        """Change what the site declares and publish it as its next notice, while it runs."""
        sites = read_sites({**self.declared, **changes})
        publish(self.store, sites["shop"])
        self.service.config.sites["shop"] = sites["shop"]  # type: ignore[index]
        self.service.refresh()

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}:{self.port}{path}"

    def vendor(self, host: str, path: str) -> str:
        return f"http://{host}:{self.port}{path}"

    def page(
        self, path: str, body: str = "", head: str = "", guard: str = "/gk/shop/gatekeeper.js", nonce: str = ""
    ) -> str:
        """Add a page that embeds the guard, and return its address.

        :param body: where it says ``<!--wait-->``, the page stops arriving for a moment.
        """
        self.pages[path] = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{path}</title>'
            f'<link rel="icon" href="data:,">{head}<script nonce="{nonce}" src="{guard}"></script>'
            f'<script nonce="{nonce}">ran = []</script></head><body>{body}</body></html>'
        )
        return self.url(path)

    def tag(self, purpose: str, name: str, query: str = "", more: str = "") -> str:
        """Return a marked script of the vendor that serves a purpose; it notes its name in ``ran``."""
        host = {"analytics": STATS, "marketing": ADS, "functional": TUBE}[purpose]
        source = self.vendor(host, f"/{name}.js{query}")
        return f'<script type="text/plain" data-gk="{purpose}" data-src="{source}" {more}></script>'

    def inline(self, purpose: str, name: str) -> str:
        """Return a marked inline script of a purpose."""
        tracker = {"analytics": "stats", "marketing": "ads", "functional": "tube"}[purpose]
        return f'<script type="text/plain" data-gk="{purpose}" data-gk-tracker="{tracker}">ran.push("{name}")</script>'

    def events(self, page: Page) -> list[Event]:
        """Return what the log holds about whoever is on a page."""
        cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        token: SubjectToken = self.service.subject_tokens.verify(cookies["gk_subject"])
        return self.store.events("shop", token.subject)

    def _table(self) -> dict[str, Any]:
        return {
            "name": "Test Shop",
            "origins": [self.url("")],
            "controller": {"name": "Test Shop Ltd", "address": "1 Test Street", "contact": "privacy@shop.test"},
            "vendors": {
                "statly": {"name": "Statly GmbH", "country": "DE", "policy": "https://statly.example/privacy"},
                "adco": {"name": "AdCo Inc", "country": "US"},
                "tube": {"name": "Tube BV", "country": "NL"},
            },
            "trackers": {
                "stats": _tracker("script", "analytics", "statly", f"{STATS}:{self.port}", "Counts page views."),
                "ads": _tracker("script", "marketing", "adco", f"{ADS}:{self.port}", "Measures ads."),
                "ad-pixel": _tracker("beacon", "marketing", "adco", "", "Tells the advertiser of a visit."),
                "own": {
                    **_tracker("cookie", "necessary", "self", "", "Remembers the basket."),
                    "justification": "Nothing can be bought without it.",
                    "reviewed_by": "counsel",
                    "cookies": [{"name": name, "days": 1} for name in ("mine", "other", "fourth", "agk_*")],
                },
                "tube": _tracker("embed", "functional", "tube", f"{TUBE}:{self.port}", "Shows videos."),
            },
        }

    # --- serving

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ["HTTP_HOST"].split(":")[0]
        if host in (STATS, ADS, TUBE):
            return self._vendor(environ, start_response)
        if environ["PATH_INFO"].startswith("/gk/"):
            return self._gatekeeper(environ, start_response)
        self.asked.append(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}".rstrip("?"))
        text = self.pages.get(environ["PATH_INFO"])
        headers = [("Content-Type", "text/html; charset=utf-8"), *self.headers]
        start_response("200 OK" if text is not None else "404 Not Found", headers)
        return _arriving(text or "")

    def _gatekeeper(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = _Body(body)
            self.posts.append((environ["PATH_INFO"], body.decode()))
        if self.mood == "slow":
            time.sleep(SLOWLY)
        elif self.mood == "gone" or self._is_refused(environ):
            status = "502 Bad Gateway" if self.mood == "gone" else "503 Service Unavailable"
            start_response(status, [("Retry-After", "1"), ("Content-Type", "text/plain")])
            return [b"not now"]
        answered: Iterable[bytes] = self.app(environ, start_response)
        return answered

    def _is_refused(self, environ: WSGIEnvironment) -> bool:
        about_events = environ["PATH_INFO"].endswith("/events")
        return environ["REQUEST_METHOD"] == "POST" and (self.mood == "busy" or (self.mood == "deaf" and about_events))

    def _vendor(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        name = path.strip("/").split(".")[0]
        self.hits.append(name)
        if "slow" in query:
            time.sleep(SLOWLY)
        if "fail" in query:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no"]
        kind, body = _ANSWERS[path.partition(".")[2]]
        start_response("200 OK", [("Content-Type", kind), ("Cache-Control", "no-store")])
        if path in self.scripts:
            return [self.scripts[path].encode()]
        return [body % name.encode() if kind == "text/javascript" else body]


def _arriving(text: str) -> Iterator[bytes]:
    first, *rest = text.split("<!--wait-->")
    yield first.encode()
    for part in rest:
        time.sleep(SLOWLY)
        yield part.encode()


class _Body:
    """A body that was read already."""

    def __init__(self, body: bytes) -> None:
        self._rest = body

    def read(self, size: int = -1) -> bytes:
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def read_sites(declared: dict[str, Any]) -> dict[str, Declared]:
    """Read what a site named "shop" declares."""
    sites, problems = read_registry({"sites": {"shop": declared}})
    assert problems == [], problems
    return dict(sites)


def published(
    folder: Path, declared: dict[str, Any], *, clock: Callable[[], float] = time.time
) -> tuple[Config, Store]:
    """Give a site its data in a folder, and publish its first notice."""
    config = Config(folder / "gatekeeper.toml", read_sites(declared), f"sqlite:///{folder / 'gatekeeper.db'}", (KEY,))
    migrate(config.database_url)
    store = open_store(config.database_url, clock=clock)
    store.start()
    publish(store, config.sites["shop"])
    return config, store


def publish(store: Store, site: Declared) -> Notice:
    """Publish a site as it is declared, as its next notice."""
    content = notice_content(site)
    notice = Notice(site.id, len(store.notices(site.id)) + 1, content, "2026-11-22", content_hash(content))
    store.publish(notice)
    return notice
