"""The demo's parts, each on its own; ``e2e/`` runs them together."""

import contextlib
import http.server
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client

from gatekeeper.config import load_config, load_sites
from gatekeeper.core.errors import ConfigError
from gatekeeper.core.links import Links
from gatekeeper.core.notices import Notice
from gatekeeper.core.sites import Site
from gatekeeper.demo.addresses import check_free
from gatekeeper.demo.goods import ARTICLES, PRODUCTS, search
from gatekeeper.demo.prepare import prepare
from gatekeeper.demo.proxy import Proxy
from gatekeeper.demo.shop import create_shop
from gatekeeper.demo.state import SITE, State
from gatekeeper.demo.vendors import ASK_HEADER, VENDORS, Notes, create_vendor
from gatekeeper.store.engines import open_store
from tests.ports import free_port

PORT = 8080
PAGES = (
    "/",
    "/tea-and-kettles",
    *(f"/tea-and-kettles/{product}" for product in PRODUCTS),
    "/journal",
    *(f"/journal/{article}" for article in ARTICLES),
    "/search?q=malt",
    "/newsletter",
    "/newsletter/letter/html",
    "/newsletter/letter/text",
    "/checkout/two-cups",
    "/privacy",
)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return prepare(tmp_path, PORT)


@pytest.fixture
def shop(state: State) -> FlaskClient:
    return create_shop(PORT, state).test_client()


def site_of(state: State) -> Site:
    sites, problems = load_sites(state.registry)
    assert problems == []
    return sites[SITE]


def notices_of(state: State) -> list[Notice]:
    store = open_store(load_config(state.environment).database_url)
    try:
        return store.notices(SITE)
    finally:
        store.close()


# What Gatekeeper needs.


def test_the_registry_as_written_has_no_mistakes(state: State) -> None:
    site = site_of(state)

    assert site.anonymous_totals
    assert site.origins == (f"http://127.0.0.1:{PORT}", f"http://localhost:{PORT}")


def test_the_first_start_publishes_the_first_notice_and_the_second_nothing(state: State) -> None:
    prepare(state.folder, PORT)

    assert [notice.no for notice in notices_of(state)] == [1]


def test_an_edited_registry_is_kept_and_publishes_the_next_notice(state: State) -> None:
    edited = state.registry.read_text().replace("Galway, Ireland", "Cork, Ireland")
    state.registry.write_text(edited)

    prepare(state.folder, PORT)

    assert state.registry.read_text() == edited
    assert [notice.content["controller"]["address"] for notice in notices_of(state)] == [
        "4 Quay Street, Galway, Ireland",
        "4 Quay Street, Cork, Ireland",
    ]


@pytest.mark.parametrize("edit", ["", "# edited\n"])
def test_a_registry_follows_the_demo_to_another_port(state: State, edit: str) -> None:
    state.registry.write_text(edit + state.registry.read_text())

    prepare(state.folder, 9_000)

    assert site_of(state).origins == ("http://127.0.0.1:9000", "http://localhost:9000")
    assert site_of(state).trackers["reelbox"].hosts == ("127.0.0.4:9002",)


def test_a_registry_that_nobody_edited_is_renewed(state: State) -> None:
    written = state.registry.read_text()
    prepare(state.folder, 9_000)

    prepare(state.folder, PORT)

    assert state.registry.read_text() == written


def test_a_registry_with_mistakes_is_refused_by_name(state: State) -> None:
    state.registry.write_text(state.registry.read_text().replace('kind = "embed"', 'kind = "film"'))

    with pytest.raises(ConfigError, match=r"reelbox\.kind"):
        prepare(state.folder, PORT)


@pytest.mark.row("SE-18")
def test_the_key_is_random_kept_and_readable_by_its_owner_alone(state: State, tmp_path: Path) -> None:
    key = state.keys.read_text()
    prepare(state.folder, PORT)
    other = prepare(tmp_path / "other", PORT)

    assert stat.S_IMODE(state.keys.stat().st_mode) == 0o600
    assert state.keys.read_text() == key
    assert other.keys.read_text() != key


