"""What a process says of its own work: right numbers, and nobody in them."""

from collections import Counter

from gatekeeper.core.choices import State
from gatekeeper.core.events import Permitted
from gatekeeper.store.contract import COMMIT_BOUNDS, Store, Total
from gatekeeper.store.meter import Meter

from .things import NOW, PERMIT, SITE, new_event, new_record

HIT = Total(SITE, "2026-11-18", "hit", "visit", "no_choice")


def test_events_that_were_kept_and_dropped_are_counted_apart(serving: Store) -> None:
    stays, leaves = new_record(), new_record()
    serving.record(stays)
    serving.record(leaves)
    serving.append_all([Permitted(new_event(stays.subject), PERMIT) for _ in range(3)])
    serving.end(SITE, leaves.subject, State.WITHDRAWN, at=NOW)

    serving.append(new_event(leaves.subject), PERMIT)

    measured = serving.measures()
    assert (measured.events, measured.dropped) == (3, {"withdrawn": 1})
    assert measured.trouble == ""


def test_what_was_tallied_is_counted_once_before_and_after_it_is_written(serving: Store) -> None:
    late = Total(SITE, "2026-11-18", "late", "newsletter")
    for _ in range(2):
        serving.tally(HIT)
    before = serving.measures()
    serving.flush()
    serving.tally(HIT)
    serving.tally(late)

    after = serving.measures()

    assert (before.denied, before.late) == ({"no_choice": 2}, 0)
    assert (after.denied, after.late) == ({"no_choice": 3}, 1)


def test_each_commit_is_in_its_class_and_all_above(serving: Store) -> None:
    serving.record(new_record())

    measured = serving.measures()

    assert len(measured.commits) == len(COMMIT_BOUNDS) + 1
    assert list(measured.commits) == sorted(measured.commits)
    assert measured.commits[-1] >= 1
    assert measured.commit_seconds > 0


def test_a_commit_time_on_a_bound_belongs_to_it() -> None:
    meter = Meter()
    for seconds in (0.001, 0.0011, 7.0):
        meter.committed(seconds, 0, [])

    measured = meter.read(waiting=0, fresh=0, tallied=Counter(), trouble="")

    assert measured.commits == (1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3)


def test_measuring_writes_nothing_and_says_what_is_wrong(serving: Store) -> None:
    before = serving.measures()
    serving.close()

    after = serving.measures()

    assert before.trouble == ""
    assert "closed" in after.trouble


def test_what_settling_took_is_told_apart(serving: Store) -> None:
    record = new_record()
    serving.record(record)
    serving.append_all([Permitted(new_event(record.subject), PERMIT) for _ in range(5)])

    serving.settle()

    measured = serving.measures()
    assert (measured.fresh, measured.settled) == (0, 5)
    assert measured.settling_seconds > 0
