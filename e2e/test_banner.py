"""The banner as visitors meet it: with a mouse, a keyboard, a screen reader, on a phone, in any page's style."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.waiting import wait_until

from .site import Site
from .visiting import SHIFTS

TEXT = "<h1>Kettles</h1>" + "<p>Water first. <a href='#x'>Read on</a></p>" * 40
#: A page whose styles spare nothing.
RUDE = """<style>
  button { width: 100% !important; font-size: 9px !important; padding: 0 !important; background: pink !important }
  body { font-size: 7px; letter-spacing: 4px; text-transform: uppercase; line-height: 0.5 }
  h2, p { font-size: 4em !important; margin: 60px !important; color: lime !important }
  input, label { display: none !important } dialog { width: 90px !important } * { outline: none !important }
  button::before { content: "NOT " }
</style>"""
OBJECTS = """
Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true});
"""


#: The label or text of what has the focus; the way back to the choice keeps its button to itself.
FOCUSED = """(() => {
    const { activeElement } = document;
    const focused = activeElement.shadowRoot?.activeElement || activeElement;
    return focused.labels?.[0]?.textContent || focused.textContent || focused.value || '';
})()"""


def region(page: Page) -> Locator:
    return page.get_by_role("region", name="Your privacy, your choice")


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Privacy choices")


def button(where: Page | Locator, name: str) -> Locator:
    return where.get_by_role("button", name=name, exact=True)


def cookie(page: Page) -> str:
    return next((held["value"] for held in page.context.cookies() if held["name"] == "gk_choice"), "")


def look(element: Locator) -> dict[str, Any]:
    """Return what makes one button look more important than another."""
    found: dict[str, Any] = element.evaluate(
        """(node) => {
            const style = getComputedStyle(node);
            const names = ["color", "backgroundColor", "fontSize", "fontWeight", "fontFamily", "borderTopWidth",
                "borderTopColor", "borderTopLeftRadius", "opacity", "textDecorationLine", "textTransform", "boxShadow"];
            const {width, height} = node.getBoundingClientRect();
            return {tag: node.localName, type: node.type, width: Math.round(width), height: Math.round(height),
                ...Object.fromEntries(names.map((name) => [name, style[name]]))};
        }"""
    )
    return found


def contrast(element: Locator) -> float:
    """Return the contrast of a button's words with its ground (WCAG 2.2, 1.4.3)."""
    ratio: float = element.evaluate(
        """(node) => {
            const light = (text) => {
                const [r, g, b] = text.match(/[\\d.]+/g).map((part) => {
                    const value = part / 255;
                    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const style = getComputedStyle(node);
            const [low, high] = [light(style.color), light(style.backgroundColor)].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);
        }"""
    )
    return ratio


def focused(page: Page) -> str:
    name: str = page.evaluate(FOCUSED)
    return name


# --- two equal answers


@pytest.mark.row("EU-04", "US-03", "A4", "A5", "A6")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 640, 1280])
@pytest.mark.parametrize("style", ["", RUDE], ids=["plain", "rude"])
def test_accept_and_reject_are_the_same_button_with_other_words(
    site: Site, browser: Browser, width: int, scheme: Any, style: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 640}, color_scheme=scheme)
    page = context.new_page()
    page.goto(site.page("/", TEXT, head=style))
    accept, reject = button(region(page), "Accept all"), button(region(page), "Reject all")
    accept.wait_for()

    assert look(accept) == look(reject)
    assert look(accept)["height"] >= 44
    assert float(look(accept)["fontSize"].removesuffix("px")) >= 16
    assert contrast(accept) >= 4.5
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    button(region(page), "Choose").click()
    assert look(button(dialog(page), "Accept all")) == look(button(dialog(page), "Reject all"))
    assert dialog(page).evaluate("box => box.scrollWidth <= box.clientWidth")
    context.close()


#: Pages that undo what browsers do, each in its way.
HARSH = {
    "unset": "* { all: unset !important }",
    "wide": "button { width: 100% !important; font-size: 9px !important }",
    "bootstrap": """*, *::before, *::after { box-sizing: border-box } body { margin: 0; font: 400 1rem/1.5 serif }
        h1, h2 { margin: 0 0 .5rem; font-weight: 500; font-size: 2rem }
        p { margin: 0 0 1rem } a { text-decoration: none }
        button, input, select { margin: 0; font: inherit } label { display: inline-block }
        button { border-radius: 0; text-transform: none } [type=button] { appearance: button; cursor: pointer }
        fieldset { min-width: 0; padding: 0; margin: 0; border: 0 }
        legend { float: left; width: 100%; font-size: 1.5rem }
        ul { padding-left: 2rem; margin: 0 0 1rem } [hidden] { display: none !important }""",
}


