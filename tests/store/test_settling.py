"""Settling: every event is counted once, whatever happens, and every panel says what the events say."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.core.decisions import Allowed, Reason
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.rollups import What
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store

from .. import oracle
from ..happenings import happenings
from .things import NOW, PERMIT, SITE, new_id, new_record

SUBJECTS = 3
ALWAYS = ("2000-01-01", "2099-12-31")
BEACON = Allowed(Reason.GRANTED, SITE, "ad", "marketing", 1)
OF_THE_LOG = {EventKind.VIEW, EventKind.STAY, EventKind.OUTCOME, EventKind.EVENT, EventKind.OUT}
#: How the oracle names what a panel's rows tell, beside their name.
DETAILS = {What.OUTCOME: ("outcome", "reason"), What.PAGE_OUTCOME: ("tracker", "outcome", "reason")}
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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
