"""A Gatekeeper that is down or hangs costs the site's pages nothing, and nothing fires. With the real servers."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest

from gatekeeper.config import load_sites
from gatekeeper.core.decisions import Visitor, decide
from gatekeeper.core.policy import gate_headers
from gatekeeper.core.sites import Site
from gatekeeper.gate.serving import Place
from gatekeeper.gate.snippets import Server
from gatekeeper.publishing import next_notice, write_scripts
from gatekeeper.store.engines import migrate, open_store
from tests.ports import free_port

from .conftest import KEYS, NOW, choice, held, publish
from .servers import PATIENCE, Host, answers, ask, host_site, wait_until, web_server

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "gatekeeper.toml"
PAGE = {"Sec-Fetch-Dest": "document", "Accept": "text/html"}
#: How much later a page may begin, in seconds, and how often that is measured.
LATER = 0.005
ROUNDS = 10
EACH = 20


@contextmanager
def gatekeeper(site: Site, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Gatekeeper for the example's site, with its notice published; see :func:`port_of`."""
    (directory / "gatekeeper.toml").write_text(EXAMPLE.read_text("utf-8"))
    url = f"sqlite:///{directory}/gatekeeper.db"
    migrate(url)
    store = open_store(url)
    store.publish(next_notice(site, [], today=date(2026, 11, 22)))
    store.close()
    port = free_port()
    environ = {**os.environ, "GATEKEEPER_CONFIG": f"{directory}/gatekeeper.toml", "GATEKEEPER_SECRET_KEYS": KEYS[0]}
    command = [sys.executable, "-m", "gatekeeper", "serve", "--port", str(port), "--threads", "4"]
    log = directory / "gatekeeper.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env=environ, start_new_session=True)
    try:
        wait_until(lambda: (answers(port) and ask(port, "/healthz").status == 200) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def port_of(process: subprocess.Popen[bytes]) -> int:
    assert isinstance(process.args, list)
    return int(process.args[process.args.index("--port") + 1])


def hang(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and its workers where they stand. They stop a little after they are told."""
    os.killpg(process.pid, signal.SIGSTOP)
    wait_until(lambda: set(states(process.pid)) == {"T"})


def states(group: int) -> Iterator[str]:
    """Yield the states of the threads of a process group, as Linux shows them."""
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with suppress(OSError):
            state, _, found = stat.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group:
                yield state


@pytest.fixture(scope="module")
def site() -> Site:
    sites, problems = load_sites(EXAMPLE)
    assert problems == []
    return publish(sites["shop"])


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with host_site() as host:
        yield host


def first_byte(port: int, cookie: str) -> float:
    """Return the seconds until a page has come."""
    started = time.perf_counter()
    answer = ask(port, "/", {**PAGE, "Cookie": cookie})
    took = time.perf_counter() - started
    assert answer.status == 200
    return took


def hit_rate(port: int, path: str, cookies: list[str], policies: dict[str, str]) -> float:
    """Ask for cached pages as many visitors; check that each gets their own policy; return how many were hits."""
    hits = 0
    for number in range(60):
        cookie = cookies[number % len(cookies)]
        answer = ask(port, f"{path}/{number % 3}?{id(policies)}", {**PAGE, "Cookie": cookie})
        assert policies[cookie] in answer.all("Content-Security-Policy")
        hits += answer.all("X-Cache") == ["HIT"]
    return hits / 60


@pytest.mark.row("EU-01")
@pytest.mark.parametrize("server", [Server.NGINX, Server.CADDY], ids=str)
def test_pages_are_as_fast_as_ever_while_gatekeeper_is_down_or_hangs(
    server: Server, site: Site, host: Host, tmp_path: Path
) -> None:
    said = choice(site, "functional")
    cookie = held(site, said)
    allowed = gate_headers(site, lambda tracker: bool(decide(tracker, Visitor(said), site, now=NOW)), "/")

    took: dict[str, list[float]] = {"before": [], "hanging": [], "down": []}
    (tmp_path / "down").mkdir()

    with gatekeeper(site, tmp_path) as process, ExitStack() as servers:
        up, down = (
            servers.enter_context(web_server(server, site, directory, host, Place(f"127.0.0.1:{port}")))
            for directory, port in ((tmp_path, port_of(process)), (tmp_path / "down", free_port()))
        )
        assert ask(up, "/gk/shop/gatekeeper.js").status == 200
        # In turns, so that whatever else this machine does falls on all alike.
        for _ in range(ROUNDS):
            took["before"] += [first_byte(up, cookie) for _ in range(EACH)]
            hang(process)
            took["hanging"] += [first_byte(up, cookie) for _ in range(EACH)]
            os.killpg(process.pid, signal.SIGCONT)
            took["down"] += [first_byte(down, cookie) for _ in range(EACH)]

        hang(process)
        started = time.perf_counter()
        assert ask(up, "/gk/shop/gatekeeper.js").status in {502, 504}
        assert 0.9 < time.perf_counter() - started < 3
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        assert ask(up, "/gk/shop/gatekeeper.js").status in {502, 503}
        page = ask(up, "/", {**PAGE, "Cookie": cookie})

    before, hanging, gone = (statistics.median(times) for times in took.values())
    assert hanging - before <= LATER
    assert gone - before <= LATER
    assert page.status == 200
    assert allowed[0][1] in page.all("Content-Security-Policy")


def test_the_page_cache_answers_as_often_as_before(site: Site, host: Host, tmp_path: Path) -> None:
    granted, refused = choice(site, "functional"), choice(site)
    cookies = [held(site, granted), held(site, refused), "", "other=1"]
    made = {
        cookie: gate_headers(site, lambda tracker: bool(decide(tracker, Visitor(said), site, now=NOW)), "/")[0][1]  # noqa: B023
        for cookie, said in zip(cookies, [granted, refused, None, None], strict=True)
    }

    with gatekeeper(site, tmp_path) as process:
        place = Place(f"127.0.0.1:{port_of(process)}")
        with web_server(Server.NGINX, site, tmp_path, host, place) as port:
            before = hit_rate(port, "/cached", cookies, made)
            keyed = hit_rate(port, "/keyed", cookies, made)
            hang(process)
            hanging = hit_rate(port, "/cached", cookies, dict(made))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
            killed = hit_rate(port, "/cached", cookies, dict(made))

    # Three pages: one miss each, whoever asks. With the normalised key, one for each policy.
    assert before == hanging == killed == 57 / 60
    assert keyed == 54 / 60


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
    assert script.all("Cache-Control") == ["public, max-age=300, stale-while-revalidate=86400"]
    assert named.all("Cache-Control") == ["public, max-age=31536000, immutable"]
    assert other.status in {502, 503}
