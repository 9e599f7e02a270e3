"""The measurements measure what they say: answers read whole, work charged to who did it, budgets judged."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import accounts, report
from bench.cases import Budget, Case
from bench.load import Client
from bench.measure import Measured, noise


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/nothing":
            self.send_response(204)
            self.end_headers()
            return
        body = b"x" * 100_000  # more than one packet
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("content-LENGTH", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_every_request_is_answered_and_every_answer_counted_by_its_status(port: int) -> None:
    asked = [f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in ("/", "/nothing", "/lost")]
    sent: list[bytes] = []

    with Client(port, 3) as client:
        run = client.run((sent.append(each) or each for each in itertools.cycle(asked)), 0.2)

    assert run.answers == len(sent) == sum(run.statuses.values())
    for path, status in zip(asked, (200, 204, 404), strict=True):
        assert run.statuses[status] == sent.count(path)
    assert all(0 < seconds < 30 for seconds in run.latencies)


BURN = """
import os, time
if not os.fork():
    while time.process_time() < 0.5:
        pass
    print(1, flush=True)
time.sleep(60)
"""


def test_work_is_charged_to_the_process_that_did_it_and_its_parent() -> None:
    process = subprocess.Popen([sys.executable, "-c", BURN], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()

        spent = accounts.processor_time(process.pid)

        assert 0.5 <= spent < 1
        assert len(accounts.tree(process.pid)) == 2
        assert accounts.memory(process.pid) > 1_000_000
    finally:
        for pid in reversed(accounts.tree(process.pid)):
            subprocess.run(["kill", "-9", str(pid)], check=True)
        process.wait()
        process.stdout.close()


def measured(name: str, *micros: float, budget: Budget | None = None) -> Measured:
    case = Case(name, "gatekeeper", iter(()), budget=budget or Budget())
    return Measured(case, list(micros), [1000.0] * len(micros), [0.01] * 100)


@pytest.mark.parametrize(
    ("micros", "budget", "verdict"),
    [
        (12.0, Budget(ratio=1.2), "kept"),
        (12.3, Budget(ratio=1.2), "kept"),  # within the noise
        (12.7, Budget(ratio=1.2), "BROKEN"),
        (100.0, Budget(micros=100), "kept"),
        (101.0, Budget(micros=100), "BROKEN"),
        (1.0, Budget(p99=9), "BROKEN"),
        (1.0, Budget(p99=11), "kept"),
        (1.0, Budget(), ""),
    ],
)
def test_a_budget_is_judged_with_the_noise_of_the_run(micros: float, budget: Budget, verdict: str) -> None:
    found = {"pixel alone": measured("pixel alone", 10, 10, 10), "it": measured("it", *[micros] * 3, budget=budget)}
    off = noise(found["pixel alone"], measured("control", 10, 10.5, 10.5))

    assert off == pytest.approx(0.05)
    assert report.line(found["it"], found, off).verdict == verdict


def test_a_run_whose_control_differs_is_called_noisy() -> None:
    assert not report.Result([], 0.04, []).noisy
    assert report.Result([], 0.06, []).noisy
    assert not report.Result([report.bound("memory", 151, 150, "MB")], 0, []).kept


def test_the_picture_needs_nothing_from_anywhere_else() -> None:
    found = {"pixel alone": measured("pixel alone", 10, 10)}

    drawn = report.picture(report.Result([report.line(found["pixel alone"], found, 0)], 0, []))

    assert b"<svg" in drawn
    assert b"pixel alone" in drawn
    assert b"<script" not in drawn
    assert b"@import" not in drawn
