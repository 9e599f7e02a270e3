"""Filters: a filter of any facets lets through the visits that the events say it does, and no others."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gatekeeper.core.events import Event, Permitted
from gatekeeper.core.rollups import FACETS, MAX_VALUES, OTHER, What
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store

from .. import oracle
from ..happenings import happenings
from .things import NOW, PERMIT, SITE, new_event, new_id, new_record

ALWAYS = ("2000-01-01", "2099-12-31")
DAY = "2026-11-18"
ASKED = st.sampled_from(sorted(FACETS))


@pytest.fixture
def zones() -> dict[str, str]:
    """By site, its time zone; a test may add sites while a store is open."""
    return {}


@pytest.fixture
def zoned(url: str, zones: dict[str, str]) -> Iterator[Store]:
    """A command's store that knows those time zones."""
    with closing(open_store(url, clock=lambda: NOW, wait=20, zones=zones)) as store:
        yield store


@st.composite
def filters(draw: st.DrawFn, visits: list[oracle.Visit]) -> dict[What, str]:
    """Draw a filter: mostly one that some visit passes."""
    facets = draw(st.lists(ASKED, max_size=3, unique=True))
    facts = [draw(st.sampled_from(visits)).facts() for _ in range(2)]
    passed = draw(st.sampled_from([facts[:1], facts[:1], facts[:1], facts]))
    return {facet: draw(st.sampled_from(passed)).get(facet, "none has this") for facet in facets}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), asked=st.lists(ASKED, min_size=1, max_size=8))
def test_a_filter_lets_through_what_the_events_say(
    zoned: Store, zones: dict[str, str], data: st.DataObject, asked: list[What]
) -> None:
    site = f"s{new_id().hex()[:20]}"
    subjects = [bytes([number]) * 16 for number in range(6)]
    zone, happened = data.draw(happenings(site, subjects, min_size=40, max_size=80))
    visits = oracle.visits(happened, zone)
    assume(visits)
    zones[site] = zone
    for subject in subjects:
        zoned.record(new_record(subject, site=site))
    events = [event for event in happened if event.kind in oracle.OF_THE_LOG]
    half = len(events) // 2
    for batch in (events[:half], events[half:]):
        zoned.append_all([permitted(event) for event in batch])
        zoned.settle()

    days = sorted({visit.day for visit in visits})
    first, last = data.draw(st.sampled_from(days)), data.draw(st.sampled_from(days))
    for what in asked:
        where = data.draw(filters(visits))
        by_day = {day: oracle.filtered(events, zone, day, day, what, where) for day in days}
        for begins, ends in ((first, last), ALWAYS):
            found = zoned.visits(site, what, begins, ends, where=where)
            assert found.by_name == oracle.filtered(events, zone, begins, ends, what, where)
            assert found.by_day == {day: sum(n.values()) for day, n in by_day.items() if n and begins <= day <= ends}


def permitted(event: Event) -> Permitted:
    return Permitted(event, replace(PERMIT, site=event.site))


def test_beyond_so_many_values_a_day_the_others_go_by_one_name(zoned: Store) -> None:
    record = new_record()
    zoned.record(record)
    hosts = [f"{number}.example" for number in range(MAX_VALUES + 5)]
    later = [arrival(record.subject, hosts[0], NOW + 5 * 86_400)]
    subjects = [new_record() for _ in hosts]
    for each in subjects:
        zoned.record(each)
    each_its_own = enumerate(zip(subjects, hosts, strict=True))
    events = [arrival(visitor.subject, host, NOW + second) for second, (visitor, host) in each_its_own]
    again = new_record()
    zoned.record(again)
    for batch in (events[:100], events[100:], [arrival(again.subject, hosts[3]), *later]):
        zoned.append_all([permitted(event) for event in batch])
        zoned.settle()

    day = zoned.visits(SITE, What.REFERRER, DAY, DAY).by_name

    assert day == {**dict.fromkeys(hosts[:MAX_VALUES], 1), hosts[3]: 2, OTHER: 5}
    assert list(day)[:2] == [OTHER, hosts[3]], "most first"
    assert zoned.visits(SITE, What.ENTRY, DAY, DAY, where={What.REFERRER: OTHER}).by_name == {"/": 5}
    assert zoned.visits(SITE, What.ENTRY, DAY, DAY, where={What.REFERRER: hosts[-1]}).by_name == {}
    assert {row.name: row.n for row in zoned.panel(SITE, What.REFERRER, DAY, DAY)} == {
        **dict.fromkeys(hosts, 1),
        hosts[3]: 2,
    }, "counts of one thing are told in full"
    assert zoned.visits(SITE, What.REFERRER, *ALWAYS).by_name[hosts[0]] == 2, "each day has room of its own"


def arrival(subject: bytes, host: str, at: int = NOW) -> Event:
    return new_event(subject, at=at, fields={"path": "/", "device": "phone", "referrer": host})
