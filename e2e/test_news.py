"""A new notice: whoever has to agree to more is asked, all others are told in one line or not at all."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.waiting import wait_until

from .site import Site
from .test_banner import button, region

NEWS = "The privacy notice has changed."
MONTH = 31 * 86_400


def answered(site: Site, page: Page, name: str) -> None:
    page.goto(site.page("/", "<h1>Tea</h1>"))
    button(region(page), name).click()
    wait_until(lambda: any(cookie["name"] == "gk_choice" for cookie in page.context.cookies()))
    expect(page.get_by_role("status")).to_contain_text("Saved")


def later(site: Site, page: Page) -> None:
    """Go to a page that asks for the guard by another name: the browser may keep the old one for a minute."""
    page.goto(site.page("/later", "<h1>Tea</h1>", guard="/gk/shop/gatekeeper.js?later"))


def reworded(site: Site) -> None:
    """Publish a notice that says the same about everybody who receives anything."""
    site.publish_again(controller={**site.declared["controller"], "address": "2 New Street"})


def widened(site: Site) -> dict[str, Any]:
    """Publish a notice with a recipient more."""
    trackers = {**site.declared["trackers"], "heat": {**site.declared["trackers"]["stats"], "vendor": "heatco"}}
    vendors = {**site.declared["vendors"], "heatco": {"name": "HeatCo Ltd", "country": "GB"}}
    site.publish_again(trackers=trackers, vendors=vendors)
    return trackers


@pytest.mark.row("EU-11", "EU-19")
def test_other_words_ask_nobody_and_are_told_in_one_line_until_it_is_closed(site: Site, page: Page) -> None:
    answered(site, page, "Accept all")
    reworded(site)

    later(site, page)
    expect(page.get_by_role("status")).to_contain_text(NEWS)
    assert region(page).count() == 0
    address = page.get_by_role("link", name="What has changed").get_attribute("href") or ""
    assert address.startswith(site.url("/gk/shop/notice"))
    page.reload()
    expect(page.get_by_role("status")).to_contain_text(NEWS)

    button(page, "Close").click()
    page.reload()
    expect(button(page, "Privacy choices")).to_be_visible()
    assert page.get_by_text(NEWS).count() == 0


def test_who_refused_hears_nothing_of_it(site: Site, page: Page) -> None:
    answered(site, page, "Reject all")
    reworded(site)

    later(site, page)

    expect(button(page, "Privacy choices")).to_be_visible()
    assert (page.get_by_text(NEWS).count(), region(page).count()) == (0, 0)


def test_after_a_month_it_is_no_news(site: Site, page: Page) -> None:
    page.clock.install()
    answered(site, page, "Accept all")
    reworded(site)

    page.clock.set_system_time(site.now() + MONTH)
    later(site, page)

    expect(button(page, "Privacy choices")).to_be_visible()
    assert page.get_by_text(NEWS).count() == 0


@pytest.mark.row("EU-19")
def test_a_new_recipient_is_asked_about_and_named(site: Site, page: Page) -> None:
    answered(site, page, "Accept all")
    widened(site)

    later(site, page)

    expect(region(page)).to_contain_text("You have answered before")
    expect(region(page).get_by_role("listitem")).to_have_text(["New: HeatCo Ltd (United Kingdom), for: Visit log."])
