"""A visit: what the two cookies allow together. A script can only narrow what the service has signed."""

import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.choices import Choice, State, read_choice, write_choice
from gatekeeper.core.decisions import DAY, Allowed, Denied, Reason, Visitor, decide
from gatekeeper.core.errors import BadChoice, BadToken
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site
from gatekeeper.core.tokens import SubjectToken, SubjectTokens
from gatekeeper.core.visits import Visit, read_visit

from .cases import decision_sites

SITES = decision_sites()
SHOP = SITES["shop"]
TOKENS = SubjectTokens(["k3y" * 12])
NOON = 1_795_348_800  # 2026-11-22T12:00:00Z
ALL = "1.shop.1.20261122.g.7.0.-.0"
REFUSED = "1.shop.1.20261122.r.0.0.-.0"
WITHDRAWN = "1.shop.1.20261122.w.0.0.-.0"
ANALYTICS = "1.shop.1.20261122.g.2.0.-.0"


def sealed(choice: str) -> str:
    return TOKENS.sign(SubjectToken(bytes(16), bytes(16), choice))


def visit(
    choice: str, subject: str, *, site: Site = SHOP, signals: frozenset[Signal] = frozenset(), now: int = NOON
) -> Visit:
    def read(value: str) -> Choice | None:
        try:
            return read_choice(value, site.notices)
        except BadChoice:
            return None

    def verify(value: str) -> SubjectToken | None:
        try:
            return TOKENS.verify(value)
        except BadToken:
            return None

    cookies = {"__Host-gk_choice": choice, "__Host-gk_subject": subject}
    header = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
    return read_visit(site, header, signals, read, verify, now=now)


@pytest.mark.row("CK-06", "EU-01")
@pytest.mark.parametrize(
    ("choice", "signed", "reason"),
    [
        (ALL, ALL, "granted"),
        (ANALYTICS, ALL, "granted"),
        (ALL, ANALYTICS, "granted"),
        ("", "", "no_choice"),
        ("", ALL, "no_choice"),
        (ALL, "", "no_choice"),
        (REFUSED, ALL, "refused"),
        (WITHDRAWN, ALL, "withdrawn"),
        (ALL, REFUSED, "refused"),
        (ALL, WITHDRAWN, "withdrawn"),
        ("nonsense", ALL, "no_choice"),
        (ALL, "nonsense", "no_choice"),
        ("1.shop.1.20250101.g.7.0.-.0", ALL, "expired"),
        (ALL, "1.shop.1.20250101.g.7.0.-.0", "expired"),
        (ALL, "1.shop.1.20261122.g.5.0.-.0", "refused"),
        (ALL, "1.shop.1.20261122.g.7.1.-.0", "refused"),
        ("1.shop.1.20261122.g.7.1.-.0", ALL, "refused"),
        (ALL, "1.shop.1.20261122.g.7.0.13.0", "minor"),
        ("1.shop.1.20261122.g.7.0.13.0", ALL, "minor"),
    ],
)
def test_the_log_needs_both_cookies_to_allow_it(choice: str, signed: str, reason: str):
    decision = visit(choice, sealed(signed) if signed else "").decide("visit")

    assert decision.reason == reason


@pytest.mark.row("CK-06")
@pytest.mark.parametrize("subject", ["", "x", "x.y", ALL, sealed(ALL)[:-1], sealed(ALL) + "x", sealed(ALL).upper()])
def test_a_choice_written_by_hand_grants_nothing_at_the_server(subject: str):
    found = visit(ALL, subject)

    assert found.decide("visit") == Denied(Reason.NO_CHOICE)
    assert not found.grants("analytics")
    assert found.token is None


@pytest.mark.row("CK-04", "CK-06")
def test_a_token_of_another_site_is_nobody():
    other = sealed("1.strict.1.20261122.g.1f.0.-.0")

    assert visit(ALL, other).decide("visit") == Denied(Reason.NO_CHOICE)
    assert visit(ALL, other).token is None


def test_the_permit_names_the_notice_and_the_record_that_were_signed():
    old, new = "1.grown.1.20261122.g.7.0.-.0", "1.grown.2.20261122.g.7.0.-.0"

    decision = visit(new, sealed(old), site=SITES["grown"]).decide("visit")

    assert decision == Allowed(Reason.GRANTED, "grown", "visit", "analytics", 1, record=bytes(16))


