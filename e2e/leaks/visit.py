"""A visitor with a browser and a profile of their own, on the leak page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, BrowserType, Page

from ..conftest import FLAGS, chromium
from .site import BLANK, CHOOSE, LeakSite
from .vectors import SCRIPTED, VECTORS

ALL = {vector.id for vector in VECTORS}
#: How long it has to stay quiet until whatever would come has come, in seconds: several times what the slowest takes.
QUIET = 2.0
WITHIN = 60.0


@contextmanager
def visitor(kind: BrowserType, profile: Path) -> Iterator[BrowserContext]:
    """Start a browser with a profile that is kept: in a passing one Chromium connects ahead of time to nobody."""
    context = kind.launch_persistent_context(profile, executable_path=chromium(), args=list(FLAGS))
    yield context
    context.close()


def choose(page: Page, site: LeakSite, button: str) -> None:
    """Answer the banner by one of its buttons."""
    page.goto(site.url(CHOOSE))
    page.evaluate("gatekeeper.open()")
    with page.expect_response("**/gk/shop/choice"):
        page.get_by_role("dialog").get_by_role("button", name=re.compile(f"^{button}")).click()


def read(page: Page, site: LeakSite, *, expected: set[str] | None = None) -> set[str]:
    """Read the leak page and leave it; return the vectors that reached the tracker.

    :param expected: those to wait for; without, it waits until no more come.
    """
    tracker = site.tracker
    tracker.forget()
    page.goto(site.url("/"))
    assert page.evaluate("attempts") == len(SCRIPTED)
    if expected is None:
        tracker.wait_until_quiet(QUIET, WITHIN)
    else:
        tracker.wait_for(expected - {"pagehide"}, WITHIN)
    page.goto(site.url(BLANK))
    tracker.wait_for({"pagehide"}, WITHIN if expected else QUIET / 2)
    return set(tracker.reached)
