"""Giving, reading and withdrawing a choice over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from gatekeeper.core.registry import read_registry
from gatekeeper.store.contract import Store, Total
from gatekeeper.web.choice import receipt_hash
from gatekeeper.web.service import Service

from .conftest import DAY, Browser, Clock, events_of, publish

REFUSED = "1.shop.1.20261122.r.0.0.-.0"


def state(browser: Browser) -> str:
    return str(browser.get("/gk/shop/choice").json["state"])


def test_before_any_choice_there_is_none_and_no_cookie(browser: Browser) -> None:
    response = browser.get("/gk/shop/choice")

    assert response.json == {"state": "none", "notice": None, "current": 1}
    assert "Set-Cookie" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.row("CR-08", "DS-07")
def test_two_visitors_who_refuse_hold_the_same_bytes_and_no_id(new_browser: Callable[..., Browser]) -> None:
    first, second = new_browser(), new_browser(User_Agent="another")

    first.choose()
    second.post("/gk/shop/choice", data=b"")

    assert first.cookie("gk_choice") == second.cookie("gk_choice") == REFUSED
    assert first.cookie("gk_subject") is second.cookie("gk_subject") is None


@pytest.mark.row("CK-04")
def test_a_grant_makes_a_subject_that_scripts_cannot_read(browser: Browser, service: Service) -> None:
    response = browser.choose("analytics")

    cookies = response.headers.getlist("Set-Cookie")
    assert cookies[0] == "gk_choice=1.shop.1.20261122.g.2.0.-.0; Max-Age=15552000; Path=/; SameSite=Lax"
    assert cookies[1].startswith("gk_subject=")
    assert cookies[1].endswith("; Max-Age=15552000; Path=/; SameSite=Lax; HttpOnly")
    assert len(service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject) == 16


@pytest.mark.row("EU-05")
@pytest.mark.parametrize(
    ("granted", "name"),
    [(("analytics",), "partial"), (("functional", "analytics", "marketing"), "granted"), ((), "refused")],
)
def test_the_state_says_what_was_granted(browser: Browser, granted: tuple[str, ...], name: str) -> None:
    answer = browser.choose(*granted)

    assert answer.status_code == 200
    assert answer.json["state"] == state(browser) == name
    assert answer.json["until"] == "2027-05-21"


def test_a_tracker_can_be_excepted_both_ways(browser: Browser) -> None:
    browser.choose("marketing", trackers={"ad-pixel": False, "video": True})

    decisions = browser.post("/gk/shop/decide", json={}).json["decisions"]

    allowed = {name for name, decision in decisions.items() if decision["allowed"]}
    assert allowed == {"basket", "newsletter", "video"}
    assert decisions["ad-pixel"] == {"allowed": False, "reason": "refused"}


@pytest.mark.row("CR-09")
def test_the_receipt_names_the_notice_and_the_record_is_found_by_its_code(browser: Browser, service: Service) -> None:
    receipt = browser.choose("marketing", method="accept_all", language="en").json["receipt"]

    notice = browser.get("/gk/shop/notice/1", headers={"Accept": "application/json"}).json
    record = service.store.find_receipt("shop", receipt_hash(receipt["code"]))
    assert receipt["record"]["notice_hash"] == notice["hash"]
    assert receipt["record"]["recipients"] == ["AdCo Inc", "Test Shop"]
    assert record is not None
    assert record.record.hex() == receipt["record"]["record"]
    assert record.method == "accept_all"
    assert receipt["code"].encode() not in record.receipt


@pytest.mark.row("DS-11", "IN-03")
@pytest.mark.parametrize(("read", "kept"), [("en", "en"), ("de", "de-t-en-t0-und"), ("fr", ""), ("<b>", ""), ("", "")])
def test_the_record_tells_the_language_and_that_nobody_has_read_its_translation(
    tables: dict[str, Any], request: pytest.FixtureRequest, read: str, kept: str
) -> None:
    tables["languages"] = ["en", "de"]
    browser, service = request.getfixturevalue("browser"), request.getfixturevalue("service")

    receipt = browser.choose("marketing", language=read).json["receipt"]

    record = service.store.find_receipt("shop", receipt_hash(receipt["code"]))
    assert record.language == receipt["record"]["language"] == kept


def test_changing_a_grant_keeps_the_subject_and_replaces_the_record(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    before = service.subject_tokens.verify(browser.cookie("gk_subject") or "")

    browser.choose("marketing")

    after = service.subject_tokens.verify(browser.cookie("gk_subject") or "")
    records = service.store.records("shop", before.subject)
    assert after.subject == before.subject
    assert [record.ended_as for record in records] == ["replaced", ""]


def test_the_cookies_of_a_wider_grant_log_nothing_once_it_is_narrowed(browser: Browser, service: Service) -> None:
    browser.choose("analytics", "marketing")
    wider = {name: browser.cookie(name) or "" for name in ("gk_choice", "gk_subject")}
    browser.get("/gk/shop/b/seen.gif")
    browser.choose("marketing")

    for name, value in wider.items():
        browser.client.set_cookie(name, value, domain="shop.test")
    browser.get("/gk/shop/b/seen.gif")
    browser.get("/gk/shop/b/ad-pixel.gif")

    assert [event.tracker for event in events_of(service, browser)] == ["seen"]


def test_withdrawing_forgets_the_subject_and_a_new_grant_is_a_new_one(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    before = service.subject_tokens.verify(browser.cookie("gk_subject") or "")

    withdrawn = browser.client.delete("/gk/shop/choice", base_url=browser.origin, headers={"Origin": browser.origin})
    browser_holds = browser.cookie("gk_subject")
    browser.choose("analytics")

    after = service.subject_tokens.verify(browser.cookie("gk_subject") or "")
    assert withdrawn.json["state"] == "withdrawn"
    assert not browser_holds
    assert after.subject != before.subject


def test_old_cookies_replayed_for_a_new_grant_make_a_new_subject(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    old = browser.cookie("gk_subject") or ""
    old_choice = browser.cookie("gk_choice") or ""
    browser.choose()

    browser.client.set_cookie("gk_subject", old, domain="shop.test")
    browser.client.set_cookie("gk_choice", old_choice, domain="shop.test")
    again = browser.choose("analytics")

    assert again.status_code == 200
    assert browser.cookie("gk_subject") != old
    assert service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject != (
        service.subject_tokens.verify(old).subject
    )


@pytest.mark.row("EU-11", "CK-01")
@pytest.mark.parametrize("granted", [("analytics",), ()])
@pytest.mark.parametrize(("days", "expired"), [(179, False), (181, True)])
def test_a_choice_holds_half_a_year_both_ways(
    browser: Browser, clock: Clock, granted: tuple[str, ...], days: int, expired: bool
) -> None:
    response = browser.choose(*granted)
    value = browser.cookie("gk_choice") or ""
    clock.pass_days(days)

    browser.client.set_cookie("gk_choice", value, domain="shop.test")  # however long the browser keeps it

    assert f"Max-Age={180 * DAY}" in response.headers["Set-Cookie"]
    assert (state(browser) == "expired") is expired


def test_visits_do_not_extend_a_choice(browser: Browser, clock: Clock) -> None:
    browser.choose("analytics")
    clock.pass_days(30)

    for path in ("/gk/shop/choice", "/gk/shop/b/seen.gif", "/gk/shop/gatekeeper.js"):
        assert "Set-Cookie" not in browser.get(path).headers


def test_a_grant_for_an_old_notice_is_asked_again_and_a_refusal_is_taken(
    browser: Browser, service: Service, tables: dict[str, Any]
) -> None:
    added = {**tables["vendors"], "spy": {"name": "Spy LLC", "country": "US"}}
    row = {**tables["trackers"]["ad-pixel"], "vendor": "spy"}
    changed = {**tables, "vendors": added, "trackers": {**tables["trackers"], "spy-pixel": row}}
    sites, problems = read_registry({"sites": {"shop": changed}})
    assert problems == []
    publish(service.store, sites["shop"])
    service.refresh()

    old = browser.choose("marketing", notice=1)
    kept = browser.cookie("gk_choice")
    refused = browser.choose(notice=1)

    assert old.status_code == 409
    assert old.json["notice"] == 2
    assert "notice 1 is not the current one" in old.json["error"]
    assert old.json["settings"]["notice"] == 2
    assert kept is None
    assert refused.status_code == 200


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"granted": ["analytcs"], "notice": 1}, "purpose 'analytcs' is not one of functional, analytics, marketing"),
        ({"granted": ["analytics"], "trackers": {"ga": True}, "notice": 1}, "tracker 'ga' is not one of"),
        ({"granted": ["analytics"], "refused": ["analytics"], "notice": 1}, "both granted and refused"),
        ({"granted": "all"}, "granted"),
        ({"granted": ["analytics"], "extra": 1}, "extra"),
        ({"granted": ["necessary"], "notice": 1}, "'necessary' is not one of"),
        ([], "object"),
    ],
)
def test_a_wrong_answer_names_the_value_and_the_rule(browser: Browser, store: Store, body: Any, named: str) -> None:
    response = browser.post("/gk/shop/choice", json=body)

    assert response.status_code == 400
    assert named in response.json["error"]
    assert store.totals("shop") == {}
    assert browser.cookie("gk_choice") is None


def test_what_is_not_json_is_refused(browser: Browser) -> None:
    response = browser.post("/gk/shop/choice", data=b"{granted", headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert "not JSON" in response.json["error"]


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_8_kb_is_refused_unread(browser: Browser, store: Store, declared: bool) -> None:
    body = b'{"granted": [], "language": "' + b"x" * 9000 + b'"}'

    if declared:
        response = browser.post("/gk/shop/choice", data=body)
    else:
        response = browser.post("/gk/shop/choice", environ_overrides={"wsgi.input": Chunks(body), "CONTENT_LENGTH": ""})

    assert response.status_code == 413
    assert "8192" in response.json["error"]
    assert store.totals("shop") == {}


class Chunks:
    """A body without a declared length."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def read(self, size: int = -1) -> bytes:
        part, self.body = self.body[:size], self.body[size:]
        return part


