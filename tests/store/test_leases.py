"""A job that must not be done twice at once has one holder, on every engine, and another once that one is gone."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gatekeeper.store.contract import Store

from .conftest import OpenStore

ROOT = Path(__file__).parents[2]

HOLD = """
import os, signal, sys
from gatekeeper.store.engines import open_store
store = open_store(sys.argv[1])
assert store.lease("purge", float(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def hold_and_die(url: str, seconds: float) -> None:
    subprocess.run([sys.executable, "-c", HOLD, url, str(seconds)], cwd=ROOT, timeout=30)


def test_a_lease_has_one_holder_until_it_is_given_back(store: Store, open_another: OpenStore) -> None:
    other = open_another()

    assert store.lease("purge", 60)
    assert store.lease("purge", 60), "who has it prolongs it"
    assert not other.lease("purge", 60)
    assert other.lease("settle", 60), "another job's lease is another"

    other.give_back("purge")
    assert not other.lease("purge", 60), "only who has it gives it back"
    store.give_back("purge")
    assert other.lease("purge", 60)
    assert not store.lease("purge", 60)


def test_closing_gives_leases_back(store: Store, open_another: OpenStore) -> None:
    store.lease("purge", 60)

    store.close()

    assert open_another().lease("purge", 60)


def test_who_dies_loses_it_when_its_time_is_over_and_not_before(url: str, store: Store) -> None:
    hold_and_die(url, 2)

    assert not store.lease("purge", 60)
    deadline = time.monotonic() + 5
    while not store.lease("purge", 60):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_of_many_who_ask_at_once_one_gets_it(open_another: OpenStore) -> None:
    stores = [open_another() for _ in range(6)]
    got: list[bool] = []
    begin = threading.Barrier(len(stores))

    def ask(store: Store) -> None:
        begin.wait()
        got.append(store.lease("purge", 60))

    askers = [threading.Thread(target=ask, args=(store,)) for store in stores]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()

    assert sorted(got) == [False] * 5 + [True]


def test_a_forked_process_is_another_holder(command: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.lease("purge", 60)

    monkeypatch.setattr("os.getpid", lambda: 1)

    assert not command.lease("purge", 60)
