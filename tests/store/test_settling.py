"""Settling: every event is counted once, whatever happens, and every panel says what the events say."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Allowed, Reason, Status
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.rollups import Rollup, What
from gatekeeper.store.contract import Amount, Store
from gatekeeper.store.engines import open_store

from .. import oracle
from ..happenings import happenings
from .conftest import OpenStore
from .things import NOW, PERMIT, SITE, check_whole, count, new_event, new_id, new_record

ROOT = Path(__file__).parents[2]
LATE = 1_795_390_200  # 2026-11-22 23:30 UTC
DAY = 86_400

SUBJECTS = 3
ALWAYS = ("2000-01-01", "2099-12-31")
BEACON = Allowed(Reason.GRANTED, SITE, "ad", "marketing", 1)
OF_THE_LOG = {EventKind.VIEW, EventKind.STAY, EventKind.OUTCOME, EventKind.EVENT, EventKind.OUT}
#: How the oracle names what a panel's rows tell, beside their name.
DETAILS = {What.OUTCOME: ("outcome", "reason"), What.PAGE_OUTCOME: ("page", "outcome", "reason")}
DETAILS |= {What.EVENT: ("currency",)}
COUNTED = sorted(set(What) - {What.VISITOR})


def keep(store: Store, events: list[Event]) -> None:
    """Keep events, each with the permission it would have."""
    permits = {True: PERMIT, False: BEACON}
    store.append_all([Permitted(event, permits[event.kind in OF_THE_LOG]) for event in events])


def told(store: Store, site: str, first: str, last: str, *, bot: bool) -> tuple[Counter, Counter]:
    """Return what all panels say of some days: how often, and the sums of values."""
    counts: Counter[tuple[str, ...]] = Counter()
    sums: Counter[tuple[str, ...]] = Counter()
    for what in COUNTED:
        for row in store.panel(site, what, first, last, bot=bot):
            key = (what, row.name, *(getattr(row, part) for part in DETAILS.get(what, ())))
            counts[key] += row.n
            sums[key] += row.value
    return counts, Counter({key: value for key, value in sums.items() if value})


def asked(found: Counter, first: str, last: str, *, bot: bool) -> Counter:
    """Return what an answer of the oracle says of some days."""
    who = "bot" if bot else "human"
    kept: Counter[tuple[str, ...]] = Counter()
    for (what, whose, day, *names), n in found.items():
        if whose == who and first <= day <= last:
            kept[(what, *names)] += n
    return Counter({key: n for key, n in kept.items() if n})


@pytest.fixture
def zones() -> dict[str, str]:
    """By site, its time zone; a test may add sites while a store is open."""
    return {}


@pytest.fixture
def zoned(url: str, zones: dict[str, str]) -> Iterator[Store]:
    """A serving store that knows those time zones."""
    store = open_store(url, clock=lambda: NOW, wait=20, zones=zones)
    store.start()
    yield store
    store.close()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), cuts=st.lists(st.integers(1, 30), max_size=3), again=st.booleans())
def test_every_panel_says_what_the_events_say(
    zoned: Store, zones: dict[str, str], data: st.DataObject, cuts: list[int], again: bool
) -> None:
    site = f"s{new_id().hex()[:20]}"
    subjects = [bytes([number]) * 16 for number in range(SUBJECTS)]
    zone, events = data.draw(happenings(site, subjects))
    store, zones[site] = zoned, zone
    for subject in subjects:
        store.record(new_record(subject, site=site))

    begin = 0
    for end in [*sorted(cuts), len(events)]:
        batch = [allowed(event) for event in events[begin:end]]
        store.append_all(batch + (batch if again else []))
        store.settle()
        begin = max(begin, end)
    if again:
        store.append_all([allowed(event) for event in events])
        store.settle()

    days = sorted({oracle.day(event.at, zone) for event in events}) or ["2026-01-01"]
    first, last = data.draw(st.sampled_from(days)), data.draw(st.sampled_from(days))
    for begins, ends in ((first, last), ALWAYS):
        for bot in (False, True):
            counts, sums = told(store, site, begins, ends, bot=bot)
            assert counts == asked(oracle.counts(events, zone), begins, ends, bot=bot)
            assert sums == asked(oracle.sums(events, zone), begins, ends, bot=bot)
        found = store.visitors(site, begins, ends)
        assert found.total == oracle.visitors(events, zone, begins, ends)
        assert found.by_day == {
            day: n for day in days if begins <= day <= ends and (n := oracle.visitors(events, zone, day, day))
        }
    assert {event.id for subject in subjects for event in store.events(site, subject)} == {event.id for event in events}


def allowed(event: Event) -> Permitted:
    purpose = ("visit", "analytics") if event.kind in OF_THE_LOG else ("ad", "marketing")
    return Permitted(event, Allowed(Reason.GRANTED, event.site, *purpose, 1))


def seen(subject: bytes, at: int = NOW, path: str = "/shoes", **changes: object) -> Event:
    fields = {"path": path, "browser": "Firefox 146", "device": "phone"}
    return new_event(subject, at=at, **{"fields": fields, **changes})


def counted(store: Store, what: What = What.PAGE) -> dict[str, int]:
    return {row.name: row.n for row in store.panel(SITE, what, *ALWAYS)}


def test_what_was_settled_stays_the_subjects(store: Store) -> None:
    record = new_record()
    store.record(record)
    early, late = seen(record.subject, NOW - 60), seen(record.subject, NOW)
    store.append(early, PERMIT)
    store.settle()
    store.append(late, PERMIT)

    assert store.events(SITE, record.subject) == [early, late]


def test_a_repeat_is_recognised_for_good(store: Store) -> None:
    record = new_record()
    store.record(record)
    event = seen(record.subject)
    for _ in range(3):
        store.append(event, PERMIT)
        assert len(store.events(SITE, record.subject)) == 1
        store.settle()

    assert counted(store) == {"/shoes": 1}
    assert len(store.events(SITE, record.subject)) == 1


def test_a_serving_process_settles_by_itself(serving: Store, command: Store) -> None:
    record = new_record()
    serving.record(record)
    serving.append(seen(record.subject), PERMIT)

    wait_for(lambda: counted(command) == {"/shoes": 1})


def test_what_a_process_left_is_settled_by_the_next(url: str, open_another: OpenStore) -> None:
    before = open_another(started=True)
    record = new_record()
    before.record(record)
    before.append(seen(record.subject), PERMIT)
    before.close()

    after = open_another(started=True)
    after.check()

    wait_for(lambda: counted(after) == {"/shoes": 1})
    assert count(url, "fresh_events") == 0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_of_an_erased_subject_nothing_is_remembered_or_readable_and_the_counts_stay(url: str, store: Store) -> None:
    record = new_record()
    store.record(record)
    store.append(seen(record.subject), PERMIT)
    store.settle()
    assert count(url, "visitors") == 1

    store.block(SITE, record.subject, Status.ERASED, at=NOW)
    store.settle()

    assert store.events(SITE, record.subject) == []
    assert count(url, "visitors") == 0
    assert counted(store) == {"/shoes": 1}
    assert store.visitors(SITE, *ALWAYS).total == 1


def test_what_was_erased_before_it_was_settled_is_not_counted(url: str, command: Store) -> None:
    erased, other = new_record(), new_record()
    for record in (erased, other):
        command.record(record)
        command.append(seen(record.subject, path=f"/{record is erased}"), PERMIT)
    command.block(SITE, erased.subject, Status.ERASED, at=NOW)

    command.settle()

    assert counted(command) == {"/False": 1}
    assert count(url, "visitors") == 1
    assert count(url, "fresh_events") == 0


def test_an_event_that_cannot_be_counted_holds_up_no_other(
    url: str, serving: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = new_record()
    serving.record(record)
    add = Rollup.add

    def stumble(self: Rollup, event: Event, *rest: object, **more: bool) -> object:
        if event.fields["path"] == "/bad":
            raise RuntimeError("a mistake")
        return add(self, event, *rest, **more)

    monkeypatch.setattr(Rollup, "add", stumble)
    paths = ["/good"] * 40 + ["/bad"] + ["/good"] * 40
    events = [seen(record.subject, NOW + second, path) for second, path in enumerate(paths)]
    serving.append_all([Permitted(event, PERMIT) for event in events])

    wait_for(lambda: counted(serving) == {"/good": 80})
    wait_for(lambda: count(url, "fresh_events") == 0)
    assert len(serving.events(SITE, record.subject)) == 81


def test_a_filter_divides_the_visits_it_lets_through(command: Store) -> None:
    for number in range(6):
        record = new_record()
        command.record(record)
        fields = {"path": "/a" if number < 4 else "/b", "browser": f"B{number % 2}", "country": "DE"}
        command.append(seen(record.subject, fields=fields), PERMIT)
    command.settle()

    found = command.visits(SITE, What.ENTRY, *ALWAYS, where={What.BROWSER: "B0", What.COUNTRY: "DE"})

    assert found.by_name == {"/a": 2, "/b": 1}
    assert found.by_day == {"2026-11-18": 3}
    assert command.visits(SITE, What.ENTRY, *ALWAYS, where={What.COUNTRY: "FR"}).by_name == {}
    assert command.visits(SITE, What.BROWSER, *ALWAYS).by_name == {"B0": 3, "B1": 3}


@pytest.mark.parametrize("asked", [What.PAGE, What.PROVIDER, What.VISITOR])
def test_visits_are_not_kept_by_what_is_no_facet(command: Store, asked: What) -> None:
    with pytest.raises(InvalidInput, match="it is one of browser"):
        command.visits(SITE, asked, *ALWAYS)
    with pytest.raises(InvalidInput, match="it is one of browser"):
        command.visits(SITE, What.BROWSER, *ALWAYS, where={asked: "x"})


def test_what_became_of_one_tracker_is_told_by_page(command: Store) -> None:
    record = new_record()
    command.record(record)
    for path, outcome in (("/a", "loaded"), ("/a", "loaded"), ("/a", "blocked"), ("/b", "loaded")):
        fields = {"path": path, "outcome": outcome, "reason": "granted"}
        command.append(seen(record.subject, kind=EventKind.OUTCOME, tracker="ga", fields=fields), PERMIT)
    command.settle()

    rows = command.panel(SITE, What.PAGE_OUTCOME, *ALWAYS, name="ga")

    assert [(row.name, row.page, row.outcome, row.n) for row in rows] == [
        ("ga", "/a", "loaded", 2),
        ("ga", "/a", "blocked", 1),
        ("ga", "/b", "loaded", 1),
    ]
    by_page = command.panel(SITE, What.PAGE_OUTCOME, *ALWAYS, name="ga", by=("page",))
    assert [(row.name, row.page, row.outcome, row.n) for row in by_page] == [("ga", "/a", "", 3), ("ga", "/b", "", 1)]
    assert command.by_day(SITE, What.PAGE_OUTCOME, *ALWAYS, name="ga") == {"2026-11-18": Amount(4, 0)}


def test_the_pages_of_one_tracker_are_told_over_days_and_whole_months(command: Store) -> None:
    record = new_record()
    command.record(record)
    for at in (NOW, NOW, NOW + 40 * DAY):
        for path, tracker in (("/a", "ga"), ("/b", "ga"), ("/a", "px")):
            fields = {"path": path, "outcome": "loaded", "reason": "granted"}
            event = seen(record.subject, at, kind=EventKind.OUTCOME, tracker=tracker, fields=fields)
            command.append(event, PERMIT)
    command.settle()

    def pages(first: str, last: str) -> dict[str, int]:
        return {row.page: row.n for row in command.panel(SITE, What.PAGE_OUTCOME, first, last, name="ga")}

    assert pages(*ALWAYS) == {"/a": 3, "/b": 3}
    assert pages("2026-11-18", "2026-11-18") == {"/a": 2, "/b": 2}
    assert pages("2026-11-19", "2026-12-31") == {"/a": 1, "/b": 1}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), bot=st.booleans())
def test_each_day_says_what_the_panel_of_that_day_says(
    zoned: Store, zones: dict[str, str], data: st.DataObject, bot: bool
) -> None:
    site = f"s{new_id().hex()[:20]}"
    subject = bytes(16)
    zones[site], events = data.draw(happenings(site, [subject]))
    zoned.record(new_record(subject, site=site))
    zoned.append_all([allowed(event) for event in events])
    zoned.settle()

    days = sorted({oracle.day(event.at, zones[site]) for event in events}) or ["2026-01-01"]
    for what in (What.OUTCOME, What.PAGE):
        by_day = {day: zoned.panel(site, what, day, day, bot=bot) for day in days}
        detailed = {day: rows for day, rows in by_day.items() if rows}
        assert zoned.each_day(site, what, days[0], days[-1], bot=bot) == detailed
        for name in {row.name for rows in by_day.values() for row in rows}:
            of_it = {day: [row for row in rows if row.name == name] for day, rows in detailed.items()}
            of_it = {day: rows for day, rows in of_it.items() if rows}
            assert zoned.each_day(site, what, days[0], days[-1], name=name, bot=bot) == of_it
            for begins, ends in ((days[0], days[-1]), ALWAYS):
                assert zoned.days_of(site, what, begins, ends, bot=bot)[name] == (min(of_it), max(of_it))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), bot=st.booleans(), trackers=st.sets(st.sampled_from(["stats", "gatekeeper", "none"])))
def test_outcomes_of_some_trackers_are_told_by_day(
    zoned: Store, zones: dict[str, str], data: st.DataObject, bot: bool, trackers: set[str]
) -> None:
    site = f"s{new_id().hex()[:20]}"
    zones[site], events = data.draw(happenings(site, [bytes(16)]))
    zoned.record(new_record(bytes(16), site=site))
    zoned.append_all([allowed(event) for event in events])
    zoned.settle()

    for outcome in ("loaded", "blocked"):
        wanted: Counter[str] = Counter()
        for event in events:
            machine = event.fields.get("device") == "bot"
            if event.tracker in trackers and event.fields.get("outcome") == outcome and machine == bot:
                wanted[oracle.day(event.at, zones[site])] += 1
        assert zoned.outcomes_by_day(site, outcome, trackers, *ALWAYS, bot=bot) == wanted


def test_many_processes_settle_at_once_and_each_event_is_counted_once(url: str, open_another: OpenStore) -> None:
    command = open_another()
    subjects = [new_id() for _ in range(20)]
    for subject in subjects:
        command.record(new_record(subject))
    events = [seen(subject, NOW + step, f"/{step % 7}") for step in range(60) for subject in subjects]
    command.append_all([Permitted(event, PERMIT) for event in events])

    stores = [open_another() for _ in range(3)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda store: store.settle(), stores))

    assert counted(command) == Counter(event.fields["path"] for event in events)
    assert counted(command, What.VISIT) == {"new": 20}
    assert command.visitors(SITE, *ALWAYS).total == 20
    assert count(url, "fresh_events") == 0


KILLS = 8


def test_a_kill_while_settling_leaves_every_event_waiting_or_counted_once(url: str, command: Store) -> None:
    subjects = [new_id() for _ in range(12)]
    for subject in subjects:
        command.record(new_record(subject))
    steps = [(step, number) for step in range(160) for number in range(len(subjects))]
    events = [seen(subjects[number], NOW + 997 * step, f"/{step * number % 11}") for step, number in steps]
    command.append_all([Permitted(event, PERMIT) for event in events])

    subprocess.run(
        [sys.executable, "-m", "tests.store.settle_kill", url, str(KILLS)], cwd=ROOT, timeout=100, check=True
    )

    zone = "Europe/Berlin"
    for bot in (False, True):
        counts, sums = told(command, SITE, *ALWAYS, bot=bot)
        assert counts == asked(oracle.counts(events, zone), *ALWAYS, bot=bot)
        assert sums == asked(oracle.sums(events, zone), *ALWAYS, bot=bot)
    assert command.visitors(SITE, *ALWAYS).total == len(subjects)
    assert count(url, "fresh_events") == 0
    check_whole(url)


def test_a_visitor_blocked_meanwhile_is_counted_as_dropped_on_a_day_of_the_site(url: str) -> None:
    with closing(open_store(url, clock=lambda: LATE, zones={SITE: "Europe/Berlin"})) as store:
        record = new_record()
        store.record(record)
        store.end(SITE, record.subject, State.WITHDRAWN, at=LATE)
        store.append(seen(record.subject), PERMIT)

        assert [(total.what, total.day) for total in store.totals(SITE)] == [("hit", "2026-11-23")]
