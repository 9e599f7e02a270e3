"""Tests side by side, for `pytest -n`: most do not mind others; those marked `alone` have the machine to themselves."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SIDE_BY_SIDE = "PYTEST_XDIST_WORKER" in os.environ


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test when its turn has come."""
    if not _SIDE_BY_SIDE:
        return (yield)
    shared = Path(item.config.option.basetemp).parent
    with _turn(shared, alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait for the room: alone, until nobody is in it; else, until nobody is in it who wants to be alone."""
    with (folder / "door").open("a") as door, (folder / "room").open("a") as room:
        # Whoever waits for the room stands in the door, so that others cannot go past again and again.
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
