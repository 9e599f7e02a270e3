"""The decision: the shared table, and what holds for every visitor, site, choice and clock."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain, combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatekeeper.core.choices import Choice, State
from gatekeeper.core.decisions import DAY, Allowed, Denied, Reason, Status, Visitor, decide, decide_purpose, expired
from gatekeeper.core.notices import Notice
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site

from .cases import Case, choice_site, decision_cases, decision_sites

SITES = decision_sites()
CASES = decision_cases()
TODAY = date(2026, 11, 22)
NOON = 1_795_348_800  # 2026-11-22T12:00:00Z


def subsets(names: Iterable[str]) -> list[frozenset[str]]:
    listed = list(names)
    every = chain.from_iterable(combinations(listed, size) for size in range(len(listed) + 1))
    return [frozenset(chosen) for chosen in every]


def optional(site: Site) -> list[str]:
    return [purpose.id for purpose in site.optional_purposes]


def purpose_of(notice: Notice, tracker: str) -> str:
    return next(row["purpose"] for row in notice.content["trackers"] if row["id"] == tracker)


def grant(site: Site, purposes: Iterable[str], *, notice: int | None = None, day: date = TODAY) -> Choice:
    no = notice or max(site.notices)
    return Choice(site.id, no, day, State.GRANTED, purposes=frozenset(purposes))


# --- the table


@pytest.mark.row("EU-01", "SE-19", "DNT-01")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row["name"])
def test_every_row_of_the_table_is_decided_as_the_design_says(case: Case):
    decision = case.decide()

    assert (bool(decision), decision.reason) == (case.allowed, case.reason)


def test_the_table_has_a_row_for_every_reason_of_trackers_and_of_purposes():
    by_tracker = {case.reason for case in CASES if case.tracker}
    by_purpose = {case.reason for case in CASES if case.purpose}

    assert by_tracker == set(Reason)
    assert by_purpose == set(Reason)


def test_every_row_of_the_table_has_a_name_of_its_own():
    names = [case.row["name"] for case in CASES]

    assert len(names) == len(set(names))


# --- what a decision is


def test_a_grant_says_what_it_permits():
    site = SITES["shop"]

    decision = decide("pixel", Visitor(grant(site, ["marketing"])), site, now=NOON)

    assert decision == Allowed(Reason.GRANTED, "shop", "pixel", "marketing", 1)


def test_a_grant_of_a_purpose_permits_no_tracker():
    site = SITES["shop"]

    decision = decide_purpose("analytics", Visitor(grant(site, ["analytics"])), site, now=NOON)

    assert decision == Allowed(Reason.GRANTED, "shop", "", "analytics", 1)


def test_what_is_necessary_needs_no_notice_to_have_been_agreed_to():
    site = SITES["shop"]

    decision = decide("payments", Visitor(), site, now=NOON)

    assert decision == Allowed(Reason.NECESSARY, "shop", "payments", "necessary", None)


def test_a_denial_permits_nothing():
    assert not Denied(Reason.NO_CHOICE)
    assert not hasattr(Denied(Reason.NO_CHOICE), "tracker")


def test_a_grant_for_an_old_notice_permits_under_that_notice():
    site = SITES["grown"]

    decision = decide("pixel", Visitor(grant(site, ["marketing"], notice=1)), site, now=NOON)

    assert decision == Allowed(Reason.GRANTED, "grown", "pixel", "marketing", 1)


@pytest.mark.row("SE-19")
def test_a_site_that_declares_more_than_it_has_published_fires_only_what_it_told():
    published = SITES["shop"]
    declared = SITES["grown"]
    site = replace(declared, id="shop", notices=published.notices)
    visitor = Visitor(grant(site, ["functional", "analytics", "marketing"]))

    assert decide("retarget", visitor, site, now=NOON) == Denied(Reason.STALE_NOTICE)
    assert decide("pixel", visitor, site, now=NOON)


# --- EU-05: purpose by purpose


@pytest.mark.row("EU-05")
@pytest.mark.parametrize("name", ["shop", "strict"])
def test_exactly_the_trackers_of_the_granted_purposes_fire(name: str):
    site = SITES[name]

    for granted in subsets(optional(site)):
        visitor = Visitor(grant(site, granted))
        fired = {tracker for tracker in site.trackers if decide(tracker, visitor, site, now=NOON)}

        expected = {tracker.id for tracker in site.trackers.values() if tracker.purpose in granted | {"necessary"}}
        assert fired == expected, f"granted {sorted(granted)}"


@pytest.mark.row("EU-05")
@pytest.mark.parametrize("name", ["shop", "strict"])
def test_exactly_the_granted_purposes_are_served(name: str):
    site = SITES[name]

    for granted in subsets(optional(site)):
        visitor = Visitor(grant(site, granted))
        served = {purpose for purpose in site.purposes if decide_purpose(purpose, visitor, site, now=NOON)}

        assert served == granted | {"necessary"}


@pytest.mark.row("EU-05")
def test_trackers_can_be_granted_one_by_one():
    site = SITES["shop"]
    asked = site.notices[1].trackers

    for chosen in subsets(asked):
        visitor = Visitor(replace(grant(site, []), trackers=chosen))
        fired = {tracker for tracker in site.trackers if decide(tracker, visitor, site, now=NOON)}

        assert fired == chosen | {"payments"}


@pytest.mark.row("EU-01", "EU-13")
@pytest.mark.parametrize("name", sorted(SITES))
def test_before_a_choice_only_the_necessary_fires(name: str):
    site = SITES[name]

    fired = {tracker for tracker in site.trackers if decide(tracker, Visitor(), site, now=NOON)}

    necessary = {tracker.id for tracker in site.trackers.values() if tracker.purpose == "necessary"}
    assert fired == (necessary if site.notices else set())


@pytest.mark.row("EU-01")
@pytest.mark.parametrize("state", [State.REFUSED, State.WITHDRAWN])
def test_after_a_refusal_or_withdrawal_only_the_necessary_fires_whatever_the_bits_say(state: State):
    site = SITES["shop"]
    choice = replace(grant(site, optional(site)), state=state, trackers=frozenset({"pixel"}))

    fired = {tracker for tracker in site.trackers if decide(tracker, Visitor(choice), site, now=NOON)}

    assert fired == {"payments"}


# --- EU-11: how long a choice holds


@pytest.mark.row("EU-11")
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize(("days", "gone"), [(0, False), (1, False), (179, False), (180, False), (181, True)])
def test_grants_refusals_and_withdrawals_are_remembered_equally_long(state: State, days: int, gone: bool):
    site = SITES["shop"]
    choice = replace(grant(site, []), state=state)

    assert expired(choice, site, now=NOON + days * DAY) is gone


@given(day=st.dates(date(1970, 1, 2), date(9999, 12, 31)), second=st.integers(0, DAY - 1))
def test_a_choice_holds_from_its_first_second_to_the_last_of_its_last_day(day: date, second: int):
    site = SITES["strict"]
    choice = grant(site, [], day=day)
    midnight = (day - date(1970, 1, 1)).days * DAY

    assert not expired(choice, site, now=midnight + second)
    assert not expired(choice, site, now=midnight + 30 * DAY + second)
    assert expired(choice, site, now=midnight + 31 * DAY + second)


# --- the invariants of the design: what may deny never grants

ages = st.none() | st.sampled_from(AgeBand)


def listed(names: Iterable[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(sorted(names))) if names else st.just(frozenset())


@dataclass(frozen=True)
class Situation:
    """A site, a visitor and a moment, and beside the visitor's bits what they amount to, tracker by tracker."""

    site: Site
    visitor: Visitor
    now: int
    trackers: frozenset[str]

    def fires(self) -> set[str]:
        return {tracker for tracker in self.site.trackers if decide(tracker, self.visitor, self.site, now=self.now)}

    def serves(self) -> set[str]:
        return {name for name in self.site.purposes if decide_purpose(name, self.visitor, self.site, now=self.now)}

    def but(self, **visitor: object) -> "Situation":
        return replace(self, visitor=replace(self.visitor, **visitor))

    def but_choice(self, **choice: object) -> "Situation":
        assert self.visitor.choice is not None
        return self.but(choice=replace(self.visitor.choice, **choice))