@pytest.mark.row("EU-04", "US-03")
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("style", HARSH)
def test_a_pages_styles_leave_the_buttons_as_they_are_elsewhere(
    site: Site, browser: Browser, width: int, style: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 640})
    page = context.new_page()

    def looks() -> list[dict[str, Any]]:
        region(page).wait_for()
        found = [look(button(region(page), name)) for name in ("Accept all", "Reject all", "Choose")]
        button(region(page), "Choose").click()
        expect(dialog(page)).to_be_visible()
        return found + [look(button(dialog(page), name)) for name in ("Accept all", "Reject all", "Save my choice")]

    page.goto(site.page("/", TEXT))
    plain = looks()
    page.goto(site.page("/harsh", TEXT, head=f"<style>{HARSH[style]}</style>"))

    assert looks() == plain
    context.close()


@pytest.mark.row("A2", "EU-04")
@pytest.mark.parametrize("name", ["Accept all", "Reject all"])
def test_after_a_choice_the_focus_is_where_the_visitor_was_or_on_what_is_said(
    site: Site, page: Page, name: str
) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), name).click()
    wait_until(lambda: focused(page) == "Close")
    # A refusal waits for the server's answer, which would bring the cookie back.
    wait_until(lambda: ".rp." not in cookie(page))
    page.context.clear_cookies()
    page.goto(site.page("/again", TEXT))
    region(page).wait_for()
    page.get_by_role("link", name="Read on").nth(2).focus()

    button(region(page), name).click()

    wait_until(lambda: page.evaluate("document.activeElement.localName") == "a")


@pytest.mark.row("EU-04")
@pytest.mark.parametrize(("name", "state"), [("Accept all", "g"), ("Reject all", "r")])
def test_one_click_answers_either_way_and_closes_the_banner(site: Site, page: Page, name: str, state: str) -> None:
    page.goto(site.page("/", TEXT))

    button(region(page), name).click()

    wait_until(lambda: f".{state}." in cookie(page))
    expect(region(page)).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("until")
    page.goto(site.url("/"))
    expect(button(page, "Privacy choices")).to_be_visible()
    expect(region(page)).to_have_count(0)


@pytest.mark.row("A13", "A2")
def test_with_the_keyboard_reject_is_one_stop_away_from_accept_and_both_come_first(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    region(page).wait_for()

    stops = []
    for _ in range(5):
        page.keyboard.press("Tab")
        stops.append(focused(page))

    assert stops == ["Reject all", "Accept all", "Choose", "Privacy notice", "Read on"]


@pytest.mark.row("EU-02", "A11")
def test_nothing_but_a_button_answers(site: Site, page: Page) -> None:
    page.clock.install()
    page.goto(site.page("/", TEXT))
    region(page).wait_for()

    for _ in range(3):
        page.mouse.wheel(0, 900)
        page.keyboard.press("Escape")
        page.mouse.click(600, 60)
    page.clock.run_for(600_000)

    expect(region(page)).to_be_visible()
    assert cookie(page) == ""
    assert site.posts == []


# --- the preferences


@pytest.mark.row("EU-03", "EU-05", "EU-06")
def test_every_switch_is_off_and_every_recipient_is_named(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))

    button(region(page), "Choose").click()
    expect(dialog(page)).to_be_visible()

    boxes = dialog(page).get_by_role("checkbox")
    assert boxes.count() == 3
    assert [box.is_checked() for box in boxes.all()] == [False] * 3
    assert page.get_by_role("group").count() >= 4
    text = dialog(page).inner_text() + " ".join(dialog(page).locator("li").all_text_contents())
    named = ("Statly GmbH (Germany)", "AdCo Inc (United States)", "Tube BV (Netherlands)")
    for told in ("Test Shop Ltd", *named, "90 days", "760 days"):
        assert told in text


