"""Learn mode from end to end, in a real browser: what staff meet is proposed; of visitors nothing is taken."""

import os
import re
import sqlite3
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from werkzeug.serving import BaseWSGIServer, make_server

from gatekeeper.config import load_config
from gatekeeper.core.sightings import Seen
from gatekeeper.mounting import Mounted, mount
from gatekeeper.store.engines import open_store
from tests.ports import free_port

from .site import wait_until

STATS = "127.0.0.2"
CANARY = "canary7731"
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
    _servers: list[BaseWSGIServer] = field(default_factory=list)
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
        for host, app in (("127.0.0.1", self._site), (STATS, self._vendor)):
            server = make_server(host, self.port, app, threaded=True)
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
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
        with closing(sqlite3.connect(self.folder / "gatekeeper.db")) as reader:
            return list(reader.iterdump())

    def kept(self) -> bytes:
        """Return every byte of the database's files."""
        return b"".join(path.read_bytes() for path in self.folder.glob("gatekeeper.db*"))

    def _shop(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        vendor = f"http://{STATS}:{self.port}/js/tag.js?uid={CANARY}"
        return [f'<!doctype html><title>Shop</title><p>Shoes</p><script src="{vendor}"></script>'.encode()]

    def _vendor(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.calls.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [b"document.title = 'tagged'"]


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


@pytest.mark.row("EU-01", "SE-14")
def test_staff_meet_what_nobody_declared_and_it_is_proposed(shop: Shop, browser: Browser) -> None:
    visitor, staff = browser.new_context(), browser.new_context()

    # A visitor: blocked, and nothing written.
    assert visit(visitor, shop) == "Shop"
    assert (shop.calls, shop.seen()) == ([], set())

    # Staff: a code from the command line, typed into a page of the site.
    told = shop.command("learn", "--site", "shop")
    (address,) = re.findall(r"http://\S+/learn$", told, re.MULTILINE)
    (code,) = re.findall(r"^ +([\w-]+\.[\w-]+)$", told, re.MULTILINE)
    page = staff.new_page()
    page.goto(address)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Let this browser learn").click()
    expect(page.get_by_text("This browser learns.")).to_be_visible()
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
