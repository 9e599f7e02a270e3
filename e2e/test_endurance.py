"""The service under the worst: killed, stopped, starved, locked out. Nothing that was answered is lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatekeeper.core.links import Link, Links
from gatekeeper.core.tokens import SubjectTokens
from gatekeeper.store.engines import open_store

from .load import Load, event_id, stored_ids
from .served import ORIGIN, Answer, Served

KILLS = 50
DESTINATION = "https://tea.example/"
_AS_ROOT = [] if os.geteuid() == 0 else ["sudo"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path).start()
    yield served
    served.stop()


@pytest.mark.timeout(300)
def test_no_answered_event_is_lost_or_doubled_over_50_kills(tmp_path: Path) -> None:
    served = Served(tmp_path).start()
    cookies = served.grant("analytics")

    with Load(served, cookies) as load:
        for _ in range(KILLS):
            before = len(load.answered)
            while len(load.answered) < before + 20:
                time.sleep(0.002)
            served.kill()
            served.start()
    served.stop()

    stored = stored_ids(served, cookies)
    assert len(load.answered) > KILLS * 20
    assert load.again > 0
    assert set(load.answered) - set(stored) == set()
    assert len(stored) == len(set(stored))


def test_stopping_in_good_order_keeps_what_was_answered_and_the_totals(served: Served) -> None:
    cookies = served.grant("analytics")
    served.get("/gk/shop/b/seen.gif")
    with Load(served, cookies) as load:
        while len(load.answered) < 60:
            time.sleep(0.002)

    served.stop()

    assert set(load.answered) <= set(stored_ids(served, cookies))
    with sqlite3.connect(served.database) as database:
        hits = database.execute("SELECT name, reason, n FROM totals WHERE what = 'hit'").fetchall()
    assert hits == [("seen", "no_choice", 1)]


def test_a_second_serving_process_is_refused_with_both_ways_out(served: Served) -> None:
    second = served.command("serve", "--port", str(served.port + 1))

    assert second.returncode != 0
    message = second.stderr.decode()
    assert "already serves" in message
    assert "one process" in message
    assert "PostgreSQL" in message
    assert served.get("/healthz").status == 200


def test_a_withdrawal_through_another_process_holds_on_the_next_hit(served: Served) -> None:
    cookies = served.grant("analytics")
    served.get("/gk/shop/b/seen.gif", cookies)
    before = stored_ids(served, cookies)
    subject = SubjectTokens([served.key]).verify(cookies["gk_subject"]).subject
    program = (
        "import sys; from gatekeeper.core.choices import State; from gatekeeper.store.engines import open_store\n"
        "store = open_store(sys.argv[1]); store.end('shop', bytes.fromhex(sys.argv[2]), State.WITHDRAWN, at=0)"
    )

    url = served.environment["GATEKEEPER_DATABASE_URL"]
    subprocess.run([sys.executable, "-c", program, url, subject.hex()], check=True, timeout=30)
    answer = served.get("/gk/shop/b/seen.gif", cookies)

    assert answer.status == 200
    assert len(before) == 1
    assert stored_ids(served, cookies) == before


def memory(served: Served) -> int:
    """Return the memory of the server and its workers, in bytes."""
    assert served.process is not None
    found = subprocess.run(["ps", "-o", "rss=", "-g", str(served.process.pid)], capture_output=True, check=True)
    return sum(int(line) for line in found.stdout.split()) * 1024


class Starved:
    """Asks for everything again and again while the store takes no writes."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.cookies = served.grant("analytics", "marketing")
        token = Links([served.key]).sign(Link("shop", "newsletter", DESTINATION))
        self.link = f"/gk/l/{token}"

    def once(self) -> dict[str, Answer]:
        view = {"events": [{"id": event_id(), "kind": "view", "path": "/tea"}]}
        return {
            "granted beacon": self.served.get("/gk/shop/b/seen.gif", self.cookies),
            "beacon": self.served.get("/gk/shop/b/seen.gif"),
            "granted events": self.served.post("/gk/shop/events", view, self.cookies),
            "events": self.served.post("/gk/shop/events", {"totals": []}),
            "grant": self.served.post("/gk/shop/choice", {"granted": ["analytics"], "notice": 1}),
            "granted link": self.served.get(self.link, self.cookies),
            "link": self.served.get(self.link),
            "refusal": self.served.post("/gk/shop/choice", {}),
            "script": self.served.get("/gk/shop/gatekeeper.js"),
            "health": self.served.get("/healthz"),
        }

    def check(self) -> None:
        answers = self.once()
        for name in ("granted beacon", "beacon", "granted events", "events", "grant", "health"):
            assert answers[name].status == 503, name
            assert answers[name].seconds < 1.0, name
            assert "set-cookie" not in answers[name].headers, name
        assert answers["beacon"].headers["retry-after"] == "1"
        for name in ("granted link", "link"):
            assert answers[name].status == 302, name
            assert answers[name].headers["location"] == DESTINATION
            assert answers[name].seconds < 0.3, name
        assert answers["refusal"].status == answers["script"].status == 200

    def check_recovered(self, within: float = 5.0) -> None:
        deadline = time.monotonic() + within
        while self.served.get("/gk/shop/b/seen.gif", self.cookies).status != 200:
            assert time.monotonic() < deadline, "it did not recover"
            time.sleep(0.05)
        answers = self.once()
        statuses = {name: answer.status for name, answer in answers.items()}
        assert [name for name, status in statuses.items() if status >= 400] == []


