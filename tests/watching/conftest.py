"""A site that is watched, a mail server and a web server that really receive, on loopback."""

import email.policy
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from gatekeeper.config import Config
from gatekeeper.core.alerts import Alerts, Limits, Mail, Reports, Round
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.service import published_now
from tests.ports import free_port

KEY = "a-key-for-tests-that-is-long-enough-to-be-one"
NOON = 1_795_348_800  # 2026-11-22 12:00 UTC
HOUR, DAY = 3600, 86_400
SENDER, READER = "gatekeeper@shop.test", "privacy@shop.test"
SECRET = "a-secret-of-both-sides"

SHOP: dict[str, Any] = {
    "name": "Test Shop",
    "origins": ["http://shop.test"],
    "anonymous_totals": True,
    "controller": {"name": "Test Shop Ltd", "address": "1 Test Street", "contact": "privacy@shop.test"},
    "trackers": {
        "ads": {
            "kind": "script",
            "purpose": "marketing",
            "vendor": "self",
            "hosts": ["ads.test"],
            "retention_days": 90,
            "description": "Measures ads.",
        }
    },
}


class Clock:
    def __init__(self) -> None:
        self.at = float(NOON)

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Letterbox:
    """What a mail server has received.

    :param refusing: what it answers instead of taking a mail; empty where it takes them.
    """

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    refusing: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusing:
            return self.refusing
        mail = message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@pytest.fixture
def letterbox() -> Iterator[Letterbox]:
    """A mail server that keeps what it gets."""
    box = Letterbox(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


@dataclass
class Hook:
    """What a web server has been posted.

    :param answers: the status of its next answers; 204 when there are no more.
    """

    address: str = ""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A web server that keeps what it is posted."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(hook.answers.pop(0) if hook.answers else 204)
            self.send_header("Location", hook.address + "elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.address = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield hook
    server.shutdown()
    server.server_close()


@pytest.fixture
def alerts(letterbox: Letterbox, hook: Hook, tmp_path: Path) -> Alerts:
    """Settings that tell by both ways."""
    (tmp_path / "webhook.secret").write_text(f"{SECRET}\n")
    return Alerts(
        to=(READER,),
        sender=SENDER,
        mail=Mail("smtp", "127.0.0.1", letterbox.port),
        webhook=hook.address,
        secret_file="webhook.secret",
        dashboard="https://staff.shop.test",
        reports=Reports(sites=("shop",)),
        limits={"shop": Limits()},
        rounds={"shop": Round(("http://shop.test/",), daily=False)},
    )


@pytest.fixture
def config(tmp_path: Path, alerts: Alerts) -> Config:
    sites, problems = read_registry({"sites": {"shop": SHOP}})
    assert problems == []
    path = tmp_path / "gatekeeper.toml"
    return Config(path, sites, f"sqlite:///{tmp_path / 'gatekeeper.db'}", (KEY,), alerts=alerts)


@pytest.fixture
def opened(config: Config, clock: Clock) -> Iterator[Callable[[], Store]]:
    """Opens stores of the same database, each as a process of its own would."""
    migrate(config.database_url)
    stores: list[Store] = []

    def open_it() -> Store:
        stores.append(open_store(config.database_url, clock=clock))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store], config: Config) -> Store:
    store = opened()
    store.start()
    content = notice_content(config.sites["shop"])
    store.publish(Notice("shop", 1, content, "2026-11-22", content_hash(content)))
    return store


@pytest.fixture
def sites(config: Config, store: Store) -> dict[str, Site]:
    return {"shop": published_now(config.sites["shop"], store)}


def slip(store: Store, times: int = 3, day: str = "2026-11-22") -> None:
    """Let a tracker slip through on some pages."""
    store.tally(Total("shop", day, "outcome", "ads", "refused", "slipped"), times)
    store.flush()


def without(config: Config, **changes: Any) -> Config:
    """Return settings with other alerts."""
    return replace(config, alerts=replace(config.alerts, **changes))
