"""The numbers on the dashboard are those of what visitors did, as they were counted without it, in a real browser."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Template
from playwright.sync_api import Browser, BrowserContext, expect

from gatekeeper.assets import templates
from gatekeeper.demo import history
from gatekeeper.demo.prepare import prepare
from gatekeeper.demo.vendors import VENDORS
from tests.ports import free_port
from tests.waiting import wait_until

from .conftest import FLAGS, chromium
from .demo import Demo
from .desk import Cell, Desk, cell_of
from .tally import AGENT, LOG, OBJECTING, PURPOSES, VISIT, Tally, Visitor

ALL = PURPOSES
HOME, SHELF, KETTLE, ARTICLE, FLUSH = (
    "/",
    "/tea-and-kettles",
    "/tea-and-kettles/blue-kettle",
    "/journal/water-first",
    "/journal/what-a-flush-is",
)
TITLES = {"functional": "Extras", "analytics": "Visit log", "marketing": "Advertising"}


@dataclass
class Run:
    """A demo, somebody who looks at its dashboard, its visitors, and a tally of what they did.

    :param people: the browser from which they come.
    """

    demo: Demo
    desk: Desk
    people: Browser
    tally: Tally = field(default_factory=Tally)
    contexts: list[BrowserContext] = field(default_factory=list)

    def visitor(self, *, objects: bool = False) -> Visitor:
        """Return somebody who has never been here."""
        more = OBJECTING if objects else {}
        self.contexts.append(self.people.new_context(**more))
        return Visitor(self.demo, self.contexts[-1], self.tally, objects=objects)


@pytest.fixture(scope="module")
def people(browser: Browser) -> Iterator[Browser]:
    """A browser that does not say that it is driven by a test: machines are counted by themselves."""
    # A context's own name would not do: what is sent as a page is left goes by the browser's.
    people = browser.browser_type.launch(executable_path=chromium(), args=[*FLAGS, f"--user-agent={AGENT}"])
    yield people
    people.close()


@contextlib.contextmanager
def running(folder: Path, port: int, browser: Browser, people: Browser) -> Iterator[Run]:
    demo = Demo(folder, port).start()
    try:
        # Staff come first: to know a first browser takes long, and what visitors tell waits no longer than a second.
        run = Run(demo, Desk(browser, demo), people)
        yield run
        for context in (*run.contexts, run.desk.page.context):
            context.close()
    finally:
        ended = demo.stop()
    assert ended == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, browser: Browser, people: Browser) -> Iterator[Run]:
    """A shop in which all kinds of visitors have been."""
    folder, port = tmp_path_factory.mktemp("numbers"), free_port(3)
    write_registry(folder, port)
    with running(folder, port, browser, people) as run:
        accept_all_and_buy(run.visitor())
        allow_the_log(run.visitor())
        refuse(run.visitor())
        say_nothing(run.visitor())
        change_their_mind(run.visitor())
        accept_while_the_browser_objects(run.visitor(objects=True))
        yield run


def write_registry(folder: Path, port: int) -> None:
    """Write the demo's registry so that the banner asks for what clicks in the letter are counted for."""
    written = Template((templates("demo") / "gatekeeper.toml").read_text()).render(port=port)
    (folder / "gatekeeper.toml").write_text(written.replace('purpose = "mail_click"', 'purpose = "marketing"'))


def accept_all_and_buy(visitor: Visitor) -> None:
    visitor.read(HOME)
    visitor.answer("Accept all", *ALL)
    visitor.read(SHELF)
    visitor.read(ARTICLE)
    visitor.follow_letter()
    visitor.buy("two-cups", 32)
    visitor.leave()


def allow_the_log(visitor: Visitor) -> None:
    visitor.read(ARTICLE)
    visitor.allow(LOG, TITLES[LOG])
    visitor.read(KETTLE)
    visitor.follow_letter()
    visitor.buy("blue-kettle", 68)
    visitor.read(HOME)
    visitor.leave()


def refuse(visitor: Visitor) -> None:
    visitor.read(HOME)
    visitor.answer("Reject all")
    visitor.read(ARTICLE)
    visitor.follow_letter()
    visitor.buy("slow-pour", 93)
    visitor.leave()


def say_nothing(visitor: Visitor) -> None:
    for path in (HOME, KETTLE, "/privacy"):
        visitor.read(path)
    visitor.leave()


def change_their_mind(visitor: Visitor) -> None:
    visitor.read(HOME)
    visitor.answer("Accept all", *ALL)
    visitor.read(SHELF)
    visitor.withdraw()
    visitor.read(KETTLE)
    visitor.leave()


def accept_while_the_browser_objects(visitor: Visitor) -> None:
    visitor.read(FLUSH)
    visitor.answer("Accept all", *ALL)
    visitor.follow_letter()
    visitor.read(HOME)
    visitor.leave()


@pytest.fixture
def desk(run: Run) -> Desk:
    return run.desk


