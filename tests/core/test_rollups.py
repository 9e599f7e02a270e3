"""Rollups say what the events say: compared with an oracle that asks the list of events itself."""

from collections import Counter, defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.core.events import Event, EventKind
from gatekeeper.core.histories import History
from gatekeeper.core.rollups import FACETS, MAX_VALUES, OTHER, Count, Group, Rollup, What

from .. import oracle
from ..happenings import happenings

SUBJECTS = [bytes([number]) * 16 for number in range(3)]
OF_THE_LOG = {EventKind.VIEW, EventKind.STAY, EventKind.OUTCOME, EventKind.EVENT, EventKind.OUT}
#: Where a count's names are in the oracle's, beside the first four.
DETAILS = {
    What.OUTCOME: ("outcome", "reason"),
    What.PAGE_OUTCOME: ("page", "outcome", "reason"),
    What.EVENT: ("currency",),
}


class Books:
    """A register, and all that was added up, in memory."""

    def __init__(self) -> None:
        self.series: Counter[str] = Counter()
        self.told_apart: defaultdict[Group, set[str]] = defaultdict(set)
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.sums: Counter[tuple[str, ...]] = Counter()
        self.members: defaultdict[Group, set[int]] = defaultdict(set)

    def take(self, series: str) -> int:
        self.series[series] += 1
        return self.series[series] - 1

    def tells_apart(self, group: Group) -> bool:
        names = self.told_apart[group._replace(name="")]
        if len(names) < MAX_VALUES:
            names.add(group.name)
        return group.name in names

    def enter(self, rollup: Rollup) -> None:
        for count, (n, value) in rollup.counts.items():
            self.counts[named(count)] += n
            self.sums[named(count)] += value
        for group, members in rollup.members.items():
            self.members[group] |= members


def named(count: Count) -> tuple[str, ...]:
    """Return a count's key as the oracle has it."""
    who = "bot" if count.bot else "human"
    return (count.what, who, count.day, count.name, *(getattr(count, part) for part in DETAILS.get(count.what, ())))


def roll_up(events: list[Event], time_zone: str = "UTC", sizes: tuple[int, ...] = ()) -> Books:
    """Roll events up, in batches of some sizes."""
    books = Books()
    histories: dict[bytes, History | None] = {}
    waiting = list(events)
    for size in (*sizes, len(events)):
        rollup = Rollup(time_zone, books)
        for event in waiting[:size]:
            logged = event.kind in OF_THE_LOG
            histories[event.subject] = rollup.add(event, histories.get(event.subject), logged=logged)
        books.enter(rollup)
        waiting = waiting[size:]
    return books


@settings(max_examples=300, deadline=None)
@given(happened=happenings("shop", SUBJECTS), sizes=st.lists(st.integers(1, 9), max_size=5))
def test_every_count_is_the_same_question_asked_of_the_events(
    happened: tuple[str, list[Event]], sizes: list[int]
) -> None:
    zone, events = happened

    books = roll_up(events, zone, tuple(sizes))

    assert +books.counts == oracle.counts(events, zone)
    assert {key: value for key, value in books.sums.items() if value} == {
        key: value for key, value in oracle.sums(events, zone).items() if value
    }


@settings(max_examples=200, deadline=None)
@given(
    happened=happenings("shop", SUBJECTS),
    what=st.sampled_from(sorted(FACETS)),
    facets=st.lists(st.sampled_from(sorted(FACETS)), max_size=2, unique=True),
)
def test_a_filter_is_answered_by_cutting_sets(
    happened: tuple[str, list[Event]], what: What, facets: list[What]
) -> None:
    zone, events = happened
    books = roll_up(events, zone)
    days = sorted({group.day for group in books.members})

    for visit in oracle.visits(events, zone)[:3]:
        where = {facet: visit.facts().get(facet, "") for facet in facets}
        found: Counter[str] = Counter()
        for group, members in list(books.members.items()):
            if group.what is what and not group.bot:
                others = [books.members[Group(facet, False, group.day, name)] for facet, name in where.items()]
                found[group.name] += len(members.intersection(*others))
        assert +found == oracle.filtered(events, zone, days[0], days[-1], what, where)


