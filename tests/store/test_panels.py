"""Panels over days and months: whatever part of them is read from months, only the days that were asked for count."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.rollups import What
from gatekeeper.store.contract import Store

from .things import PERMIT, SITE, new_event, new_record

#: On which days a visitor was there, and whether it was the same one as before.
DAYS = ["2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01", "2026-11-10", "2026-11-11", "2026-11-20", "2026-11-25"]
RANGES = [
    ("2026-09-30", "2026-11-25"),  # from the end of one month to late in another
    ("2026-10-01", "2026-11-20"),  # a whole month, and one of which days come after
    ("2026-10-01", "2026-11-10"),  # the same, ending early in it
    ("2026-10-02", "2026-11-24"),
    ("2026-11-01", "2026-11-11"),  # late in the one month
    ("2026-11-02", "2026-11-20"),  # wholly within one
    ("2026-11-01", "2026-11-30"),
    ("2026-11-20", "2026-11-20"),
    ("2026-11-12", "2026-11-19"),  # nothing
]


@pytest.fixture
def visited(command: Store) -> Store:
    """A store with two visitors on each day, one of them always the same, on a page each."""
    regular = new_record()
    command.record(regular)
    for number, day in enumerate(DAYS):
        other = new_record()
        command.record(other)
        at = int(datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC).timestamp())
        happened = [seen(regular.subject, at, "/same"), seen(other.subject, at, f"/page-{number % 3}")]
        happened.append(became(other.subject, at + 1, "/same"))
        command.append_all([Permitted(event, PERMIT) for event in happened])
    command.settle()
    return command


def seen(subject: bytes, at: int, path: str) -> Event:
    return new_event(subject, at=at, fields={"path": path, "device": "phone", "browser": f"Browser of {path}"})


def became(subject: bytes, at: int, path: str) -> Event:
    fields = {"path": path, "outcome": "loaded", "reason": "granted"}
    return new_event(subject, at=at, kind=EventKind.OUTCOME, tracker="ga", fields=fields)


@pytest.mark.parametrize(("first", "last"), RANGES)
def test_only_the_days_that_were_asked_for_count(visited: Store, first: str, last: str) -> None:
    inside = [number for number, day in enumerate(DAYS) if first <= day <= last]
    days = [DAYS[number] for number in inside]
    pages = Counter({"/same": len(inside)}) + Counter(f"/page-{number % 3}" for number in inside)

    assert {row.name: row.n for row in visited.panel(SITE, What.PAGE, first, last)} == pages
    for name in ("/same", "/page-1"):
        assert sum(row.n for row in visited.panel(SITE, What.PAGE, first, last, name=name)) == pages[name]
    of_tracker = visited.panel(SITE, What.PAGE_OUTCOME, first, last, name="ga")
    assert [(row.page, row.n) for row in of_tracker] == ([("/same", len(inside))] if inside else [])
    assert {day: amount.n for day, amount in visited.by_day(SITE, What.PAGE, first, last).items()} == dict.fromkeys(
        days, 2
    )
    same = visited.by_day(SITE, What.PAGE, first, last, name="/same")
    assert {day: amount.n for day, amount in same.items()} == dict.fromkeys(days, 1)
    visitors = visited.visitors(SITE, first, last)
    assert visitors.total == (len(inside) + 1 if inside else 0)
    assert visitors.by_day == dict.fromkeys(days, 2)
    by_phone = visited.visits(SITE, What.ENTRY, first, last, where={What.DEVICE: "phone"})
    assert by_phone.by_name == pages
    assert by_phone.by_day == dict.fromkeys(days, 2)
    both = {What.DEVICE: "phone", What.ENTRY: "/page-1"}
    assert visited.visits(SITE, What.BROWSER, first, last, where=both).by_name == (
        {"Browser of /page-1": pages["/page-1"]} if pages["/page-1"] else {}
    )


def test_who_comes_again_on_a_day_is_one_visitor_of_it(visited: Store) -> None:
    day = DAYS[-1]
    at = int(datetime.fromisoformat(f"{day}T15:00").replace(tzinfo=UTC).timestamp())
    again = new_record()
    visited.record(again)
    for later in (0, 7200):
        visited.append(seen(again.subject, at + later, "/again"), PERMIT)
        visited.settle()

    assert visited.visitors(SITE, day, day).by_day == {day: 3}
    assert sum(row.n for row in visited.panel(SITE, What.VISIT, day, day)) == 4


def test_machines_are_told_apart_from_people(visited: Store) -> None:
    record = new_record()
    visited.record(record)
    at = int(datetime.fromisoformat(f"{DAYS[0]}T12:00").replace(tzinfo=UTC).timestamp())
    visited.append(new_event(record.subject, at=at, fields={"path": "/bot", "device": "bot"}), PERMIT)
    visited.settle()

    assert visited.visitors(SITE, DAYS[0], DAYS[0], bot=True).total == 1
    assert visited.visits(SITE, What.ENTRY, DAYS[0], DAYS[0], bot=True).by_name == {"/bot": 1}
    assert visited.visits(SITE, What.ENTRY, DAYS[0], DAYS[0]).by_name == {"/same": 1, "/page-0": 1}
