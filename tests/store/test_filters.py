"""Filters: a filter of any facets lets through the visits that the events say it does, and no others."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gatekeeper.core.bitsets import by_chunk, join
from gatekeeper.core.events import Event, Permitted
from gatekeeper.core.rollups import FACETS, MAX_VALUES, OTHER, What
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import find_engine, migrate, open_store

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


#: How sets were kept before there were columns.
OLD = """
CREATE TABLE members (
    site TEXT NOT NULL, what TEXT NOT NULL, bot INTEGER NOT NULL, day TEXT NOT NULL, name TEXT NOT NULL,
    chunk INTEGER NOT NULL, bits {bytes} NOT NULL, PRIMARY KEY (site, what, bot, day, name, chunk)
)
"""
OLD_DAYS = ["2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01"]
#: More visits than fitted one chunk of the old sets.
OLD_VISITS = 20_000


def test_a_database_of_the_old_form_answers_as_before(url: str) -> None:
    chance = random.Random(1)
    devices, pages, visitors = {}, {}, {}
    for day in OLD_DAYS:
        visits = range(OLD_VISITS if day == OLD_DAYS[0] else 50)
        devices[day] = [chance.choice(["phone", "desktop"]) for _ in visits]
        pages[day] = [f"/{chance.randrange(9) * chance.randrange(20)}" for _ in visits]
        visitors[day] = {chance.randrange(40_000) for _ in visits}
    sets = [(What.DEVICE, devices), (What.ENTRY, pages)]
    rows = [row for what, values in sets for day, names in values.items() for row in old_rows(what, day, names)]
    rows += [(SITE, What.VISITOR, 0, day, "", *chunk) for day, members in visitors.items() for chunk in old(members)]
    make_old(url, rows)

    migrate(url)

    with closing(open_store(url, wait=20)) as store:
        for first, last in (ALWAYS, ("2026-09-30", "2026-10-30"), ("2026-10-01", "2026-10-31")):
            days = [day for day in OLD_DAYS if first <= day <= last]
            found = store.visits(SITE, What.ENTRY, first, last, where={What.DEVICE: "phone"})
            by_phone = {
                day: [page for page, device in zip(pages[day], devices[day], strict=True) if device == "phone"]
                for day in days
            }
            assert found.by_name == Counter(chain.from_iterable(by_phone.values()))
            assert found.by_day == {day: len(names) for day, names in by_phone.items()}
            told = store.visitors(SITE, first, last)
            assert told.total == len(set().union(*(visitors[day] for day in days)))
            assert told.by_day == {day: len(visitors[day]) for day in days}


def test_a_database_of_the_old_form_counts_on(url: str) -> None:
    make_old(
        url, [*old_rows(What.DEVICE, DAY, ["phone", "desktop"]), (SITE, What.VISITOR, 0, DAY, "", *old({0, 1})[0])]
    )
    migrate(url)

    with closing(open_store(url, clock=lambda: NOW, wait=20)) as store:
        record = new_record()
        store.record(record)
        store.append_all([permitted(arrival(record.subject, ""))])
        store.settle()

        assert store.visits(SITE, What.DEVICE, DAY, DAY).by_name == {"phone": 2, "desktop": 1}
        assert store.visitors(SITE, DAY, DAY).total == 3


def old_rows(what: What, day: str, names: list[str]) -> Iterator[tuple[object, ...]]:
    for name in sorted({*names}):
        for chunk in old({ordinal for ordinal, own in enumerate(names) if own == name}):
            yield (SITE, what, 0, day, name, *chunk)


def old(members: set[int]) -> list[tuple[int, bytes]]:
    return [(chunk, join(None, places)) for chunk, places in by_chunk(members).items()]


def make_old(url: str, rows: list[tuple[object, ...]]) -> None:
    """Have a database be as the version before columns left it."""
    on_sqlite = url.startswith("sqlite")
    places = ", ".join(["?" if on_sqlite else "%s"] * 7)
    with closing(find_engine(url).connect()) as connection:
        connection.execute(OLD.format(bytes="BLOB" if on_sqlite else "BYTEA"))
        connection.executemany(f"INSERT INTO members VALUES ({places})", rows)
        for table in ("daily_sums", "facet_names", "facet_codes", "visitor_sets", "monthly_visitor_sets"):
            connection.execute(f"DROP TABLE {table}")
        for table in ("rollups", "monthly_rollups"):
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN page TO tracker")
        for series, n in (("visitor", 2), (DAY, 2), (f"{DAY} device human", 2)):
            connection.execute(f"INSERT INTO numbers VALUES ('{SITE}', '{series}', {n})")
        connection.execute("UPDATE alembic_version SET version_num = '0009'")
