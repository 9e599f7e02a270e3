"""Other tabs, pages out of the browser's caches, pages made ready unseen, and browsers that keep no cookies."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.waiting import wait_until

from .site import Site
from .visiting import all_tags, choose, cookies_of_a_grant, ran, settle, views


@pytest.mark.row("CK-07", "EU-07")
def test_a_withdrawal_reaches_the_other_tab(site: Site, context: BrowserContext) -> None:
    address = site.page("/", site.tag("analytics", "stats"))
    first, second = context.new_page(), context.new_page()
    first.goto(address)
    choose(first, "analytics")
    second.goto(address)
    wait_until(lambda: ran(second) == ["stats"])

    first.evaluate("gatekeeper.withdraw()")

    wait_until(lambda: second.evaluate("gatekeeper.decision('stats').reason") == "withdrawn")


def go_back(page: Page) -> None:
    """Go back to a page that the browser has kept as it was. It loads nothing, so there is no load to wait for."""
    page.evaluate("() => { setTimeout(() => history.back()); }")
    page.wait_for_function("window.restored === true")


@pytest.mark.row("CK-07")
def test_a_page_restored_from_the_back_forward_cache_knows_of_the_withdrawal(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch(ignore_default_args=["--disable-back-forward-cache"])
    page = context.pages[0]
    page.goto(site.page("/", site.tag("analytics", "stats")))
    choose(page, "analytics")
    wait_until(lambda: ran(page) == ["stats"])
    page.evaluate("window.addEventListener('pageshow', event => window.restored = event.persisted)")
    page.goto(site.page("/next", ""))
    page.evaluate("gatekeeper.withdraw()")

    go_back(page)
    assert page.evaluate("gatekeeper.decision('stats').reason") == "withdrawn"


@pytest.mark.row("CK-07")
def test_a_page_restored_from_the_back_forward_cache_is_viewed_again(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch(ignore_default_args=["--disable-back-forward-cache"])
    page = context.pages[0]
    page.goto(site.page("/", ""))
    choose(page, "analytics")
    page.evaluate("window.addEventListener('pageshow', event => window.restored = event.persisted)")
    page.goto(site.page("/next", ""))

    go_back(page)
    wait_until(lambda: views(site) == ["/", "/next", "/"])


@pytest.mark.row("SIG-02", "CK-07")
def test_a_prerendered_page_fires_and_tells_nothing_until_it_is_shown(
    site: Site, bare_browser: Callable[[str], None]
) -> None:
    site.headers.extend(("Set-Cookie", value) for value in cookies_of_a_grant(site, "analytics"))
    site.page("/next", site.tag("analytics", "stats") + "<script>fetch('/seen?' + document.prerendering)</script>")
    rules = '<script type="speculationrules">{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>'
    go = "<script>setInterval(async () => (await fetch('/go')).ok && (location = '/next'), 100)</script>"

    bare_browser(site.page("/", rules + go))
    wait_until(lambda: "/seen?true" in site.asked)
    wait_until(lambda: views(site) == ["/"])
    seen = len(site.asked)
    wait_until(lambda: len(site.asked) > seen + 15)  # a second and a half
    before = list(site.hits), views(site)
    site.pages["/go"] = "now"

    wait_until(lambda: site.hits == ["stats"])
    wait_until(lambda: views(site) == ["/", "/next"])
    assert before == ([], ["/"])
    assert "/seen?false" not in site.asked


@pytest.mark.row("CK-05")
def test_where_cookies_are_blocked_nothing_is_granted_and_a_tab_is_asked_once(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch({"profile": {"default_content_setting_values": {"cookies": 2}}})
    page = context.pages[0]
    page.goto(site.page("/", all_tags(site)))

    page.get_by_role("button", name="Accept all").click()
    expect(page.get_by_role("status")).to_contain_text("cannot be remembered")

    for path in ("/", "/next"):
        page.goto(site.page(path, all_tags(site)))
        settle(page)
        expect(page.get_by_role("button", name="Accept all")).to_have_count(0)
    assert (ran(page), site.hits) == ([], [])


@pytest.mark.row("CK-05")
def test_where_cookies_are_blocked_a_tab_is_asked_once_though_nobody_answers(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch({"profile": {"default_content_setting_values": {"cookies": 2}}})
    page = context.pages[0]
    page.goto(site.page("/", ""))
    page.get_by_role("button", name="Accept all").wait_for()

    page.goto(site.page("/next", ""))
    settle(page)

    expect(page.get_by_role("button", name="Accept all")).to_have_count(0)
