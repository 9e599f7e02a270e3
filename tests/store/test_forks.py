"""A store in a process that forks, as servers that load the application first do."""

import subprocess
import sys
from pathlib import Path

import pytest

from .things import check_whole, count

ROOT = Path(__file__).parents[2]


def run(scene: str, url: str) -> list[str]:
    """Run a scene of ``fork.py`` in a process of its own, since this one has threads; return what it printed."""
    command = [sys.executable, "-m", "tests.store.fork", scene, url]
    return subprocess.check_output(command, cwd=ROOT, timeout=30, text=True, stderr=subprocess.DEVNULL).splitlines()


@pytest.fixture(autouse=True)
def whole(url: str) -> object:
    yield
    check_whole(url)


#: Where only one process of a family may write.
one_writes = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
#: Where all may.
all_write = pytest.mark.parametrize("url", ["postgres"], indirect=True)


def test_a_worker_forked_before_any_use_writes_with_a_thread_of_its_own(url: str) -> None:
    worker, parent = run("before_any_use", url)

    assert worker == "kept 1"
    assert parent == "kept 1", "the worker is gone, so the way is free"


@one_writes
def test_two_processes_of_one_family_do_not_both_write(url: str) -> None:
    worker, parent = run("after_use", url)

    assert worker.startswith("StoreUnavailable: ")
    assert "granian with --workers 1" in worker
    assert "GATEKEEPER_DATABASE_URL" in worker
    assert parent == "kept 1"


@all_write
def test_processes_of_one_family_write_side_by_side_where_they_may(url: str) -> None:
    assert run("after_use", url) == ["kept 1", "kept 1"]


@one_writes
def test_a_worker_goes_on_by_itself_once_the_writing_process_is_gone(url: str) -> None:
    assert run("the_child_takes_over", url) == ["kept 1"]
    assert count(url, "fresh_events") == 2, "both have written to one log"


def test_counts_are_written_by_the_process_that_counted_them(url: str) -> None:
    assert run("with_a_tally", url) == ["10", "1"]


def test_forking_while_busy_loses_nothing_and_sticks_nowhere(url: str) -> None:
    assert run("while_busy", url) == ["True"]
