"""Web servers that ask Gatekeeper for each page's policy: exact while it answers, the strictest when it does not."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from pathlib import Path

import pytest

from gatekeeper.core.choices import Choice, State
from gatekeeper.core.decisions import Visitor, decide
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.learners import sign_learner
from gatekeeper.core.policy import HINTS, gate_headers, learn_headers
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.registry import read_registry
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site
from gatekeeper.gate.serving import Place
from gatekeeper.gate.snippets import Server, write_snippets
from gatekeeper.store.engines import open_store
from tests.ports import free_port

from .conftest import KEYS, NOW, SHOP, choice, held, publish, written
from .processes import declared_site, gatekeeper, hang, port_of
from .servers import OWN_POLICY, OWN_TIMING, Answer, Host, ask, host_site, wait_until, web_server

FRONTS = (Server.NGINX, Server.CADDY)
PAGE = {"Sec-Fetch-Dest": "document", "Accept": "text/html"}
PURPOSES = ("functional", "analytics", "marketing")
SETS = [granted for size in range(4) for granted in combinations(PURPOSES, size)]
POLICIES = ("Content-Security-Policy", "Content-Security-Policy-Report-Only", "Connection-Allowlist")
#: What a page may wait for a Gatekeeper that hangs, with what a busy machine takes for itself; and what the pages after
#: it may, in seconds.
AT_MOST = 3.0
SOON = 0.2

DECLARED = """
[sites.shop]
name = "Test Shop"
origins = ["https://www.shop.example"]
hosts = ["images.shop.example"]
controller = { name = "Test Shop Ltd", address = "1 Test Street", contact = "privacy@shop.example" }
gate = { tags_only = ["/checkout*", "/pay", "/käse"], strict = true }

[sites.shop.vendors]
stats = { name = "Stats Ltd", country = "IE" }
ads = { name = "Ads Inc", country = "US" }

[sites.shop.trackers]
stats = { kind = "script", purpose = "analytics", vendor = "stats", hosts = ["in.stats.example"], \
retention_days = 30, description = "Counts." }
ads = { kind = "script", purpose = "marketing", vendor = "ads", hosts = ["*.ads.example"], \
retention_days = 90, description = "Advertises." }
video = { kind = "embed", purpose = "functional", vendor = "stats", hosts = ["player.tube.example"], \
retention_days = 30, description = "Plays." }
"""


@pytest.fixture(scope="module")
def site() -> Site:
    return declared_site(DECLARED)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with host_site() as host:
        yield host


@pytest.fixture(scope="module", params=FRONTS, ids=str)
def server(request: pytest.FixtureRequest) -> Server:
    return Server(request.param)


@dataclass
class Front:
    """A web server that asks a real Gatekeeper."""

    port: int
    process: subprocess.Popen[bytes]
    database: str

    def page(self, cookie: str = "", path: str = "/", body: bytes | None = None, **more: str) -> Answer:
        headers = {**PAGE, **({"Cookie": cookie} if cookie else {}), **more}
        return ask(self.port, path, headers, body=body)


@pytest.fixture(scope="module")
def front(server: Server, site: Site, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    directory = tmp_path_factory.mktemp("asked")
    with gatekeeper(site, directory, DECLARED) as process:
        place = Place(f"127.0.0.1:{port_of(process)}", asks=True)
        with web_server(server, site, tmp_path_factory.mktemp(server), host, place) as port:
            yield Front(port, process, f"sqlite:///{directory}/gatekeeper.db")


def settled(front: Front, wanted: list[str], cookie: str, **more: str) -> Answer:
    """Return a page that has the policies wanted.

    On a busy machine Gatekeeper may be late for once, which is no fault.
    """
    found: list[Answer] = []

    def is_so() -> bool:
        found[:] = [front.page(cookie, **more)]
        return policies(found[0]) == wanted

    wait_until(is_so, lambda: f"{policies(found[0])} instead of {wanted}")
    return found[0]


def said(site: Site, *granted: str, **more: object) -> Choice:
    """Return what a visitor has said today, by the clock of this machine."""
    return replace(choice(site, *granted), day=datetime.now(UTC).date(), **more)  # type: ignore[arg-type]


def expected(site: Site, visitor: Visitor) -> list[str]:
    now = int(time.time())
    return [value for _, value in gate_headers(site, lambda tracker: bool(decide(tracker, visitor, site, now=now)), "")]


def policies(answer: Answer) -> list[str]:
    """Return what the gate has set, beside the host's own policy."""
    return [value for name in POLICIES for value in answer.all(name) if value not in {OWN_POLICY, ""}]


