"""Requests from everywhere: where one comes from, and in which language, changes nothing about what is decided."""

from typing import Any

import pytest

from gatekeeper.web.service import Service

from .conftest import Browser, events_of

#: Addresses that databases place there, languages, and what proxies and networks say of a visitor's country.
PLACES = {
    "nowhere": {},
    "California": {"CF-IPCountry": "US", "CF-Region-Code": "CA", "Accept-Language": "en-US", "REMOTE_ADDR": "17.1.2.3"},
    "Texas": {"X-Country-Code": "US", "X-Region": "TX", "Accept-Language": "es-US", "REMOTE_ADDR": "12.1.2.3"},
    "Germany": {"CloudFront-Viewer-Country": "DE", "Accept-Language": "de", "REMOTE_ADDR": "2001:4dd0::1"},
    "Switzerland": {"X-AppEngine-Country": "CH", "Accept-Language": "rm", "REMOTE_ADDR": "194.1.2.3"},
    "Brazil": {"Fastly-Geo-Country": "BR", "Accept-Language": "pt-BR", "REMOTE_ADDR": "200.1.2.3"},
    "India": {"X-GeoIP-Country": "IN", "Accept-Language": "hi", "X-Forwarded-For": "103.1.2.3"},
    "China": {"GeoIP-Country-Code": "CN", "Accept-Language": "zh-CN", "Forwarded": "for=36.1.2.3"},
}
CHOICES = {
    "undecided": None,
    "refused": [],
    "analytics granted": ["analytics"],
    "all granted": ["functional", "analytics", "marketing"],
}


def decisions(browser: Browser, place: dict[str, str], **signals: str) -> dict[str, Any]:
    headers = {name: value for name, value in place.items() if name != "REMOTE_ADDR"}
    environ = {name: value for name, value in place.items() if name == "REMOTE_ADDR"}
    response = browser.post("/gk/shop/decide", headers={**headers, **signals}, json={}, environ_base=environ)
    found: dict[str, Any] = response.json["decisions"]
    return found


@pytest.mark.row("US-09")
@pytest.mark.parametrize("signals", [{}, {"Sec-GPC": "1"}, {"DNT": "1"}], ids=["no signal", "GPC", "DNT"])
@pytest.mark.parametrize("granted", CHOICES.values(), ids=CHOICES.keys())
def test_the_same_visitor_is_answered_alike_everywhere(
    browser: Browser, granted: list[str] | None, signals: dict[str, str]
) -> None:
    if granted is not None:
        browser.choose(*granted)

    found = {place: decisions(browser, told, **signals) for place, told in PLACES.items()}

    assert set(found["nowhere"]) > {"basket", "ad-pixel", "video"}
    assert all(decided == found["nowhere"] for decided in found.values()), found


@pytest.mark.row("US-01", "US-09")
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_browsers_opt_out_is_heeded_everywhere_and_logs_nothing(
    browser: Browser, service: Service, place: dict[str, str]
) -> None:
    browser.choose("functional", "analytics", "marketing")

    assert decisions(browser, place)["ad-pixel"] == {"allowed": True, "reason": "granted"}
    assert decisions(browser, place, **{"Sec-GPC": "1"})["ad-pixel"] == {"allowed": False, "reason": "signal"}
    headers = {name: value for name, value in place.items() if name != "REMOTE_ADDR"}
    browser.get("/gk/shop/b/ad-pixel.gif", headers={**headers, "Sec-GPC": "1"})
    assert [event.tracker for event in events_of(service, browser)] == []


@pytest.mark.row("US-01", "US-10")
def test_what_was_left_out_because_of_a_signal_stays_denied_when_the_signal_is_gone(
    browser: Browser, service: Service
) -> None:
    told = browser.post(
        "/gk/shop/choice",
        headers={"Sec-GPC": "1"},
        json={"granted": ["functional", "analytics"], "refused": ["marketing"], "notice": 1},
    )
    assert told.status_code == 200

    later = decisions(browser, PLACES["nowhere"])
    browser.get("/gk/shop/b/ad-pixel.gif")
    browser.get("/gk/shop/b/seen.gif")

    assert later["ad-pixel"] == {"allowed": False, "reason": "refused"}
    assert [event.tracker for event in events_of(service, browser)] == ["seen"]