def comes_to(read: Callable[[], Any], expected: Any) -> None:
    """Check that a number on the screen is what it has to be, within a moment of what it counts."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: read() == expected)
    assert read() == expected


def test_choices_are_those_that_were_made(run: Run, desk: Desk) -> None:
    tally = run.tally
    states = ("Accepted all", "Accepted some", "Refused all", "Withdrawn")
    assert tally.choices == dict(zip(states, (2, 2, 1, 1), strict=True))

    comes_to(lambda: desk.column("/", "choices", "Now"), tally.choices)
    by_purpose = {
        TITLES[purpose]: {said.title(): tally.purposes[purpose, said] for said in ("granted", "refused", "withdrawn")}
        for purpose in PURPOSES
    }
    shown = desk.table("/", "choices-by-purpose")
    assert {name: {said: row[said] for said in by_purpose["Extras"]} for name, row in shown.items()} == by_purpose
    for name, row in shown.items():
        assert row["Granted, share"] == pytest.approx(_share(by_purpose[name]), abs=0.0005)
    today = max(desk.table("/", "choices-by-day"))
    assert desk.table("/", "choices-by-day")[today] == tally.choices
    assert desk.column("/", "choices-by-notice", "Granted") == {"Notice 1": 4}


def _share(said: dict[str, int]) -> float:
    return said["Granted"] / (said["Granted"] + said["Refused"])


def test_visits_pages_and_conversions_are_those_that_happened(run: Run, desk: Desk) -> None:
    tally = run.tally
    assert (tally.visits, tally.views.total(), len(tally.bought)) == (4, 23, 2)

    comes_to(lambda: desk.column("/visits", "pages", "Views"), tally.views)
    assert desk.column("/visits", "entries", "Visits") == tally.entries
    assert desk.column("/visits", "exits", "Visits") == tally.exits
    days = desk.table("/visits", "visits-by-day")
    assert days[max(days)] == {
        "Visits": tally.visits,
        "Visitors": tally.visits,
        "Of new visitors": tally.visits,
        "Of returning visitors": 0,
    }
    bought = desk.table("/", "conversions")["purchase"]
    assert (bought["Now"], bought["Currency"], bought["Value"]) == (len(tally.bought), "EUR", sum(tally.bought))
    assert desk.column("/visits", "link-clicks", "Clicks") == {"letter-link": tally.clicks}
    assert desk.column("/visits", "ads-viewed", "Views") == {"own-ad": tally.seen}


def test_every_tracker_did_what_its_vendor_received(run: Run, desk: Desk) -> None:
    expected = outcomes(run.tally)
    assert expected["tallyhouse"]["Loaded"] > 0
    assert expected["parley"]["Blocked"] > 0

    def shown() -> dict[str, dict[str, Cell]]:
        table = desk.table("/trackers", "trackers")
        return {name: {title: row[title] for title in _COUNTS} for name, row in table.items()}

    comes_to(shown, expected)
    blocked = desk.column("/trackers", "trackers-blocked", "Blocked")
    reasons = {why for _, why in run.tally.blocked}
    assert {_WHY[why]: sum(n for (_, one), n in run.tally.blocked.items() if one == why) for why in reasons} == blocked


_COUNTS = ("Released", "Requested", "Loaded", "Failed", "Blocked", "Slipped", "Hits", "Hits not logged")
#: What the reasons are called on the screen.
_WHY = {
    "no_choice": "Not answered",
    "refused": "Refused",
    "withdrawn": "Withdrawn",
    "signal": "Browser objects",
}


def outcomes(tally: Tally) -> dict[str, dict[str, int]]:
    """Return what has to stand on the screen for each tracker."""
    hits = {VISIT: tally.views.total(), "own-ad": tally.seen, "letter-link": tally.clicks}
    return {
        name: {
            "Released": tally.released[name],
            # Of two trackers with one host, nobody can tell whose request it is: it counts for the first.
            "Requested": tally.requested[name],
            "Loaded": tally.loaded[name],
            "Failed": tally.released[name] - tally.loaded[name],
            "Blocked": tally.blocked_of(name),
            "Slipped": 0,
            "Hits": hits.get(name, 0),
            "Hits not logged": tally.clicks_denied.total() if name == "letter-link" else 0,
        }
        for name in {*tally.trackers, "choice"}
    }


@pytest.mark.parametrize("tracker", ["tallyhouse", "adhive", "reelbox", "own-ad", "letter-link"])
def test_the_page_of_a_tracker_says_the_same(run: Run, desk: Desk, tracker: str) -> None:
    tally, path = run.tally, f"/trackers/{tracker}"
    expected = outcomes(tally)[tracker]
    asked = {title: n for title, n in expected.items() if not title.startswith("Hits")}
    if expected["Hits"]:
        asked["Hit"] = expected["Hits"]
    if expected["Hits not logged"]:
        asked["Hit, not logged"] = expected["Hits not logged"]

    comes_to(lambda: desk.column(path, "tracker-outcomes", "All"), asked)
    reasons = {why: n for (name, why), n in tally.blocked.items() if name == tracker}
    reasons |= tally.clicks_denied if tracker == "letter-link" else {}
    title = "Hits not logged" if tracker == "letter-link" else "Blocked"
    assert desk.column(path, "tracker-blocked", title) == {_WHY[why]: n for why, n in reasons.items()}
    days = desk.table(path, "tracker-by-day")
    assert days[max(days)] == expected


def test_the_overview_adds_it_all_up(run: Run, desk: Desk) -> None:
    tally = run.tally
    # The own ad is one thing that fires, though both the page and the picture's address tell of it.
    expected = {
        "Choices": tally.choices.total(),
        "Visits": tally.visits,
        "Visitors": tally.visits,
        "Page views": tally.views.total(),
        "Trackers fired": tally.loaded.total(),
        "Trackers blocked": tally.blocked.total() + tally.clicks_denied.total(),
        "Conversions": len(tally.bought),
    }

    def cards() -> dict[str, Cell]:
        found = desk.open().locator("li.card")
        names = found.get_by_role("heading").all_inner_texts()
        return dict(zip(names, map(cell_of, found.locator(".now").all_inner_texts()), strict=True))

    comes_to(lambda: {name: n for name, n in cards().items() if name in expected}, expected)


@pytest.mark.parametrize(
    ("path", "panel"),
    [("/trackers", "trackers"), ("/", "conversions"), ("/", "choices-by-purpose"), ("/visits", "entries")],
)
def test_a_file_and_the_api_have_the_numbers_of_the_screen(desk: Desk, token: str, path: str, panel: str) -> None:
    screen = desk.screen(path, panel)
    file = desk.file(path, panel)

    assert screen
    assert file == desk.ask(token, panel)
    assert len(screen) == len(file)
    for shown, told in zip(screen, file, strict=True):
        assert shown == [pytest.approx(cell, abs=0.0005) if isinstance(cell, float) else cell for cell in told]


@pytest.fixture(scope="module")
def token(run: Run) -> str:
    return run.desk.make_token()


def test_live_shows_at_once_what_those_do_who_agreed_and_nothing_of_the_others(run: Run, desk: Desk) -> None:
    refusing, agreeing = run.visitor(), run.visitor()
    refusing.read(HOME)
    refusing.answer("Reject all")
    agreeing.read(HOME)
    agreeing.answer("Accept all", *ALL)
    live = desk.open("/live")
    expect(live.get_by_role("status")).to_have_text("Waiting for what happens next.")
    happened = live.locator("#happenings")

    agreeing.read("/journal")
    expect(happened.get_by_role("row").filter(has_text="Page viewed").filter(has_text="/journal")).to_be_visible()
    with refusing.page.expect_response("**/gk/shop/events"):
        refusing.read("/journal/descaling")
    agreeing.read(SHELF)
    loaded = happened.get_by_role("row").filter(has_text="adhive").filter(has_text="loaded").filter(has_text=SHELF)

    expect(loaded.first).to_be_visible()
    expect(happened).not_to_contain_text("descaling")
    expect(happened).not_to_contain_text("refused")


@pytest.fixture
def open_for_a_week(
    tmp_path: Path, browser: Browser, people: Browser, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """A shop that has been open for some days, on which everything worked."""
    monkeypatch.setattr(history, "DAYS", 8)
    monkeypatch.setattr(history, "BROKEN", 0)
    port = free_port(3)
    prepare(tmp_path, port, history=True)
    with running(tmp_path, port, browser, people) as run:
        yield run


def test_changes_names_the_tag_that_broke_and_since_when(open_for_a_week: Run) -> None:
    run, desk = open_for_a_week, open_for_a_week.desk
    week = "/changes?days=7"
    before = " ".join(told(desk, week))
    assert "Conversions that" in before
    assert "failed to load" not in before
    assert broken(desk, week) == {}

    for _ in range(3):
        visit_where_tallyhouse_fails(run)

    today = max(desk.table(week, "change-days"))
    comes_to(lambda: broken(desk, week), {"tallyhouse": {"Why": "failed to load", "Since": today, "Until": today}})
    (words,) = (words for words in told(desk, week) if "failed to load" in words)
    assert "tallyhouse loaded on" in words
    assert f": failed to load, since {today}" in words


def broken(desk: Desk, path: str) -> dict[str, dict[str, Cell]]:
    """Return the trackers that failed, with what is said of them."""
    rows = desk.table(path, "change-trackers").items()
    asked = ("Why", "Since", "Until")
    return {name: {title: row[title] for title in asked} for name, row in rows if row["Why"] == "failed to load"}


def told(desk: Desk, path: str) -> list[str]:
    """Return what the page says in short."""
    return desk.open(path).get_by_role("region", name="In short").locator("p").all_inner_texts()


def visit_where_tallyhouse_fails(run: Run) -> None:
    """Accept all, and read a page, where the script of Tallyhouse cannot be had."""
    context = run.people.new_context()
    run.contexts.append(context)
    (vendor,) = (vendor for vendor in VENDORS if vendor.id == "tallyhouse")
    context.route(f"http://{vendor.address}:{run.demo.port + 2}/**", lambda route: route.abort())
    page = context.new_page()
    page.goto(run.demo.url(HOME))
    page.get_by_role("button", name="Accept all").click()
    page.wait_for_function("(window.demoRan || []).includes('halfways')")
    page.goto(run.demo.url(SHELF), wait_until="networkidle")
    page.goto("about:blank")
