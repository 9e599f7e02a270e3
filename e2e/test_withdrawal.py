"""A withdrawal, against a vendor's script that goes on: nothing more reaches the vendor, and nothing of it stays."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gatekeeper.gate import Gate, GateWSGI
from tests.waiting import wait_until

from .site import KEY, STATS, Site
from .visiting import choose, settle

WAYS = {"fetch", "image", "beacon"}
#: A script that cannot be told to stop: it calls home in every way and keeps its marks in every place, again and again.
#: It numbers its rounds, and tells each round's number along.
TIRELESS = """
window.round = 0;
let database;
const keep = (what) => { try { what(); } catch {} };
const places = ["/", "/a", "/a/", "/a/b"].flatMap((path) => [`;path=${path}`, `;path=${path};domain=shop.localhost`]);
setInterval(() => {
    window.round += 1;
    fetch(`@VENDOR/fetch.gif?round=${round}`, { mode: "no-cors" }).catch(() => {});
    new Image().src = `@VENDOR/image.gif?round=${round}`;
    navigator.sendBeacon(`@VENDOR/beacon.gif?round=${round}`);
    keep(() => places.forEach((place, index) => { document.cookie = `_stat_${index}=1;max-age=9999${place}`; }));
    keep(() => cookieStore.set("_stat_store", "1").catch(() => {}));
    keep(() => localStorage.setItem("_stat_local", round));
    keep(() => { sessionStorage._stat_session = round; });
    keep(() => {
        if (database) return database.transaction("marks", "readwrite").objectStore("marks").put(round, "round");
        const request = indexedDB.open("_stat_db");
        request.onupgradeneeded = () => request.result.createObjectStore("marks");
        request.onsuccess = () => { database = request.result; };
    });
    keep(() => caches.open("_stat_cache").then((cache) => cache.put("/mark", new Response("1"))).catch(() => {}));
}, 200);
ran.push("tireless");
"""
#: A service worker of the site's own that tells the vendor of every page, and takes over as soon as it is there.
WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", ({ request }) => {
    if (request.mode === "navigate") fetch("@VENDOR/worker.gif?round=1", { mode: "no-cors" }).catch(() => {});
});
"""
KEPT = ["_stat_cache", "_stat_db", "_stat_local", "_stat_session", "_stat_store", *(f"_stat_{n}" for n in range(8))]


