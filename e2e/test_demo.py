"""The whole path in a real browser: what a visitor chooses in the demo shop decides what fires."""

import contextlib
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from gatekeeper.core.events import Event
from gatekeeper.core.tokens import SubjectTokens
from gatekeeper.demo.vendors import VENDORS
from gatekeeper.store.engines import open_store
from tests.waiting import wait_until

from .demo import Demo

#: Pages with all kinds of tags between them.
HOME, KETTLE, ARTICLE = PAGES = ("/", "/tea-and-kettles/blue-kettle", "/journal/water-first")
IDLE = 10_000  # milliseconds
TEXT_WITHIN = 1_500  # milliseconds

#: What a page keeps in the browser besides cookies.
STORAGE = """async () => ({
  local: Object.keys(localStorage),
  session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(({name}) => name),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
})"""
NOTHING = {"local": [], "session": [], "databases": [], "caches": [], "workers": 0}

#: The marked tags of a page in document order: tracker, kind of element, and address, if it has one.
TAGS = """() => [...document.querySelectorAll("[data-gk]")].map((tag) =>
  [tag.dataset.gkTracker, tag.localName, tag.dataset.src ? new URL(tag.dataset.src, location).href : ""])"""
RAN = "() => window.demoRan || []"


class Traffic:
    """Every request that a visitor's pages send."""

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[Request] = []
        context.on("request", lambda request: self.requests.append(request))

    @property
    def hosts(self) -> set[str]:
        return {urlsplit(request.url).netloc for request in self.requests}

    @property
    def addresses(self) -> Counter[str]:
        return Counter(request.url for request in self.requests)


def read_on(page: Page, demo: Demo) -> None:
    """Look around as a visitor does who pays the banner no heed: wait, scroll, follow links of the shop."""
    page.goto(demo.url(HOME))
    page.mouse.wheel(0, 1_500)
    page.wait_for_timeout(IDLE)
    page.get_by_role("navigation").get_by_role("link", name="Journal").click()
    page.get_by_role("link", name="Water first").click()
    expect(page.get_by_role("heading", name="Water first")).to_be_visible()
    page.mouse.wheel(0, 1_500)
    page.goto(demo.url(KETTLE))
    page.mouse.wheel(0, 1_500)
    page.wait_for_load_state("networkidle")


def accept(page: Page) -> None:
    with page.expect_response("**/gk/shop/choice") as answer:
        page.get_by_role("button", name=re.compile("^Accept")).click()
    assert answer.value.status == 200


def reject(page: Page) -> None:
    with page.expect_response("**/gk/shop/choice") as answer:
        page.get_by_role("button", name=re.compile("^Reject")).click()
    assert answer.value.status == 200


def grant(page: Page, purposes: list[str]) -> None:
    """Grant some purposes by a click of the visitor's own, through the public interface."""
    page.evaluate(
        """(granted) => document.querySelector(".brand").addEventListener("click", (event) => {
          event.preventDefault();
          gatekeeper.choose({granted, method: "save", language: "en"});
        }, {once: true, capture: true})""",
        purposes,
    )
    with page.expect_response("**/gk/shop/choice") as answer:
        page.locator("header .brand").click()
    assert answer.value.status == 200


def cookies(context: BrowserContext) -> dict[str, str]:
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def settle(page: Page, tags: list[Any]) -> None:
    """Wait until every script among the tags has run, and the network has been quiet for half a second."""
    scripts = sum(kind == "script" for _, kind, _ in tags)
    page.wait_for_function(f"({RAN})().length >= {scripts}")
    page.wait_for_load_state("networkidle")


# Nothing fires without a yes.


@pytest.mark.row("EU-01")
def test_before_a_choice_nothing_leaves_and_nothing_is_kept(demo: Demo, context: BrowserContext, page: Page) -> None:
    demo.reset()
    traffic = Traffic(context)

    read_on(page, demo)

    assert traffic.hosts == {demo.host}
    assert cookies(context) == {}
    assert page.evaluate(STORAGE) == NOTHING
    assert page.evaluate(RAN) == []
    assert demo.received() == []


@pytest.mark.row("EU-01")
def test_after_reject_nothing_leaves_and_only_the_choice_is_kept(
    demo: Demo, context: BrowserContext, page: Page
) -> None:
    demo.reset()
    traffic = Traffic(context)
    page.goto(demo.url(HOME))

    reject(page)
    read_on(page, demo)

    assert traffic.hosts == {demo.host}
    assert cookies(context).keys() == {"gk_choice"}
    assert page.evaluate(STORAGE) == NOTHING
    assert page.evaluate(RAN) == []
    assert demo.received() == []


