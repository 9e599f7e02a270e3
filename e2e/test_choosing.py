"""What a choice does: at once, though nobody hears of it, and for how long."""

import json

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.waiting import wait_until

from .site import Site
from .visiting import PURPOSES, all_tags, bodies, choose, cookie, ran, settle


@pytest.mark.row("EU-01")
def test_a_grant_that_the_server_does_not_commit_releases_nothing(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    site.mood = "busy"

    told = choose(page, *PURPOSES)

    settle(page)
    assert told.startswith("Error")
    assert page.context.cookies() == []
    assert (ran(page), site.hits) == ([], [])


@pytest.mark.row("EU-11")
@pytest.mark.parametrize("mood", ["busy", "gone"])
def test_a_refusal_holds_at_once_and_on_the_next_pages_and_reaches_the_server_later(
    site: Site, page: Page, mood: str
) -> None:
    page.goto(site.page("/", all_tags(site)))
    site.mood = mood

    in_the_click = page.evaluate("() => { gatekeeper.withdraw(); return document.cookie; }")

    assert ".rp.0.0.-.0" in in_the_click
    site.pages["/bare"] = "<title>bare</title>"
    page.goto(site.url("/bare"))
    assert ".rp.0.0.-.0" in (cookie(page.context) or "")
    site.mood = "well"
    page.goto(site.url("/"))
    wait_until(lambda: ".r.0.0.-.0" in (cookie(page.context) or ""))
    settle(page)
    expect(page.get_by_role("button", name="Reject all")).to_have_count(0)
    assert (ran(page), site.hits) == ([], [])
    refused = [total for total in site.store.totals("shop") if total.what == "choice"]
    assert [total.name for total in refused] == ["refused"]


def test_a_refusal_is_told_again_on_the_same_page_until_it_is_heard(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    site.mood = "busy"
    page.evaluate("gatekeeper.withdraw()")
    wait_until(lambda: bodies(site, "choice"))

    site.mood = "well"

    wait_until(lambda: ".r.0" in (cookie(page.context) or ""))
    assert len(bodies(site, "choice")) == 2


@pytest.mark.row("EU-07", "EU-08")
def test_a_withdrawal_holds_at_once_though_the_service_is_gone(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats")))
    choose(page, "analytics")
    wait_until(lambda: site.hits == ["stats"])
    site.mood = "gone"

    allowed = page.evaluate("() => { gatekeeper.withdraw(); return gatekeeper.allows('stats'); }")
    site.mood = "well"
    page.goto(site.url("/"))

    assert allowed is False
    wait_until(lambda: ".w.0.0.-.0" in (cookie(page.context) or ""))
    settle(page)
    assert cookie(page.context, "gk_subject") is None
    assert site.hits == ["stats"]


def test_a_refusal_after_a_slow_grant_wins(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    site.mood = "slow"

    page.get_by_role("button", name="Accept all").click()
    page.get_by_role("button", name="Reject all").click()
    site.mood = "well"

    settle(page)
    settle(page)
    page.goto(site.url("/"))
    wait_until(lambda: ".0.0.-.0" in (cookie(page.context) or ""))
    settle(page)
    assert (ran(page), site.hits) == ([], [])


@pytest.mark.row("CR-08")
def test_two_visitors_who_refuse_hold_the_same_bytes(site: Site, browser: Browser) -> None:
    address = site.page("/", all_tags(site))
    held = []
    for agent, language in (("One/1.0", "de"), ("Two/2.0", "fr")):
        context = browser.new_context(user_agent=agent, locale=language, extra_http_headers={"X-Canary": agent})
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Reject all").click()
        wait_until(lambda page=page: ".r." in (cookie(page.context) or ""))
        held.append([(one["name"], one["value"]) for one in context.cookies()])
        context.close()

    assert held[0] == held[1]
    assert len(held[0]) == 1
    assert {json.dumps(body) for body in bodies(site, "choice")} == {
        '{"notice": 1, "age_band": null, "objects": false}'
    }


def test_a_grant_for_an_old_notice_is_asked_again_and_then_holds(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats")))
    page.get_by_role("button", name="Accept all").wait_for()
    added = {**site.declared["trackers"], "late": {**site.declared["trackers"]["ads"], "vendor": "statly"}}
    site.publish_again(trackers=added)

    page.get_by_role("button", name="Accept all").click()
    settle(page)
    assert (cookie(page.context), site.hits) == (None, [])
    expect(page.get_by_role("button", name="Accept all")).to_have_count(1)
    page.get_by_role("button", name="Accept all").click()

    wait_until(lambda: (cookie(page.context) or "").startswith("1.shop.2."))
    wait_until(lambda: site.hits == ["stats"])


@pytest.mark.row("EU-19")
def test_a_new_recipient_is_held_and_asked_about_while_the_old_grant_goes_on(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, *PURPOSES)
    late = {**site.declared["trackers"]["ads"], "vendor": "statly", "hosts": [f"127.0.0.5:{site.port}"]}
    site.publish_again(trackers={**site.declared["trackers"], "late": late})

    tag = '<script type="text/plain" data-gk="marketing" data-gk-tracker="late">ran.push("late")</script>'
    # The browser may keep the old guard for five minutes; this page asks for it under another name.
    page.goto(site.page("/next", site.inline("marketing", "old") + tag, guard="/gk/shop/gatekeeper.js?new"))

    expect(page.get_by_role("button", name="Accept all")).to_be_visible()
    assert ran(page) == ["old"]
    assert page.evaluate("gatekeeper.decision('late')") == {"allowed": False, "reason": "stale_notice"}


@pytest.mark.row("EU-11")
@pytest.mark.parametrize("button", ["Accept all", "Reject all"])
def test_both_answers_hold_for_as_long_and_are_then_asked_again(site: Site, page: Page, button: str) -> None:
    page.clock.install(time="2026-11-22T10:00:00Z")
    site.ahead = page.evaluate("Date.now()") / 1000 - site.now()
    page.goto(site.page("/", ""))
    page.get_by_role("button", name=button).click()
    wait_until(lambda: cookie(page.context))
    value = cookie(page.context) or ""

    def asked_after(days: int) -> bool:
        page.context.add_cookies([{"name": "gk_choice", "value": value, "url": site.url("/")}])
        page.clock.set_system_time(f"2027-05-{21 + days}T10:00:00Z")
        page.goto(site.url("/"))
        page.get_by_role("button", name="Privacy choices").wait_for()
        settle_real(page)
        return page.get_by_role("button", name="Reject all").count() > 0

    assert [asked_after(days) for days in (0, 1)] == [False, True]


def settle_real(page: Page) -> None:
    """Wait in real time, for pages whose clock a test has set."""
    page.wait_for_load_state("networkidle")
