"""Every page of the dashboard: nothing that axe-core knows to be a barrier, by keys alone, without JavaScript, small.

A picture of each is below ``var/pictures``, which git ignores, to be looked at.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gatekeeper.core.rounds import Fault, Run, Visitor, write_runs
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.store.books import Alarm, Draft, Entry, LiveCheck, Mark, MarkKind

from .office import EMAIL, NO_PAGES, NOBODY, OWNER, PAGES, PASSWORD, Office, Visited, load_charts, opened, routes, width
from .test_accessibility import barriers

FOLDER = Path(__file__).parent.parent / "var" / "pictures"
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 320, "height": 640}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light"},
}
#: What the first page may take, in bytes.
MOST = 150 * 1024
DAY = 86_400


@pytest.fixture(scope="module")
def visited() -> list[Visited]:
    """Whoever visited the shop, beside those of the days behind it."""
    return []


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, visited: list[Visited]) -> Iterator[Office]:
    """A dashboard on which every list has something in it."""
    with opened(tmp_path_factory.mktemp("office")) as office:
        visited.append(
            office.visit({"kind": "view", "path": "/search", "search": "assam"}, {"kind": "stay", "seconds": 9})
        )
        furnish(office)
        yield office


def furnish(office: Office) -> None:
    """Put into a store what its site has seen, and what its staff have done."""
    store, now = office.store, office.service.now()
    today = office.service.published("shop").site.day_of(now)
    page = office.service.published("shop").site.origins[0]
    store.alarms.raise_alarm(
        Alarm("shop", "silent", "tallyhouse", now - 9000, "tallyhouse loaded on 2 % of pages.", now)
    )
    store.alarms.raise_alarm(Alarm("shop", "host", "tags.example", now - 3 * DAY, "tags.example was seen first."))
    store.alarms.end_alarm("shop", "host", "tags.example", at=now - 2 * DAY)
    did = ("opened the page", "pressed Reject all")
    wrong = Fault("tags.example/t.js was asked after a refusal")
    runs = [Run(page, Visitor.SILENT, did[:1], ()), Run(page, Visitor.REJECTS, did, (wrong,), "the page did not end")]
    store.alarms.keep_check(LiveCheck("shop", now - DAY, False, write_runs(runs)))
    store.alarms.keep_check(LiveCheck("shop", now, True, write_runs(runs[:1])))
    store.see({Sighting("shop", today, Seen.SCRIPT, "tags.example", "/t.js"): 7})
    store.see({Sighting("shop", today, Seen.COOKIE, "_stray"): 2})
    store.marks.mark(Mark("shop", today, MarkKind.NOTE, "sale", "the sale was over", "Vera", now))
    entry = Entry(secrets.token_bytes(16), now, office.accounts[OWNER].id, "Vera", "shop", "draft.proposed", "a text")
    place = "trackers.tallyhouse.description"
    draft = Draft(secrets.token_bytes(16), "shop", place, "Counts visits.", "Counts visits and sales.", "Vera", now)
    store.drafts.propose(draft, entry)
    store.settle()


def test_every_page_is_listed() -> None:
    assert {leaf.route for leaf in PAGES.values()} - {""} | NO_PAGES == routes()


@pytest.mark.row("A1", "A2", "A4", "A5", "A6", "A8", "A9")
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_pictured_and_has_no_barrier(office: Office, browser: Browser, name: str, look: str) -> None:
    leaf = PAGES[name]
    with office.browse(browser, leaf.by, **LOOKS[look]) as context:
        page = context.new_page()
        page.goto(office.url(leaf.path))

        picture(page, name, look)

        assert found_on(page) == []


def found_on(page: Page) -> list[str]:
    """Return what is wrong with a page, also with what is folded up."""
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    page.evaluate("document.querySelectorAll('.switch').forEach((part) => { part.open = false; })")
    wide = width(page)
    return [*barriers(page), *([f"{wide} px wider than the window"] if wide else [])]


def picture(page: Page, name: str, look: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    load_charts(page)
    page.screenshot(path=FOLDER / f"dashboard-{name}-{look}.png", full_page=True)


def look_at_visitor(office: Office, page: Page, visited: Visited) -> None:
    page.goto(office.url("/dashboard/shop/visitor"))
    page.get_by_label("Receipt code").fill(visited.code)
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("heading", name="What was logged")).to_be_visible()


def look_for_nobody(office: Office, page: Page, visited: Visited) -> None:
    page.goto(office.url("/dashboard/shop/visitor"))
    page.get_by_label("Receipt code").fill("no such code")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("alert")).to_be_visible()


def invite(office: Office, page: Page, visited: Visited) -> None:
    page.goto(office.url("/dashboard/people"))
    page.get_by_label("E-mail address").fill(f"{secrets.token_hex(4)}@bluekettle.example")
    page.get_by_label("Every site").first.select_option("auditor")
    page.get_by_role("button", name="Open an account").click()
    expect(page.locator(".once")).to_be_visible()


def offer_factor(office: Office, page: Page, visited: Visited) -> None:
    page.goto(office.url("/dashboard/account"))
    form = page.locator("form", has=page.get_by_role("button", name="Begin"))
    form.get_by_label("Your password").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(page.locator(".qr")).to_be_visible()


def make_token(office: Office, page: Page, visited: Visited) -> None:
    page.goto(office.url("/dashboard/account"))
    form = page.locator("form", has=page.get_by_role("button", name="Make a token"))
    form.get_by_label("What it is for").fill("a warehouse")
    form.get_by_label("Your password").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(page.locator(".once")).to_be_visible()


def examine(office: Office, page: Page, visited: Visited) -> None:
    page.goto(office.url("/dashboard/shop/registry?examine=1"))
    expect(page.get_by_role("region", name="Findings")).to_be_visible()


def mistake_the_number(office: Office, page: Page, visited: Visited) -> None:
    page.goto(office.url("/dashboard/shop/trackers/tallyhouse?counted=many"))
    expect(page.get_by_role("alert")).to_be_visible()


#: What pages say once something was done on them.
DONE: dict[str, Callable[[Office, Page, Visited], None]] = {
    "visitor-found": look_at_visitor,
    "visitor-nobody": look_for_nobody,
    "people-invited": invite,
    "account-factor": offer_factor,
    "account-token": make_token,
    "registry-examined": examine,
    "tracker-mistaken": mistake_the_number,
}


@pytest.mark.row("A1", "A2", "A4", "A5", "A6", "A8", "A9")
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("done", DONE)
def test_what_pages_answer_has_no_barrier(
    office: Office, browser: Browser, visited: list[Visited], done: str, look: str
) -> None:
    with office.browse(browser, **LOOKS[look]) as context:
        page = context.new_page()
        DONE[done](office, page, visited[0])

        picture(page, done, look)

        assert found_on(page) == []


@pytest.mark.parametrize("media", ["screen", "print"])
def test_a_report_shows_its_tables_whole(office: Office, browser: Browser, media: Any) -> None:
    # A sheet of A4 with its margins has the room of so many pixels.
    with office.browse(browser, viewport={"width": 718, "height": 1000} if media == "print" else DESK) as context:
        page = context.new_page()
        page.emulate_media(media=media)
        page.goto(office.url(PAGES["report"].path))
        picture(page, "report", media)

        cut = page.locator(".scroll").evaluate_all(
            """(areas, paper) => areas
                .filter(({ scrollHeight, clientHeight, scrollWidth, clientWidth }) =>
                    scrollHeight > clientHeight || (paper && scrollWidth > clientWidth))
                .map((area) => area.getAttribute("aria-label"))""",
            media == "print",
        )
        assert page.locator(".scroll").count() > 20
        assert cut == []
        assert width(page) == 0


# --- by keys alone


#: Where the focus is: what has it, and whether that can be seen.
_FOCUS = """() => {
    const held = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(held);
    const { top, bottom, left, right, width, height } = held.getBoundingClientRect();
    const within = top < innerHeight && bottom > 0 && left < innerWidth && right > 0 && width > 1 && height > 1;
    return {
        what: held.outerHTML.slice(0, 120),
        seen: held === document.body || (within && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2),
    };
}"""


class Keys:
    """Somebody with a keyboard and nothing else. They see where they are, or it fails."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def go_to(self, what: Any) -> None:
        """Press Tab until something has the focus."""
        element = what.element_handle()
        for _ in range(250):
            if element.evaluate("(element) => element === document.activeElement"):
                return
            self.press("Tab")
        pytest.fail(f"{what} is out of reach")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        if key == "Tab":
            held = self.page.evaluate(_FOCUS)
            assert held["seen"], f"the focus is not seen on {held['what']}"

    def follow(self, what: Any) -> None:
        """Go to a link or a button and press it."""
        self.go_to(what)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, label: str, text: str) -> None:
        self.go_to(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(text)


@pytest.mark.row("A2", "A3")
def test_all_is_done_without_a_mouse(office: Office, browser: Browser) -> None:
    with office.browse(browser, NOBODY, viewport=DESK) as context:
        page = context.new_page()
        keys = Keys(page)
        page.goto(office.url("/dashboard/"))
        keys.write("E-mail address", EMAIL)
        keys.write("Password", PASSWORD)
        keys.follow(page.get_by_role("button", name="Sign in"))
        expect(page).to_have_url(office.url("/dashboard/shop/"))

        keys.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        for place in ("Trackers", "Visits", "Changes", "Alarms", "Live", "Registry", "Overview"):
            page.reload()
            keys.follow(page.get_by_role("navigation", name="Pages").get_by_role("link", name=place))
            current = page.get_by_role("navigation", name="Pages").locator("[aria-current=page]")
            expect(current).to_have_text(place)

        keys.follow(page.get_by_role("navigation", name="Days").get_by_role("link", name="90 days"))
        expect(page.get_by_role("link", name="90 days")).to_have_attribute("aria-current", "true")
        table = page.get_by_role("group", name="Choices by day: numbers")
        expect(table).to_be_hidden()
        keys.go_to(page.locator("#choices-by-day summary"))
        page.keyboard.press("Enter")
        expect(table).to_be_visible()
        keys.press("Tab")
        expect(table).to_be_focused()
        before = table.evaluate("(area) => area.scrollTop")
        page.keyboard.press("End")
        page.wait_for_function("([area, before]) => area.scrollTop > before", arg=[table.element_handle(), before])

        keys.follow(page.get_by_role("button", name="Sign out"))
        expect(page).to_have_url(office.url("/sign-in"))
        page.goto(office.url("/dashboard/"))
        expect(page.get_by_label("Password")).to_be_visible()


@pytest.mark.row("A2", "A3")
@pytest.mark.parametrize("name", PAGES)
def test_the_focus_is_seen_wherever_it_goes(office: Office, browser: Browser, name: str) -> None:
    leaf = PAGES[name]
    with office.browse(browser, leaf.by, viewport=PHONE) as context:
        page = context.new_page()
        page.goto(office.url(leaf.path))
        stops = page.evaluate("() => [...document.querySelectorAll('a, button, summary')].length")
        keys = Keys(page)
        for _ in range(min(stops, 60)):
            keys.press("Tab")


# --- without JavaScript


@pytest.mark.row("A12")
@pytest.mark.parametrize("name", [name for name in PAGES if name != "live"])
def test_every_page_works_without_javascript(office: Office, browser: Browser, name: str) -> None:
    leaf = PAGES[name]
    with office.browse(browser, leaf.by, viewport=DESK) as context:
        page = context.new_page()
        page.goto(office.url(leaf.path))
        with_it = page.locator("main").inner_text()
    with office.browse(browser, leaf.by, viewport=DESK, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(office.url(leaf.path))

        assert page.locator("main").inner_text().split() == with_it.split()
        assert page.locator("script").count() == 0


@pytest.mark.row("A12")
def test_without_javascript_somebody_signs_in_looks_around_and_signs_out(office: Office, browser: Browser) -> None:
    with office.browse(browser, NOBODY, viewport=DESK, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(office.url("/dashboard/shop/visits"))
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(office.url("/dashboard/shop/visits"))

        page.get_by_role("link", name="90 days").click()
        expect(page.get_by_role("link", name="90 days")).to_have_attribute("aria-current", "true")
        page.locator("#visits-by-day summary").click()
        expect(page.get_by_role("group", name="Visits and visitors: numbers")).to_be_visible()
        page.get_by_role("link", name="Live").click()
        expect(page.locator("noscript p")).to_be_visible()  # looking for its text passes such elements over
        expect(page.locator("#controls")).to_be_hidden()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(office.url("/sign-in"))


# --- how much it takes


def test_the_first_page_takes_little(office: Office, browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    with office.browse(browser, viewport=DESK) as context:
        page = context.new_page()
        took: Counter[str] = Counter()
        names: dict[str, str] = {}
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.responseReceived", lambda told: names.update({told["requestId"]: told["type"]}))
        session.on(
            "Network.loadingFinished",
            lambda told: took.update({names.get(told["requestId"], ""): told["encodedDataLength"]}),
        )
        page.goto(office.url("/dashboard/"), wait_until="load")
        loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        load_charts(page)  # also those that nobody scrolls to

        charts = page.locator("img.chart").count()
        with capsys.disabled():
            print(f"\nThe first page: {sum(took.values()) / 1024:.0f} KB, loaded after {loaded:.0f} ms: {dict(took)}")
        assert charts > 5
        assert took["Image"] > 0
        assert sum(took.values()) <= MOST
