"""Visitors from everywhere, and browsers that object: the same rules, and an objection that outlives its signal."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.waiting import wait_until

from .site import Site
from .visiting import GPC, cookie, settle

PLACES: dict[str, dict[str, Any]] = {
    "California": {
        "locale": "en-US",
        "timezone_id": "America/Los_Angeles",
        "geolocation": {"latitude": 34.05, "longitude": -118.24},
    },
    "Germany": {
        "locale": "de-DE",
        "timezone_id": "Europe/Berlin",
        "geolocation": {"latitude": 52.52, "longitude": 13.4},
    },
    "Brazil": {
        "locale": "pt-BR",
        "timezone_id": "America/Sao_Paulo",
        "geolocation": {"latitude": -23.55, "longitude": -46.63},
    },
    "China": {
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
        "geolocation": {"latitude": 31.23, "longitude": 121.47},
    },
}
#: How browsers object, as they do it: by a property and a header together, or as far as one alone comes through.
OBJECTIONS = {
    "both": (GPC, {"Sec-GPC": "1"}),
    "property": (GPC, {}),
}


def decisions(site: Site, page: Page) -> dict[str, Any]:
    """Return what the guard decides about each tracker, and what the server does."""
    found: dict[str, Any] = page.evaluate(
        """async (trackers) => ({
            guard: trackers.map((id) => [id, gatekeeper.decision(id)]),
            server: await fetch("/gk/shop/decide", { method: "POST", body: "{}" }).then((answer) => answer.json()),
        })""",
        list(site.declared["trackers"]),
    )
    return found


@pytest.mark.row("US-01", "US-09")
@pytest.mark.parametrize("objects", [False, True], ids=["no signal", "GPC"])
def test_wherever_a_browser_is_the_same_is_asked_held_and_let_go(site: Site, browser: Browser, objects: bool) -> None:
    address = site.page("/", site.tag("analytics", "stats") + site.tag("marketing", "ads"))
    found = []
    for place in PLACES.values():
        context = browser.new_context(**place, permissions=["geolocation"])
        if objects:
            context.add_init_script(GPC)
            context.set_extra_http_headers({"Sec-GPC": "1"})
        page = context.new_page()
        page.goto(address)
        before = decisions(site, page)
        page.get_by_role("button", name="Accept all").click()
        wait_until(lambda context=context: cookie(context))
        settle(page)
        found.append((before, decisions(site, page), cookie(context), page.evaluate("ran")))
        context.close()

    assert [one for one in found if one != found[0]] == [], json.dumps(found)
    assert found[0][-1] == (["stats"] if objects else ["stats", "ads"])
    assert site.hits.count("ads") == (0 if objects else len(PLACES))


@pytest.mark.row("US-01", "US-10")
@pytest.mark.parametrize(("script", "headers"), OBJECTIONS.values(), ids=OBJECTIONS.keys())
def test_what_was_accepted_under_an_objection_leaves_it_standing_when_the_signal_is_gone(
    site: Site, browser: Browser, script: str, headers: dict[str, str]
) -> None:
    pixel = '<img alt="" data-gk="marketing" data-gk-tracker="ad-pixel" data-src="/gk/shop/b/ad-pixel.gif">'
    address = site.page("/", site.tag("analytics", "stats") + site.tag("marketing", "ads") + pixel)
    objecting = browser.new_context(extra_http_headers=headers)
    objecting.add_init_script(script)
    page = objecting.new_page()
    page.goto(address)
    page.get_by_role("button", name="Accept all").click()
    wait_until(lambda: page.evaluate("ran") == ["stats"])

    silent = browser.new_context()
    silent.add_cookies(objecting.cookies())  # the same browser, its objection switched off
    later = silent.new_page()
    later.goto(address)
    wait_until(lambda: later.evaluate("ran") == ["stats"])
    settle(later)

    told = decisions(site, later)
    refused = {"allowed": False, "reason": "refused"}
    assert later.evaluate("[navigator.globalPrivacyControl === true, gatekeeper.allows('marketing')]") == [False, False]
    assert dict(told["guard"])["ads"] == refused
    assert told["server"]["decisions"]["ads"] == refused
    assert "ads" not in site.hits
    assert [event for event in site.events(later) if event.kind == "beacon"] == []
    objecting.close()
    silent.close()