@pytest.mark.row("GPC-03")
@pytest.mark.parametrize("signal_sent", ["", "Sec-GPC", "DNT"])
@pytest.mark.parametrize("granted", SETS, ids=lambda granted: "+".join(granted) or "nothing")
def test_every_choice_has_the_policy_of_the_core(
    front: Front, site: Site, granted: tuple[str, ...], signal_sent: str
) -> None:
    mine = said(site, *granted)
    heard = {"": frozenset[Signal](), "Sec-GPC": frozenset({Signal.GPC}), "DNT": frozenset({Signal.DNT})}[signal_sent]

    sent = {signal_sent: "1"} if signal_sent else {}
    assert settled(front, expected(site, Visitor(mine, heard)), f"a=b; {held(site, mine)}", **sent)


def test_what_a_static_configuration_cannot_tell_apart_is_exact(front: Front, site: Site) -> None:
    one = said(site, trackers=frozenset({"ads"}), state=State.GRANTED)
    over = said(site, "marketing", override=frozenset({"marketing"}))
    young = said(site, *PURPOSES, age_band=AgeBand.UNDER_13)

    wanted = [expected(site, who) for who in (Visitor(one), Visitor(over, frozenset({Signal.GPC})), Visitor())]
    assert "ads.example" in wanted[0][0]
    assert "ads.example" in wanted[1][0]
    assert settled(front, wanted[0], held(site, one))
    assert settled(front, wanted[1], held(site, over), **{"Sec-GPC": "1"})
    assert policies(front.page(held(site, young))) == wanted[2]


def test_a_grant_that_is_forged_or_too_old_counts_for_nothing(front: Front, site: Site) -> None:
    mine = said(site, *PURPOSES)
    forged = held(site, mine, keys=("another-key-that-is-long-enough-to-be-one",))
    old = replace(mine, day=datetime.fromtimestamp(time.time() - 200 * 86_400, UTC).date())

    for cookie in (forged, held(site, old), f"__Host-gk_choice={written(site, mine)}", "a" * 3000):
        assert policies(front.page(cookie)) == expected(site, Visitor()), cookie


def test_the_sites_own_headers_and_forms_survive(front: Front, site: Site, host: Host) -> None:
    mine = said(site, "analytics")
    page = settled(front, expected(site, Visitor(mine)), held(site, mine))
    posted = front.page(path="/order?x=1", body=b"tea=1")
    missing = front.page(path="/missing")
    broken = front.page(path="/own-errors/broken", body=b"tea=2")

    assert OWN_POLICY in page.all("Content-Security-Policy")
    assert page.all("X-Frame-Options") == ["DENY"]
    assert sorted(page.all("Server-Timing")) == [OWN_TIMING, 'gk;desc="GET"']
    assert page.all("Accept-CH") == [HINTS]
    assert posted.all("Accept-CH") == []
    assert page.all("ETag") == page.all("Last-Modified") == []
    assert "private" in "".join(page.all("Cache-Control"))
    assert {"Cookie", "Sec-GPC", "DNT"} <= {part.strip() for value in page.all("Vary") for part in value.split(",")}
    assert sorted(posted.all("Server-Timing")) == [OWN_TIMING, 'gk;desc="POST"']
    assert host.posted[-2:] == [b"tea=1", b"tea=2"]
    assert (missing.status, broken.status) == (404, 500)
    assert broken.all("Server-Timing") == ['gk;desc="POST"']
    for answer in (posted, missing, broken):
        assert policies(answer) == expected(site, Visitor())


def test_only_pages_are_asked_about(front: Front, site: Site) -> None:
    script = ask(
        front.port,
        "/app.js",
        {"Sec-Fetch-Dest": "script", "Accept": "*/*", "Cookie": held(site, said(site, *PURPOSES))},
    )

    assert policies(script) == expected(site, Visitor())
    assert script.all("Cache-Control") == ["public, max-age=60"]
    assert script.all("ETag") == ['"v1"']


