"""A picture of every state in every look, to be looked at: below ``var/pictures``, which git ignores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from . import states
from .site import Site

FOLDER = Path(__file__).parent.parent / "var" / "pictures"
LOOKS: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "320-light": ((320, 640), {"color_scheme": "light"}),
    "320-dark": ((320, 640), {"color_scheme": "dark"}),
    "1280-light": ((1280, 800), {"color_scheme": "light"}),
    "1280-dark": ((1280, 800), {"color_scheme": "dark"}),
    "forced": ((1280, 800), {"color_scheme": "light", "forced_colors": "active"}),
}
OTHERS = [(tag, state) for tag in ("de", "ar", "ta", "ja", "fi") for state in ("ask", "preferences", "saved")]
SHOWN = [*(("en", state) for state in states.ON_PAGES), *OTHERS]
#: Whatever of ours stands over the page, or answers in it, and is not within the window.
OUTSIDE = """() => [...document.querySelectorAll(".gk, .gk-ask button")].filter((node) => {
    const { top, left, right, bottom } = node.getBoundingClientRect();
    return top < 0 || left < 0 || right > innerWidth || bottom > innerHeight;
}).map(({ className, textContent }) => className || textContent)"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tags = dict.fromkeys(tag for tag, _ in SHOWN)
    with states.asking_again(tmp_path_factory.mktemp("shop"), *tags) as site:
        yield site


def pictured(page: Page, name: str, look: str) -> list[str]:
    """Take a picture, and return what of ours is not all in it."""
    (width, height), media = LOOKS[look]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(**{"forced_colors": "none", **media})
    # Until it is laid out for that window: the room for the banner is measured anew.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.screenshot(path=FOLDER / f"{name}-{look}.png")
    outside: list[str] = page.evaluate(OUTSIDE)
    return outside


@pytest.mark.row("A6")
@pytest.mark.parametrize(("tag", "state"), SHOWN)
def test_every_state_is_pictured_and_within_the_window(shop: Site, browser: Browser, tag: str, state: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    context = browser.new_context()
    page = context.new_page()
    states.ON_PAGES[state](shop, page, tag)

    outside = {look: pictured(page, f"{tag}-{state}", look) for look in LOOKS}

    assert outside == {look: [] for look in LOOKS}
    context.close()