@pytest.mark.row("EU-05")
def test_one_purpose_can_be_saved_alone_and_is_shown_as_on_afterwards(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats") + site.tag("marketing", "ads")))
    button(region(page), "Choose").click()
    page.get_by_label("Allow: Visit log").check()

    button(dialog(page), "Save my choice").click()

    wait_until(lambda: site.hits == ["stats"])
    expect(dialog(page)).to_have_count(0)
    button(page, "Privacy choices").click()
    assert page.get_by_label("Allow: Visit log").is_checked()
    assert not page.get_by_label("Allow: Advertising").is_checked()


@pytest.mark.row("EU-05")
def test_one_recipient_can_be_left_out_of_a_purpose(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats") + site.tag("marketing", "ads")))
    button(region(page), "Choose").click()
    whole = page.get_by_label("Allow: Advertising")
    whole.check()
    dialog(page).locator("summary").last.click()
    page.get_by_label("Measures ads.").uncheck()
    assert whole.evaluate("box => box.indeterminate")

    button(dialog(page), "Save my choice").click()

    # The cookie is there a moment before the page knows of it.
    allowed = "['marketing', 'ads', 'ad-pixel'].map(gatekeeper.allows)"
    wait_until(lambda: page.evaluate(allowed) == [True, False, True])
    assert ".g." in cookie(page)
    assert site.hits == []
    button(page, "Privacy choices").click()
    expect(whole).to_be_checked()
    assert whole.evaluate("box => box.indeterminate")


def test_saving_with_every_switch_off_is_a_refusal(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), "Choose").click()

    button(dialog(page), "Save my choice").click()

    wait_until(lambda: ".r.0.0.-.0" in cookie(page))


@pytest.mark.row("EU-02", "A1", "A2")
def test_escape_closes_the_preferences_and_answers_nothing(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), "Choose").focus()
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    assert focused(page) == "Privacy choices"
    page.get_by_label("Allow: Advertising").check()

    page.keyboard.press("Escape")

    expect(dialog(page)).to_have_count(0)
    expect(region(page)).to_be_visible()
    assert focused(page) == "Choose"
    assert (cookie(page), site.posts) == ("", [])


@pytest.mark.row("A1", "A2", "A9")
def test_everything_can_be_done_with_the_keyboard_alone(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("functional", "video") + TEXT))
    region(page).wait_for()

    def press_until(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED) == name:
                return
        raise AssertionError(f"{name} cannot be reached")

    press_until("Choose")
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    press_until("Allow: Extras")
    page.keyboard.press("Space")
    press_until("Save my choice")
    page.keyboard.press("Enter")

    wait_until(lambda: site.hits == ["video"])
    press_until("Privacy choices")
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    press_until("Withdraw everything")
    page.keyboard.press("Enter")
    wait_until(lambda: ".w." in cookie(page))
    assert focused(page) == "Privacy choices"


@pytest.mark.row("A1")
def test_tab_stays_within_the_open_preferences(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), "Choose").click()
    expect(dialog(page)).to_be_visible()

    outside = 0
    for _ in range(25):
        page.keyboard.press("Tab")
        # Between the last control and the first, the browser's own is next: then the body has the focus.
        outside += page.evaluate(
            "!document.activeElement.closest('dialog') && document.activeElement !== document.body"
        )

    assert outside == 0


# --- afterwards


@pytest.mark.row("A9", "EU-10")
def test_after_a_grant_a_screen_reader_hears_until_when_and_sees_the_receipt(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    page.get_by_role("link", name="Read on").nth(3).focus()

    button(region(page), "Accept all").click()

    status = page.get_by_role("status")
    expect(status).to_contain_text("Your choice holds until")
    expect(status.locator("code")).to_have_text(page.evaluate("/^([0-9A-Z]+-)+[0-9A-Z]+$/"))
    assert page.evaluate("document.activeElement.textContent") == "Read on"
    button(page, "Close").click()
    expect(status).to_have_count(0)


def test_after_a_refusal_there_is_no_receipt(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))

    button(region(page), "Reject all").click()

    expect(page.get_by_role("status")).to_contain_text("Everything stays off until")
    expect(page.get_by_role("status").locator("code")).to_have_count(0)


