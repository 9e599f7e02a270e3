"""A running demo and a real browser."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.waiting import PATIENCE

from .demo import Demo
from .site import Site

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

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that all tests share. Whoever stops one of its parts lets it go on again."""
    demo = Demo(tmp_path_factory.mktemp("demo")).start()
    yield demo
    assert demo.stop() == 0


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own, serving."""
    site = Site(tmp_path).start()
    yield site
    site.stop()


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


@pytest.fixture
def launch(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., BrowserContext]]:
    """Starts browsers with settings of their own."""
    kind = browser.browser_type
    opened: list[BrowserContext] = []

    def start(preferences: dict[str, Any] | None = None, **more: Any) -> BrowserContext:
        folder = tmp_path / f"profile{len(opened)}"
        (folder / "Default").mkdir(parents=True)
        (folder / "Default" / "Preferences").write_text(json.dumps(preferences or {}))
        args = [*FLAGS, *more.pop("args", [])]
        opened.append(kind.launch_persistent_context(folder, executable_path=chromium(), args=args, **more))
        return opened[-1]

    yield start
    for context in opened:
        context.close()


def chromium() -> str | None:
    """Return the path of the browser that tests drive; None means the one that Playwright brings."""
    return os.environ.get("GATEKEEPER_TEST_BROWSER", next(filter(None, map(shutil.which, NAMES)), "")) or None


@pytest.fixture
def bare_browser(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Opens an address in a browser that nothing steers: a steered one does not prerender."""
    running: list[subprocess.Popen[bytes]] = []

    def open_at(address: str) -> None:
        path = chromium()
        assert path, "no Chromium is installed"
        call = [path, "--headless=new", *FLAGS, f"--user-data-dir={tmp_path / 'bare'}", address]
        quiet = subprocess.DEVNULL
        running.append(subprocess.Popen(call, stdout=quiet, stderr=quiet, start_new_session=True))

    yield open_at
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
