"""A service whose database is damaged or cannot be written, and one that is told to stop while everybody asks."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .load import Load, stored_ids
from .served import Served
from .test_endurance import Starved


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path).start()
    yield served
    served.stop()


@pytest.mark.timeout(120)
def test_told_to_stop_under_load_it_keeps_all_it_answered_and_ends_well(tmp_path: Path) -> None:
    served = Served(tmp_path).start()
    cookies = served.grant("analytics")
    for _ in range(3):
        with Load(served, cookies, pages=12) as load:
            while len(load.answered) < 300:
                time.sleep(0.002)
            assert served.process is not None
            started = time.monotonic()
            served.process.send_signal(signal.SIGTERM)
            code = served.process.wait(20)
            took = time.monotonic() - started

        assert code == 0
        assert took < 10, "a worker that does not end is killed after 10 s"
        stored = stored_ids(served, cookies)
        assert set(load.answered) <= set(stored)
        assert len(stored) == len(set(stored))
        served.start()
    served.stop()
    assert "Traceback" not in served.log


def damage(path: Path) -> None:
    """Overwrite everything but the first page, which says that it is a database."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(os.urandom(size - 4096))


def serve_once(served: Served) -> subprocess.CompletedProcess[bytes]:
    call = [sys.executable, "-m", "gatekeeper", "serve", "--port", str(served.port)]
    return subprocess.run(call, env=served.environment, capture_output=True, timeout=60, check=False)


def without_database(tmp_path: Path) -> Served:
    served = Served(tmp_path)
    for name in ("", "-wal", "-shm"):
        served.database.with_name(f"gatekeeper.db{name}").unlink(missing_ok=True)
    return served


def test_what_is_no_database_ends_the_start_with_one_clear_message(tmp_path: Path) -> None:
    served = without_database(tmp_path)
    content = b"this is no database " * 500
    served.database.write_bytes(content)

    done = serve_once(served)

    assert done.returncode == 1
    message = done.stderr.decode()
    assert "gatekeeper.db is not a Gatekeeper database: file is not a database" in message
    assert message.count("\n") == 1
    assert served.database.read_bytes() == content, "it is left as it was, for whoever can save it"


def test_an_empty_file_becomes_a_database_and_says_that_nothing_is_published(tmp_path: Path) -> None:
    served = without_database(tmp_path)
    served.database.touch()

    served.start()
    health = served.get("/healthz")
    served.stop()

    assert health.status == 503
    assert "no notice is published" in health.body.decode()


def test_a_damaged_database_ends_the_start_and_is_left_as_it_is(tmp_path: Path) -> None:
    served = Served(tmp_path).start()
    served.stop()
    damage(served.database)
    before = served.database.read_bytes()

    done = serve_once(served)

    assert done.returncode == 1
    message = done.stderr.decode()
    assert "malformed" in message or "not a database" in message
    assert "Traceback" not in message
    assert "crash loop" not in message
    assert served.database.read_bytes() == before


def test_a_database_that_is_damaged_while_it_serves_is_told_and_nothing_is_answered_as_kept(served: Served) -> None:
    starved = Starved(served)
    starved.check_recovered()
    # What is in the log would mend what lies below it, and readers would see it for a while.
    for name in ("gatekeeper.db-wal", "gatekeeper.db-shm"):
        file = served.database.with_name(name)
        file.write_bytes(os.urandom(file.stat().st_size))
    damage(served.database)

    deadline = time.monotonic() + 10
    while served.get("/healthz").status != 503:
        served.get("/gk/shop/b/seen.gif", starved.cookies)
        assert time.monotonic() < deadline, "nobody notices"
        time.sleep(0.05)
    for _ in range(5):
        answers = starved.once()
        assert {answers[name].status for name in ("granted beacon", "beacon", "granted events", "grant")} == {503}
        assert answers["granted link"].status == 302
        assert answers["script"].status == answers["refusal"].status == 200

    health = served.get("/healthz").json
    assert any(problem.startswith("store: the database takes no writes now: ") for problem in health["problems"])
    assert served.process is not None
    assert served.process.poll() is None, "it goes on: scripts are served, and refusals hold"
    lines = [json.loads(line) for line in served.log.splitlines()]
    told = [line for line in lines if line["level"] in {"error", "critical"}]
    assert 1 <= len(told) < 20, "it is told once, not at every request"