def test_a_grant_that_could_not_be_saved_says_so_and_asks_on(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats")))
    region(page).wait_for()
    site.mood = "busy"

    button(region(page), "Accept all").click()

    expect(page.get_by_role("status")).to_contain_text("nothing was switched on")
    expect(region(page)).to_be_visible()
    site.mood = "well"
    button(region(page), "Accept all").click()
    wait_until(lambda: site.hits == ["stats"])
    expect(page.get_by_role("status")).to_contain_text("holds until")


@pytest.mark.row("EU-07")
def test_the_way_back_is_on_every_page_and_one_click_there_withdraws(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), "Accept all").click()
    wait_until(lambda: ".g." in cookie(page))

    for path in ("/one", "/two", "/three"):
        page.goto(site.page(path, TEXT))
        back = button(page, "Privacy choices")
        expect(back).to_be_visible()
        box = back.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    button(page, "Privacy choices").click()
    button(dialog(page), "Withdraw everything").click()

    wait_until(lambda: ".w." in cookie(page))
    expect(page.get_by_role("status")).to_contain_text("Withdrawn")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 256), (320, 640), (1280, 800)], ids=str)
@pytest.mark.parametrize("style", ["", RUDE], ids=["plain", "rude"])
def test_what_could_not_be_removed_can_be_read_and_closed_on_every_screen(
    site: Site, browser: Browser, size: tuple[int, int], scheme: Any, style: str
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    page.goto(site.page("/", TEXT, head=style))
    button(region(page), "Reject all").click()
    message = page.locator(".gk-said")
    expect(message).to_contain_text("Everything stays off")
    names = ["_stat_with_a_name_that_is_wider_than_any_small_screen", "_stat_2", "<b>_stat_3</b>"]

    page.evaluate(
        "lines => document.dispatchEvent(new CustomEvent('gatekeeper:survivors', { detail: { lines } }))", names
    )

    for name in names:
        expect(message.get_by_role("status")).to_contain_text(name)
    assert message.evaluate("box => box.scrollWidth <= box.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = message.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= size[1]
    assert contrast(message) >= 4.5
    button(message, "Close").click()
    expect(message).to_have_count(0)
    context.close()


def test_a_page_with_a_button_of_its_own_gets_no_other(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), "Reject all").click()

    page.goto(site.page("/next", '<a href="/gk/shop/choices" data-gk-open>Cookies</a>'))
    page.get_by_role("link", name="Cookies").click()

    expect(dialog(page)).to_be_visible()
    expect(button(page, "Privacy choices")).to_have_count(0)
    page.keyboard.press("Escape")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button data-gk-open><b>Later</b></button>')")
    page.get_by_text("Later").click()
    expect(dialog(page)).to_be_visible()


@pytest.mark.parametrize("answer", ["Accept all", "Reject all"])
def test_a_returning_visitor_loads_no_banner(site: Site, page: Page, answer: str) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), answer).click()
    wait_until(lambda: cookie(page) and ".rp." not in cookie(page))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(site.url("/"))
    expect(button(page, "Privacy choices")).to_be_visible()

    assert not [url for url in asked if "banner" in url]


def test_another_tabs_answer_closes_the_question_here(site: Site, context: BrowserContext) -> None:
    address = site.page("/", TEXT)
    first, second = context.new_page(), context.new_page()
    first.goto(address)
    second.goto(address)
    region(first).wait_for()

    button(region(second), "Reject all").click()

    expect(region(first)).to_have_count(0)


# --- signals


@pytest.mark.row("US-02", "US-08", "SIG-01")
def test_a_browsers_objection_is_shown_as_honoured_and_only_its_own_switch_lifts_it(site: Site, page: Page) -> None:
    page.add_init_script(OBJECTS)
    tags = site.tag("analytics", "stats") + site.tag("marketing", "ads")
    page.goto(site.page("/", tags))
    expect(region(page)).to_contain_text("Opt-out request honoured")

    button(region(page), "Accept all").click()
    wait_until(lambda: site.hits == ["stats"])
    # Nothing was granted that would come to life once the objection is gone.
    assert ".g.3.0.-.0" in cookie(page)
    button(page, "Privacy choices").click()
    expect(dialog(page)).to_contain_text("Opt-out request honoured")
    switch = page.get_by_label("Allow although my browser objects: Advertising")
    assert not switch.is_checked()
    assert page.evaluate("gatekeeper.allows('marketing')") is False
    switch.check()
    button(dialog(page), "Save my choice").click()

    wait_until(lambda: site.hits == ["stats", "ads"])


@pytest.mark.row("US-02")
def test_without_an_objection_nothing_is_said_of_one(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))

    button(region(page), "Choose").click()

    expect(dialog(page)).to_be_visible()
    assert "Opt-out" not in page.inner_text("body")