def test_an_unknown_site_is_not_found(browser: Browser) -> None:
    response = browser.get("/gk/elsewhere/choice")

    assert response.status_code == 404
    assert "elsewhere" in response.json["error"]


def test_a_refusal_that_arrives_late_keeps_the_day_it_was_given(browser: Browser, clock: Clock) -> None:
    browser.client.set_cookie("gk_choice", "1.shop.1.20261120.rp.0.0.-.0", domain="shop.test")

    browser.choose()

    assert browser.cookie("gk_choice") == "1.shop.1.20261120.r.0.0.-.0"


def test_a_refusal_whose_waiting_forerunner_ran_out_holds_from_today(browser: Browser) -> None:
    browser.client.set_cookie("gk_choice", "1.shop.1.20260101.rp.0.0.-.0", domain="shop.test")

    browser.choose()

    assert state(browser) == "refused"
    assert browser.cookie("gk_choice") == REFUSED


def test_totals_count_choices_and_hold_nobody(browser: Browser, store: Store) -> None:
    browser.choose()
    browser.choose("analytics")
    browser.choose()

    assert {total[2:]: n for total, n in store.totals("shop").items() if total.what == "choice"} == {
        ("choice", "refused", "", "", 1): 1,
        ("choice", "granted", "", "partial", 1): 1,
        ("choice", "withdrawn", "", "", 1): 1,
    }