@pytest.mark.parametrize("path", ["/checkout", "/checkout/card?x=1", "/pay", "/pay?x=1", "/k%C3%A4se"])
def test_a_page_left_to_the_tags_has_no_policy(front: Front, site: Site, path: str) -> None:
    assert settled(front, [], "", path=path).status == 200
    assert policies(front.page(path="/pay/other")) == expected(site, Visitor())


def test_a_browser_in_learn_mode_is_let_through_and_reports(front: Front, site: Site) -> None:
    cookie = f"__Host-gk_learn={sign_learner(KEYS, site, until=int(time.time()) + 600)}"

    (wanted,) = [value for _, value in learn_headers(site, "/gk/shop/reports")]
    answer = settled(front, [wanted], cookie)

    assert answer.all("Content-Security-Policy-Report-Only") == [wanted]


def test_a_policy_that_is_lifted_needs_nothing_written_again(front: Front, site: Site) -> None:
    store = open_store(front.database)
    store.lift("shop", lifted=True, at=NOW)
    wait_until(lambda: policies(front.page()) == [])
    store.lift("shop", lifted=False, at=NOW)
    wait_until(lambda: policies(front.page()) == expected(site, Visitor()))
    store.close()


def test_gatekeepers_own_answers_pass_as_they_are_and_the_question_is_not_for_visitors(
    front: Front, server: Server
) -> None:
    assert ask(front.port, "/gk/shop/gatekeeper.js").status == 200
    own = front.page(path="/gk/shop/choices", **{"Sec-Fetch-Mode": "navigate"})
    assert (own.status, len(own.all("Content-Security-Policy"))) == (200, 1)
    asked = ask(front.port, "/gk/shop/gate")
    assert (asked.status, bool(asked.all("Gatekeeper-Mode"))) == (204, server is not Server.NGINX)