def test_with_javascript_off_nothing_fires_and_the_choices_are_a_plain_form(demo: Demo, page: Page) -> None:
    demo.reset()
    context = page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    plain = context.new_page()
    traffic = Traffic(context)

    plain.goto(demo.url(ARTICLE))
    plain.get_by_role("link", name="Privacy choices, without JavaScript").click()

    expect(plain.get_by_role("button").first).to_be_visible()
    assert traffic.hosts == {demo.host}
    assert cookies(context) == {}
    context.close()


# A Gatekeeper that is gone or hangs.


@contextlib.contextmanager
def killed(demo: Demo) -> Iterator[None]:
    demo.signal("gatekeeper", signal.SIGKILL)
    demo.wait_for("Gatekeeper is gone")
    yield


@contextlib.contextmanager
def hanging(demo: Demo) -> Iterator[None]:
    demo.signal("gatekeeper", signal.SIGSTOP)
    try:
        yield
    finally:
        demo.signal("gatekeeper", signal.SIGCONT)


@pytest.fixture
def own_demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo whose parts may be broken for good."""
    demo = Demo(tmp_path).start()
    yield demo
    assert demo.stop() == 0


@pytest.mark.row("EU-01", "SE-19")
@pytest.mark.parametrize("broken", [killed, hanging])
def test_a_broken_gatekeeper_costs_a_page_little_and_nothing_fires(
    own_demo: Demo, context: BrowserContext, page: Page, broken: Any
) -> None:
    traffic = Traffic(context)

    with broken(own_demo):
        for path in PAGES:
            page.goto(own_demo.url(path))
            assert page.evaluate(_TEXT_PAINTED) <= TEXT_WITHIN
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        read_on(page, own_demo)

        assert traffic.hosts == {own_demo.host}
        assert cookies(context) == {}
        assert page.evaluate(STORAGE) == NOTHING
        assert own_demo.received() == []


_TEXT_PAINTED = """() => new Promise((resolve) => new PerformanceObserver((list) => {
  for (const {name, startTime} of list.getEntries()) if (name === "first-contentful-paint") resolve(startTime);
}).observe({type: "paint", buffered: true}))"""


@pytest.mark.row("EU-01", "SE-19")
def test_a_refusal_holds_on_later_pages_while_gatekeeper_hangs(demo: Demo, context: BrowserContext, page: Page) -> None:
    page.goto(demo.url(HOME))
    reject(page)
    demo.reset()
    traffic = Traffic(context)

    with hanging(demo):
        for path in PAGES:
            page.goto(demo.url(path))
            assert page.evaluate(_TEXT_PAINTED) <= TEXT_WITHIN

        assert traffic.hosts == {demo.host}
        assert cookies(context).keys() == {"gk_choice"}
        assert demo.received() == []


# After a yes, what was allowed fires, once, in order, and nothing else.


@pytest.mark.row("EU-05")
@pytest.mark.parametrize("path", PAGES)
def test_accept_runs_every_tag_in_place_once_and_in_order(
    demo: Demo, context: BrowserContext, page: Page, path: str
) -> None:
    page.goto(demo.url(path))
    tags = page.evaluate(TAGS)
    traffic = Traffic(context)

    accept(page)
    settle(page, tags)

    assert page.evaluate(RAN) == [tracker for tracker, kind, _ in tags if kind == "script"]
    assert {address: traffic.addresses[address] for _, _, address in tags if address} == {
        address: 1 for _, _, address in tags if address
    }


@pytest.mark.row("EU-05")
def test_on_later_pages_every_tag_runs_once_and_in_order(demo: Demo, context: BrowserContext, page: Page) -> None:
    page.goto(demo.url(HOME))
    accept(page)
    visitor = context.browser.new_context()  # type: ignore[union-attr]
    untouched = visitor.new_page()

    for path in (ARTICLE, KETTLE, HOME):
        untouched.goto(demo.url(path))
        tags = untouched.evaluate(TAGS)
        traffic = Traffic(context)
        page.goto(demo.url(path))
        settle(page, tags)

        assert page.evaluate(RAN) == [tracker for tracker, kind, _ in tags if kind == "script"]
        assert all(traffic.addresses[address] == 1 for _, _, address in tags if address)
    visitor.close()


@pytest.mark.row("EU-05")
@pytest.mark.parametrize(
    "purposes", [["analytics"], ["functional"], ["functional", "marketing"]], ids=lambda some: "+".join(some)
)
def test_exactly_what_was_granted_fires(demo: Demo, page: Page, purposes: list[str]) -> None:
    demo.reset()
    page.goto(demo.url(HOME))

    grant(page, purposes)
    for path in PAGES:
        page.goto(demo.url(path))
        page.wait_for_load_state("networkidle")

    assert demo.receivers().keys() == {vendor.id for vendor in VENDORS if vendor.purpose in purposes}


def test_after_accept_the_log_has_the_page_views(demo: Demo, page: Page) -> None:
    page.goto(demo.url(HOME))
    accept(page)
    page.goto(demo.url(KETTLE))
    page.goto(demo.url("/search?q=malt"))
    page.goto(demo.url("/privacy"))

    views = logged_views(demo, page, count=4)

    assert [event.fields["path"] for event in views] == ["/", KETTLE, "/search", "/privacy"]
    for event in views:
        assert time.time() - 60 < event.at <= time.time()
        assert "Chrom" in event.fields["browser"]
        assert event.fields["language"] == page.evaluate("navigator.language")
        assert event.fields["address"] == "127.0.0.1"
        assert "malt" not in event.fields["path"]
    assert [event.fields.get("search") for event in views] == [None, None, "malt", None]


def logged_views(demo: Demo, page: Page, count: int) -> list[Event]:
    """Return the page views logged of a visitor, once there are as many; the guard sends them in batches."""
    subject = SubjectTokens(demo.keys).verify(cookies(page.context)["gk_subject"]).subject
    with contextlib.closing(open_store(f"sqlite:///{demo.folder / 'gatekeeper.db'}")) as store:

        def views() -> list[Event]:
            return [event for event in store.events("shop", subject) if event.kind == "view"]

        wait_until(lambda: len(views()) >= count, pause=lambda seconds: page.wait_for_timeout(seconds * 1000))
        return views()


# What the shop shows.


def test_the_shop_shows_who_received_what(demo: Demo, page: Page) -> None:
    demo.reset()
    page.goto(demo.url(HOME))
    grant(page, ["analytics"])
    wait_until(lambda: demo.receivers()["tallyhouse"])
    page.goto("about:blank")  # what the home page still asks for is not the next one's
    traffic = Traffic(page.context)

    page.goto(demo.url("/what-they-received"))

    tallyhouse = page.locator(".vendor", has=page.get_by_role("heading", name="Tallyhouse"))
    adhive = page.locator(".vendor", has=page.get_by_role("heading", name="Adhive"))
    expect(tallyhouse.get_by_role("cell", name="/tally.js")).to_be_visible()
    expect(adhive).to_contain_text("Received nothing")
    assert traffic.hosts == {demo.host}

    page.get_by_role("button", name="Reset").click()

    expect(page.get_by_text("No other company knows that you are here")).to_be_visible()


def test_an_external_link_tells_nothing(demo: Demo, page: Page) -> None:
    demo.reset()
    page.goto(demo.url(HOME))

    page.get_by_role("link", name="Mist Hill, our tea garden").click()
    expect(page.get_by_role("heading", name="Mist Hill")).to_be_visible()

    (hit,) = demo.received()
    assert (hit["referrer"], hit["told"], hit["cookie"]) == ("", "", False)


def test_the_letters_links_lead_where_they_say(demo: Demo, page: Page) -> None:
    page.goto(demo.url("/newsletter/letter/html"))
    signed = page.locator(".mail a").first
    assert signed.get_attribute("href").startswith(demo.url("/gk/l/"))  # type: ignore[union-attr]

    signed.click()

    expect(page).to_have_url(demo.url("/tea-and-kettles/assam-second-flush"))


def test_a_half_filled_form_stays_as_it_is_when_the_visitor_accepts(demo: Demo, page: Page) -> None:
    page.goto(demo.url("/checkout/two-cups"))
    page.get_by_label("Town").fill("Galway")

    accept(page)
    settle(page, [])

    expect(page.get_by_label("Town")).to_have_value("Galway")


@pytest.mark.parametrize("path", [*PAGES, "/what-they-received", "/newsletter/letter/text"])
def test_pages_fit_a_narrow_phone(demo: Demo, page: Page, path: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})

    page.goto(demo.url(path))

    assert page.evaluate("document.documentElement.scrollWidth") <= 320