#: What is granted, how the choice is counted, and what is counted of functional, analytics and marketing.
COUNTED = [
    (("functional", "analytics", "marketing"), {}, "", ("granted", "granted", "granted")),
    (("functional", "analytics", "marketing"), {"video": False}, "partial", ("granted", "granted", "granted")),
    (("marketing",), {}, "partial", ("refused", "refused", "granted")),
    ((), {"ad-pixel": True}, "partial", ("refused", "refused", "refused")),
    ((), {}, "", ("refused", "refused", "refused")),
]


@pytest.mark.parametrize(("granted", "trackers", "outcome", "states"), COUNTED)
def test_totals_count_each_purpose_and_hold_nobody(
    browser: Browser, store: Store, granted: tuple[str, ...], trackers: dict[str, bool], outcome: str, states: Any
) -> None:
    browser.choose(*granted, trackers=trackers)

    state = "granted" if granted or trackers else "refused"
    purposes = dict(zip(("functional", "analytics", "marketing"), states, strict=True))
    assert store.totals("shop") == {
        Total("shop", "2026-11-22", "choice", state, outcome=outcome, notice=1): 1,
        **{Total("shop", "2026-11-22", "purpose", name, outcome=said, notice=1): 1 for name, said in purposes.items()},
    }


def test_a_withdrawal_is_counted_as_one_for_each_purpose(browser: Browser, store: Store) -> None:
    browser.choose("analytics")
    before = store.totals("shop")

    browser.choose()

    counted = {(total.name, total.outcome) for total in store.totals("shop").keys() - before.keys()}
    assert counted == {("withdrawn", ""), *((name, "withdrawn") for name in ("functional", "analytics", "marketing"))}