def spell(notice: Notice, purposes: frozenset[str], trackers: frozenset[str]) -> frozenset[str]:
    """Return the exceptions that say: exactly these trackers."""
    return frozenset(one for one in notice.trackers if (purpose_of(notice, one) in purposes) != (one in trackers))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    site = SITES[draw(st.sampled_from(["shop", "strict", "grown"]))]
    notice = site.notices[draw(st.sampled_from(sorted(site.notices)))]
    purposes, trackers = draw(listed(notice.purposes)), draw(listed(notice.trackers))
    choice = Choice(
        site.id,
        notice.no,
        TODAY - timedelta(days=draw(st.integers(-3, 200))),
        draw(st.sampled_from([State.GRANTED, State.GRANTED, *State])),
        purposes=purposes,
        trackers=spell(notice, purposes, trackers),
        override=draw(listed(notice.purposes)),
        age_band=draw(ages),
    )
    status = draw(st.sampled_from([Status.ACTIVE] * 4 + list(Status)))
    visitor = Visitor(choice, draw(st.frozensets(st.sampled_from(Signal))), draw(ages), status)
    return Situation(site, visitor, NOON, trackers)


def no_more(after: Situation, before: Situation) -> bool:
    return after.fires() <= before.fires() and after.serves() <= before.serves()


@given(situations(), st.data())
@pytest.mark.row("EU-05")
def test_removing_a_grant_allows_nothing_more(before: Situation, data: st.DataObject):
    choice = before.visitor.choice
    assert choice is not None
    notice = before.site.notices[choice.notice]
    purposes = data.draw(listed(choice.purposes))
    trackers = data.draw(listed(before.trackers))

    after = before.but_choice(purposes=purposes, trackers=spell(notice, purposes, trackers))

    assert no_more(after, before)