def test_settings_of_the_surroundings_do_not_reach_the_demo(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEKEEPER_PREFIX", "/elsewhere")

    assert "GATEKEEPER_PREFIX" not in state.environment


def test_a_taken_port_is_named_with_the_way_out() -> None:
    port = free_port(3)
    taken = socket.create_server(("127.0.0.1", port))
    with taken, pytest.raises(ConfigError, match=rf"127\.0\.0\.1 port {port}: .*make demo PORT="):
        check_free(port)


def test_a_vendors_taken_port_is_noticed_too() -> None:
    port = free_port(3)
    taken = socket.create_server((VENDORS[-1].address, port + 2))
    with taken, pytest.raises(ConfigError, match=VENDORS[-1].address):
        check_free(port)


# The shop's pages.


class Elements(HTMLParser):
    """The elements of a page, with their attributes, in document order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))


def elements(shop: FlaskClient, path: str) -> list[tuple[str, dict[str, str | None]]]:
    answer = shop.get(path)
    assert answer.status_code == 200
    return Elements(answer.text).all


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.row("EU-01")
def test_no_page_loads_anything_of_another_company_by_itself(shop: FlaskClient, path: str) -> None:
    for tag, attributes in elements(shop, path):
        loaded = [attributes.get(name) for name in ("src", "srcset", "poster", "data")]
        loaded += [attributes.get("href")] if tag == "link" else []
        assert [address for address in loaded if address and urlsplit(address).netloc] == [], tag


@pytest.mark.parametrize("path", PAGES)
def test_the_guard_comes_first_in_head(shop: FlaskClient, path: str) -> None:
    tags = elements(shop, path)
    head = [tag for tag, _ in tags].index("head")

    assert tags[head + 1] == ("script", {"src": "/gk/shop/gatekeeper.js"})


def test_every_marked_tag_is_declared_for_the_same_purpose_and_host(shop: FlaskClient, state: State) -> None:
    site = site_of(state)
    seen = set()
    for path in PAGES:
        for _, attributes in elements(shop, path):
            if "data-gk" not in attributes:
                continue
            tracker = site.trackers[str(attributes["data-gk-tracker"])]
            host = urlsplit(attributes.get("data-src") or "").netloc
            seen.add(tracker.id)
            assert tracker.purpose == attributes["data-gk"]
            assert host in {"", *tracker.hosts}

    assert seen == {row.id for row in site.trackers.values()} - {"visit", "choice", "letter-link"}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_a_way_back_to_the_choices_with_and_without_javascript(shop: FlaskClient, path: str) -> None:
    tags = elements(shop, path)

    assert any("data-gk-open" in attributes for _, attributes in tags)
    assert ("a", {"href": "/gk/shop/choices"}) in tags


@pytest.mark.parametrize("path", PAGES)
def test_links_to_other_sites_name_no_referrer(shop: FlaskClient, path: str) -> None:
    for tag, attributes in elements(shop, path):
        host = urlsplit(attributes.get("href") or "").netloc
        if tag == "a" and host not in {"", f"127.0.0.1:{PORT}"}:
            assert attributes["rel"] == "noopener noreferrer"
            assert attributes["referrerpolicy"] == "no-referrer"


@pytest.mark.parametrize("path", PAGES)
def test_the_shop_sets_no_cookie(shop: FlaskClient, path: str) -> None:
    assert "Set-Cookie" not in shop.get(path).headers


def test_forms_are_answered_and_forgotten(shop: FlaskClient) -> None:
    ordered = shop.post("/checkout/two-cups", data={"name": "Aoife <b>Byrne</b>", "email": "a@example.org"})
    signed_up = shop.post("/newsletter", data={"email": "a@example.org"})

    assert "Thank you" in ordered.text
    assert "Aoife" not in ordered.text
    assert signed_up.status_code == 303
    assert "example.org" not in signed_up.headers["Location"]
    assert "Set-Cookie" not in {*ordered.headers.keys(), *signed_up.headers.keys()}


def test_a_search_finds_what_has_every_word_and_shows_the_words_as_text(shop: FlaskClient) -> None:
    assert [thing.id for thing in search("JUNE malt")] == ["assam-second-flush", "what-a-flush-is"]
    assert search("") == []
    assert "&lt;script&gt;" in shop.get("/search?q=<script>").text


def test_the_html_letter_has_signed_links_and_the_text_letter_plain_ones(shop: FlaskClient, state: State) -> None:
    html = [attributes.get("href") or "" for _, attributes in elements(shop, "/newsletter/letter/html")]
    text = shop.get("/newsletter/letter/text").text
    prefix = f"http://127.0.0.1:{PORT}/gk/l/"
    tokens = [address.removeprefix(prefix) for address in html if address.startswith(prefix)]

    links = [Links(state.keys.read_text().split()).verify(token) for token in tokens]

    assert [link.url for link in links] == [
        f"http://127.0.0.1:{PORT}/tea-and-kettles/assam-second-flush",
        f"http://127.0.0.1:{PORT}/journal/descaling",
    ]
    assert {link.tracker for link in links} <= site_of(state).trackers.keys()
    assert prefix not in text
    assert f"http://127.0.0.1:{PORT}/journal/descaling" in text


def test_without_its_vendors_the_page_about_them_says_so(shop: FlaskClient) -> None:
    assert shop.get("/what-they-received").status_code == 503


@pytest.mark.parametrize("path", ["/tea-and-kettles/coffee", "/journal/coffee", "/checkout/coffee", "/nowhere"])
def test_what_is_not_there_is_a_page_that_says_so(shop: FlaskClient, path: str) -> None:
    answer = shop.get(path)

    assert answer.status_code == 404
    assert "Not here" in answer.text


# The stand-in vendors.


def test_a_vendor_notes_what_a_browser_tells_it() -> None:
    notes = Notes()
    vendor = create_vendor(VENDORS[0], notes).test_client()

    vendor.get("/view.gif?page=/tea", headers={"Referer": "http://127.0.0.1:8080/"})
    vendor.get("/view.gif")

    first, second = notes.all()
    assert (first.vendor, first.path, first.told) == ("tallyhouse", "/view.gif", "page: /tea")
    assert (first.referrer, first.cookie) == ("127.0.0.1:8080", False)
    assert (second.referrer, second.cookie) == ("", True)


def test_what_vendors_received_is_closed_to_other_websites() -> None:
    vendor = create_vendor(VENDORS[0], Notes()).test_client()
    asked = vendor.get("/hits", headers={ASK_HEADER: "1", "Origin": "http://127.0.0.1:8080"})

    assert vendor.get("/hits").status_code == 403
    assert vendor.post("/reset").status_code == 403
    assert asked.json == []
    assert not [name for name, _ in asked.headers if name.startswith("Access-Control")]


def test_notes_keep_the_latest_and_can_be_cleared() -> None:
    notes = Notes()
    vendor = create_vendor(VENDORS[0], notes).test_client()
    for number in range(1_001):
        vendor.get(f"/view.gif?n={number}")

    assert [notes.all()[0].told, notes.all()[-1].told] == ["n: 1", "n: 1000"]

    vendor.post("/reset", headers={ASK_HEADER: "1"})

    assert notes.all() == []


# The proxy.

LIMIT = 0.5  # seconds


class Upstream(http.server.BaseHTTPRequestHandler):
    """Stands where Gatekeeper stands: tells what it was asked, or hangs, or trickles."""

    def do_POST(self) -> None:
        if self.path == "/gk/hang":
            time.sleep(2 * LIMIT)
        if self.path == "/gk/trickle":
            self.trickle()
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = f"{self.command} {self.path}\n{self.headers}".encode() + body
        self.send_response(200, "Fine")
        self.send_header("Set-Cookie", "one=1; Path=/")
        self.send_header("Set-Cookie", "two=2; Path=/")
        self.send_header("Keep-Alive", "timeout=5")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST

    def trickle(self) -> None:
        """Send a byte now and then, each sooner than the limit."""
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                self.wfile.write(b".")
                time.sleep(LIMIT / 5)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def behind(port: int) -> Client:
    def site(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [b"the site's own page"]

    return Client(Proxy(site, "/gk/", port, limit=LIMIT), use_cookies=False)


def test_the_proxy_passes_on_what_gatekeeper_needs_and_nothing_of_the_connection(upstream: int) -> None:
    answer = behind(upstream).post(
        "/gk/shop//a%2Fb?x=%41",
        data=b"body",
        content_type="text/plain",
        headers={
            "Host": "shop.test:8080",
            "Cookie": "gk_choice=x; other=y",
            "Origin": "http://shop.test:8080",
            "Sec-Fetch-Site": "same-origin",
            "Sec-GPC": "1",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Proto": "https",
            "Connection": "close, X-Hop",
            "X-Hop": "not passed on",
            "Te": "trailers",
        },
        environ_base={"REMOTE_ADDR": "127.0.0.9"},
    )

    lines = answer.text.lower().splitlines()
    assert lines[0] == "post /gk/shop//a%2fb?x=%41"
    assert lines[-1] == "body"
    assert {
        "host: shop.test:8080",
        "cookie: gk_choice=x; other=y",
        "origin: http://shop.test:8080",
        "sec-fetch-site: same-origin",
        "sec-gpc: 1",
        "content-type: text/plain",
        "x-forwarded-for: 203.0.113.7, 127.0.0.9",
        "x-forwarded-proto: http",
    } <= set(lines)
    assert not [line for line in lines if line.startswith(("connection:", "x-hop:", "te:"))]


def test_the_proxy_passes_back_every_cookie(upstream: int) -> None:
    answer = behind(upstream).get("/gk/shop/choice")

    assert answer.status == "200 Fine"
    assert answer.headers.getlist("Set-Cookie") == ["one=1; Path=/", "two=2; Path=/"]
    assert "Keep-Alive" not in answer.headers


def test_other_paths_stay_with_the_site(upstream: int) -> None:
    assert behind(upstream).get("/gkettle").text == "the site's own page"


def test_a_gatekeeper_that_is_not_there_answers_502_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    began = time.monotonic()

    answer = behind(port).get("/gk/shop/gatekeeper.js")

    assert answer.status_code == 502
    assert answer.headers["Cache-Control"] == "no-store"
    assert time.monotonic() - began < LIMIT


@pytest.mark.parametrize("path", ["/gk/hang", "/gk/trickle"])
def test_a_gatekeeper_that_hangs_or_trickles_answers_504_within_the_limit(upstream: int, path: str) -> None:
    began = time.monotonic()

    answer = behind(upstream).get(path)

    assert answer.status_code == 504
    assert LIMIT <= time.monotonic() - began < 2 * LIMIT


def test_a_body_too_long_is_refused_unread(upstream: int) -> None:
    answer = behind(upstream).post("/gk/shop/choice", data=b"x" * ((1 << 20) + 1))

    assert answer.status_code == 413


# Ending with the parent.


def wait_until(true: Callable[[], object], within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_part_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    child = f"import os, pathlib, time; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, child])
    wait_until(lambda: told.exists() and told.read_text())
    pid = int(told.read_text())

    parent.kill()
    parent.wait()

    wait_until(lambda: not alive(pid))


_PARENT = """
import os, subprocess, sys
leash = [sys.executable, "-m", "gatekeeper.demo.leash", str(os.getpid())]
subprocess.run([*leash, sys.executable, "-c", sys.argv[1]])
"""


def test_a_part_whose_parent_has_ended_already_does_not_begin() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gatekeeper.demo.leash", "1", sys.executable, "-c", "print('began')"],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stdout == ""