@pytest.mark.row("US-06")
def test_who_is_denied_everything_by_signal_is_not_asked(site: Site, page: Page) -> None:
    purposes = {name: {"denied_by": ["gpc"]} for name in ("functional", "analytics", "marketing")}
    site.publish_again(purposes=purposes)
    page.add_init_script(OBJECTS)

    page.goto(site.page("/", TEXT))
    page.wait_for_load_state("networkidle")

    expect(region(page)).to_have_count(0)


# --- layout


@pytest.mark.row("A3")
@pytest.mark.parametrize("height", [360, 640, 900])
def test_what_has_the_focus_is_never_behind_the_banner(site: Site, page: Page, height: int) -> None:
    page.set_viewport_size({"width": 640, "height": height})
    page.goto(site.page("/", TEXT))
    region(page).wait_for()
    page.get_by_role("link", name="Read on").first.focus()

    hidden = []
    for _ in range(40):
        hidden.append(
            page.evaluate(
                """() => {
                    const own = document.activeElement.getBoundingClientRect();
                    const banner = document.querySelector(".gk").getBoundingClientRect();
                    return !document.activeElement.closest(".gk") && own.bottom > banner.top;
                }"""
            )
        )
        page.keyboard.press("Tab")

    assert not any(hidden)


@pytest.mark.parametrize(
    ("position", "place"),
    [("bottom", [0, 1280, 720]), ("corner", [1280 - 16 - 400, 1280 - 16, 720 - 16]), ("centre", [384, 896, None])],
)
def test_it_stands_where_and_looks_as_the_site_says(
    site: Site, page: Page, position: str, place: list[int | None]
) -> None:
    site.publish_again(banner={"position": position, "radius": 4, "light": {"fill": "#0b3d91"}})

    page.goto(site.page("/", TEXT))

    found = region(page).evaluate(
        """(node) => {
            const { left, right, top, bottom } = node.getBoundingClientRect();
            return [left, right, bottom, innerHeight - bottom - top].map(Math.round);
        }"""
    )
    middle = found.pop()
    assert found == [*place[:2], place[2] or found[2]]
    assert (abs(middle) <= 1) == (position == "centre")
    answer = look(button(region(page), "Accept all"))
    assert (answer["backgroundColor"], answer["borderTopLeftRadius"]) == ("rgb(11, 61, 145)", "4px")


@pytest.mark.row("EU-09")
def test_the_page_can_be_read_scrolled_and_used_while_it_asks(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    region(page).wait_for()

    page.mouse.move(300, 100)
    page.mouse.wheel(0, 10_000)
    wait_until(lambda: page.evaluate("scrollY") > 0)
    last = page.get_by_role("link", name="Read on").last
    wait_until(lambda: last.evaluate("link => link.getBoundingClientRect().bottom") < 800)
    last.click(timeout=2_000)

    assert page.evaluate("location.hash") == "#x"
    expect(region(page)).to_be_visible()


@pytest.mark.row("A4", "A6")
def test_on_the_smallest_screen_everything_can_be_reached_and_hit(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 256})
    page.goto(site.page("/", TEXT))
    region(page).wait_for()

    for control in [*region(page).get_by_role("button").all(), region(page).get_by_role("link")]:
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    button(region(page), "Reject all").click()
    wait_until(lambda: ".r." in cookie(page))


def test_names_that_filter_lists_hide_are_not_used(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    button(region(page), "Choose").click()
    expect(dialog(page)).to_be_visible()

    names = page.evaluate(
        """[...document.querySelectorAll(".gk, .gk *, script")].flatMap((node) =>
            [node.id, node.className, node.getAttribute("name"), node.getAttribute("src")]).join(" ")"""
    )

    assert "gk-box" in names
    for word in ("cookie", "consent", "gdpr", "cmp"):
        assert word not in names.lower()


@pytest.mark.row("EU-09")
def test_the_room_for_the_banner_is_not_seen_to_move_when_more_of_the_page_comes(site: Site, page: Page) -> None:
    page.goto(site.page("/", "<h1>Kettles</h1>", head=SHIFTS))
    wait_until(lambda: page.evaluate("parseFloat(getComputedStyle(document.documentElement, '::after').height)") > 99)
    painted(page)

    page.evaluate("document.body.append('Black ones, red ones.')")

    painted(page)
    assert page.evaluate("shifted") == []


def painted(page: Page) -> None:
    """Wait until what is in the page now has been painted."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
