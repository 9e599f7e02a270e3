"""Beacons: the same answer whatever is decided, logged only where it is granted."""

from collections.abc import Callable

import pytest

from gatekeeper.core.events import EventKind
from gatekeeper.store.contract import Total
from gatekeeper.web.beacons import PIXEL
from gatekeeper.web.service import Service

from .conftest import NOON, Browser, events_of


def answers(browser: Browser, tracker: str = "seen", **headers: str) -> tuple[int, list[tuple[str, str]], bytes]:
    response = browser.get(f"/gk/shop/b/{tracker}.gif", headers=headers)
    return response.status_code, sorted(response.headers.items()), response.data


def test_a_granted_beacon_is_logged_with_what_the_visit_log_holds(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    browser.get(
        "/gk/shop/b/seen.gif",
        headers={"Referer": "http://shop.test/tea/green?q=secret#top"},
        environ_base={"REMOTE_ADDR": "203.0.113.9"},
    )

    (event,) = events_of(service, browser)
    assert (event.kind, event.tracker, event.at) == (EventKind.BEACON, "seen", NOON)
    assert event.fields == {
        "path": "/tea/green",
        "browser": "Chrome 141",
        "system": "Linux",
        "device": "desktop",
        "language": "de-CH",
        "address": "203.0.113.9",
    }


def test_with_marketing_alone_nothing_of_the_visit_log_is_kept(browser: Browser, service: Service) -> None:
    browser.choose("marketing")

    browser.get("/gk/shop/b/ad-pixel.gif", headers={"Referer": "http://shop.test/tea"})
    browser.get("/gk/shop/b/seen.gif")

    (event,) = events_of(service, browser)
    assert event.tracker == "ad-pixel"
    assert event.fields == {}


@pytest.mark.row("SE-12")
def test_the_answer_is_the_same_bytes_and_headers_whatever_was_decided(new_browser: Callable[..., Browser]) -> None:
    undecided, refusing, granting = new_browser(), new_browser(), new_browser()
    refusing.choose()
    granting.choose("analytics", "marketing")

    given = {
        str(answers(browser, tracker, **headers))
        for browser in (undecided, refusing, granting)
        for tracker in ("seen", "ad-pixel", "no-such-tracker", "basket")
        for headers in ({}, {"Sec-GPC": "1"}, {"Sec-Purpose": "prefetch"})
    }

    assert len(given) == 1
    status, headers, body = answers(undecided)
    assert (status, body, len(body)) == (200, PIXEL, 43)
    assert "ETag" not in dict(headers)
    assert dict(headers)["Cache-Control"] == "no-store"


@pytest.mark.row("SIG-02")
@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}]
)
def test_a_prefetch_is_no_visit(browser: Browser, service: Service, headers: dict[str, str]) -> None:
    browser.choose("analytics")

    browser.get("/gk/shop/b/seen.gif", headers=headers)

    assert events_of(service, browser) == []


@pytest.mark.row("SIG-02")
def test_a_head_request_is_no_visit(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    response = browser.client.head("/gk/shop/b/seen.gif", base_url=browser.origin)

    assert (response.status_code, response.data) == (200, b"")
    assert events_of(service, browser) == []


@pytest.mark.row("GPC-01", "DNT-01")
@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Sec-GPC": "1"}, "signal"),
        ({"DNT": "1"}, "signal"),
        ({"Sec-GPC": "true"}, None),
        ({"Sec-GPC": "0, 1"}, "signal"),
    ],
)
def test_a_signal_denies_marketing_although_it_was_granted(
    browser: Browser, service: Service, headers: dict[str, str], reason: str | None
) -> None:
    browser.choose("marketing")

    browser.get("/gk/shop/b/ad-pixel.gif", headers=headers)

    hits = {total.reason for total in service.store.totals("shop") if total.what == "hit"}
    assert hits == ({reason} if reason else set())
    assert len(events_of(service, browser)) == (0 if reason else 1)


@pytest.mark.row("GPC-05")
def test_a_signal_erases_nothing(browser: Browser, service: Service) -> None:
    browser.choose("marketing")
    browser.get("/gk/shop/b/ad-pixel.gif")

    browser.get("/gk/shop/b/ad-pixel.gif", headers={"Sec-GPC": "1"})

    assert len(events_of(service, browser)) == 1


def test_a_lifted_signal_no_longer_denies(browser: Browser, service: Service) -> None:
    browser.choose("marketing", override=["marketing"])

    browser.get("/gk/shop/b/ad-pixel.gif", headers={"Sec-GPC": "1"})

    assert len(events_of(service, browser)) == 1


def test_what_is_denied_is_counted_by_reason_with_nobody_in_it(
    new_browser: Callable[..., Browser], service: Service
) -> None:
    refusing = new_browser()
    refusing.choose()

    new_browser().get("/gk/shop/b/seen.gif")
    refusing.get("/gk/shop/b/seen.gif")
    refusing.get("/gk/shop/b/made-up-name.gif")

    hits = {(total.name, total.reason) for total in service.store.totals("shop") if total.what == "hit"}
    assert hits == {("seen", "no_choice"), ("seen", "refused"), ("unknown", "fail_closed")}


def test_after_withdrawal_replayed_cookies_log_nothing(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    old = {name: browser.cookie(name) or "" for name in ("gk_choice", "gk_subject")}
    subject = service.subject_tokens.verify(old["gk_subject"]).subject
    browser.get("/gk/shop/b/seen.gif")
    browser.choose()

    for name, value in old.items():
        browser.client.set_cookie(name, value, domain="shop.test")
    browser.get("/gk/shop/b/seen.gif")

    assert len(service.store.events("shop", subject)) == 1
    assert service.store.totals("shop")[Total("shop", "2026-11-22", "hit", "seen", reason="withdrawn")] == 1


@pytest.mark.row("CK-04")
def test_a_subject_of_one_site_is_nobody_on_another(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    sealed = browser.cookie("gk_subject") or ""

    token = service.subject_tokens.verify(sealed)

    assert token.choice.split(".")[1] == "shop"
    assert service.store.events("other", token.subject) == []
