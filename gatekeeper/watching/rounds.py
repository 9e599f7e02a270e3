"""The check of a site's own pages: finds a browser, has it driven in a process of its own, and judges what was seen."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from gatekeeper.config import Config
from gatekeeper.core.errors import GatekeeperError
from gatekeeper.core.rounds import SETTLE, Plan, Run, Seen, judge, write_runs
from gatekeeper.core.sites import Site
from gatekeeper.store.books import LiveCheck

#: As packages install it.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: For one visitor on one page, and to start, in seconds.
_FOR_ONE = 150
_TO_START = 60
_PART = 10.0
#: What of the environment a browser gets: none of ours, where the keys stand.
_OURS = "GATEKEEPER_"


class NotChecked(GatekeeperError):
    """The pages could not be looked at; the message says why, and what to do."""


def why_not(config: Config) -> str:
    """Return why pages cannot be checked here; empty where they can."""
    if find_spec("playwright") is None:
        return "Playwright, which drives the browser, is not installed: pip install playwright"
    if config.browser and not os.access(config.browser, os.X_OK):
        return f"GATEKEEPER_BROWSER is {config.browser}, and no program is there: name a Chromium, or leave it out"
    if not _browser(config) and not _brought().exists():
        return "no Chromium was found: apt-get install chromium, or playwright install chromium"
    return ""


def _browser(config: Config) -> str:
    return config.browser or next(filter(None, map(shutil.which, NAMES)), "")


def _brought() -> Path:
    """Return where Playwright keeps the browsers that it brings."""
    return Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")


def check(
    config: Config, site: Site, *, settle: float = SETTLE, going_on: Callable[[], bool] = lambda: True
) -> list[Run]:
    """Send a browser over a site's pages, and say what was wrong.

    :param site: as it is published.
    :param settle: how long each page is waited for after it has loaded, in seconds.
    :param going_on: asked now and then; where it says no, the check is broken off.
    :raises NotChecked: it could not be done.
    """
    if reason := why_not(config):
        raise NotChecked(reason)
    # Chromium refuses its own sandbox to root.
    plan = Plan(config.alerts.rounds[site.id].pages, _browser(config), os.geteuid() != 0, settle)
    told = _drive(msgspec.json.encode(plan), _TO_START + _FOR_ONE * len(plan.pages) * 4, going_on)
    return judge(site, config.prefix, msgspec.json.decode(told, type=list[Seen]))


def outcome(site: Site, runs: list[Run], *, now: int) -> LiveCheck:
    """Return what is kept of a check."""
    return LiveCheck(site.id, now, all(run.passed for run in runs), write_runs(runs))


def _drive(plan: bytes, within: float, going_on: Callable[[], bool]) -> bytes:
    call = [sys.executable, "-m", "gatekeeper.watching.browser"]
    pipe = subprocess.PIPE
    # A group of its own: where it hangs, the browser goes with it.
    child = subprocess.Popen(  # noqa: S603  # our own module
        call, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment(os.environ), start_new_session=True
    )
    until = time.monotonic() + within
    given: bytes | None = plan
    while True:
        try:
            told, said = child.communicate(given, timeout=_PART)
            break
        except subprocess.TimeoutExpired:
            given = None
            if time.monotonic() < until and going_on():
                continue
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            raise NotChecked(f"the browser was not done after {within:.0f} s, and was ended") from None
    if child.returncode:
        raise NotChecked(_why(said.decode("utf-8", "replace")))
    return told


def _why(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it said nothing"
    if "sandbox" in said.lower():
        return f"Chromium's sandbox cannot start here ({last}): allow user namespaces, or check from another machine"
    return f"the browser could not be driven: {last}"


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}
