"""Several workers serve from one PostgreSQL server: a withdrawal holds on all, and one that dies loses nothing."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.load import Load, event_id, stored_ids
from e2e.served import Served

from .postgres import Postgres


@pytest.fixture
def served(postgres: Postgres, tmp_path: Path) -> Iterator[Served]:
    with postgres.fresh() as address:
        served = Served(tmp_path, extra={"GATEKEEPER_DATABASE_URL": address})
        served.start("--workers", "2", "--threads", "4")
        yield served
        served.stop()


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers(served: Served) -> list[int]:
    assert served.process is not None
    pid = served.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.row("EU-08")
def test_a_withdrawal_holds_on_every_worker(served: Served) -> None:
    cookies = served.grant("analytics")

    def report() -> int:
        batch = {"events": [{"id": event_id(), "kind": "view", "path": "/tea"}]}
        return served.post("/gk/shop/events", batch, cookies).status

    assert {report() for _ in range(20)} == {204}
    assert len(stored_ids(served, cookies)) == 20
    assert served.request("DELETE", "/gk/shop/choice", None, cookies, 10, Origin="http://shop.test").status == 200

    for _ in range(20):
        report()  # with the old cookies, to whichever worker

    assert len(stored_ids(served, cookies)) == 20


def test_a_worker_that_dies_takes_nothing_along_that_was_answered(served: Served) -> None:
    cookies = served.grant("analytics")
    before = workers(served)

    with Load(served, cookies) as load:
        wait_until(lambda: len(load.answered) > 60)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(workers(served)) == 2 and workers(served) != before)
        so_far = len(load.answered)
        wait_until(lambda: len(load.answered) > so_far + 60)

    stored = stored_ids(served, cookies)
    assert set(load.answered) <= set(stored)
    assert len(stored) == len(set(stored))
