"""The guard's public face: ``window.gatekeeper``, what it tells, and the signals of browsers that it heeds."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.waiting import wait_until

from .site import Site
from .visiting import DNT, GPC, PURPOSES, choose, ran, settle


def test_the_queue_that_a_page_made_before_is_taken_over_in_order(site: Site, page: Page) -> None:
    queue = """<script>seen = []; gatekeeper = [["on", "ready", () => seen.push("ready")],
        (api) => seen.push(api.allows("analytics")), ["nonsense"], (api) => seen.push("after")];</script>"""
    page.goto(site.page("/", "", head=queue))

    page.evaluate("gatekeeper.push((api) => seen.push('later'))")

    assert page.evaluate("seen") == [False, "after", "ready", "later"]


def test_the_api_is_frozen_and_listeners_can_be_undone(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))

    facts = page.evaluate(
        """async () => {
            const {writable, configurable} = Object.getOwnPropertyDescriptor(window, "gatekeeper");
            const heard = [];
            const undo = gatekeeper.on("choice", ({state}) => heard.push(state));
            await gatekeeper.withdraw(); undo(); await gatekeeper.withdraw();
            return {
                writable, configurable, heard,
                frozen: Object.isFrozen(gatekeeper),
                names: Object.keys(gatekeeper).sort(),
                event: gatekeeper.event("x", {}),
                unknown: ["x", "__proto__", "constructor"].map((id) => gatekeeper.allows(id)),
            };
        }"""
    )

    assert facts == {
        "writable": False,
        "configurable": False,
        "frozen": True,
        "names": ["allows", "choose", "decision", "event", "on", "open", "push", "withdraw"],
        "heard": ["refused"],
        "event": None,
        "unknown": [False, False, False],
    }


@pytest.mark.row("DE-01")
def test_a_service_that_a_visitor_trusts_may_refuse_in_their_name_and_never_agree(site: Site, page: Page) -> None:
    """What a recognised consent service hands on: it comes by the queue, from the page's own code, without a click."""
    page.goto(site.page("/", site.inline("analytics", "x")))

    agreed = page.evaluate("gatekeeper.choose({granted: ['analytics']}).then(() => 'yes', (error) => error.message)")
    assert "own click" in agreed
    assert not any(cookie["name"] == "gk_choice" for cookie in page.context.cookies())
    page.evaluate("gatekeeper.push(['choose', {}])")

    wait_until(lambda: any(cookie["name"] == "gk_choice" for cookie in page.context.cookies()))
    assert page.evaluate("gatekeeper.decision('stats').reason") == "refused"
    assert page.locator(".gk-ask").count() == 0
    assert ran(page) == []


@pytest.mark.row("A10")
def test_help_stands_in_the_same_place_and_nothing_has_to_be_said_twice(site: Site, page: Page) -> None:
    places = set()
    for path, text in (("/", "<h1>Tea</h1>"), ("/long", "<p>Water</p>" * 90), ("/form", "<form><input></form>")):
        page.goto(site.page(path, text))
        if path == "/":
            page.get_by_role("button", name="Choose").click()
            page.get_by_label("Allow: Visit log").check()
            page.get_by_role("button", name="Save my choice").click()
        box = page.get_by_role("button", name="Privacy choices").bounding_box()
        assert box
        places.add((box["x"], box["y"]))

    page.get_by_role("button", name="Privacy choices").click()

    assert len(places) == 1
    assert page.get_by_label("Allow: Visit log").is_checked()
    assert page.get_by_role("dialog").get_by_role("link", name="Privacy notice").is_visible()


def test_the_data_layer_gets_the_granted_purposes_before_a_tag_runs(site: Site, page: Page) -> None:
    look = site.inline("analytics", "x").replace('"x"', "JSON.stringify(dataLayer)")
    page.goto(site.page("/", look, head="<script>dataLayer = []</script>"))

    choose(page, "analytics")

    wait_until(lambda: ran(page) == ['[{"event":"gatekeeper_choice","purposes":["analytics"]}]'])


# --- signals


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes visitors whose browsers say something, by property or by header."""
    contexts: list[BrowserContext] = []

    def make(script: str = "", **headers: str) -> Page:
        context = browser.new_context(
            extra_http_headers={key.replace("_", "-"): value for key, value in headers.items()}
        )
        if script:
            context.add_init_script(script)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.mark.row("GPC-02", "US-08", "SIG-01")
def test_a_browser_that_objects_by_property_alone_is_heard(site: Site, visitor: Callable[..., Page]) -> None:
    page = visitor(GPC)
    page.goto(site.page("/", "".join(site.tag(purpose, purpose) for purpose in PURPOSES)))

    choose(page, *PURPOSES)

    wait_until(lambda: ran(page) == ["functional", "analytics"])
    assert page.evaluate("gatekeeper.decision('ads')") == {"allowed": False, "reason": "signal"}


@pytest.mark.row("DNT-01")
def test_do_not_track_holds_embeds_and_advertising(site: Site, visitor: Callable[..., Page]) -> None:
    page = visitor(DNT)
    page.goto(site.page("/", "".join(site.tag(purpose, purpose) for purpose in PURPOSES)))

    choose(page, *PURPOSES)

    wait_until(lambda: ran(page) == ["analytics"])
    settle(page)
    assert site.hits == ["analytics"]


@pytest.mark.row("GPC-02")
def test_a_browser_that_objects_by_header_alone_is_heard_by_the_server(
    site: Site, visitor: Callable[..., Page]
) -> None:
    page = visitor(Sec_GPC="1")
    pixel = '<img alt="" data-gk="marketing" data-gk-tracker="ad-pixel" data-src="/gk/shop/b/ad-pixel.gif">'
    page.goto(site.page("/", pixel))

    choose(page, "analytics", "marketing")

    wait_until(lambda: any(event.kind == "view" for event in site.events(page)))
    assert [event for event in site.events(page) if event.kind == "beacon"] == []


@pytest.mark.row("US-08")
def test_the_separate_switch_lifts_the_objection_for_its_purpose_alone(
    site: Site, visitor: Callable[..., Page]
) -> None:
    page = visitor(DNT)
    page.goto(site.page("/", "".join(site.tag(purpose, purpose) for purpose in PURPOSES)))

    choose(page, *PURPOSES, override=["functional"])

    wait_until(lambda: ran(page) == ["functional", "analytics"])
    settle(page)
    assert "marketing" not in site.hits
