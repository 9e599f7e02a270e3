"""The check of a site's own pages: well where all is well, and an alarm within one run where a rule is broken."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.core.alerts import Limits, Round
from gatekeeper.core.rollups import What
from gatekeeper.core.rounds import Run, Visitor, read_runs
from gatekeeper.watching.rounds import check
from gatekeeper.watching.schedule import Schedule
from tests.watching.conftest import Hook, Letterbox, alerts, hook, letterbox

from .conftest import chromium
from .site import ADS, STATS, Site
from .visiting import all_tags

__all__ = ["alerts", "hook", "letterbox"]
#: Each of the four visitors waits on each of its pages until nothing more comes.
pytestmark = pytest.mark.timeout(300)

DAY = 86_400
ALWAYS = ("2000-01-01", "2100-01-01")
BEACON = "navigator.sendBeacon('%s')"


@pytest.fixture
def watched(site: Site, alerts: Any) -> Site:
    """A site whose front page has one tag of every kind, and settings that tell by mail and webhook."""
    site.page("/", all_tags(site))
    checked = Round((site.url("/"),), at="04:30")
    told = replace(alerts, limits={"shop": Limits()}, rounds={"shop": checked})
    site.service.config = replace(site.service.config, alerts=told, browser=chromium() or "")
    return site


def runs_of(site: Site, *pages: str) -> list[Run]:
    """Check some pages."""
    service = site.service
    rounds = {"shop": Round(tuple(site.url(page) for page in pages))}
    config = replace(service.config, alerts=replace(service.config.alerts, rounds=rounds))
    return check(config, service.published("shop").site, settle=0.3)


def look(site: Site, schedule: Schedule) -> None:
    """Let a day go by, and the watch look once."""
    site.ahead += DAY
    schedule.look()


@pytest.mark.row("US-05")
def test_a_page_that_holds_its_tags_passes(watched: Site) -> None:
    runs = runs_of(watched, "/")

    assert [run.visitor for run in runs] == list(Visitor)
    assert [run for run in runs if not run.passed] == []
    assert [list(run.did) for run in runs] == [
        ["opened the page"],
        ["opened the page", "pressed Reject all", "went on to the next page"],
        ["opened the page", "pressed Accept all", "went on to the next page", "withdrew", "went on to the next page"],
        ["opened the page", "pressed Accept all", "went on to the next page"],
    ]
    assert {"first", "picture", "frame"} <= set(watched.hits), "what was granted has fired"
    watched.store.settle()
    people, programs = (watched.store.by_day("shop", What.PAGE, *ALWAYS, bot=bot) for bot in (False, True))
    assert people == {}, "a check is no visitor"
    assert programs != {}


@pytest.mark.row("US-05")
def test_a_vendor_that_is_reached_after_a_refusal_is_told_within_one_run(
    watched: Site, letterbox: Letterbox, hook: Hook
) -> None:
    # Somebody pastes a pixel before the guard's line: nothing can hold it.
    watched.page("/", head=f'<img alt="" src="{watched.vendor(ADS, "/pixel.gif?id=42")}">')
    schedule = Schedule(watched.service, watched.now)

    look(watched, schedule)

    (mail,) = letterbox.mails
    assert mail["Subject"].strip() == "Test Shop: The check of your pages failed"
    assert f"{ADS}:{watched.port}/pixel.gif was asked" in mail.get_content()
    ((_, body),) = hook.posts
    (alarm,) = json.loads(body)["alarms"]
    assert (alarm["kind"], alarm["state"]) == ("check", "open")
    (kept,) = watched.store.alarms.checks("shop", limit=9)
    failed = {run.visitor: [fault.whose for fault in run.faults] for run in read_runs(kept.detail)}
    assert not kept.passed
    assert all("ads" in whose for whose in failed.values())
    assert "id=42" not in kept.detail, "no query is kept"

    watched.page("/", all_tags(watched))
    look(watched, schedule)

    later = [mail["Subject"].strip() for mail in letterbox.mails[1:]]
    assert [subject for subject in later if subject.startswith("Test Shop")] == [
        "Test Shop: Over: the check of your pages failed"
    ]
    assert [check.passed for check in watched.store.alarms.checks("shop", limit=9)] == [True, False]


@pytest.mark.row("US-05")
def test_a_tracker_that_is_called_necessary_by_mistake_is_found(watched: Site) -> None:
    mistake = {
        **watched.declared["trackers"]["own"],
        "kind": "script",
        "hosts": [f"{ADS}:{watched.port}"],
        "cookies": [],
    }
    watched.publish_again(trackers={**watched.declared["trackers"], "mistake": mistake})
    watched.page("/", f'<script src="{watched.vendor(ADS, "/ads.js")}"></script>')

    failed = [run for run in runs_of(watched, "/") if not run.passed]

    assert {run.visitor for run in failed} >= {Visitor.SILENT, Visitor.REJECTS, Visitor.WITHDRAWS}
    assert {fault.whose for run in failed for fault in run.faults} == {"ads"}


@pytest.mark.row("US-05")
def test_what_is_sent_when_a_page_is_left_is_found(watched: Site) -> None:
    # A frame of the site's own without the guard's line: what it sends at its end goes by nobody's leave.
    leaving = f"addEventListener('pagehide', () => {BEACON % watched.vendor(STATS, '/left')})"
    watched.pages["/inner"] = (
        f"<!doctype html><title>inner</title><script>{leaving};{BEACON % watched.vendor(STATS, '/in')}</script>"
    )
    watched.page("/", '<iframe title="inner" src="/inner"></iframe>')

    failed = [run for run in runs_of(watched, "/") if not run.passed]

    assert {run.visitor for run in failed} == set(Visitor)
    assert any("/in was asked after a withdrawal" in fault.what for run in failed for fault in run.faults)


@pytest.mark.row("US-05")
def test_what_is_kept_without_a_yes_is_found(watched: Site) -> None:
    watched.headers.append(("Set-Cookie", "visitor=1; Path=/"))

    silent, *others = runs_of(watched, "/")

    assert [fault.what for fault in silent.faults] == ["the cookie visitor was kept before any choice"]
    assert all(not run.passed for run in others)


def test_a_page_that_cannot_be_looked_at_is_not_well(watched: Site) -> None:
    watched.pages["/bare"] = "<!doctype html><title>bare</title>"

    missing, bare = ({run.trouble for run in runs_of(watched, page)} for page in ("/missing", "/bare"))

    assert {why.split(":")[0] for why in missing} == {"the page could not be opened"}
    assert bare == {"the guard is not on this page: put its script first in the <head>"}


TOML = """
[sites.shop]
name = "Test Shop"
origins = ["{origin}"]
controller = {{ name = "Test Shop Ltd", address = "1 Test Street", contact = "privacy@shop.test" }}

