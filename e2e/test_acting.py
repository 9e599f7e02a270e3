"""When a choice takes effect: a grant in place, on the next page or by reload; a withdrawal at once, and for good."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from .site import STATS, Site, wait_until
from .test_guard import choose, ran, settle

Start = Callable[..., Site]
KEPT = [{"name": "_stat*", "days": 30}]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a site whose statistics tracker is declared in a way of the test's own."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    sites: list[Site] = []

    def start(gate: dict[str, Any] | None = None, **changes: Any) -> Site:
        site = Site(tmp_path)
        trackers = site._table()["trackers"]
        site.declared = {"gate": gate or {}, "trackers": {**trackers, "stats": {**trackers["stats"], **changes}}}
        sites.append(site.start())
        return site

    yield start
    for site in sites:
        site.stop()


def form(site: Site) -> str:
    return f'<form method="post" action="/done"><input name="street">{site.tag("analytics", "stats")}</form>'


def test_a_granted_host_beyond_the_pages_policy_starts_on_the_next_page(start: Start, page: Page) -> None:
    site = start(marked=False)
    page.goto(site.page("/", site.tag("analytics", "stats")))

    choose(page, "analytics")
    settle(page)
    here = list(site.hits)
    page.goto(site.url("/"))

    assert here == []
    wait_until(lambda: ran(page) == ["stats"])


def test_by_reload_it_starts_at_once_and_the_campaign_survives(start: Start, page: Page) -> None:
    site = start({"on_grant": "reload"}, marked=False)
    site.page("/landing", site.tag("analytics", "stats"))
    outside = f"http://{STATS}:{site.port}/ad.html"
    page.goto(outside)
    page.evaluate("url => { location.href = url }", site.url("/landing?utm_campaign=spring"))
    page.wait_for_url("**/landing?utm_campaign=spring")

    page.get_by_role("button", name="Accept all").click()

    page.wait_for_function(
        "() => window.ran && ran.length === 1 && performance.getEntriesByType('navigation')[0].type === 'reload'"
    )
    assert page.url.endswith("/landing?utm_campaign=spring")
    assert site.asked.count("/landing?utm_campaign=spring") == 2


@pytest.mark.parametrize("gate", [{}, {"on_grant": "reload"}])
def test_a_half_filled_form_survives_every_mode(start: Start, page: Page, gate: dict[str, str]) -> None:
    site = start(gate, marked=False)
    page.goto(site.page("/", form(site)))
    page.locator("input").first.fill("1 High Street")

    page.get_by_role("button", name="Accept all").click()
    settle(page)

    assert page.locator("[name=street]").input_value() == "1 High Street"
    assert site.asked.count("/") == 1


def test_what_answered_a_form_is_not_loaded_again(start: Start, page: Page) -> None:
    site = start({"on_grant": "reload"}, marked=False)
    site.page("/done", site.tag("analytics", "stats"))
    page.goto(site.page("/", form(site)))
    page.locator("form").evaluate("form => form.submit()")
    page.wait_for_url("**/done")

    page.get_by_role("button", name="Accept all").click()
    settle(page)

    assert site.asked.count("/done") == 1


def test_a_path_that_is_never_reloaded_is_not(start: Start, page: Page) -> None:
    site = start({"on_grant": "reload", "no_reload": ["/pay*"]}, marked=False)
    page.goto(site.page("/pay/card", site.tag("analytics", "stats")))

    page.get_by_role("button", name="Accept all").click()
    settle(page)

    assert site.asked.count("/pay/card") == 1


def test_a_page_for_tags_alone_has_no_policy_and_holds_them_all_the_same(start: Start, page: Page) -> None:
    site = start({"tags_only": ["/checkout*"]}, marked=False)
    page.goto(site.page("/checkout", site.tag("analytics", "stats")))
    settle(page)
    before = list(site.hits)

    choose(page, "analytics")

    assert before == []
    assert page.locator("meta[http-equiv]").count() == 0
    wait_until(lambda: ran(page) == ["stats"])


@pytest.mark.row("EU-08")
def test_after_a_withdrawal_nothing_of_a_vendor_is_left_or_reached(
    start: Start, page: Page, context: BrowserContext
) -> None:
    site = start(cookies=KEPT)
    keeps = (
        "document.cookie = '_stat_id=1; path=/'; document.cookie = '_stat_deep=1; path=/a/';"
        "localStorage.setItem('_stat', 1); sessionStorage.setItem('_stat_s', 1); indexedDB.open('_stat_db');"
        "caches.open('_stat_c'); ran.push('kept')"
    )
    inline = f'<script type="text/plain" data-gk="analytics" data-gk-tracker="stats">{keeps}</script>'
    page.goto(site.page("/a/b", inline + site.tag("analytics", "stats")))
    choose(page, "analytics")
    wait_until(lambda: ran(page) == ["kept", "stats"])
    names = {cookie["name"] for cookie in context.cookies()}
    site.hits.clear()

    page.evaluate("gatekeeper.withdraw()")
    # What has run already cannot be stopped; but it reaches nobody any more.
    page.evaluate("url => { fetch(url, {mode: 'no-cors'}).catch(() => {}) }", site.vendor(STATS, "/late.gif"))
    settle(page)
    for path in ("/a/b", "/a/b?again", "/a/b?and-again"):
        page.goto(site.url(path))
        settle(page)

    assert names == {"gk_choice", "gk_subject", "_stat_id", "_stat_deep"}
    assert {cookie["name"] for cookie in context.cookies()} == {"gk_choice"}
    left = """async () => [
        Object.keys(localStorage), Object.keys(sessionStorage), await indexedDB.databases(), await caches.keys(),
    ]"""
    assert page.evaluate(left) == [[], [], [], []]
    assert site.hits == []