@dataclass
class Walled(Site):
    """The site, behind the middleware where there is one, and with a note of every call to the vendor.

    :param marked: whether every tag of the vendor is; they have to be where only the guard can hold them.
    :param calls: (name, round) of each.
    :param release: of the site's own service worker.
    :param fetched: how often that was fetched.
    :param methods: (method, path) of every request for a page.
    """

    host: str = "www.shop.localhost"
    strict: bool = False
    behind: bool = True
    marked: bool | None = None
    calls: list[tuple[str, int]] = field(default_factory=list)
    release: int = 1
    fetched: int = 0
    methods: list[tuple[str, str]] = field(default_factory=list)

    def start(self) -> "Walled":
        trackers = self._table()["trackers"]
        kept = {
            "cookies": [{"name": "_stat*", "days": 30}],
            "marked": not self.behind if self.marked is None else self.marked,
        }
        changed = {**trackers, "stats": {**trackers["stats"], **kept}}
        self.declared = {"trackers": changed, "gate": {"strict": self.strict}, **self.declared}
        self.scripts["/tireless.js"] = TIRELESS.replace("@VENDOR", self.vendor(STATS, ""))
        super().start()
        gate = Gate(lambda: self.service.published("shop").site, (KEY,), clock=self.now)
        self._walled = GateWSGI(self._own, gate)
        return self

    def tireless(self) -> str:
        """Return the vendor's tag: marked where only the guard can hold it."""
        tag = self.tag("analytics", "tireless")
        return f'<script src="{self.vendor(STATS, "/tireless.js")}"></script>' if self.behind else tag

    def after(self, last: int) -> list[tuple[str, int]]:
        """Return the calls of later rounds."""
        return [call for call in self.calls if call[1] > last]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["HTTP_HOST"].startswith(self.host):
            self.methods.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if self.behind and environ["HTTP_HOST"].startswith(self.host):
            return self._walled(environ, start_response)
        return super().__call__(environ, start_response)

    def _own(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/worker.js":
            return super().__call__(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/javascript"), ("Cache-Control", "no-store")])
        self.fetched += 1
        return [f"// {self.release}\n{WORKER}".replace("@VENDOR", self.vendor(STATS, "")).encode()]

    def _vendor(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].strip("/").split(".")[0]
        self.calls.append((name, int(parse_qs(environ["QUERY_STRING"]).get("round", ["0"])[0])))
        if name == "stream":
            start_response("200 OK", [("Content-Type", "text/event-stream"), ("Access-Control-Allow-Origin", "*")])
            return _stream()
        return super()._vendor(environ, start_response)


def _stream() -> Iterator[bytes]:
    while True:
        yield b"data: x\n\n"
        time.sleep(0.05)


Walls = Callable[..., Walled]


@pytest.fixture
def walls(tmp_path: Path) -> Iterator[Walls]:
    """Starts a site behind the middleware, or one like it with the script alone."""
    sites: list[Walled] = []

    def start(**settings: Any) -> Walled:
        sites.append(Walled(tmp_path, **settings).start())
        return sites[-1]

    yield start
    for site in sites:
        site.stop()


def held(page: Page) -> list[str]:
    """Return the names of all that the browser keeps for the site, as the browser itself tells them."""
    session = page.context.new_cdp_session(page)
    origin = page.evaluate("location.origin")

    def ask(method: str, **arguments: Any) -> Any:
        return session.send(method, arguments)

    areas = [{"securityOrigin": origin, "isLocalStorage": local} for local in (True, False)]
    found = [cookie["name"] for cookie in page.context.cookies()]
    for area in areas:
        found += [name for name, _ in ask("DOMStorage.getDOMStorageItems", storageId=area)["entries"]]
    found += ask("IndexedDB.requestDatabaseNames", securityOrigin=origin)["databaseNames"]
    found += [cache["cacheName"] for cache in ask("CacheStorage.requestCacheNames", securityOrigin=origin)["caches"]]
    session.detach()
    return sorted(found)


def withdraw(page: Page) -> None:
    page.get_by_role("button", name="Privacy choices").click()
    page.get_by_role("button", name="Withdraw everything").click()


@pytest.mark.row("EU-08")
@pytest.mark.parametrize(
    "gate",
    [{"behind": False}, {"behind": True}, {"behind": True, "strict": True}],
    ids=["script alone", "header", "strict"],
)
def test_for_ten_seconds_and_three_pages_a_vendor_that_goes_on_reaches_and_keeps_nothing(
    walls: Walls, page: Page, gate: dict[str, bool]
) -> None:
    walled = walls(**gate)
    for path in ("/", "/a/", "/a/b"):
        walled.page(path, walled.tireless())
    page.goto(walled.url("/"))
    choose(page, "analytics")
    page.goto(walled.url("/a/b"))
    wait_until(lambda: {name for name, number in walled.calls if number > 5} == WAYS)
    kept = wait_until(lambda: set(KEPT) <= set(held(page)) and held(page))
    page.evaluate("void gatekeeper.on('choice', () => { window.last = round; })")

    withdraw(page)
    page.wait_for_timeout(10_000)

    last, now = page.evaluate("[last, round]")
    assert sorted(kept) == sorted([*KEPT, "gk_choice", "gk_subject"])
    assert now - last > 40, "the vendor's script went on"
    assert walled.after(last) == []
    assert held(page) == ["gk_choice"]
    walled.calls.clear()
    for path in ("/a/b", "/a/", "/"):
        page.goto(walled.url(path))
        settle(page)
        assert held(page) == ["gk_choice"]
    assert walled.calls == []


@pytest.mark.row("EU-08")
def test_a_purpose_that_is_switched_off_alone_leaves_nothing_either(walls: Walls, page: Page) -> None:
    site = walls(behind=False)
    page.goto(site.page("/a/b", site.tireless()))
    choose(page, "analytics", "marketing")
    wait_until(lambda: set(KEPT) <= set(held(page)))

    choose(page, "marketing")

    wait_until(lambda: held(page) == ["gk_choice", "gk_subject"])
    assert page.evaluate("gatekeeper.allows('marketing')")


#: Answers for as long as anybody listens.
LISTENS = """
window.line = new EventSource("@VENDOR/stream");
window.heard = 0;
line.onmessage = () => { heard += 1; };
"""


@pytest.mark.row("EU-08")
def test_a_line_that_is_open_to_a_vendor_is_hung_up(walls: Walls, page: Page) -> None:
    site = walls(behind=False)
    site.scripts["/listens.js"] = LISTENS.replace("@VENDOR", site.vendor(STATS, ""))
    page.goto(site.page("/", site.tag("analytics", "listens")))
    choose(page, "analytics", "marketing")
    page.wait_for_function("window.heard > 2")
    choose(page, "analytics")
    page.wait_for_function("heard => window.heard > heard + 2", arg=page.evaluate("heard"))

    page.evaluate("void gatekeeper.withdraw()")

    heard = page.evaluate("heard")
    settle(page)
    assert page.evaluate("[heard, line.readyState]") == [heard, 2]


# --- the other tabs


@pytest.mark.row("CK-07", "EU-08")
@pytest.mark.parametrize("state", ["shown", "frozen", "without the service"])
def test_a_withdrawal_ends_it_in_every_tab_at_once(walls: Walls, context: BrowserContext, state: str) -> None:
    site = walls(behind=False)
    first, second = context.new_page(), context.new_page()
    # A database would bring the word as well.
    site.scripts["/tireless.js"] = site.scripts["/tireless.js"].replace("indexedDB.open", "none")
    first.goto(site.page("/", site.tireless()))
    choose(first, "analytics")
    first.goto(site.page("/quiet"))
    second.goto(site.url("/"))
    wait_until(lambda: {"_stat_cache", "_stat_session"} <= set(held(second)))
    second.evaluate("void gatekeeper.on('choice', () => { window.last = round; })")
    browser = context.new_cdp_session(second)
    if state == "frozen":  # as a browser does with tabs that are out of sight
        browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    if state == "without the service":
        site.mood = "gone"

    first.evaluate("void gatekeeper.withdraw()")

    if state == "frozen":
        first.wait_for_timeout(1000)
        browser.send("Page.setWebLifecycleState", {"state": "active"})
    last = wait_until(lambda: second.evaluate("window.last"), within=2)
    settle(second)
    assert site.after(last) == []
    assert not [name for name in held(second) if name.startswith("_stat")]
    assert not [name for name in held(first) if name.startswith("_stat")]


# --- a service worker


@pytest.mark.row("EU-08")
def test_a_service_worker_that_has_changed_comes_under_the_policy_of_the_withdrawal(walls: Walls, page: Page) -> None:
    site = walls(host="127.0.0.1")
    page.goto(site.page("/"))
    choose(page, "analytics")
    page.goto(site.url("/"))
    page.evaluate(
        """async () => {
            const taken = new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done));
            await navigator.serviceWorker.register("/worker.js");
            await taken;
        }"""
    )
    page.goto(site.url("/"))
    wait_until(lambda: ("worker", 1) in site.calls and site.fetched > 1)  # a browser looks for a newer one by itself
    settle(page)
    site.release = 2
    page.evaluate(
        "() => { navigator.serviceWorker.addEventListener('controllerchange', () => { window.newer = 1; }); }"
    )

    page.evaluate("void gatekeeper.withdraw()")

    page.wait_for_function("window.newer")
    site.calls.clear()
    for _ in range(3):
        page.goto(site.url("/"))
        settle(page)
    assert site.calls == []


# --- what could not be removed

#: Opens a database and never uses it again. Before the guard is there, nobody learns of it who could close it.
IDLE = """
const request = indexedDB.open("_stat_idle");
request.onsuccess = () => { window.idle = request.result; };
"""


def idle(site: Walled, page: Page) -> None:
    """Open a page where something will survive."""
    site.scripts["/idle.js"] = IDLE
    page.goto(site.page("/"))
    choose(page, "analytics")
    page.goto(site.page("/", head=f'<script src="{site.vendor(STATS, "/idle.js")}"></script>'))
    page.wait_for_function("window.idle")


@pytest.mark.row("EU-08")
def test_a_survivor_is_named_to_the_visitor_with_what_helps_and_told_to_nobody(walls: Walls, page: Page) -> None:
    site = walls()
    idle(site, page)
    page.evaluate("void gatekeeper.on('survivors', ({ names }) => { window.left = names; })")
    site.posts.clear()

    withdraw(page)

    message = page.get_by_role("status").filter(has_text="Withdrawn")
    expect(message).to_contain_text("could not remove: _stat_idle.")
    expect(message).to_contain_text("close all tabs of this site")
    assert page.evaluate("left") == ["_stat_idle"]
    settle(page)
    assert [path for path, _ in site.posts] == ["/gk/shop/choice"]
    # The advice is true: once no tab holds it, the next visit removes it.
    later = page.context.new_page()
    page.close()
    later.goto(site.page("/later"))
    wait_until(lambda: held(later) == ["gk_choice"])


def test_where_anonymous_totals_are_kept_a_survivor_is_one_of_them(walls: Walls, page: Page) -> None:
    site = walls(declared={"anonymous_totals": True})
    idle(site, page)
    site.posts.clear()

    page.evaluate("void gatekeeper.withdraw()")

    told = ["stats", "slipped", "withdrawn"]
    wait_until(lambda: told in [row for path, text in site.posts for row in json.loads(text).get("totals", [])])


def test_where_all_could_be_removed_nothing_is_said_of_survivors(walls: Walls, page: Page) -> None:
    site = walls(behind=False)
    site.scripts["/idle.js"] = IDLE
    page.goto(site.page("/", site.tag("analytics", "idle")))
    choose(page, "analytics")
    page.wait_for_function("window.idle")
    page.evaluate("void gatekeeper.on('survivors', ({ names }) => { window.left = names; })")

    withdraw(page)
    wait_until(lambda: held(page) == ["gk_choice"])
    page.wait_for_timeout(3500)  # as long as another tab has to let go

    assert page.evaluate("window.left") is None
    expect(page.get_by_role("status").filter(has_text="Withdrawn")).not_to_contain_text("could not")
