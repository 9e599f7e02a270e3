"""Sites: what a fresh one does, and what its notice says."""

import json
from dataclasses import replace

import pytest

from gatekeeper.core.fields import OF_EVENTS, WORDS
from gatekeeper.core.sites import Ip, Scope, notice_content

from .cases import decision_sites, declare, publish, publish_all

BARE = {
    "name": "The Shop",
    "origins": ["https://shop.example"],
    "controller": {"name": "Shop Ltd", "address": "1 High Street, Dublin", "contact": "privacy@shop.example"},
}


@pytest.mark.row("EU-13")
def test_a_site_that_sets_nothing_keeps_little():
    site = declare("shop", BARE)

    assert site.choice_days == 180
    assert site.ip is Ip.FULL
    assert site.ip_full_days == 30
    assert not site.anonymous_totals
    assert site.scope is Scope.HOST
    assert set(site.trackers) == {"visit"}
    assert site.notice is None


@pytest.mark.row("EU-13")
def test_the_address_is_kept_only_with_the_visit_log_which_is_asked_about():
    site = declare("shop", BARE)

    assert site.trackers["visit"].purpose == "analytics"
    assert not site.purposes["analytics"].necessary


@pytest.mark.row("EU-13")
@pytest.mark.parametrize("kept", list(Ip))
def test_a_site_says_how_much_of_an_address_it_keeps(kept: Ip):
    site = declare("shop", {**BARE, "ip": kept.value, "ip_full_days": 7})

    assert notice_content(site)["address"] == {"kept": kept.value, "full_days": 7}


@pytest.mark.row("EU-05", "EU-13")
def test_every_purpose_but_the_necessary_is_asked_about_and_for_adults():
    site = declare("shop", BARE)

    assert [purpose.id for purpose in site.optional_purposes] == ["functional", "analytics", "marketing"]
    assert {purpose.min_age for purpose in site.optional_purposes} == {18}


@pytest.mark.row("EU-06")
def test_the_notice_names_every_tracker_its_recipient_its_country_and_how_long():
    site = decision_sites()["shop"]
    content = notice_content(site)
    asked = {purpose["id"] for purpose in content["purposes"]}
    told = {row["id"]: row for row in content["trackers"]}

    assert set(told) == {tracker.id for tracker in site.trackers.values() if tracker.purpose in asked}
    for tracker in site.trackers.values():
        if tracker.purpose in asked:
            vendor = site.vendors[tracker.vendor]
            assert told[tracker.id]["vendor"]["name"] == vendor.name
            assert told[tracker.id]["vendor"]["country"] == vendor.country
            assert told[tracker.id]["retention_days"] == tracker.retention_days
            assert told[tracker.id]["description"]
            assert told[tracker.id]["purpose"] == tracker.purpose


@pytest.mark.row("EU-06")
def test_the_notice_names_who_answers_for_the_site():
    content = notice_content(decision_sites()["shop"])

    assert content["controller"] == BARE["controller"]
    assert content["choice_days"] == 180


@pytest.mark.row("EU-06")
def test_the_notice_names_every_cookie_and_how_long_it_stays():
    table = {
        **BARE,
        "vendors": {"statly": {"name": "Statly GmbH", "country": "DE"}},
        "trackers": {
            "stats": {
                "kind": "script",
                "purpose": "analytics",
                "vendor": "statly",
                "retention_days": 395,
                "description": "Counts.",
                "marked": True,
                "cookies": [{"name": "_s", "days": 365}, {"name": "_t", "days": 0}],
            }
        },
    }

    row = notice_content(declare("shop", table))["trackers"][1]

    assert row["cookies"] == [{"name": "_s", "days": 365}, {"name": "_t", "days": 0}]


@pytest.mark.row("EU-15")
def test_the_notice_shows_why_something_is_called_necessary():
    told = {row["id"]: row for row in notice_content(decision_sites()["shop"])["trackers"]}

    assert told["payments"]["justification"] == "Nobody can pay without it."
    assert told["pixel"]["justification"] == ""


