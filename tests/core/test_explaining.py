"""Explaining a decision: the rules that were asked, the last of which is the decision itself."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.choices import Choice, State
from gatekeeper.core.decisions import (
    Allowed,
    Denied,
    Reason,
    Rule,
    Step,
    Visitor,
    decide,
    decide_purpose,
    explain,
    explain_purpose,
)
from gatekeeper.core.trackers import Kind

from .cases import Case, decision_cases
from .test_decisions import NOON, SITES, Situation, grant, situations

CASES = decision_cases()

#: Which of the seven rules gives which reason (the design, section 3). An unknown notice is found out by the sixth.
RULES = {
    Reason.FAIL_CLOSED: {1, 6},
    Reason.NECESSARY: {2},
    Reason.MINOR: {3},
    Reason.RESTRICTED: {4},
    Reason.SIGNAL: {5},
    Reason.NO_CHOICE: {6},
    Reason.REFUSED: {6},
    Reason.WITHDRAWN: {6},
    Reason.EXPIRED: {6},
    Reason.OTHER_SITE: {6},
    Reason.STALE_NOTICE: {6},
    Reason.GRANTED: {7},
}


def steps_of(case: Case) -> list[Step]:
    if case.purpose:
        return explain_purpose(case.purpose, case.visitor, case.site, now=case.now)
    return explain(case.tracker, case.visitor, case.site, now=case.now)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row["name"])
def test_the_last_step_is_the_decision_and_the_ones_before_did_not_apply(case: Case):
    *before, last = steps_of(case)

    assert last.decision == case.decide()
    assert (bool(last.decision), last.decision.reason) == (case.allowed, case.reason)
    assert [step.decision for step in before] == [None] * len(before)
    assert last.rule in RULES[Reason(case.reason)]


def test_every_reason_has_its_rule():
    assert set(RULES) == set(Reason)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row["name"])
def test_the_rules_are_asked_in_their_order_and_none_is_left_out(case: Case):
    steps = steps_of(case)
    asked_first = [step.rule for step in steps if step.tracker == steps[0].tracker]

    assert asked_first == list(Rule)[: len(asked_first)]


@given(situations(), st.data())
def test_whoever_the_visitor_is_the_last_step_is_the_decision(situation: Situation, data: st.DataObject):
    site, visitor, now = situation.site, situation.visitor, situation.now
    tracker = data.draw(st.sampled_from([*site.trackers, "constructor"]))
    purpose = data.draw(st.sampled_from([*site.purposes, "constructor"]))

    assert explain(tracker, visitor, site, now=now)[-1].decision == decide(tracker, visitor, site, now=now)
    assert explain_purpose(purpose, visitor, site, now=now)[-1].decision == decide_purpose(
        purpose, visitor, site, now=now
    )


# --- tag managers

LOADING = replace(
    SITES["shop"],
    trackers={
        **SITES["shop"].trackers,
        "manager": replace(SITES["shop"].trackers["pixel"], id="manager", kind=Kind.LOADER, loads=("stats", "pixel")),
    },
)


def loader_steps(visitor: Visitor) -> list[tuple[int, str, bool | None]]:
    steps = explain("manager", visitor, LOADING, now=NOON)
    assert steps[-1].decision == decide("manager", visitor, LOADING, now=NOON)
    return [(step.rule, step.tracker, None if step.decision is None else bool(step.decision)) for step in steps]


def test_a_tag_manager_that_may_load_nothing_is_denied_as_the_first_thing_it_loads():
    assert loader_steps(Visitor())[-1] == (Rule.CONSENT, "stats", False)


def test_a_tag_manager_says_which_of_what_it_loads_may_run_and_then_its_own_word():
    steps = loader_steps(Visitor(grant(LOADING, ["marketing"])))

    assert steps[:-1] == [(rule, "pixel", None) for rule in Rule]
    assert steps[-1] == (Rule.GRANTED, "manager", True)


def test_a_tag_manager_that_the_visitor_excepts_is_denied_though_what_it_loads_may_run():
    choice = Choice("shop", 1, date(2026, 11, 22), State.GRANTED, frozenset({"marketing"}), frozenset({"manager"}))

    steps = explain("manager", Visitor(choice), LOADING, now=NOON)

    assert steps[-1] == Step(Rule.CONSENT, "manager", Denied(Reason.REFUSED))
    assert not any(isinstance(step.decision, Allowed) for step in steps)