@pytest.mark.row("SE-19")
def test_a_locked_store_answers_at_once_and_recovers_by_itself(served: Served) -> None:
    starved = Starved(served)
    starved.check_recovered()
    before = memory(served)
    locked = sqlite3.connect(served.database, isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    until = time.monotonic() + 20

    crowd = [threading.Thread(target=_pester, args=(served, starved, until)) for _ in range(8)]
    for thread in crowd:
        thread.start()
    starved.check()
    while time.monotonic() < until:
        starved.check()
    for thread in crowd:
        thread.join(30)
    grown = memory(served) - before
    locked.execute("ROLLBACK")
    locked.close()

    starved.check_recovered()
    assert grown < 30_000_000


def _pester(served: Served, starved: Starved, until: float) -> None:
    while time.monotonic() < until:
        served.get("/gk/shop/b/seen.gif", starved.cookies)


@pytest.mark.row("SE-19")
def test_a_full_disk_answers_at_once_and_recovers_by_itself(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run([*_AS_ROOT, "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], check=True)
    try:
        served = Served(tmp_path, data=small).start()
        starved = Starved(served)
        starved.check_recovered()
        filler = small / "filler"
        with filler.open("wb", buffering=0) as file:
            _fill(file.fileno())
        _write_until_refused(served, starved)

        for _ in range(3):
            starved.check()
        filler.unlink()
        starved.check_recovered()
        served.stop()
    finally:
        subprocess.run([*_AS_ROOT, "umount", "-l", str(small)], check=True)


def _fill(file: int) -> None:
    for size in (65_536, 4096, 512):
        try:
            while True:
                os.write(file, b"\0" * size)
        except OSError:
            continue


def _write_until_refused(served: Served, starved: Starved) -> None:
    # The write-ahead log may still have room in blocks it already has.
    deadline = time.monotonic() + 20
    events = [{"id": event_id(), "kind": "view", "path": f"/{'tea' * 100}"} for _ in range(150)]
    while time.monotonic() < deadline:
        batch = {"events": [{**event, "id": event_id()} for event in events]}
        if served.post("/gk/shop/events", batch, starved.cookies).status == 503:
            return
    pytest.fail("the disk is full, and still everything is answered")


def test_a_stopped_service_answers_again_when_it_goes_on(served: Served) -> None:
    cookies = served.grant("analytics")

    served.send_signal(signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        served.get("/gk/shop/b/seen.gif", cookies, timeout=0.5)
    served.send_signal(signal.SIGCONT)

    assert served.get("/gk/shop/b/seen.gif", cookies).status == 200


@pytest.mark.row("SE-10")
def test_only_a_trusted_proxy_is_believed_over_a_real_socket(tmp_path: Path) -> None:
    for trusted, logged in (("", "127.0.0.1"), ("127.0.0.1/32", "203.0.113.9")):
        folder = tmp_path / logged
        folder.mkdir()
        served = Served(folder, extra={"GATEKEEPER_TRUSTED_PROXIES": trusted}).start()
        cookies = served.grant("analytics")

        served.get("/gk/shop/b/seen.gif", cookies, X_Forwarded_For="198.51.100.1, 203.0.113.9")

        subject = SubjectTokens([served.key]).verify(cookies["gk_subject"]).subject
        store = open_store(f"sqlite:///{served.database}")
        (event,) = store.events("shop", subject)
        store.close()
        served.stop()
        assert event.fields["address"] == logged


@pytest.mark.row("SE-22")
def test_the_servers_own_log_holds_nobody(served: Served) -> None:
    canary = {"User_Agent": "CanaryAgent7731", "Referer": "https://canary.example/", "X_Forwarded_For": "198.51.100.77"}
    served.get("/gk/shop/b/seen.gif?canaryquery7731", **canary)
    served.get("/gk/shop/no-such-page/canarypath7731", **canary)
    served.request("POST", "/gk/shop/choice", b"{canarybody7731", None, 10, Origin=ORIGIN, **canary)
    served.stop()

    files = [path for path in served.folder.iterdir() if path.is_file()]
    assert "serve.log" in {path.name for path in files}
    for path in files:
        assert b"anary" not in path.read_bytes(), path.name
        assert b"198.51.100.77" not in path.read_bytes(), path.name
