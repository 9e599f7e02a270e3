"""The tally is bounded, and loses nothing when writing it fails."""

import threading
from collections.abc import Mapping

import pytest

from gatekeeper.store.contract import Total
from gatekeeper.store.tallies import MAX_WAITING, OTHER, Tally

from .things import SITE


def total(name: str) -> Total:
    return Total(SITE, "2026-11-22", "hit", name, "refused")


def waiting(tally: Tally) -> dict[Total, int]:
    return tally.add_to(SITE, dict)


def test_it_is_bounded_and_what_is_beyond_is_still_counted() -> None:
    tally = Tally()

    for number in range(MAX_WAITING + 500):
        tally.add(total(f"made-up-{number}"))
    tally.add(total("made-up-3"))

    counted = waiting(tally)
    assert len(counted) == MAX_WAITING + 1
    assert counted[total(OTHER)] == 500
    assert counted[total("made-up-3")] == 2


def test_what_could_not_be_written_waits_on() -> None:
    tally = Tally()
    tally.add(total("visit"), 3)

    def fail(counts: Mapping[Total, int]) -> None:
        tally.add(total("visit"), 1)  # comes while it is being written
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        tally.write(fail)

    assert waiting(tally) == {total("visit"): 4}


def test_what_was_written_waits_no_more_and_nothing_is_written_twice() -> None:
    tally = Tally()
    written: list[Mapping[Total, int]] = []
    tally.add(total("visit"), 3)

    tally.write(written.append)
    tally.write(written.append)

    assert written == [{total("visit"): 3}]
    assert not tally


def test_counts_that_are_written_while_totals_are_read_are_counted_once() -> None:
    tally = Tally()
    database: dict[Total, int] = {}
    tally.add(total("visit"), 3)

    def read() -> dict[Total, int]:
        found = dict(database)
        tally.write(database.update)
        return found

    assert tally.add_to(SITE, read) == {total("visit"): 3}


def test_totals_wait_for_counts_that_are_on_their_way() -> None:
    tally = Tally()
    database: dict[Total, int] = {}
    seen: list[dict[Total, int]] = []
    reader = threading.Thread(target=lambda: seen.append(tally.add_to(SITE, lambda: dict(database))))
    tally.add(total("visit"), 3)

    def write(counts: Mapping[Total, int]) -> None:
        reader.start()
        reader.join(0.05)
        assert seen == []
        database.update(counts)

    tally.write(write)
    reader.join()

    assert seen == [{total("visit"): 3}]


def test_it_tells_when_it_begins_to_wait() -> None:
    tally = Tally()

    assert tally.add(total("visit"))
    assert not tally.add(total("chat"))