@pytest.mark.row("MI-02")
@pytest.mark.parametrize(("band", "status", "value"), [(16, 403, "r.0.0.16.0"), (18, 200, "g.7.0.18.0")])
def test_a_minors_grant_is_a_refusal_that_keeps_the_band(
    browser: Browser, store: Store, band: int, status: int, value: str
) -> None:
    answer = browser.choose("functional", "analytics", "marketing", age_band=band)

    assert answer.status_code == status
    assert browser.cookie("gk_choice") == f"1.shop.1.20261122.{value}"
    assert bool(store.totals("shop")) == (status == 200)


def test_a_minor_who_accepts_by_the_form_is_shown_what_holds(browser: Browser) -> None:
    browser.choose(age_band=13)
    form = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    ticket = browser.get("/gk/shop/choices").text.partition('name="ticket" value="')[2].partition('"')[0]

    page = browser.post("/gk/shop/choices", headers=form, data={"do": "accept", "notice": "1", "ticket": ticket})

    assert page.status_code == 200
    assert page.content_type == "text/html; charset=utf-8"
    assert browser.cookie("gk_choice") == "1.shop.1.20261122.r.0.0.13.0"


@pytest.mark.row("CK-06")
def test_a_grant_written_by_hand_logs_nothing(browser: Browser, service: Service) -> None:
    browser.client.set_cookie("gk_choice", "1.shop.1.20261122.g.7.0.-.0", domain="shop.test")

    browser.get("/gk/shop/b/seen.gif")

    reasons = {total.reason for total in service.store.totals("shop")}
    assert reasons == {"no_choice"}


def test_a_script_that_narrows_the_choice_is_believed(browser: Browser, service: Service) -> None:
    browser.choose("analytics", "marketing")
    browser.client.set_cookie("gk_choice", "1.shop.1.20261122.g.4.0.-.0", domain="shop.test")

    browser.get("/gk/shop/b/seen.gif")

    assert events_of(service, browser) == []


def test_a_subject_without_the_choice_cookie_counts_for_nothing(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    browser.client.delete_cookie("gk_choice", domain="shop.test")

    browser.get("/gk/shop/b/seen.gif")

    assert events_of(service, browser) == []