@pytest.mark.row("EU-01")
def test_a_gatekeeper_that_hangs_costs_one_page_a_moment_and_the_rest_nothing(front: Front, site: Site) -> None:
    mine = said(site, *PURPOSES)
    everything, exact, strictest = held(site, mine), expected(site, Visitor(mine)), expected(site, Visitor())
    assert settled(front, exact, everything)

    hang(front.process)
    try:
        took = []
        for number in range(20):
            started = time.perf_counter()
            answer = front.page(everything, body=b"x=1" if number % 2 == 0 else None)
            took.append(time.perf_counter() - started)
            assert (answer.status, answer.body, policies(answer)) == (200, b"page", strictest)
        assert took[0] < AT_MOST
        assert sorted(took)[len(took) // 2] < SOON
        assert policies(front.page(path="/pay")) == []
    finally:
        os.killpg(front.process.pid, signal.SIGCONT)

    assert exact != strictest
    assert settled(front, exact, everything)


@contextmanager
def stand_in(status: int, headers: dict[str, str], seen: list[dict[str, str]]) -> Iterator[int]:
    """Run something that answers in Gatekeeper's place; yields its port."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", "4")
            self.end_headers()
            if status != 204:
                self.wfile.write(b"nope")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as answering:
        answering.daemon_threads = True
        thread = threading.Thread(target=answering.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield int(answering.server_address[1])
        answering.shutdown()
        thread.join()


@pytest.mark.row("EU-01")
@pytest.mark.parametrize("status", [200, 204, 302, 401, 403, 404, 418, 429, 500, 503])
def test_whatever_else_answers_the_page_is_answered_with_the_strictest_policy(
    server: Server, site: Site, host: Host, tmp_path: Path, status: int
) -> None:
    headers = {"Content-Security-Policy": "default-src *", "Location": "/elsewhere", "Accept-CH": "X"}

    with (
        stand_in(status, headers, []) as other,
        web_server(server, site, tmp_path, host, Place(f"127.0.0.1:{other}", asks=True)) as port,
    ):
        found = [
            ask(port, path, PAGE, body=body) for path, body in (("/", None), ("/", b"a=1"), ("/files/page.html", None))
        ]

    for answer in found:
        assert (answer.status, policies(answer)) == (200, expected(site, Visitor()))
        assert answer.all("Accept-CH") == answer.all("Location") == []


def test_gatekeeper_learns_of_no_query_no_address_and_no_body(
    server: Server, site: Site, host: Host, tmp_path: Path
) -> None:
    seen: list[dict[str, str]] = []
    sent = {**PAGE, "Cookie": "a=b", "DNT": "1", "X-Forwarded-Uri": "/pay", "X-Forwarded-For": "192.0.2.1"}

    with (
        stand_in(204, {"Gatekeeper-Mode": "off"}, seen) as other,
        web_server(server, site, tmp_path, host, Place(f"127.0.0.1:{other}", asks=True)) as port,
    ):
        ask(port, "/tea/green?q=secret", sent, body=b"card=1")
        for destination in ("image", "script", "style", "empty", "font"):
            ask(port, "/tea.png", {"Sec-Fetch-Dest": destination, "Accept": "text/html"})
        ask(port, "/prefetched", {"Sec-Fetch-Dest": "empty", "Sec-Purpose": "prefetch"})
        ask(port, "/old", {"Accept": "text/html,*/*"})

    assert [question["x-forwarded-uri"] for question in seen] == ["/tea/green", "/prefetched", "/old"]
    assert {question["path"] for question in seen} == {"/gk/shop/gate"}
    assert (seen[0]["cookie"], seen[0]["dnt"]) == ("a=b", "1")
    for name in ("x-forwarded-for", "x-real-ip", "forwarded"):
        assert seen[0].get(name, "192.0.2.1") == "192.0.2.1"  # what the visitor wrote, not who they are
    assert seen[0].get("content-length", "0") == "0"


@pytest.mark.row("EU-01")
@pytest.mark.parametrize("listens", [True, False], ids=["hangs", "down"])
def test_without_a_gatekeeper_pages_have_the_strictest_policy(
    server: Server, site: Site, host: Host, tmp_path: Path, listens: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        other = silent.getsockname()[1] if listens else free_port()
        with web_server(server, site, tmp_path, host, Place(f"127.0.0.1:{other}", asks=True)) as port:
            started = time.perf_counter()
            first = ask(port, "/", PAGE, body=b"a=1")
            waited = time.perf_counter() - started
            found = [ask(port, path, PAGE) for path in ("/", "/missing", "/files/page.html", "/app.js")]
            lifted = ask(port, "/pay", PAGE)
            own = ask(port, "/gk/shop/gatekeeper.js")

    assert waited < AT_MOST
    assert [answer.status for answer in (first, *found)] == [200, 200, 404, 200, 200]
    for answer in (first, *found):
        assert policies(answer) == expected(site, Visitor())
    assert policies(lifted) == []
    assert own.status in {502, 503, 504}


def test_a_policy_of_many_hosts_is_taken_over_whole(server: Server, host: Host, tmp_path: Path) -> None:
    hosts = ", ".join(f'"cdn-{number}.ads.example"' for number in range(150))
    declared = DECLARED.replace('hosts = ["*.ads.example"]', f"hosts = [{hosts}]")
    site = declared_site(declared)
    mine = said(site, "marketing")

    with gatekeeper(site, tmp_path, declared) as process:
        place = Place(f"127.0.0.1:{port_of(process)}", asks=True)
        with web_server(server, site, tmp_path, host, place) as port:
            assert settled(Front(port, process, ""), expected(site, Visitor(mine)), held(site, mine))


def test_more_purposes_than_a_web_server_can_tell_apart_are_no_hindrance() -> None:
    purposes = {f"more-{number}": {"title": f"More {number}", "description": "More."} for number in range(8)}
    trackers = {
        **SHOP["trackers"],
        **{f"t-{number}": {**SHOP["trackers"]["stats"], "purpose": f"more-{number}"} for number in range(8)},
    }
    sites, problems = read_registry({"sites": {"shop": {**SHOP, "purposes": purposes, "trackers": trackers}}})
    assert problems == []
    site = publish(sites["shop"])

    with pytest.raises(InvalidInput, match="at most 8 purposes"):
        write_snippets(Server.NGINX, site, Place())
    assert write_snippets(Server.NGINX, site, Place(asks=True))


def test_apache_cannot_ask(site: Site) -> None:
    with pytest.raises(InvalidInput, match="leave out --ask"):
        write_snippets(Server.APACHE, site, Place(asks=True))
