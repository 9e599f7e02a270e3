"""A Gatekeeper that is down or hangs costs the site's pages nothing, and nothing fires. With the real servers."""

import json
import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from gatekeeper.core.decisions import Visitor, decide
from gatekeeper.core.policy import gate_headers
from gatekeeper.core.sites import Site
from gatekeeper.gate.serving import Place
from gatekeeper.gate.snippets import Server
from gatekeeper.publishing import write_scripts
from tests.ports import free_port

from .conftest import NOW, choice, held
from .processes import example_site, gatekeeper, hang, port_of, states
from .servers import PATIENCE, Host, ask, host_site, web_server

PAGE = {"Sec-Fetch-Dest": "document", "Accept": "text/html"}
#: How much later a page may begin, in seconds.
LATER = 0.005
#: For how long Gatekeeper hangs, and how often pages are asked for meanwhile, in seconds.
OUTAGE = 60.0
EVERY = 0.2
#: So often the same cached page is asked for.
REPEATED = 8
FRONTS = (Server.NGINX, Server.CADDY)


@pytest.fixture(scope="module")
def site() -> Site:
    return example_site()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with host_site() as host:
        yield host


@dataclass
class Watch:
    """What pages were like in one web server, without a gate and with one.

    :param later: by how much they began later behind the gate, in seconds, each beside one without.
    :param hits: out of the page cache, without a gate and with one.
    """

    bare: int
    gated: int
    later: list[float] = field(default_factory=list)
    hits: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))


