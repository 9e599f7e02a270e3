"""Learn mode from end to end, in a real browser: what staff meet is proposed; of visitors nothing is taken."""

import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gatekeeper.app import create_app
from gatekeeper.config import load_config
from gatekeeper.core.sightings import Seen
from gatekeeper.mounting import Mounted, mount
from gatekeeper.store.engines import open_store
from tests.files import content
from tests.ports import free_port
from tests.waiting import wait_until

from .serving import Servers

STATS = "127.0.0.2"
CANARY = "canary7731"
OWN_WORK = tuple(f'INSERT INTO "{table}"' for table in ("purged", "leases", "heartbeat", "marks", "alarms"))
TOML = """# The owner's own words.
[sites.shop]
name = "Test Shop"
origins = ["{origin}"]
controller = {{ name = "Test Shop Ltd", address = "1 Test Street", contact = "privacy@shop.test" }}
"""


@dataclass
class Shop:
    """A shop behind the middleware, and a vendor that nobody declared."""

    folder: Path
    port: int = field(default_factory=free_port)
    calls: list[str] = field(default_factory=list)
    _servers: Servers | None = None
    _site: Mounted | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        named = {"GATEKEEPER_CONFIG": str(self.folder / "gatekeeper.toml"), "GATEKEEPER_SECRET_KEYS": "k" + CANARY * 5}
        return {**os.environ, **named}

    def start(self) -> "Shop":
        (self.folder / "gatekeeper.toml").write_text(TOML.format(origin=self.origin))
        self.command("publish")
        self._site = mount(self._shop, load_config(self.environment))
        self._servers = Servers(self.port, {"127.0.0.1": self._site, STATS: self._vendor})
        return self

    def stop(self) -> None:
        if self._servers:
            self._servers.stop()
        if self._site:
            self._site.close()

    def command(self, *words: str) -> str:
        call = [sys.executable, "-m", "gatekeeper", *words]
        done = subprocess.run(call, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def seen(self) -> set[tuple[Seen, str, str]]:
        with closing(open_store(load_config(self.environment).database_url)) as store:
            return {(one.what, one.name, one.path) for one in store.sightings("shop")}

    def rows(self) -> list[str]:
        """Return all that is kept but what the service notes of its own daily work, whenever that comes."""
        with closing(sqlite3.connect(self.folder / "gatekeeper.db")) as reader:
            return [line for line in reader.iterdump() if not line.startswith(OWN_WORK)]

    def kept(self) -> bytes:
        """Return every byte of the database's files."""
        return content(self.folder.glob("gatekeeper.db*"))

    def _shop(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        vendor = f"http://{STATS}:{self.port}/js/tag.js?uid={CANARY}"
        return [f'<!doctype html><title>Shop</title><p>Shoes</p><script src="{vendor}"></script>'.encode()]

    def _vendor(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.calls.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [b"document.title = 'tagged'"]


@dataclass
class Alone(Shop):
    """The same with the script alone: no header, and Gatekeeper below ``/gk/`` as a proxy passes it on."""

    _app: Flask | None = None

    def start(self) -> "Alone":
        (self.folder / "gatekeeper.toml").write_text(TOML.format(origin=self.origin))
        self.command("publish")
        self._app = create_app(load_config(self.environment))
        self._servers = Servers(self.port, {"127.0.0.1": self._either, STATS: self._vendor})
        return self

    def stop(self) -> None:
        super().stop()
        if self._app:
            self._app.extensions["gatekeeper"].store.close()

    def _either(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/gk/"):
            assert self._app
            answered: Iterable[bytes] = self._app(environ, start_response)
            return answered
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        vendor = f"http://{STATS}:{self.port}"
        return [
            f"""<!doctype html><html><head><meta charset="utf-8"><script src="/gk/shop/gatekeeper.js"></script>
            <link rel="icon" href="data:,"><title>Shop</title></head><body><p>Shoes</p>
            <link rel="stylesheet" href="{vendor}/look.css"><img alt="" src="{vendor}/shoe.png?{CANARY}">
            <form action="{vendor}/join?uid={CANARY}" method="post"></form>
            <script src="{vendor}/js/tag.js?uid={CANARY}"></script></body></html>""".encode()
        ]

    def _vendor(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.calls.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/javascript"), ("Access-Control-Allow-Origin", "*")])
        return [TAG.encode() if environ["PATH_INFO"] == "/js/tag.js" else b"0"]


#: A vendor's script that keeps what it can.
TAG = f"""
    document.title = "tagged";
    document.cookie = "stat_visit={CANARY}";
    document.cookie = "stat_{CANARY}9={CANARY}";
    localStorage.stat_seen = "{CANARY}";
    sessionStorage.stat_page = "{CANARY}";
    indexedDB.open("stat-queue");
    fetch(new URL("/in?uid={CANARY}", document.currentScript.src));
"""


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    shop = Alone(tmp_path).start()
    yield shop
    shop.stop()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path).start()
    yield shop
    shop.stop()


def visit(context: BrowserContext, shop: Shop) -> str:
    """Open a page of the shop, with a query that is nobody's business, and return its title when all has loaded."""
    page = context.new_page()
    page.goto(f"{shop.origin}/basket?secret={CANARY}", wait_until="load")
    return page.title()


def learn(context: BrowserContext, shop: Shop) -> Page:
    """Make it a staff browser, by a code from the command line, typed into a page of the site; return that page."""
    told = shop.command("learn", "--site", "shop")
    (address,) = re.findall(r"http://\S+/learn$", told, re.MULTILINE)
    (code,) = re.findall(r"^ +([\w-]+\.[\w-]+)$", told, re.MULTILINE)
    page = context.new_page()
    page.goto(address)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Let this browser learn").click()
    expect(page.get_by_text("This browser learns.")).to_be_visible()
    return page


@pytest.mark.row("EU-01", "SE-14")
def test_staff_meet_what_nobody_declared_and_it_is_proposed(shop: Shop, browser: Browser) -> None:
    visitor, staff = browser.new_context(), browser.new_context()

    # A visitor: blocked, and nothing written.
    assert visit(visitor, shop) == "Shop"
    assert (shop.calls, shop.seen()) == ([], set())

    page = learn(staff, shop)
    assert {cookie["name"]: cookie["httpOnly"] for cookie in staff.cookies()} == {
        "gk_learn": True,
        "gk_learning": False,
    }

    # The script runs, and the browser's report of it arrives.
    assert visit(staff, shop) == "tagged"
    assert shop.calls == ["/js/tag.js"]
    host = f"{STATS}:{shop.port}"
    assert wait_until(shop.seen) == {(Seen.SCRIPT, host, "/js/tag.js")}
    assert host.encode() in shop.kept()
    assert CANARY.encode() not in shop.kept()
    tables = tomllib.loads(shop.command("learn", "--site", "shop", "--show"))["sites"]["shop"]
    assert [row["hosts"] for row in tables["trackers"].values()] == [[host]]

    # A visitor in the meantime, and this browser afterwards: as before.
    before = shop.rows()
    page.get_by_role("button", name="Stop learning").click()
    expect(page.get_by_text("a visitor's again")).to_be_visible()
    assert [visit(context, shop) for context in (visitor, staff)] == ["Shop", "Shop"]
    assert shop.calls == ["/js/tag.js"]
    assert shop.seen() == {(Seen.SCRIPT, host, "/js/tag.js")}
    assert staff.cookies() == []
    assert shop.rows() == before

    shop.command("learn", "--write", "--yes")
    assert (shop.folder / "gatekeeper.toml").read_text().startswith("# The owner's own words.\n")
    for context in (visitor, staff):
        context.close()


@pytest.mark.row("EU-01", "SE-14")
def test_with_the_script_alone_staff_meet_hosts_and_names(alone: Alone, browser: Browser) -> None:
    visitor, staff = browser.new_context(), browser.new_context()

    # A visitor: the script does not run, and nothing is told.
    assert visit(visitor, alone) == "Shop"
    assert visitor.cookies() == []
    assert alone.seen() == set()

    # Staff: it runs, keeps what it keeps, and is told of, without anything that could be somebody's.
    learn(staff, alone)
    assert visit(staff, alone) == "tagged"
    host = f"{STATS}:{alone.port}"
    wanted = {
        (Seen.SCRIPT, host, "/js/tag.js"),
        (Seen.CONNECT, host, "/in"),
        (Seen.FORM, host, "/join"),
        (Seen.STYLE, host, "/look.css"),
        (Seen.IMAGE, host, "/shoe.png"),
        (Seen.COOKIE, "stat_visit", ""),
        (Seen.COOKIE, "stat_*", ""),
        (Seen.LOCAL, "stat_seen", ""),
        (Seen.SESSION, "stat_page", ""),
        (Seen.DATABASE, "stat-queue", ""),
    }
    assert wait_until(lambda: len(alone.seen()) >= len(wanted) and alone.seen()) == wanted
    assert CANARY.encode() not in alone.kept()
    tables = tomllib.loads(alone.command("learn", "--site", "shop", "--show"))["sites"]["shop"]
    proposed = [*tables["trackers"].values()]
    assert [row["hosts"] for row in proposed if "hosts" in row] == [[host]]
    names = {cookie["name"] for row in proposed for cookie in row.get("cookies", [])}
    assert names == {"stat_visit", "stat_*", "stat_seen", "stat_page", "stat-queue"}

    # It shows on the page, and leads to where it ends.
    page = staff.new_page()
    page.goto(alone.origin)
    page.get_by_role("link", name="Learn mode").click()
    page.get_by_role("button", name="Stop learning").click()
    expect(page.get_by_text("a visitor's again")).to_be_visible()
    page.goto(alone.origin)
    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    assert page.get_by_role("link", name="Learn mode").count() == 0
    for context in (visitor, staff):
        context.close()


def test_a_visitor_who_says_to_learn_is_not_heard(alone: Alone, page: Page) -> None:
    page.context.add_cookies([{"name": "gk_learning", "value": "1", "url": alone.origin}])

    with page.expect_response("**/gk/shop/reports") as answer:
        page.goto(alone.origin)

    assert answer.value.status == 403
    assert alone.seen() == set()
