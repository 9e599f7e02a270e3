"""The same rules for everyone, everywhere: no decision depends on a place, and none outlives what a law allows."""

from copy import deepcopy
from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.choices import Choice, State
from gatekeeper.core.decisions import DAY, Denied, Reason, Visitor, decide
from gatekeeper.core.registry import read_registry
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import MAX_CHOICE_DAYS, Site

from .cases import decision_cases, declare, publish, publish_all, read_table

CASES = decision_cases()
TABLES: dict[str, Any] = read_table("decisions")["sites"]
TABLE = TABLES["shop"]["history"][-1]
EPOCH = date(1970, 1, 1)
NOON = 43_200  # seconds into a day

places = st.permutations([a + b for a in "ABCDEFGHIU" for b in "ADEKNORS"])
languages = st.sampled_from(["en", "de", "fr", "pt", "zh-hans"])


def moved(names: list[str], language: str) -> dict[str, Site]:
    """Return the sites of the table in another part of the world: every country is another one, and so is the language.

    :param names: of countries, each once. Countries that are the same stay the same.
    """
    elsewhere: dict[str, str] = {}
    sites = {}
    for site_id, told in deepcopy(TABLES).items():
        for table in told["history"]:
            table["language"] = language
            table["controller"]["address"] = f"1 High Street, {names[-1]}"
            for vendor in table["vendors"].values():
                vendor["country"] = elsewhere.setdefault(vendor["country"], names[len(elsewhere)])
        published = told.get("published", True)
        sites[site_id] = publish_all(site_id, told["history"]) if published else declare(site_id, told["history"][-1])
    return sites


@pytest.mark.row("US-09")
def test_a_decision_is_told_nothing_of_where_a_visitor_is():
    assert {field.name for field in fields(Visitor)} == {"choice", "signals", "age_band", "status"}


@pytest.mark.row("US-09")
@given(places, languages)
def test_where_a_site_and_its_vendors_are_changes_no_decision(names: list[str], language: str):
    sites = moved(names, language)

    for case in CASES:
        decision = replace(case, site=sites[case.row["site"]]).decide()

        assert (bool(decision), decision.reason) == (case.allowed, case.reason), case.row["name"]


@pytest.mark.row("US-01", "US-09")
@given(places, languages, st.booleans())
def test_an_opt_out_by_signal_denies_marketing_wherever_anybody_is(names: list[str], language: str, chose: bool):
    site = moved(names, language)["shop"]
    everything = frozenset(purpose.id for purpose in site.optional_purposes)
    granted = Choice(site.id, 1, EPOCH.replace(year=2026), State.GRANTED, purposes=everything)
    now = (granted.day - EPOCH).days * DAY + NOON
    visitor = Visitor(granted if chose else None, frozenset({Signal.GPC}))

    marketing = [tracker.id for tracker in site.trackers.values() if tracker.purpose == "marketing"]

    assert marketing
    assert {decide(tracker, visitor, site, now=now) for tracker in marketing} == {Denied(Reason.SIGNAL)}


# --- US-10: consent has to be refreshed after 24 months at the latest (4 CCR 904-3, Rule 7.08)


@pytest.mark.row("US-10")
@given(
    days=st.integers(1, MAX_CHOICE_DAYS),
    day=st.dates(date(2020, 1, 1), date(2090, 1, 1)),
    second=st.integers(0, DAY - 1),
)
def test_no_consent_however_long_a_site_keeps_it_holds_for_24_months(days: int, day: date, second: int):
    declared = declare("shop", {**TABLE, "choice_days": days})
    site = declared.with_notices([publish(declared, 1)])
    everything = frozenset(purpose.id for purpose in site.optional_purposes)
    visitor = Visitor(Choice("shop", 1, day, State.GRANTED, purposes=everything))
    later = (day.replace(year=day.year + 2, day=min(day.day, 28)) - EPOCH).days * DAY + second

    decisions = {decide(tracker.id, visitor, site, now=later) for tracker in asked(site)}

    assert decisions == {Denied(Reason.EXPIRED)}


@pytest.mark.row("US-10")
@pytest.mark.parametrize("days", [MAX_CHOICE_DAYS + 1, 730, 731])
def test_no_site_may_keep_a_choice_for_as_long_as_that(days: int):
    _, problems = read_registry({"sites": {"shop": {**TABLE, "choice_days": days}}})

    assert [problem.key for problem in problems] == ["sites.shop.choice_days"]


def asked(site: Site) -> list[Any]:
    return [tracker for tracker in site.trackers.values() if site.purposes[tracker.purpose].optional]
