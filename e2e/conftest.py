"""A running demo and a real browser."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from .demo import Demo

#: Debian's Chromium, or another that is installed; without one, the one that `playwright install chromium` fetches.
#: GATEKEEPER_TEST_BROWSER names one by its path; `make test` sets it.
NAMES = ("chromium", "chromium-browser", "google-chrome")
#: No sandbox, as tests may run as root in a container; and no request of the browser's own.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that all tests share. Whoever stops one of its parts lets it go on again."""
    demo = Demo(tmp_path_factory.mktemp("demo")).start()
    yield demo
    assert demo.stop() == 0


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    path = os.environ.get("GATEKEEPER_TEST_BROWSER", next(filter(None, map(shutil.which, NAMES)), ""))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path or None, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who has never been anywhere."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """That visitor's first tab."""
    return context.new_page()
