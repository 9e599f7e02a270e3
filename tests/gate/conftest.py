"""A shop behind the gate, and visitors who have said this or that."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from gatekeeper.core import cookies
from gatekeeper.core.choices import Choice, State, write_choice
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.core.tokens import SubjectToken, SubjectTokens
from gatekeeper.gate import Gate, GateWSGI

KEYS = ("a-key-for-tests-that-is-long-enough-to-be-one",)
NOW = 1_795_348_800  # 2026-11-22 12:00 UTC
HTML = ("Content-Type", "text/html; charset=utf-8")

SHOP: dict[str, Any] = {
    "name": "Test Shop",
    "origins": ["https://www.shop.example"],
    "controller": {"name": "Test Shop Ltd", "address": "1 Test Street", "contact": "privacy@shop.example"},
    "hosts": ["images.shop.example"],
    "vendors": {
        "pay": {"name": "Pay AG", "country": "DE"},
        "stats": {"name": "Stats Ltd", "country": "IE"},
        "ads": {"name": "Ads Inc", "country": "US"},
        "tube": {"name": "Tube BV", "country": "NL"},
    },
    "gate": {"tags_only": ["/checkout*", "/pay"]},
    "trackers": {
        "payment": {
            "kind": "script",
            "purpose": "necessary",
            "vendor": "pay",
            "hosts": ["js.pay.example"],
            "cookies": [{"name": "session", "days": 0}, {"name": "csrftoken", "days": 365}],
            "retention_days": 1,
            "description": "Takes the payment.",
            "justification": "Without it nothing can be paid.",
            "reviewed_by": "counsel",
        },
        "stats": {
            "kind": "script",
            "purpose": "analytics",
            "vendor": "stats",
            "hosts": ["cdn.stats.example", "in.stats.example"],
            "cookies": [{"name": "_st", "days": 90}, {"name": "_st_*", "days": 90}],
            "retention_days": 30,
            "description": "Counts.",
        },
        "ads": {
            "kind": "script",
            "purpose": "marketing",
            "vendor": "ads",
            "hosts": ["*.ads.example"],
            "cookies": [{"name": "_ad", "days": 90}],
            "retention_days": 90,
            "description": "Advertises.",
        },
        "video": {
            "kind": "embed",
            "purpose": "functional",
            "vendor": "tube",
            "hosts": ["player.tube.example"],
            "marked": True,
            "retention_days": 30,
            "description": "Plays.",
        },
    },
}


def declare(**changes: Any) -> Site:
    """Return the shop, with one notice published."""
    sites, problems = read_registry({"sites": {"shop": {**SHOP, **changes}}})
    assert problems == []
    return publish(sites["shop"])


def publish(site: Site) -> Site:
    """Return a site that has published what it declares as its next notice."""
    content = notice_content(site)
    notice = Notice(site.id, len(site.notices) + 1, content, "2026-11-22", content_hash(content))
    return site.with_notices([*site.notices.values(), notice])


@pytest.fixture
def site() -> Site:
    return declare()


def choice(site: Site, *granted: str, state: State | None = None, **more: Any) -> Choice:
    """Return what a visitor said today to the current notice."""
    said = state or (State.GRANTED if granted else State.REFUSED)
    day = datetime.fromtimestamp(NOW, UTC).date()
    return Choice(site.id, max(site.notices), day, said, frozenset(granted), **more)


def written(site: Site, said: Choice) -> str:
    return write_choice(said, site.notices[said.notice])


def held(site: Site, said: Choice, *, signed: Choice | None = None, keys: tuple[str, ...] = KEYS) -> str:
    """Return the ``Cookie`` header of a visitor.

    :param signed: what the server signed; None means the same where something was granted, and else nothing.
    """
    pairs = [f"{cookies.cookie_name(site, cookies.CHOICE)}={written(site, said)}"]
    signed = signed or (said if said.state is State.GRANTED else None)
    if signed:
        token = SubjectTokens(keys).sign(SubjectToken(bytes(16), bytes(16), written(site, signed)))
        pairs.append(f"{cookies.cookie_name(site, cookies.SUBJECT)}={token}")
    return "; ".join(pairs)


@dataclass
class Host:
    """A site of its own: a WSGI application that answers everything the same way."""

    status: str = "200 OK"
    headers: list[tuple[str, str]] = field(default_factory=lambda: [HTML])
    body: list[bytes] = field(default_factory=lambda: [b"<!doctype html><html><head><title>Shop</title>"])
    seen: dict[str, Any] = field(default_factory=dict)
    closed: bool = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> "Host":
        self.seen = dict(environ)
        start_response(self.status, list(self.headers))
        return self

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def close(self) -> None:
        self.closed = True


class Visitors:
    """Asks a host through the gate."""

    def __init__(self, site: Site, host: Host, **more: Any) -> None:
        self.site = site
        self.host = host
        self.gate = Gate(lambda: self.site, more.pop("keys", KEYS), clock=lambda: NOW, **more)
        self._client = Client(GateWSGI(self.host, self.gate), use_cookies=False)

    def ask(self, path: str = "/", cookie: str = "", method: str = "GET", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**named, "Cookie": cookie} if cookie else named
        return self._client.open(path, method=method, base_url="https://www.shop.example", headers=sent)

    def lift(self) -> None:
        gate = replace(self.site.gate, mode=type(self.site.gate.mode).OFF)
        self.site = replace(self.site, gate=gate)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def visitors(site: Site, host: Host) -> Visitors:
    return Visitors(site, host)


def policies(response: TestResponse) -> list[str]:
    return response.headers.getlist("Content-Security-Policy")
