"""The demo as a program: it starts whole, says what is wrong, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.waiting import wait_until

from .demo import Demo

PARTS = ("shop", "gatekeeper", "vendors")


@pytest.fixture
def own_demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path).start()
    yield demo
    if demo.process is not None and demo.process.poll() is None:
        demo.stop()


def processes(demo: Demo) -> set[int]:
    """Return the processes of a demo's parts that run, by their groups."""
    groups = {demo.pid(part) for part in PARTS}
    running = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid for pid in running if _group(pid) in groups}


def _group(pid: int) -> int | None:
    """Return a process's group; None if it has ended, also if nobody has noticed yet."""
    try:
        state, _, group, *_ = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(group)


def test_the_shop_answers_on_its_port_and_gatekeeper_on_the_next(demo: Demo) -> None:
    assert demo.answers(demo.port, "/")
    assert demo.answers(demo.port, "/gk/shop/gatekeeper.js")
    assert demo.answers(demo.port + 1, "/healthz")
    assert demo.url("/what-they-received") in demo.output


def test_nothing_listens_beyond_this_machine(demo: Demo) -> None:
    local = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    ports = {f"{demo.port + more:04X}" for more in range(3)}

    addresses = {place.split(":")[0] for place in local if place.split(":")[1] in ports}

    # Written with the lowest byte first: 0100007F is 127.0.0.1.
    assert addresses
    assert {address[-2:] for address in addresses} == {"7F"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stop_ends_every_process_and_is_no_error(own_demo: Demo, number: signal.Signals) -> None:
    running = processes(own_demo)
    assert own_demo.process is not None

    own_demo.process.send_signal(number)

    assert own_demo.process.wait(30) == 0
    assert not [pid for pid in running if _group(pid) is not None]
    assert "Traceback" not in own_demo.output


def test_a_stop_ends_a_gatekeeper_that_hangs_too(own_demo: Demo) -> None:
    running = processes(own_demo)
    own_demo.signal("gatekeeper", signal.SIGSTOP)

    assert own_demo.stop() == 0

    assert not [pid for pid in running if _group(pid) is not None]


def test_a_killed_demo_leaves_no_process_behind(own_demo: Demo) -> None:
    running = processes(own_demo)
    assert own_demo.process is not None

    own_demo.process.kill()
    own_demo.process.wait()

    wait_until(lambda: not [pid for pid in running if _group(pid) is not None])


@pytest.mark.parametrize("part", ["shop", "vendors"])
def test_when_a_part_it_needs_ends_the_demo_stops_and_says_which(own_demo: Demo, part: str) -> None:
    running = processes(own_demo)
    assert own_demo.process is not None

    own_demo.signal(part, signal.SIGKILL)

    assert own_demo.process.wait(30) == 1
    assert f"{part} has ended" in own_demo.output
    assert not [pid for pid in running if _group(pid) is not None]


def test_when_gatekeeper_ends_the_shop_goes_on(own_demo: Demo) -> None:
    os.kill(own_demo.pid("gatekeeper"), signal.SIGKILL)

    own_demo.wait_for("Gatekeeper is gone")

    assert own_demo.answers(own_demo.port, "/")
    assert not own_demo.answers(own_demo.port, "/gk/shop/gatekeeper.js")
    assert own_demo.stop() == 0


def test_many_visitors_are_served_while_gatekeeper_hangs(own_demo: Demo) -> None:
    own_demo.signal("gatekeeper", signal.SIGSTOP)

    with ThreadPoolExecutor(64) as visitors:
        hanging = [visitors.submit(own_demo.answers, own_demo.port, "/gk/shop/gatekeeper.js") for _ in range(40)]
        began = time.monotonic()
        pages = [visitors.submit(own_demo.answers, own_demo.port, "/") for _ in range(20)]
        answered = [page.result() for page in pages]
        took = time.monotonic() - began

    assert all(answered)
    assert took < 1
    assert not any(script.result() for script in hanging)


def test_what_was_chosen_and_published_survives_a_restart(own_demo: Demo) -> None:
    key = own_demo.keys
    assert own_demo.stop() == 0

    own_demo.start()

    assert own_demo.keys == key
    assert own_demo.answers(own_demo.port + 1, "/healthz")


def test_a_taken_port_ends_it_with_a_message_and_no_process(demo: Demo, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "gatekeeper",
            "demo",
            "--no-history",
            "--port",
            str(demo.port),
            "--state",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 1
    assert f"127.0.0.1 port {demo.port}" in done.stderr
    assert "PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_demo_with_the_same_data_is_refused(demo: Demo) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gatekeeper", "demo", "--port", str(demo.port + 10), "--state", str(demo.folder)],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 1
    assert "a demo is running already" in done.stderr