def view(at: int, path: str = "/", subject: bytes = SUBJECTS[0], **fields: str) -> Event:
    return Event(at.to_bytes(16, "big"), "shop", subject, at, EventKind.VIEW, "visit", {"path": path, **fields})


@pytest.mark.parametrize(("pause", "visits"), [(1800, 1), (1801, 2)])
def test_a_visit_ends_after_half_an_hour_of_nothing(pause: int, visits: int) -> None:
    books = roll_up([view(0), view(pause)])

    assert sum(n for key, n in books.counts.items() if key[0] == "visit") == visits


def test_a_visit_over_midnight_is_of_the_day_it_began_and_its_views_are_each_of_their_own() -> None:
    books = roll_up([view(86_300, "/evening"), view(86_500, "/morning")])

    first, second = "1970-01-01", "1970-01-02"
    assert {key[2] for key in books.counts if key[0] in {"visit", "entry", "exit"}} == {first}
    assert books.counts["page", "human", second, "/morning"] == 1
    assert books.counts["exit", "human", first, "/morning"] == 1


def test_who_comes_again_is_the_same_visitor_on_another_day() -> None:
    books = roll_up([view(0), view(86_400), view(2 * 86_400, subject=SUBJECTS[1])])

    days = [books.members[Group(What.VISITOR, False, f"1970-01-0{day}")] for day in (1, 2, 3)]
    assert days == [{0}, {0}, {1}]
    assert books.counts["visit", "human", "1970-01-02", "returning"] == 1


def test_what_was_not_allowed_as_part_of_the_visit_log_makes_no_visit() -> None:
    rollup = Rollup("UTC", Books())
    event = Event(b"e" * 16, "shop", SUBJECTS[0], 0, EventKind.EVENT, "visit", {"event": "purchase"})

    history = rollup.add(event, None, logged=False)

    assert history is None
    assert [count.what for count in rollup.counts] == [What.EVENT]
    assert not rollup.members


def test_order_numbers_are_in_no_count() -> None:
    event = Event(
        b"e" * 16, "shop", SUBJECTS[0], 0, EventKind.EVENT, "visit", {"event": "purchase", "order": "A-1", "value": "1"}
    )

    assert "A-1" not in str(dict(roll_up([event]).counts))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("19.99", 199_900),
        ("0.00005", 0),
        ("-5", -50_000),
        ("1000000000", 10**13),
        ("1000000000.01", 0),
        ("NaN", 0),
        ("Infinity", 0),
        ("1e9", 10**13),
        ("1e400", 0),
        ("many", 0),
        ("", 0),
    ],
)
def test_a_value_is_added_up_in_ten_thousandths_and_one_that_is_none_is_left_out(value: str, kept: int) -> None:
    event = Event(b"e" * 16, "shop", SUBJECTS[0], 0, EventKind.EVENT, "visit", {"event": "sale", "value": value})

    books = roll_up([event])

    assert books.sums["event", "human", "1970-01-01", "sale", ""] == kept
    assert abs(kept) <= Decimal(10) ** 13


def test_the_values_of_a_facet_that_come_first_on_a_day_are_told_apart_and_the_others_share_a_name() -> None:
    pages = [f"/{number}" for number in range(MAX_VALUES + 5)]
    views = [view(0, page, number.to_bytes(16, "big")) for number, page in enumerate(pages)]

    books = roll_up(views)

    groups = {group.name for group in books.members if group.what is What.ENTRY}
    assert groups == {*pages[:MAX_VALUES], OTHER}
    assert len(books.members[Group(What.ENTRY, False, "1970-01-01", OTHER)]) == 5
    assert {key[3] for key in books.counts if key[0] == "entry"} == set(pages), "counts by one thing are always exact"