@given(situations(), st.sampled_from([State.REFUSED, State.WITHDRAWN]))
def test_refusing_or_withdrawing_leaves_only_the_necessary(before: Situation, state: State):
    after = before.but_choice(state=state)

    assert {before.site.trackers[tracker].purpose for tracker in after.fires()} <= {"necessary"}
    assert after.serves() == {"necessary"}


@given(situations())
def test_losing_the_choice_leaves_only_the_necessary(before: Situation):
    after = before.but(choice=None)

    assert {before.site.trackers[tracker].purpose for tracker in after.fires()} <= {"necessary"}
    assert after.serves() == {"necessary"}


@given(situations(), st.frozensets(st.sampled_from(Signal)))
@pytest.mark.row("SIG-01")
def test_adding_a_signal_allows_nothing_more(before: Situation, more: frozenset[Signal]):
    assert no_more(before.but(signals=before.visitor.signals | more), before)


@given(situations())
@pytest.mark.row("SIG-01")
def test_dropping_an_override_allows_nothing_more(before: Situation):
    assert no_more(before.but_choice(override=frozenset()), before)


@given(situations(), st.sampled_from(AgeBand))
def test_a_younger_age_allows_nothing_more(before: Situation, band: AgeBand):
    known = before.visitor.age_band
    assume(known is None or band < known)

    assert no_more(before.but(age_band=band), before)


@given(situations(), st.sampled_from(AgeBand))
def test_a_younger_age_in_the_choice_allows_nothing_more(before: Situation, band: AgeBand):
    choice = before.visitor.choice
    assert choice is not None
    assume(choice.age_band is None or band < choice.age_band)

    assert no_more(before.but_choice(age_band=band), before)


@given(situations(), st.integers(0, 400 * DAY))
def test_a_later_clock_allows_nothing_more(before: Situation, seconds: int):
    assert no_more(replace(before, now=before.now + seconds), before)


@given(situations(), st.sampled_from([Status.RESTRICTED, Status.ERASED, Status.OBJECTING]))
def test_a_subject_who_asks_to_stop_is_stopped(before: Situation, status: Status):
    after = before.but(status=status)

    assert {before.site.trackers[tracker].purpose for tracker in after.fires()} <= {"necessary"}


@given(situations(), st.frozensets(st.sampled_from(Signal)), st.sampled_from(AgeBand))
def test_a_site_that_lets_signals_deny_more_or_raises_an_age_allows_nothing_more(
    before: Situation, signals: frozenset[Signal], age: AgeBand
):
    stricter = {
        name: replace(purpose, denied_by=purpose.denied_by | signals, min_age=max(purpose.min_age, age))
        for name, purpose in before.site.purposes.items()
    }

    assert no_more(replace(before, site=replace(before.site, purposes=stricter)), before)


@given(situations(), st.integers(1, 180))
def test_a_site_that_asks_again_sooner_allows_nothing_more(before: Situation, days: int):
    assume(days <= before.site.choice_days)

    assert no_more(replace(before, site=replace(before.site, choice_days=days)), before)


@given(situations(), st.sampled_from(AgeBand), st.booleans())
def test_no_setting_grants_what_the_visitor_did_not(before: Situation, age: AgeBand, totals: bool):
    loose = {
        name: replace(purpose, denied_by=frozenset(), min_age=age) for name, purpose in before.site.purposes.items()
    }
    site = replace(before.site, purposes=loose, choice_days=395, anonymous_totals=totals)
    choice = before.visitor.choice
    assert choice is not None
    notice = site.notices[choice.notice]

    for tracker in replace(before, site=site).fires():
        declared = site.trackers[tracker]
        if declared.purpose == "necessary":
            continue
        told = site.told[notice.no][tracker]
        assert choice.state is State.GRANTED
        assert told
        assert set(told) <= before.trackers


@given(
    tracker=st.text(max_size=20) | st.sampled_from(["__proto__", "constructor", "toString"]),
    notice=st.integers(-1, 10),
    site_id=st.sampled_from(["shop", "strict", "", "constructor"]),
    day=st.dates(),
    now=st.integers(-(2**53), 2**53),
)
@pytest.mark.row("SE-19")
def test_whatever_is_asked_the_answer_is_a_decision(tracker: str, notice: int, site_id: str, day: date, now: int):
    site = SITES["shop"]
    visitor = Visitor(Choice(site_id, notice, day, State.GRANTED, purposes=frozenset({"marketing"})))

    assert isinstance(decide(tracker, visitor, site, now=now), Allowed | Denied)
    assert isinstance(decide_purpose(tracker, visitor, site, now=now), Allowed | Denied)


def test_sixty_trackers_are_told_apart():
    site = choice_site()
    choice = Choice("shop", 2, TODAY, State.GRANTED, trackers=frozenset({"t31", "t32", "t53", "t60"}))

    fired = {tracker for tracker in site.trackers if decide(tracker, Visitor(choice), site, now=NOON)}

    assert fired == {"t31", "t32", "t53", "t60"}
