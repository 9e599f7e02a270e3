"""The settings that the guard carries: enough to decide, the same for everyone, nothing about anyone."""

import json
from typing import Any

import pytest

from gatekeeper.core.guard import guard_settings, page_settings, tells_early
from gatekeeper.core.policy import DIRECTIVES

from .cases import choice_site, decision_sites, declare, read_table

SITES = decision_sites()
#: What a row of the log needs another purpose for, beside its own.
ASKS = {"search": "analytics", **dict.fromkeys(("source", "medium", "campaign", "target"), "marketing")}


def test_the_settings_of_a_site():
    table = {
        "name": "The Shop",
        "origins": ["https://shop.example"],
        "controller": {"name": "Shop Ltd", "address": "1 High Street", "contact": "privacy@shop.example"},
        "purposes": {"marketing": {"min_age": 16}},
        "vendors": {"adsoft": {"name": "Adsoft Inc", "country": "US"}},
        "trackers": {
            "pixel": {
                "kind": "beacon",
                "purpose": "marketing",
                "vendor": "adsoft",
                "retention_days": 30,
                "description": "Says that an ad was seen.",
                "hosts": ["px.adsoft.example", "*.adsoft.example"],
            }
        },
    }

    assert guard_settings(declare("shop", table)) == {
        "site": "shop",
        "notice": 0,
        "days": 180,
        "cookie": "__Host-gk_choice",
        "purposes": {
            "necessary": {"necessary": True},
            "functional": {"age": 18, "denied_by": ["dnt"]},
            "analytics": {"age": 18},
            "marketing": {"age": 16, "denied_by": ["dnt", "gpc"]},
            "mail_open": {"age": 18},
            "mail_click": {"age": 18},
        },
        "trackers": {
            "visit": {"purpose": "analytics"},
            "pixel": {
                "purpose": "marketing",
                "hosts": ["px.adsoft.example", "*.adsoft.example"],
            },
        },
        "notices": {},
        "gate": {"hosts": ["shop.example"], "policy": list(DIRECTIVES)},
    }


def test_each_notice_comes_with_its_own_lists():
    settings = guard_settings(SITES["grown"])

    assert settings["notice"] == 2
    assert set(settings["notices"]) == {"1", "2"}
    for no, notice in SITES["grown"].notices.items():
        assert settings["notices"][str(no)]["purposes"] == list(notice.purposes)
        assert settings["notices"][str(no)]["trackers"] == list(notice.trackers)


def test_a_notice_under_which_every_tracker_stands_for_itself_needs_no_more():
    assert "told" not in guard_settings(SITES["shop"])["notices"]["1"]
    assert "told" not in guard_settings(SITES["grown"])["notices"]["2"]


def test_an_old_notice_comes_with_what_it_told_of_each_tracker():
    assert guard_settings(SITES["grown"])["notices"]["1"]["told"] == {
        "visit": ["visit"],
        "pixel": ["pixel"],
        "shorter": ["shorter"],
        "video": ["video"],
        "duo-short": ["duo-short"],
        "duo-long": ["duo-long"],
        "video-list": ["video"],
        "duo-both": ["duo-short", "duo-long"],
        "duo-new": ["duo-long"],
    }


@pytest.mark.row("SE-12")
@pytest.mark.parametrize("name", sorted(SITES))
def test_the_settings_are_the_same_bytes_for_everyone(name: str):
    texts = {json.dumps(guard_settings(decision_sites()[name])) for _ in range(3)}

    assert len(texts) == 1


def test_the_domain_is_told_only_where_cookies_are_shared():
    table = {**read_table("choices")["site"]["history"][0], "origins": ["https://www.shop.example"]}
    shared = declare("shop", {**table, "scope": "domain", "domain": "shop.example"})

    assert page_settings(shared)["domain"] == "shop.example"
    assert guard_settings(shared)["cookie"] == "__Secure-gk_choice"
    assert page_settings(declare("shop", table))["domain"] == ""


def test_the_settings_hold_no_text_of_the_notice():
    text = json.dumps(guard_settings(choice_site()))

    assert "Adsoft" not in text
    assert "High Street" not in text


def test_the_gate_and_what_a_tracker_keeps_and_loads_are_told():
    row = {"kind": "script", "purpose": "marketing", "vendor": "self", "retention_days": 1, "description": "Does it."}
    table = {
        "name": "The Shop",
        "origins": ["https://shop.example"],
        "controller": {"name": "Shop Ltd", "address": "1 High Street", "contact": "privacy@shop.example"},
        "hosts": ["images.shop.example"],
        "gate": {"mode": "off", "on_grant": "reload", "no_reload": ["/pay*"], "tags_only": ["/checkout"]},
        "trackers": {
            "tag": {**row, "marked": True, "consent": "google", "cookies": [{"name": "_t*", "days": 1}]},
            "loaded": {**row, "hosts": ["loaded.example"]},
            "manager": {**row, "kind": "loader", "marked": True, "loads": ["loaded"]},
        },
    }

    site = declare("shop", table)
    settings = guard_settings(site)

    assert settings["gate"] == {
        "hosts": ["shop.example", "images.shop.example"],
        "policy": list(DIRECTIVES),
        "off": True,
        "tags_only": ["/checkout"],
    }
    assert settings["trackers"]["tag"] == {
        "purpose": "marketing",
        "keeps": ["_t*"],
        "marked": True,
    }
    assert settings["trackers"]["manager"]["loads"] == ["loaded"]
    assert page_settings(site) == {
        "attributes": "; Path=/; SameSite=Lax; Secure",
        "domain": "",
        "anonymous": False,
        "consents": {"tag": "google"},
        "gate": {"reload": True, "no_reload": ["/pay*"]},
        "log": {"asks": ASKS, "events": {}},
    }


def test_the_page_is_told_where_the_search_is_and_what_each_event_needs():
    table = {
        "name": "The Shop",
        "origins": ["https://shop.example"],
        "controller": {"name": "Shop Ltd", "address": "1 High Street", "contact": "privacy@shop.example"},
        "search": {"paths": ["/search*"], "parameters": ["q"]},
        "fields": {"campaign": "functional"},
        "events": {"lead": {"purpose": "marketing"}},
    }

    told = page_settings(declare("shop", table))["log"]

    assert told == {
        "asks": {**ASKS, **dict.fromkeys(("source", "medium", "campaign"), "functional")},
        "events": {"lead": "marketing"},
        "search": {"paths": ["/search*"], "parameters": ["q"]},
    }


@pytest.mark.parametrize(
    ("tag", "manager", "early"),
    [
        ({"marked": True}, {}, False),
        ({}, {}, True),
        ({}, {"marked": True, "loads": ["tag"]}, False),
        ({}, {"loads": ["tag"]}, True),
        ({}, {"marked": True, "loads": ["other"]}, True),
    ],
)
def test_a_vendor_is_told_early_where_its_tags_do_not_wait(
    tag: dict[str, Any], manager: dict[str, Any], early: bool
) -> None:
    row = {"kind": "script", "purpose": "marketing", "vendor": "self", "retention_days": 1, "description": "Does it."}
    table = {
        "name": "The Shop",
        "origins": ["https://shop.example"],
        "controller": {"name": "Shop Ltd", "address": "1 High Street", "contact": "privacy@shop.example"},
        "trackers": {
            "tag": {**row, "hosts": ["tag.example"], "consent": "meta", **tag},
            "other": {**row, "hosts": ["other.example"]},
        },
    }
    if manager:
        table["trackers"]["manager"] = {**row, "kind": "loader", "hosts": ["manager.example"], **manager}

    assert tells_early(declare("shop", table)) is early
