"""How long what is kept may be kept, as rules: no store, no clock."""

from typing import Any

import pytest

from gatekeeper.core.events import EventKind
from gatekeeper.core.registry import read_registry
from gatekeeper.core.retention import DAY, Rules, Stage, rules_of, rules_of_nobody, without_names
from gatekeeper.core.sites import Site

NOW = 1_795_000_000
FIELDS = {
    "path": "/tea",
    "address": "203.0.113.9",
    "campaign": "spring",
    "event": "order",
    "order": "A-1",
    "value": "9",
}


def site(**changes: Any) -> Site:
    tables = {
        "name": "Shop",
        "origins": ["https://shop.example"],
        "controller": {"name": "Shop Ltd", "address": "1 Street", "contact": "a@shop.example"},
        "vendors": {"adco": {"name": "AdCo", "country": "US"}},
        "trackers": {
            "seen": tracker("analytics", "self", 30),
            "ad": tracker("marketing", "adco", 10),
        },
        **changes,
    }
    sites, problems = read_registry({"sites": {"shop": tables}})
    assert problems == []
    return sites["shop"]


def tracker(purpose: str, vendor: str, days: int) -> dict[str, Any]:
    return {"kind": "beacon", "purpose": purpose, "vendor": vendor, "retention_days": days, "description": "Counts."}


def kept_for(rules: Rules, kind: EventKind, name: str) -> int:
    """Return after how many days a row goes."""
    return next(stage.days for stage in rules.stages if stage.ends and stage.ends(kind.value, name))


def left(rules: Rules, age: int, fields: dict[str, str] = FIELDS) -> dict[str, str]:
    """Return what is left of a row's fields at an age."""
    for stage in sorted(rules.stages, key=lambda stage: stage.days):
        if stage.change and stage.days <= age:
            fields = stage.change(fields)
    return fields


def test_unless_told_otherwise_everything_goes_after_25_months() -> None:
    rules = rules_of(site())

    assert {
        kept_for(rules, kind, "visit") for kind in EventKind if kind not in {EventKind.BEACON, EventKind.CLICK}
    } == {760}
    assert (rules.choice_days, rules.totals_days) == (180, 760)


def test_what_is_our_own_goes_when_visitors_were_told() -> None:
    rules = rules_of(site())

    assert kept_for(rules, EventKind.BEACON, "seen") == 30
    assert kept_for(rules, EventKind.BEACON, "ad") == 760, "the vendor's 10 days are the vendor's"
    assert kept_for(rules, EventKind.OUTCOME, "seen") == 760, "outcomes are the visit log's"
    assert kept_for(rules, EventKind.CLICK, "undeclared-today") == 760


def test_the_visit_log_may_be_shorter() -> None:
    rules = rules_of(site(log_days=100))

    assert kept_for(rules, EventKind.VIEW, "visit") == 100
    assert kept_for(rules, EventKind.BEACON, "ad") == 760


def test_a_purpose_has_a_time_of_its_own() -> None:
    declared = site(purposes={"marketing": {"retention_days": 90}, "analytics": {"retention_days": 400}})
    rules = rules_of(declared)

    assert kept_for(rules, EventKind.BEACON, "ad") == 90
    assert kept_for(rules, EventKind.VIEW, "visit") == 400
    assert declared.trackers["visit"].retention_days == 400, "the notice says so"
    assert "campaign" in left(rules, 89)
    assert "campaign" not in left(rules, 90)
    assert left(rules, 90)["path"] == "/tea"


def test_an_event_of_another_purpose_loses_what_it_told_with_that_purpose() -> None:
    declared = site(purposes={"marketing": {"retention_days": 90}}, events={"order": {"purpose": "marketing"}})

    assert set(left(rules_of(declared), 90)) == {"path", "address"}
    assert "value" in left(rules_of(declared), 90, {**FIELDS, "event": "download"})


@pytest.mark.row("EU-13")
@pytest.mark.parametrize(
    ("changes", "age", "address"),
    [
        ({}, 29, "203.0.113.9"),
        ({}, 30, "203.0.113.0/24"),
        ({"ip_full_days": 5}, 5, "203.0.113.0/24"),
        ({"ip": "truncated"}, 0, "203.0.113.0/24"),
        ({"ip": "none"}, 0, None),
    ],
)
def test_an_address_is_shortened_on_its_day(changes: dict[str, Any], age: int, address: str | None) -> None:
    assert left(rules_of(site(**changes)), age).get("address") == address


def test_a_shortened_address_stays_as_it_is() -> None:
    short = {"address": "2001:db8:1::/48"}

    assert left(rules_of(site()), 760, short) == short
    assert left(rules_of(site()), 30, {"address": "2001:db8:1:2::3"}) == short


def test_what_is_nobodys_has_no_address_and_no_number_of_the_shops() -> None:
    assert without_names(FIELDS) == {name: FIELDS[name] for name in ("path", "campaign", "event", "value")}


def test_a_site_that_is_declared_no_more_has_the_longest_time_and_no_longer() -> None:
    rules = rules_of_nobody("old")

    assert {kept_for(rules, kind, "any") for kind in EventKind} == {760}
    assert left(rules, 30)["address"] == "203.0.113.0/24"


def test_a_stage_begins_anew_where_its_rule_changes() -> None:
    def names(**changes: Any) -> set[str]:
        return {stage.name for stage in rules_of(site(**changes)).stages}

    assert names() == names()
    moved = names(trackers={"seen": tracker("analytics", "self", 30), "too": tracker("analytics", "self", 30)})
    assert {name for name in names() - moved if name.startswith("end:30")}


def test_no_stage_reaches_rows_that_are_still_on_their_way() -> None:
    assert Stage("address:none", 0).before(NOW) < NOW - 600
    assert Stage("end", 30).before(NOW) == NOW - 30 * DAY


def test_a_grant_runs_out_when_its_last_day_is_over_everywhere() -> None:
    assert rules_of(site()).expired_before(NOW) == NOW - 181 * DAY