def test_what_is_necessary_needs_no_cookie():
    assert visit("", "").decide("payments").reason is Reason.NECESSARY


@pytest.mark.row("SIG-01")
def test_a_signal_denies_whatever_both_cookies_say():
    assert visit(ALL, sealed(ALL), signals=frozenset({Signal.GPC})).decide("pixel") == Denied(Reason.SIGNAL)


def test_an_override_must_have_been_signed():
    lifted = "1.shop.1.20261122.g.7.0.-.4"
    gpc = frozenset({Signal.GPC})

    assert visit(lifted, sealed(lifted), signals=gpc).decide("pixel")
    assert visit(lifted, sealed(ALL), signals=gpc).decide("pixel") == Denied(Reason.SIGNAL)
    assert visit(ALL, sealed(lifted), signals=gpc).decide("pixel") == Denied(Reason.SIGNAL)


@pytest.mark.row("EU-05")
def test_a_field_is_kept_only_if_both_cookies_grant_its_purpose():
    assert visit(ALL, sealed(ALL)).grants("marketing")
    assert not visit(ALL, sealed(ANALYTICS)).grants("marketing")
    assert not visit(ANALYTICS, sealed(ALL)).grants("marketing")
    assert visit(ANALYTICS, sealed(ALL)).grants("analytics")


def test_an_exception_for_the_log_keeps_its_fields_from_being_kept():
    assert not visit("1.shop.1.20261122.g.7.1.-.0", sealed(ALL)).grants("analytics")


@st.composite
def values(draw: st.DrawFn) -> str:
    notice = SHOP.notices[1]
    choice = Choice(
        "shop",
        1,
        draw(st.sampled_from([date(2026, 11, 22), date(2026, 5, 1)])),
        draw(st.sampled_from([State.GRANTED, State.GRANTED, *State])),
        purposes=draw(st.frozensets(st.sampled_from(notice.purposes))),
        trackers=draw(st.frozensets(st.sampled_from(notice.trackers))),
        override=draw(st.frozensets(st.sampled_from(notice.purposes))),
        age_band=draw(st.none() | st.sampled_from(AgeBand)),
    )
    return write_choice(choice, notice)


@given(values(), values(), st.frozensets(st.sampled_from(Signal)))
@pytest.mark.row("CK-06", "SIG-01")
def test_both_together_never_allow_more_than_each(choice: str, signed: str, signals: frozenset[Signal]):
    found = visit(choice, sealed(signed), signals=signals)

    def alone(value: str, tracker: str) -> bool:
        visitor = Visitor(read_choice(value, SHOP.notices), signals)
        return bool(decide(tracker, visitor, SHOP, now=NOON))

    for tracker in SHOP.trackers:
        if found.decide(tracker):
            assert alone(choice, tracker)
            assert alone(signed, tracker)


@given(st.text(max_size=200))
def test_any_cookie_header_is_read(header: str):
    found = read_visit(SHOP, header, frozenset(), lambda _: None, lambda _: None, now=NOON)

    assert not found.decide("visit")


@given(values(), values(), st.integers(0, 400), st.integers(0, DAY - 1), st.integers(0, DAY - 1))
def test_what_was_decided_holds_all_day(choice: str, signed: str, days: int, before: int, after: int):
    midnight = NOON // DAY * DAY + days * DAY
    known, again = (visit(choice, sealed(signed), now=midnight + time) for time in (before, after))
    for tracker in SHOP.trackers:
        known.decide(tracker)
    for purpose in SHOP.purposes:
        known.decide_purpose(purpose)

    later = known.at(midnight + after)

    assert later == again
    assert [later.decide(tracker) for tracker in SHOP.trackers] == [again.decide(tracker) for tracker in SHOP.trackers]
    assert [later.grants(purpose) for purpose in SHOP.purposes] == [again.grants(purpose) for purpose in SHOP.purposes]


def test_names_that_somebody_made_up_are_not_remembered():
    found = visit(ALL, sealed(ALL))
    before = sys.getsizeof(found._trackers), sys.getsizeof(found._purposes)

    for number in range(1000):
        assert found.decide(f"made-up-{number}") == Denied(Reason.FAIL_CLOSED)
        assert not found.grants(f"made-up-{number}")

    assert (sys.getsizeof(found._trackers), sys.getsizeof(found._purposes)) == before