def test_the_notice_says_whether_totals_are_counted_of_those_who_did_not_agree():
    assert notice_content(declare("shop", BARE))["anonymous_totals"] is False
    assert notice_content(declare("shop", {**BARE, "anonymous_totals": True}))["anonymous_totals"] is True


def test_the_mail_purposes_are_not_in_a_website_notice():
    content = notice_content(decision_sites()["shop"])

    assert {"mail_open", "mail_click"}.isdisjoint(purpose["id"] for purpose in content["purposes"])
    assert {"letter-open", "letter-click"}.isdisjoint(row["id"] for row in content["trackers"])


def test_a_notice_is_plain_json():
    content = notice_content(decision_sites()["strict"])

    assert json.loads(json.dumps(content)) == content


def test_the_notice_with_the_highest_number_is_the_current_one():
    site = declare("shop", BARE)
    published = [publish(site, no) for no in (2, 10, 1)]

    assert site.with_notices(published).notice == published[1]
    assert site.notice is None


@pytest.mark.row("SE-01")
@pytest.mark.parametrize(("origin", "secure"), [("https://shop.example", True), ("http://localhost:8080", False)])
def test_a_site_is_secure_by_its_declared_origins(origin: str, secure: bool):
    assert declare("shop", {**BARE, "origins": [origin]}).secure is secure


def lines(**changes: object) -> dict[str, str]:
    """Return what the notice says the log holds, by line, with the purpose of each."""
    return {row["id"]: row["purpose"] for row in notice_content(declare("shop", {**BARE, **changes}))["log"]["fields"]}


@pytest.mark.row("EU-06")
def test_the_notice_lists_what_the_log_holds_and_for_what():
    everything = lines(search={"paths": ["/search"], "parameters": ["q"]})

    assert set(everything) == set(WORDS)
    assert {name for name, purpose in everything.items() if purpose == "marketing"} == {"campaign", "target"}
    assert set(everything.values()) == {"analytics", "marketing"}


def test_the_notice_does_not_list_what_this_site_never_keeps():
    assert set(WORDS) - set(lines()) == {"search"}
    assert set(WORDS) - set(lines(ip="none")) == {"search", "address"}


def test_the_notice_follows_a_field_to_another_purpose_with_all_that_belongs_to_it():
    site = declare("shop", {**BARE, "fields": {"campaign": "analytics", "address": "marketing"}})

    assert lines(fields={"campaign": "analytics"})["campaign"] == "analytics"
    assert {site.fields[name] for name in ("source", "medium", "campaign")} == {"analytics"}
    assert site.fields["address"] == "marketing"
    assert site.fields["path"] == "analytics"


@pytest.mark.row("EU-19")
def test_who_agreed_before_a_field_was_told_of_agreed_to_nothing_about_it():
    later = {"search": {"paths": ["/search"], "parameters": ["q"]}, "fields": {"address": "marketing"}}
    site = publish_all("shop", [BARE, {**BARE, **later}])

    assert "search" not in site.kept[1]
    assert "address" not in site.kept[1]
    assert site.kept[1]["path"] == "analytics"
    assert site.kept[2]["search"] == "analytics"
    assert site.kept[2]["address"] == "marketing"


@pytest.mark.row("EU-19")
def test_an_event_that_serves_another_purpose_now_is_told_of_first():
    site = publish_all("shop", [BARE, {**BARE, "events": {"purchase": {"purpose": "marketing"}}}])

    assert "event" not in site.kept_of_event(1, "purchase")
    assert site.kept_of_event(1, "signup")["event"] == "analytics"
    assert {site.kept_of_event(2, "purchase")[name] for name in OF_EVENTS} == {"marketing"}
    assert site.kept_of_event(2, "purchase")["path"] == "analytics"


def test_of_a_notice_that_says_nothing_of_the_log_nothing_is_kept():
    site = publish_all("shop", [BARE])
    old = site.notices[1]
    content = {key: value for key, value in old.content.items() if key != "log"}

    silent = replace(site, notices={1: replace(old, content=content)})

    assert silent.kept == {1: {}}
    assert silent.kept_of_event(1, "signup") == {}
