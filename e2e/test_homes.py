"""Where the script may come from: a foreign host, or a sub-domain of the same site."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.waiting import wait_until

from .site import Site
from .visiting import cookie, settle


@pytest.mark.row("CK-03")
def test_from_a_foreign_host_the_script_keeps_the_choice_and_tells_nobody(site: Site, page: Page) -> None:
    foreign = f"http://localhost:{site.port}/gk/shop/gatekeeper.js"
    page.goto(site.page("/", site.tag("analytics", "stats"), guard=foreign))

    page.get_by_role("button", name="Accept all").click()
    wait_until(lambda: site.hits == ["stats"])
    assert ".g." in (cookie(page.context) or "")
    page.get_by_role("button", name="Privacy choices").click()
    page.get_by_role("button", name="Withdraw everything").click()
    page.goto(site.url("/"))
    settle(page)

    assert ".w.0.0.-.0" in (cookie(page.context) or "")
    assert cookie(page.context, "gk_subject") is None
    assert site.hits == ["stats"]
    assert site.posts == []


@pytest.mark.row("CK-01")
def test_from_a_sub_domain_of_the_same_site_everything_works(
    tmp_path: Path, launch: Callable[..., BrowserContext]
) -> None:
    site = Site(tmp_path, host="www.shop.test")
    site.declared = {"scope": "domain", "domain": "shop.test"}
    site.start()
    try:
        context = launch(args=["--host-resolver-rules=MAP *.shop.test 127.0.0.1"])
        page = context.pages[0]
        guard = f"http://gk.shop.test:{site.port}/gk/shop/gatekeeper.js"
        page.goto(site.page("/", site.tag("analytics", "stats"), guard=guard))

        page.get_by_role("button", name="Accept all").click()
        wait_until(lambda: site.hits == ["stats"])
        wait_until(lambda: [event.kind for event in site.events(page)].count("view") == 1)
        held = {one["name"]: one["domain"] for one in context.cookies()}
        page.evaluate("gatekeeper.withdraw()")

        wait_until(lambda: ".w.0.0.-.0" in (cookie(context) or ""))
        assert held == {"gk_choice": ".shop.test", "gk_subject": ".shop.test"}
    finally:
        site.stop()
