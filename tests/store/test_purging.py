"""The purge: what may be kept no longer is gone on the day, on every engine; what may be is untouched."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Status
from gatekeeper.core.events import EventKind, Permitted
from gatekeeper.core.registry import read_registry
from gatekeeper.core.retention import DAY, Rules, rules_of
from gatekeeper.store import purge_statements, schema
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engines import migrate, open_store

from .things import NOW, PERMIT, SITE, new_event, new_record

TABLES: dict[str, Any] = {
    "name": "Shop",
    "origins": ["https://shop.example"],
    "controller": {"name": "Shop Ltd", "address": "1 Street", "contact": "a@shop.example"},
    "trackers": {
        "seen": {
            "kind": "beacon",
            "purpose": "analytics",
            "vendor": "self",
            "retention_days": 60,
            "description": "Counts.",
        }
    },
}


def rules(**changes: Any) -> list[Rules]:
    sites, problems = read_registry({"sites": {SITE: {**TABLES, **changes}}})
    assert problems == []
    return [rules_of(site) for site in sites.values()]


@pytest.fixture(params=["serving", "command"])
def store(request: pytest.FixtureRequest, open_another: Callable[..., Store]) -> Store:
    return open_another(started=request.param == "serving")


def purge(store: Store, days: float, *, dry_run: bool = False, **changes: Any) -> Counter[str]:
    """Purge as if so many days had passed; return what was done, by what."""
    done: Counter[str] = Counter()
    for step in store.purge(rules(**changes), now=NOW + round(days * DAY), dry_run=dry_run):
        done[step.what] += step.count
    return done


def visitor(store: Store, *ages: int, at: int = NOW, **changes: Any) -> bytes:
    """Have somebody agree, and visit so many days before."""
    record = new_record(at=at)
    store.record(record)
    events = [new_event(record.subject, at=at - age * DAY, **changes) for age in ages]
    store.append_all([Permitted(event, PERMIT) for event in events])
    return record.subject


def addresses(store: Store, subject: bytes) -> list[str]:
    return [event.fields["address"] for event in store.events(SITE, subject)]


# Events


@pytest.mark.row("EU-12")
def test_not_one_row_is_left_past_its_limit(store: Store) -> None:
    subject = visitor(store, 0, 100, 759, 760, 761)

    done = purge(store, 0)

    assert sorted((NOW - event.at) // DAY for event in store.events(SITE, subject)) == [0, 100, 759, 760]
    assert done["events past their time"] == 1
    purge(store, 0.001)
    assert len(store.events(SITE, subject)) == 3, "the row of 760 days went a minute and a half later"


@pytest.mark.row("EU-12")
def test_a_frozen_clock_finds_nothing_after_25_months(store: Store) -> None:
    for _ in range(3):
        visitor(store, 0, 1, 2)
    store.tally(Total(SITE, "2026-11-18", "hit", "seen", "no_choice"))
    store.flush()

    purge(store, 761)

    left = {name: count for name, count in rows(store).items() if count}
    assert set(left) <= {"purged", "subjects", "records", "blocked", "leases", "heartbeat", "numbers"}
    assert rows(store)["blocked"] == 0


def test_what_visitors_were_told_of_a_tracker_holds(store: Store) -> None:
    beacons = {"kind": EventKind.BEACON, "tracker": "seen"}
    subject = visitor(store, 59, 61, **beacons)
    views = visitor(store, 59, 61)

    purge(store, 0)

    assert [(NOW - event.at) // DAY for event in store.events(SITE, subject)] == [59]
    assert len(store.events(SITE, views)) == 2


@pytest.mark.row("EU-13")
def test_addresses_are_shortened_on_their_day_and_once(store: Store) -> None:
    subject = visitor(store, 0, 29, 31)

    first = purge(store, 0)
    again = purge(store, 0)

    assert addresses(store, subject) == ["203.0.113.0/24", "203.0.113.7", "203.0.113.7"]
    assert first["addresses shortened"] == 1
    assert again == Counter()
    purge(store, 2)
    assert addresses(store, subject) == ["203.0.113.0/24", "203.0.113.0/24", "203.0.113.7"]
    (event, *_) = store.events(SITE, subject)
    assert {**event.fields, "address": "203.0.113.7"} == new_event(subject).fields


def test_a_shorter_time_for_addresses_holds_for_those_that_are_kept(store: Store) -> None:
    subject = visitor(store, 10, 40)
    purge(store, 0)

    purge(store, 0, ip_full_days=5)

    assert addresses(store, subject) == ["203.0.113.0/24"] * 2


def test_a_site_that_keeps_no_addresses_any_more_has_none(store: Store) -> None:
    subject = visitor(store, 10, 40)
    purge(store, 0)

    purge(store, 0, ip="none")

    assert all("address" not in event.fields for event in store.events(SITE, subject))


def test_a_tracker_whose_time_was_shortened_is_caught_up_with(store: Store) -> None:
    subject = visitor(store, 59, kind=EventKind.BEACON, tracker="seen")
    purge(store, 0)
    shorter = {"seen": {**TABLES["trackers"]["seen"], "retention_days": 20}}

    purge(store, 0, trackers=shorter)

    assert store.events(SITE, subject) == []


def test_a_dry_run_says_what_would_go_and_changes_nothing(store: Store) -> None:
    subject = visitor(store, 0, 40, 800)
    store.flush()
    before = rows(store)

    said = purge(store, 0, dry_run=True)

    assert rows(store) == before
    assert len(store.events(SITE, subject)) == 3
    assert store.purged_at() is None
    assert purge(store, 0) == said - Counter({"addresses shortened": 1}), "what goes is not shortened first"


def test_more_than_a_step_holds_is_done_to_its_end(store: Store) -> None:
    ages = [31] * (purge_statements.STEP + 10) + [800] * (2 * purge_statements.STEP + 5)
    subject = visitor(store, *ages)

    done = purge(store, 0)

    assert done["events past their time"] == 2 * purge_statements.STEP + 5
    assert addresses(store, subject) == ["203.0.113.0/24"] * (purge_statements.STEP + 10)


def test_what_stops_in_the_middle_is_gone_on_with(store: Store) -> None:
    subject = visitor(store, *[800] * (3 * purge_statements.STEP))
    steps = store.purge(rules(), now=NOW)
    next(steps)
    steps.close()
    assert len(store.events(SITE, subject)) == 2 * purge_statements.STEP
    assert store.purged_at() is None

    purge(store, 0)

    assert store.events(SITE, subject) == []
    assert store.purged_at() == NOW


# Records and subjects


def test_a_grant_that_has_run_out_ends_at_the_moment_it_did(store: Store) -> None:
    old, young = visitor(store, 0, at=NOW - 181 * DAY - 1), visitor(store, 0, at=NOW - 180 * DAY)

    done = purge(store, 0)

    ((record,), (other,)) = store.records(SITE, old), store.records(SITE, young)
    assert (record.ended_as, record.ended_at) == ("expired", NOW - 1)
    assert other.ended_at is None
    assert done["grants that have run out"] == 1
    store.append(new_event(old), PERMIT)
    assert len(store.events(SITE, old)) == 1, "nothing more is logged"


def test_a_grant_that_was_given_again_stands(store: Store) -> None:
    subject = visitor(store, 0, at=NOW - 200 * DAY)
    store.record(new_record(subject, at=NOW - DAY))

    purge(store, 0)

    assert [record.ended_as for record in store.records(SITE, subject)] == ["replaced", ""]


@pytest.mark.parametrize("how", ["withdrawn", "expired"])
def test_30_days_after_its_end_nobody_is_left_in_what_a_visitor_left(store: Store, how: str) -> None:
    subject = visitor(store, 0, 3)
    (record,) = store.records(SITE, subject)
    if how == "withdrawn":
        store.end(SITE, subject, State.WITHDRAWN, at=NOW)
    ended = 0 if how == "withdrawn" else 181

    if how == "expired":
        purge(store, 181.5)
    purge(store, ended + 29)
    assert len(store.events(SITE, subject)) == 2, "until then it is theirs to have deleted"
    done = purge(store, ended + 31)

    assert done["events that lost their subject"] == 2
    assert store.events(SITE, subject) == []
    assert store.records(SITE, subject) == []
    kept = store.find_receipt(SITE, record.receipt)
    assert kept is not None
    assert replace(kept, subject=subject, ended_at=None, ended_as="") == record
    assert kept.subject != subject
    assert store.events(SITE, kept.subject) == []
    assert subject not in everywhere(store) - ids(store, "blocked") - ids(store, "subjects")


def test_what_is_nobodys_has_no_address_and_is_tied_to_nobody(store: Store) -> None:
    one, two = visitor(store, 0), visitor(store, 0)
    before = {event.id for subject in (one, two) for event in store.events(SITE, subject)}
    for subject in (one, two):
        store.end(SITE, subject, State.WITHDRAWN, at=NOW)

    purge(store, 31)

    owners = ids(store, "events") | ids(store, "fresh_events")
    assert len(owners) == 1, "what two visitors left of a day lies together"
    (nobody,) = owners
    events = store.events(SITE, nobody)
    assert len(events) == 2
    assert not before & {event.id for event in events}, "an export that somebody has kept would know them again"
    assert all(event.fields == without_address(one) for event in events)


def test_a_subject_stays_ended_for_as_long_as_a_browser_may_show_it(store: Store) -> None:
    subject = visitor(store, 0)
    store.end(SITE, subject, State.WITHDRAWN, at=NOW)

    for days in (31, 200, 394):
        purge(store, days)
        with pytest.raises(Exception, match="this subject has ended"):
            store.record(new_record(subject))
    purge(store, 397)

    assert subject not in everywhere(store)


def test_what_was_erased_is_deleted_by_the_next_purge(store: Store) -> None:
    subject = visitor(store, 0, 1)
    store.block(SITE, subject, Status.ERASED, at=NOW)
    store.flush()

    done = purge(store, 0)

    assert done["events of the erased"] == 2
    assert subject not in ids(store, "events") | ids(store, "fresh_events")


@pytest.mark.parametrize("status", [Status.RESTRICTED, Status.OBJECTING])
def test_what_is_restricted_is_kept_for_its_time_and_no_longer(store: Store, status: Status) -> None:
    subject = visitor(store, 0)
    store.block(SITE, subject, status, at=NOW)

    purge(store, 100)
    assert len(store.events(SITE, subject)) == 1
    purge(store, 761)
    assert store.events(SITE, subject) == []


# Counts, and sites that are gone


def test_counts_go_after_25_months(store: Store) -> None:
    old, young = Total(SITE, "2024-10-18", "hit", "seen", "no_choice"), Total(SITE, "2024-10-19", "hit", "seen", "none")
    store.tally(old)
    store.tally(young)
    store.flush()

    done = purge(store, 0)

    assert store.totals(SITE) == {young: 1}
    assert done == Counter({"rows of totals": 1})


def test_a_site_that_is_declared_no_more_is_purged_all_the_same(store: Store) -> None:
    record = new_record(site="old")
    store.record(record)
    permit = replace(PERMIT, site="old")
    store.append_all(
        [Permitted(new_event(record.subject, site="old", at=NOW - age * DAY), permit) for age in (0, 40, 800)]
    )
    store.tally(Total("older", "2024-01-01", "hit", "seen", "no_choice"))
    store.flush()

    purge(store, 0)

    assert [event.fields["address"] for event in store.events("old", record.subject)] == [
        "203.0.113.0/24",
        "203.0.113.7",
    ]
    assert store.totals("older") == {}


def test_when_it_was_last_finished_is_known_to_every_process(store: Store, open_another: Callable[..., Store]) -> None:
    assert store.purged_at() is None

    purge(store, 1)

    assert store.purged_at() == NOW + DAY
    assert open_another().purged_at() == NOW + DAY


# The tables


def test_every_table_is_purged_or_said_to_be_kept() -> None:
    covered = {*purge_statements.EVENTS, *purge_statements.COUNTS, *purge_statements.ABOUT, *purge_statements.SUBJECTS}

    assert {table.name for table in schema.metadata.sorted_tables} == {table.name for table in covered} | {
        name for name in purge_statements.KEPT if name in schema.metadata.tables
    }
    assert not {table.name for table in covered} & purge_statements.KEPT


def test_what_is_old_is_found_by_an_index() -> None:
    for table in purge_statements.EVENTS:
        indexed = [[column.name for column in index.columns] for index in table.indexes]
        assert table is schema.fresh_events or ["site", "at"] in [names[:2] for names in indexed], table.name


# Over random histories


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=st.lists(st.integers(0, 900), max_size=40), day=st.integers(0, 900), full=st.integers(0, 395))
def test_whatever_there_was_nothing_is_left_past_its_limit(
    tmp_path_factory: pytest.TempPathFactory, ages: list[int], day: int, full: int
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('purge')}/gatekeeper.db"
    migrate(url)
    store = open_store(url, clock=lambda: NOW)
    subject = visitor(store, *ages)

    purge(store, day, ip_full_days=full, choice_days=395)

    now = NOW + day * DAY
    for event in store.events(SITE, subject):
        assert event.at >= now - 760 * DAY
        assert ("/" in event.fields["address"]) == (event.at < now - full * DAY), (event.at, full)
    expected = sum(1 for age in ages if age + day <= 760) if day <= 425 else 0
    assert len(store.events(SITE, subject)) == expected
    store.close()


# What lies in the tables


def read(store: Store, statement: str) -> list[tuple[Any, ...]]:
    return store._read(statement)  # type: ignore[attr-defined, no-any-return]


def rows(store: Store) -> dict[str, int]:
    return {name: read(store, f"SELECT count(*) FROM {name}")[0][0] for name in schema.metadata.tables}


def ids(store: Store, table: str) -> set[bytes]:
    return {bytes(subject) for (subject,) in read(store, f"SELECT subject FROM {table}")}


def everywhere(store: Store) -> set[bytes]:
    tables = [name for name, table in schema.metadata.tables.items() if "subject" in table.columns]
    return set().union(*(ids(store, name) for name in tables))


def without_address(subject: bytes) -> dict[str, str]:
    return {name: value for name, value in new_event(subject).fields.items() if name != "address"}
