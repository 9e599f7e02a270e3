"""A service on a real SQLite file, and a browser that talks to it as a page of the site would."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.service import Service

ORIGIN = "http://shop.test"
KEY = "a-key-for-tests-that-is-long-enough-to-be-one"
DAY = 86_400
NOON = 1_795_348_800  # 2026-11-22 12:00 UTC
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"

SHOP: dict[str, Any] = {
    "name": "Test Shop",
    "origins": [ORIGIN],
    "controller": {"name": "Test Shop Ltd", "address": "1 Test Street", "contact": "privacy@shop.test"},
    "vendors": {
        "adco": {"name": "AdCo Inc", "country": "US"},
        "tube": {"name": "Tube BV", "country": "NL"},
    },
    "trackers": {
        "basket": {
            "kind": "cookie",
            "purpose": "necessary",
            "vendor": "self",
            "retention_days": 1,
            "description": "Remembers the basket.",
            "justification": "Without it nothing can be bought.",
            "reviewed_by": "counsel",
        },
        "seen": {
            "kind": "beacon",
            "purpose": "analytics",
            "vendor": "self",
            "retention_days": 30,
            "description": "Counts how far a page is read.",
        },
        "ad-pixel": {
            "kind": "beacon",
            "purpose": "marketing",
            "vendor": "adco",
            "retention_days": 90,
            "description": "Tells the advertiser that the ad was seen.",
        },
        "newsletter": {
            "kind": "link",
            "purpose": "marketing",
            "vendor": "self",
            "retention_days": 90,
            "description": "Counts clicks on links in the newsletter.",
        },
        "video": {
            "kind": "embed",
            "purpose": "functional",
            "vendor": "tube",
            "hosts": ["player.tube.test"],
            "retention_days": 30,
            "description": "Plays the product video.",
        },
    },
}


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = float(NOON)

    def __call__(self) -> float:
        return self.at

    def pass_days(self, days: float) -> None:
        self.at += days * DAY


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tables() -> dict[str, Any]:
    """The site's table; a test may change it before it asks for the service."""
    return {**SHOP}


@pytest.fixture
def config(tmp_path: Path, tables: dict[str, Any]) -> Config:
    sites, problems = read_registry({"sites": {"shop": tables}})
    assert problems == []
    return Config(tmp_path / "gatekeeper.toml", sites, f"sqlite:///{tmp_path / 'gatekeeper.db'}", (KEY,))


def publish(store: Store, site: Site) -> Notice:
    """Publish the site as it is declared, as its next notice."""
    content = notice_content(site)
    notice = Notice(site.id, len(store.notices(site.id)) + 1, content, "2026-11-22", content_hash(content))
    store.publish(notice)
    return notice


@pytest.fixture
def store(config: Config, clock: Clock) -> Iterator[Store]:
    migrate(config.database_url)
    store = open_store(config.database_url, clock=clock)
    store.start()
    for site in config.sites.values():
        publish(store, site)
    yield store
    store.close()


class Browser:
    """A browser on a page of the site: it keeps cookies, and says where a request comes from."""

    def __init__(self, client: FlaskClient, origin: str = ORIGIN, headers: Mapping[str, str] | None = None) -> None:
        self.client = client
        self.origin = origin
        self.headers = {"User-Agent": CHROME, "Accept-Language": "de-CH,de;q=0.9", **(headers or {})}

    def get(self, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        return self.client.get(path, base_url=self.origin, headers={**self.headers, **(headers or {})}, **more)

    def post(self, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        told = {**self.headers, "Origin": self.origin, **(headers or {})}
        return self.client.post(path, base_url=self.origin, headers=told, **more)

    def choose(self, *granted: str, notice: int = 1, **more: Any) -> TestResponse:
        """Grant some purposes; none refuses all."""
        return self.post("/gk/shop/choice", json={"granted": list(granted), "notice": notice, **more})

    def cookie(self, name: str) -> str | None:
        held = self.client.get_cookie(name, domain="shop.test")
        return held.value if held else None


@pytest.fixture
def app(config: Config, store: Store, clock: Clock) -> Any:
    return create_app(config, store=store, clock=clock)


@pytest.fixture
def service(app: Any) -> Service:
    found = app.extensions["gatekeeper"]
    assert isinstance(found, Service)
    return found


@pytest.fixture
def new_browser(app: Any) -> Callable[..., Browser]:
    def make(**headers: str) -> Browser:
        return Browser(app.test_client(), headers=headers)

    return make


@pytest.fixture
def browser(new_browser: Callable[..., Browser]) -> Browser:
    return new_browser()


def events_of(service: Service, browser: Browser) -> list[Any]:
    """Return what the log holds about whoever uses a browser now."""
    token = service.subject_tokens.verify(browser.cookie("gk_subject") or "")
    return service.store.events("shop", token.subject)
