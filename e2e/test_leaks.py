"""The wall, measured: a page that calls a third party in a hundred ways, and what still reaches it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from .leaks.site import LeakSite, Mode
from .leaks.vectors import VECTORS
from .leaks.visit import ALL, choose, read, visitor

ONCE = {vector.id for vector in VECTORS if vector.once}
#: What the parser finds in the document is on its way before any script can say no.
STATIC = {vector.id for vector in VECTORS if vector.static}
#: How many vectors may reach the tracker before a choice and after Reject.
LIMITS = {Mode.HEADER: 2, Mode.STRICT: 0, Mode.MARKED: 3, Mode.UNMARKED: 3}


@pytest.fixture
def leaks(tmp_path: Path) -> Iterator[LeakSite]:
    """The site with the leak page, serving."""
    site = LeakSite(tmp_path)
    site.start()
    yield site
    site.stop()


def test_the_page_has_at_least_sixty_ways_to_reach_a_third_party() -> None:
    assert len(ALL) == len(VECTORS)
    assert len(ALL) >= 60


def test_every_vector_fires_when_nothing_holds_it(browser: Browser, leaks: LeakSite, tmp_path: Path) -> None:
    with visitor(browser.browser_type, tmp_path / "profile") as context:
        read(context.new_page(), leaks, expected=ALL)

    assert ALL - leaks.tracker.hits.keys() == set()
    assert {vector for vector in ONCE if leaks.tracker.hits[vector] > 1} == set()


@pytest.mark.row("EU-01", "EU-17", "EU-18")
@pytest.mark.parametrize("mode", LIMITS)
def test_hardly_anything_leaks_before_a_choice_and_after_reject_and_all_fires_once_after_accept(
    browser: Browser, leaks: LeakSite, tmp_path: Path, mode: Mode
) -> None:
    leaks.mode = mode
    with visitor(browser.browser_type, tmp_path / "profile") as context:
        page = context.new_page()

        before = read(page, leaks)
        choose(page, leaks, "Reject")
        rejected = read(page, leaks)
        choose(page, leaks, "Accept")
        read(page, leaks, expected=ALL)
        accepted = leaks.tracker.hits.copy()

    told = STATIC if mode is Mode.UNMARKED else set()
    for reached in (before, rejected):
        assert len(reached - told) <= LIMITS[mode], sorted(reached - told)
    assert ALL - accepted.keys() == set()
    assert {vector for vector in ONCE if accepted[vector] > 1} == set()


def test_a_strict_site_still_links_out_by_way_of_an_address_of_its_own(page: Page, leaks: LeakSite) -> None:
    leaks.mode = Mode.STRICT
    page.goto(leaks.url("/links"))

    page.get_by_role("link").click()

    page.wait_for_url(f"http://{leaks.tracker.host}/**")


def test_a_page_of_its_own_runs_the_same_with_and_without_the_gate(
    browser: Browser, leaks: LeakSite, tmp_path: Path
) -> None:
    outcomes = {}
    for mode in Mode:
        leaks.mode = mode
        context = browser.new_context()
        page = context.new_page()
        page.goto(leaks.url("/own"))
        page.wait_for_function("finished")
        outcomes[mode] = page.evaluate("outcomes")
        context.close()

    assert {name for name, outcome in outcomes[Mode.NONE].items() if outcome != "ok"} == set()
    for mode in Mode:
        assert outcomes[mode] == outcomes[Mode.NONE], mode