[sites.shop.vendors.adco]
name = "AdCo Inc"
country = "US"

[sites.shop.trackers.ads]
kind = "script"
purpose = "marketing"
vendor = "adco"
retention_days = 90
description = "Measures ads."
hosts = ["{ads}"]
marked = true
"""


@pytest.mark.row("US-05")
def test_the_command_shows_what_went_out_and_fails(watched: Site, tmp_path: Path) -> None:
    folder = tmp_path / "command"
    folder.mkdir()
    path = folder / "gatekeeper.toml"
    path.write_text(TOML.format(origin=watched.url(""), ads=f"{ADS}:{watched.port}"))
    (folder / "gatekeeper.keys").write_text("cNZ8p2vLr5XwT0aYq9JdHk4GmB7sEfU1\n")
    (folder / "gatekeeper.keys").chmod(0o600)
    watched.page("/", head=f'<img alt="" src="{watched.vendor(ADS, "/pixel.gif")}">')

    done = run_command(path, "check", "--live", "--site", "shop")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL  says nothing                     opened the page\n" in done.stdout
    assert f"          {ADS}:{watched.port}/pixel.gif was asked after a refusal (ads)\n" in done.stdout
    assert "What to do: " in done.stdout

    watched.page("/")
    done = run_command(path, "check", "--live")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing went out that may not" in done.stdout


def run_command(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GATEKEEPER_CONFIG": str(path), "GATEKEEPER_BROWSER": chromium() or ""}
    call = [sys.executable, "-m", "gatekeeper", *words]
    return subprocess.run(call, env=environment, capture_output=True, text=True, timeout=200, check=False)
