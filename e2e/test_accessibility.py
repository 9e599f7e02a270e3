"""Nothing that axe-core knows to be a barrier, in any state, on any screen; nothing that moves or loses the focus."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from . import states
from .site import Site

#: `make test` fetches it; `.ci/setup axe` does, too.
AXE = Path(__file__).parent.parent / ".venv" / ".cache" / "axe" / "axe.min.js"
DESK = {"width": 1280, "height": 800}
SMALL = {"width": 320, "height": 256}
#: What the browser is told of its visitor. At 400 %, a window of 1280 by 1024 has the room of a very small one.
SCREENS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": DESK},
    "small": {"viewport": SMALL},
    "400 %": {"viewport": SMALL, "device_scale_factor": 4},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "forced colours": {"viewport": DESK, "forced_colors": "active"},
    "still": {"viewport": DESK, "reduced_motion": "reduce"},
    "right to left": {"viewport": DESK},
}
#: Where most of us is seen; the other states are looked at on a desk alone.
EVERYWHERE = ("ask", "preferences", "saved", "refused", "placeholder", "choices", "declaration")
STATES = {**states.ON_PAGES, **states.OWN}
SEEN = [(state, screen) for state in STATES for screen in SCREENS if state in EVERYWHERE or screen == "desk"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that all of these tests look at, in two languages."""
    with states.asking_again(tmp_path_factory.mktemp("shop"), "en", "ar") as site:
        yield site


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds, best practices included: the rule, where, and why."""
    assert AXE.exists(), "axe-core is not there: `.ci/setup axe` fetches it"
    page.evaluate(AXE.read_text("utf-8"))
    asked = "{ iframes: false, resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }"
    found = page.evaluate(f"axe.run(document, {asked})")
    assert found["testEngine"]["name"] == "axe-core"
    return [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.row("A1", "A2", "A4", "A5", "A6", "A8", "A9")
@pytest.mark.parametrize(("state", "screen"), SEEN)
def test_no_barrier_is_found(shop: Site, browser: Browser, state: str, screen: str) -> None:
    context = browser.new_context(**SCREENS[screen])
    page = context.new_page()

    STATES[state](shop, page, "ar" if screen == "right to left" else "en")

    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that children use."""
    declared = {"languages": ["en", "ar"], "audience": "mixed"}
    site = Site(tmp_path_factory.mktemp("club"), declared=declared).start()
    yield site
    site.stop()


@pytest.mark.row("A1", "A2", "A4", "A5", "A6", "A8", "A9")
@pytest.mark.parametrize("screen", SCREENS)
def test_no_barrier_is_found_in_the_age_screen_nor_in_what_a_child_reads(
    club: Site, browser: Browser, screen: str
) -> None:
    context = browser.new_context(**SCREENS[screen])
    page = context.new_page()
    states.visit(club, page, "ar" if screen == "right to left" else "en")
    page.get_by_role("radio").first.wait_for()
    assert barriers(page) == []

    page.get_by_role("radio").first.check()
    page.locator(".gk").get_by_role("button").first.click()
    page.get_by_role("radio").first.wait_for(state="detached")
    page.locator(".gk h2").wait_for()

    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_a_barrier_would_be_found(shop: Site, page: Page) -> None:
    states.ask(shop, page, "en")

    page.evaluate("document.querySelector('.gk-ask button').textContent = ''")

    assert [found.split(":")[0] for found in barriers(page)] == ["button-name"]


@pytest.mark.row("A7")
@pytest.mark.parametrize("state", ["ask", "details", "saved", "placeholder"])
def test_nothing_moves_by_itself(shop: Site, page: Page, state: str) -> None:
    STATES[state](shop, page, "en")

    assert page.evaluate("document.getAnimations().length") == 0
    moving = page.evaluate(
        """() => [...document.querySelectorAll(".gk, .gk *, .gk-embed, .gk-embed *")]
            .map((node) => getComputedStyle(node))
            .filter(({ animationName, transitionDuration, scrollBehavior }) =>
                animationName !== "none" || transitionDuration !== "0s" || scrollBehavior !== "auto").length"""
    )
    assert moving == 0


@pytest.mark.row("A4", "A5")
def test_in_forced_colours_buttons_and_switches_keep_their_borders(shop: Site, browser: Browser) -> None:
    context = browser.new_context(viewport=DESK, forced_colors="active")
    page = context.new_page()

    states.details(shop, page, "en")

    buttons = page.locator(".gk button").evaluate_all(
        """(nodes) => nodes.map((node) => {
            const { borderTopStyle, borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(node);
            return [borderTopStyle, parseFloat(borderTopWidth) >= 1, borderTopColor !== backgroundColor];
        })"""
    )
    assert len(buttons) == 7
    assert {tuple(each) for each in buttons} == {("solid", True, True)}
    # The browser draws a native box in the visitor's own colours.
    switches = page.locator(".gk input").evaluate_all(
        """(nodes) => nodes.map((node) => [getComputedStyle(node).appearance, node.offsetWidth >= 24])"""
    )
    assert {tuple(each) for each in switches} == {("auto", True)}
    context.close()