class Outage(threading.Thread):
    """Asks for pages of a site whose Gatekeeper hangs, all the time until told to stop; then says what was wrong."""

    def __init__(self, watches: dict[Server, Watch], policies: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.watches = watches
        self.asked = 0
        self.over = threading.Event()
        self.wrong: list[str] = []
        self._policies = list(policies.items())

    def run(self) -> None:
        while not self.over.wait(EVERY):
            self.ask_all()

    def ask_all(self) -> None:
        """Ask for one page of each server, without a gate and with one, as the next visitor."""
        cookie, policy = self._policies[self.asked % len(self._policies)]
        for server, watch in self.watches.items():
            try:
                self._ask(server, watch, cookie, policy)
            except (OSError, HTTPException) as error:
                self.wrong.append(f"{server}: {error!r}")
        self.asked += 1

    def _ask(self, server: Server, watch: Watch, cookie: str, policy: str) -> None:
        headers = {**PAGE, "Cookie": cookie}
        ports = [watch.bare, watch.gated] if self.asked % 2 else [watch.gated, watch.bare]
        took = {port: first_byte(port, headers) for port in ports}
        watch.later.append(took[watch.gated] - took[watch.bare])
        page = ask(watch.gated, "/", headers)
        if page.status != 200 or policy not in page.all("Content-Security-Policy"):
            self.wrong.append(f"{server}: {page.status} {page.headers}")
        if server is Server.NGINX:
            for port, found in zip((watch.bare, watch.gated), watch.hits, strict=True):
                found += ask(port, f"/cached/{self.asked // REPEATED}", headers).all("X-Cache")


def first_byte(port: int, headers: dict[str, str]) -> float:
    """Return the seconds until a page begins."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    started = time.perf_counter()
    try:
        connection.request("GET", "/", headers={"Host": "www.shop.example", **headers})
        connection.getresponse()
        return time.perf_counter() - started
    finally:
        connection.close()


@pytest.fixture(scope="module")
def policies(site: Site) -> dict[str, str]:
    """What visitors carry, and the policy that each of them must have."""
    granted, refused = choice(site, "functional"), choice(site)
    visitors = {held(site, granted): granted, held(site, refused): refused, "": None, "other=1": None}
    return {cookie: policy_of(site, Visitor(said)) for cookie, said in visitors.items()}


def policy_of(site: Site, visitor: Visitor) -> str:
    return gate_headers(site, lambda tracker: bool(decide(tracker, visitor, site, now=NOW)), "/")[0][1]


@dataclass
class Hung:
    """A Gatekeeper that hangs since the beginning of this module's tests, and pages that are asked for all the time."""

    process: subprocess.Popen[bytes]
    outage: Outage
    since: float


@pytest.fixture(scope="module", autouse=True)
def hung(site: Site, host: Host, policies: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hung]:
    """Let a Gatekeeper hang while all tests of this module run."""
    with gatekeeper(site, tmp_path_factory.mktemp("hung")) as process, ExitStack() as servers:

        def run(server: Server, place: Place | None) -> int:
            return servers.enter_context(web_server(server, site, tmp_path_factory.mktemp(server), host, place))

        place = Place(f"127.0.0.1:{port_of(process)}")
        outage = Outage({server: Watch(run(server, None), run(server, place)) for server in FRONTS}, policies)
        hang(process)
        since = time.monotonic()
        outage.start()
        yield Hung(process, outage, since)
        outage.over.set()
        outage.join(PATIENCE)


@pytest.mark.row("EU-01")
@pytest.mark.parametrize("server", FRONTS, ids=str)
def test_a_script_that_is_asked_of_a_gatekeeper_that_hangs_is_given_up_soon(server: Server, hung: Hung) -> None:
    started = time.perf_counter()
    answer = ask(hung.outage.watches[server].gated, "/gk/shop/gatekeeper.js")

    assert answer.status in {502, 504}
    assert 0.9 < time.perf_counter() - started < 3


def test_a_key_by_choice_keeps_a_page_once_for_each_policy(
    site: Site, host: Host, policies: dict[str, str], tmp_path: Path
) -> None:
    nobody = Place(f"127.0.0.1:{free_port()}")
    with web_server(Server.NGINX, site, tmp_path, host, nobody) as port:
        pages = [(f"/keyed/{number}", cookie) for number in range(3) for cookie in [*policies] * 5]
        found = [ask(port, path, {**PAGE, "Cookie": cookie}) for path, cookie in pages]

    for (_, cookie), answer in zip(pages, found, strict=True):
        assert policies[cookie] in answer.all("Content-Security-Policy")
    # Two policies: whoever granted, and all others.
    assert sum(answer.all("X-Cache") == ["MISS"] for answer in found) == 3 * 2


@pytest.mark.row("GPC-03")
@pytest.mark.parametrize("server", Server, ids=str)
def test_signals_reach_gatekeeper_through_every_recipe(server: Server, site: Site, host: Host, tmp_path: Path) -> None:
    with gatekeeper(site, tmp_path) as process:
        place = Place(f"127.0.0.1:{port_of(process)}")
        with web_server(server, site, tmp_path, host, place) as port:
            page = ask(port, "/gk/shop/choices", {**PAGE, "Sec-Fetch-Mode": "navigate", "DNT": "1", "Sec-GPC": "1"})
            quiet = ask(port, "/gk/shop/choices", {**PAGE, "Sec-Fetch-Mode": "navigate"})
            support = ask(port, "/.well-known/gpc.json")

    assert page.status == quiet.status == 200
    assert page.body.count(b'name="override"') > quiet.body.count(b'name="override"')
    assert json.loads(support.body)["gpc"] is True


@pytest.mark.parametrize("server", Server, ids=str)
def test_scripts_that_were_written_out_need_no_gatekeeper(
    server: Server, site: Site, host: Host, tmp_path: Path
) -> None:
    tag = write_scripts(site, tmp_path / "www", prefix="/gk")
    version = tag.split('"')[1]
    nobody = Place(f"127.0.0.1:{free_port()}", static=str(tmp_path / "www"))

    with web_server(server, site, tmp_path, host, nobody) as port:
        script = ask(port, "/gk/shop/gatekeeper.js", {"Accept-Encoding": "identity"})
        named = ask(port, version, {"Accept-Encoding": "identity"})
        other = ask(port, "/gk/shop/choice")

    assert script.status == named.status == 200
    assert script.body == named.body == (tmp_path / "www/gk/shop/gatekeeper.js").read_bytes()
    assert script.all("Content-Type")[0].startswith("text/javascript")
    assert script.all("Cache-Control") == ["public, max-age=60, stale-while-revalidate=86400"]
    assert named.all("Cache-Control") == ["public, max-age=31536000, immutable"]
    assert other.status in {502, 503}


@pytest.mark.row("EU-01")
def test_while_gatekeeper_hangs_for_a_minute_and_is_killed_pages_are_as_ever(hung: Hung) -> None:
    """Stands last: the minute has gone by while the other tests ran, or is waited for."""
    outage = hung.outage
    outage.join(max(0.0, hung.since + OUTAGE - time.monotonic()))
    outage.over.set()
    outage.join(PATIENCE)
    assert time.monotonic() - hung.since >= OUTAGE
    assert set(states(hung.process.pid)) == {"T"}
    hanging = {server: (len(watch.later), statistics.median(watch.later)) for server, watch in outage.watches.items()}

    os.killpg(hung.process.pid, signal.SIGKILL)
    hung.process.wait(PATIENCE)
    for watch in outage.watches.values():
        watch.later.clear()
    for _ in range(150):
        outage.ask_all()
    killed = {server: (len(watch.later), statistics.median(watch.later)) for server, watch in outage.watches.items()}

    assert outage.wrong == []
    for name, measured in (("hanging", hanging), ("killed", killed)):
        for server, (pairs, later) in measured.items():
            print(f"{server}, Gatekeeper {name}: {later * 1000:+.2f} ms, the median of {pairs} pairs")
            assert pairs >= 50
            assert later <= LATER
    without, behind = outage.watches[Server.NGINX].hits
    assert behind == without
    assert behind.count("MISS") == len(behind) // REPEATED + bool(len(behind) % REPEATED)
