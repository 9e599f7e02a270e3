"""The age screen, in a real browser: first of all, neutral, answered once; and what a child is told."""

import re
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.waiting import wait_until

from .site import Site
from .test_banner import FOCUSED, RUDE, TEXT, button, cookie, dialog, look, region
from .visiting import GPC, choose

BANDS = {"Under 13": 0, "13 to 15": 13, "16 or 17": 16, "18 or older": 18}
AUDIENCES = ["mixed", "child_directed"]
#: A site that lowered its ages: each purpose from another.
LOWERED = {"functional": {"min_age": 13}, "analytics": {"min_age": 16}, "marketing": {"min_age": 13}}
#: Where a visitor's own consent counts from 13 (Sweden), as the site's edge says.
SWEDEN = {"X-Country": "SE"}
#: What the page asks of itself and of the service before anybody has answered.
OWN = re.compile(r"/(|gk/shop/(gatekeeper|(banner|part\.page)\.[a-z-]+\.[0-9a-f]+)\.js)$")
WORDS = {
    "region": "Your privacy, your choice",
    "age": "How old are you?",
    "child": "Nobody follows you here",
    "sure": "One more question",
}


def screen(page: Page) -> Locator:
    return page.get_by_role("region", name=WORDS["age"])


def child(page: Page) -> Locator:
    return page.get_by_role("region", name=WORDS["child"])


def sure(where: Page | Locator) -> Locator:
    return where.get_by_role("heading", name=WORDS["sure"])


def heading(page: Page) -> str:
    """Return the heading that has the focus."""
    found: str = page.evaluate("document.activeElement.localName === 'h2' ? document.activeElement.textContent : ''")
    return found


def say(page: Page, age: str, where: Locator | None = None) -> None:
    """Say how old the visitor is."""
    place = where or screen(page)
    place.get_by_label(age, exact=True).check()
    button(place, "Continue").click()


@pytest.fixture(params=AUDIENCES)
def audience(request: pytest.FixtureRequest, site: Site) -> str:
    """A site that children use; on a site for everybody, all other tests of the banner run."""
    site.publish_again(audience=request.param)
    found: str = request.param
    return found


@pytest.fixture
def lowered(site: Site, page: Page) -> Site:
    """A site that asks younger visitors, some of whom are in Sweden."""
    config = replace(site.service.config, trusted_proxies=(ip_network("127.0.0.0/8"),))
    site.service.config = config
    site.publish_again(audience="mixed", purposes=LOWERED, region={"header": "X-Country"})
    page.set_extra_http_headers(SWEDEN)
    return site


# --- before an answer


@pytest.mark.row("MI-03")
@pytest.mark.usefixtures("audience")
def test_nothing_is_kept_sent_or_fetched_before_the_answer(site: Site, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.page("/", site.tag("analytics", "stats") + site.tag("marketing", "ads") + TEXT))
    screen(page).wait_for()
    page.wait_for_load_state("networkidle")

    assert region(page).count() == 0
    assert [url for url in asked if not OWN.search(url) and not url.startswith("data:")] == []
    assert page.context.cookies() == []
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert page.evaluate("indexedDB.databases()") == []
    assert (site.hits, site.posts) == ([], [])


def test_a_site_for_everybody_asks_nobody_how_old_they_are(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))

    region(page).wait_for()

    assert page.get_by_role("radio").count() == 0


@pytest.mark.row("MI-04")
@pytest.mark.usefixtures("audience")
def test_no_answer_is_ticked_and_nothing_but_the_groups_names_hints_at_an_age(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))
    screen(page).wait_for()

    radios = screen(page).get_by_role("radio")
    assert screen(page).locator("label").all_text_contents() == list(BANDS)
    assert [radio.is_checked() for radio in radios.all()] == [False] * 4
    text: str = screen(page).evaluate("node => node.outerHTML")
    for label in BANDS:
        text = text.replace(label, "")
    assert re.findall("13|16|18", text) == []
    assert screen(page).get_by_role("button").count() == 1


@pytest.mark.usefixtures("audience")
def test_without_an_answer_nothing_goes_on_and_escape_does_nothing(site: Site, page: Page) -> None:
    page.goto(site.page("/", TEXT))

    button(screen(page), "Continue").click()
    page.keyboard.press("Escape")

    expect(screen(page)).to_be_visible()
    assert (cookie(page), site.posts) == ("", [])


# --- each answer


@pytest.mark.row("MI-03", "MI-04")
@pytest.mark.parametrize("age", BANDS)
@pytest.mark.usefixtures("audience")
def test_a_minor_is_told_what_holds_and_an_adult_is_asked(site: Site, page: Page, age: str) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats")))

    say(page, age)

    if BANDS[age] == 18:
        region(page).wait_for()
        assert heading(page) == WORDS["region"]
        assert (cookie(page), site.posts) == ("", [])
        button(region(page), "Accept all").click()
        wait_until(lambda: site.hits == ["stats"])
        assert ".g.7.0.18.0" in cookie(page)
    else:
        child(page).wait_for()
        assert heading(page) == WORDS["child"]
        wait_until(lambda: f".r.0.0.{BANDS[age]}.0" in cookie(page))
        assert (region(page).count(), site.hits) == (0, [])
        assert page.evaluate("gatekeeper.decision('stats')") == {"allowed": False, "reason": "minor"}


@pytest.mark.row("MI-04")
@pytest.mark.parametrize("age", ["Under 13", "13 to 15", "16 or 17"])
def test_no_reload_no_way_back_and_no_other_tab_asks_a_minor_again(site: Site, page: Page, age: str) -> None:
    site.publish_again(audience="mixed")
    address = site.page("/", TEXT)
    page.goto(site.page("/before"))
    waiting = page.context.new_page()
    waiting.goto(address)
    page.goto(address)
    say(page, age)
    child(page).wait_for()
    other = page.context.new_page()

    page.reload()
    other.goto(address)
    page.go_back()
    page.go_forward()

    for name, one in {"back": page, "another": other, "a tab that asked": waiting}.items():
        expect(button(one, "Privacy choices"), name).to_be_visible()
        assert one.get_by_role("radio").count() == 0, name
    assert f".0.{BANDS[age]}.0" in cookie(page)


@pytest.mark.row("MI-04", "DS-12")
def test_the_way_back_shows_a_child_its_own_words_and_no_switch(site: Site, page: Page) -> None:
    site.publish_again(audience="mixed")
    page.goto(site.page("/", TEXT))
    say(page, "Under 13")
    button(child(page), "Close").click()
    expect(child(page)).to_have_count(0)
    assert page.evaluate(FOCUSED) == "Privacy choices"

    page.keyboard.press("Enter")

    box = page.get_by_role("dialog", name=WORDS["child"])
    expect(box).to_contain_text("Ask a grown-up you trust.")
    assert heading(page) == WORDS["child"]
    assert box.locator("input, select, a").count() == 0
    assert box.get_by_role("button").all_text_contents() == ["Close"]
    button(box, "Close").click()
    expect(box).to_have_count(0)
    assert page.evaluate(FOCUSED) == "Privacy choices"


@pytest.mark.parametrize("age", ["Under 13", "18 or older"])
def test_the_preferences_ask_first_too_where_nobody_answered(site: Site, page: Page, age: str) -> None:
    site.publish_again(audience="mixed")
    page.goto(site.page("/", "<button data-gk-open>Cookies</button>"))
    screen(page).wait_for()
    page.get_by_text("Cookies").click()
    box = page.get_by_role("dialog")
    expect(box).to_contain_text(WORDS["age"])
    assert heading(page) == WORDS["age"]

    say(page, age, box)

    if BANDS[age]:
        expect(dialog(page)).to_be_visible()
        assert heading(page) == "Privacy choices"
        page.get_by_label("Allow: Visit log").check()
        button(dialog(page), "Save my choice").click()
        wait_until(lambda: ".g.2.0.18.0" in cookie(page))
    else:
        expect(box).to_contain_text("Ask a grown-up you trust.")
        wait_until(lambda: ".r.0.0.0.0" in cookie(page))
    expect(screen(page)).to_have_count(0)


def test_who_said_to_be_an_adult_is_not_asked_by_the_next_layer_or_language(site: Site, page: Page) -> None:
    site.publish_again(audience="mixed", languages=["en", "de"])
    page.goto(site.page("/", TEXT))
    say(page, "18 or older")

    region(page).get_by_role("combobox").focus()
    region(page).get_by_role("combobox").select_option("de")
    banner, preferences = page.locator(".gk-ask[lang=de]"), page.locator("dialog[lang=de]")
    banner.get_by_role("button").nth(2).click()

    expect(preferences.get_by_role("checkbox").first).to_be_attached()
    assert page.get_by_role("radio").count() == 0
    preferences.get_by_role("button", name="Alles erlauben").click()
    wait_until(lambda: ".g.7.0.18.0" in cookie(page))


def test_a_refusal_that_cannot_be_kept_asks_no_adult_questions(site: Site, page: Page) -> None:
    site.publish_again(audience="mixed")
    page.add_init_script("Object.defineProperty(Document.prototype, 'cookie', {get: () => '', set() {}})")
    page.goto(site.page("/", TEXT))

    say(page, "Under 13")
    child(page).wait_for()
    page.reload()
    page.wait_for_load_state("networkidle")

    assert page.get_by_role("radio").count() == 0
    assert region(page).count() == 0


# --- from elsewhere


@pytest.mark.row("MI-09")
@pytest.mark.parametrize("granted", [[], ["analytics", "marketing"]], ids=["alone", "with a grant"])
def test_a_younger_age_from_outside_beats_what_the_visitor_said(site: Site, page: Page, granted: list[str]) -> None:
    site.publish_again(audience="mixed")
    page.goto(site.page("/", site.tag("analytics", "stats")))
    say(page, "18 or older")
    button(region(page), "Accept all").click()
    wait_until(lambda: site.hits == ["stats"])

    choose(page, *granted, age_band=13)

    wait_until(lambda: ".w.0.0.13.0" in cookie(page))
    choose(page, "analytics", age_band=18)
    page.reload()
    page.wait_for_load_state("networkidle")
    assert ".w.0.0.13.0" in cookie(page)
    assert page.evaluate("gatekeeper.decision('stats')") == {"allowed": False, "reason": "minor"}
    assert site.hits == ["stats"]
    button(page, "Privacy choices").click()
    expect(page.get_by_role("dialog", name=WORDS["child"])).to_be_visible()


@pytest.mark.row("MI-09")
def test_who_is_known_to_be_a_minor_from_outside_is_not_asked(site: Site, page: Page) -> None:
    site.publish_again(audience="mixed")
    page.goto(site.page("/", TEXT))
    screen(page).wait_for()

    page.evaluate("gatekeeper.choose({ age_band: 13 })")

    expect(screen(page)).to_have_count(0)
    button(page, "Privacy choices").click()
    expect(page.get_by_role("dialog", name=WORDS["child"])).to_be_visible()


# --- who may allow some of it


@pytest.mark.row("MI-04")
def test_a_teenager_is_asked_about_what_that_age_may_allow_and_nothing_else(lowered: Site, page: Page) -> None:
    page.goto(lowered.page("/", TEXT))

    say(page, "13 to 15")

    expect(region(page)).to_contain_text("for: Extras and Advertising. Companies that would receive data: 2.")
    assert heading(page) == WORDS["region"]
    assert ".r.0.0.13.0" in cookie(page)
    button(region(page), "Choose").click()
    expect(dialog(page)).to_be_visible()
    switches = dialog(page).get_by_label(re.compile("^Allow: "))
    assert [switch.get_attribute("value") for switch in switches.all()] == ["functional", "marketing"]
    page.reload()
    expect(button(page, "Privacy choices")).to_be_visible()
    assert page.get_by_role("radio").count() == 0


@pytest.mark.row("MI-06", "US-11")
@pytest.mark.parametrize(("sure_is", "kept"), [("Yes, allow it", ".g.5.0.13.0"), ("No, keep it off", ".g.1.0.13.0")])
def test_between_13_and_15_a_single_click_sells_nothing(lowered: Site, page: Page, sure_is: str, kept: str) -> None:
    page.goto(lowered.page("/", lowered.tag("functional", "video") + lowered.tag("marketing", "ads")))
    say(page, "13 to 15")

    button(region(page), "Accept all").click()
    expect(sure(page)).to_be_visible()
    asked = page.locator(".gk-ask").inner_text()
    first = (cookie(page), list(lowered.hits))
    assert heading(page) == WORDS["sure"]
    yes, no = button(page, "Yes, allow it"), button(page, "No, keep it off")
    assert look(yes) == look(no)
    button(page, sure_is).click()

    wait_until(lambda: kept in cookie(page))
    assert ".r.0.0.13.0" in first[0]
    assert first[1] == []
    assert "You chose to allow: Advertising." in asked
    assert "You can change it at any time." in asked
    page.wait_for_load_state("networkidle")
    assert ("ads" in lowered.hits) is ("Yes" in sure_is)
    assert "video" in lowered.hits


@pytest.mark.row("MI-06")
@pytest.mark.parametrize("single", [False, True], ids=["purpose", "recipient"])
def test_the_preferences_take_the_second_step_too(lowered: Site, page: Page, single: bool) -> None:
    page.goto(lowered.page("/", TEXT))
    say(page, "13 to 15")
    button(region(page), "Choose").click()
    if single:
        dialog(page).locator("summary").last.click()
        dialog(page).get_by_label(re.compile("Measures ads")).check()
    else:
        page.get_by_label("Allow: Advertising").check()

    button(dialog(page), "Save my choice").click()
    expect(sure(page)).to_be_visible()
    before = cookie(page)
    button(page, "Yes, allow it").click()

    wait_until(lambda: ".g." in cookie(page))
    assert ".r.0.0.13.0" in before
    expect(page.get_by_role("status")).to_contain_text("Your choice holds until")


def test_what_is_no_sale_takes_one_click_at_13(lowered: Site, page: Page) -> None:
    page.add_init_script(GPC)
    page.goto(lowered.page("/", TEXT))
    say(page, "13 to 15")

    button(region(page), "Accept all").click()

    wait_until(lambda: ".g.1.0.13.0" in cookie(page))


def test_from_16_one_click_is_enough(lowered: Site, page: Page) -> None:
    page.goto(lowered.page("/", TEXT))
    say(page, "16 or 17")

    button(region(page), "Accept all").click()

    wait_until(lambda: ".g.7.0.16.0" in cookie(page))


# --- by keyboard, on every screen


@pytest.mark.row("MI-04", "A1", "A2")
@pytest.mark.parametrize(("down", "led"), [(0, "child"), (3, "region")])
def test_tab_arrows_and_enter_are_enough(site: Site, page: Page, down: int, led: str) -> None:
    site.publish_again(audience="mixed")
    page.goto(site.page("/", TEXT))
    screen(page).wait_for()

    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "Under 13"
    page.keyboard.press("Space")
    for _ in range(down):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    wait_until(lambda: heading(page) == WORDS[led])
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == ("Reject all" if down else "Close")
    page.keyboard.press("Enter")
    wait_until(lambda: ".r.0.0." in cookie(page))
    assert page.evaluate("document.activeElement !== document.body")


@pytest.mark.row("MI-06")
def test_both_steps_can_be_taken_by_keyboard(lowered: Site, page: Page) -> None:
    page.goto(lowered.page("/", TEXT))
    say(page, "13 to 15")
    wait_until(lambda: heading(page) == WORDS["region"])

    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    wait_until(lambda: heading(page) == WORDS["sure"])
    for key in ("Tab", "Enter"):
        page.keyboard.press(key)

    wait_until(lambda: ".g.5.0.13.0" in cookie(page))


@pytest.mark.row("A4", "A6")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 256), (320, 640), (1280, 800)], ids=str)
@pytest.mark.parametrize(("style", "tag"), [("", "en"), (RUDE, "en"), ("", "ar")], ids=["plain", "rude", "arabic"])
def test_every_answer_can_be_reached_and_hit_on_every_screen(
    site: Site, browser: Browser, size: tuple[int, int], scheme: Any, style: str, tag: str
) -> None:
    site.publish_again(audience="child_directed", languages=["en", "ar"])
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    address = site.page("/", TEXT, head=style)
    site.pages["/"] = site.pages["/"].replace('lang="en"', f'lang="{tag}"')
    page.goto(address)
    layer = page.locator(".gk-ask")
    layer.get_by_role("radio").first.wait_for()

    for target in [*layer.locator("label").all(), *layer.get_by_role("button").all()]:
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1] + 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert layer.evaluate("box => box.scrollWidth <= box.clientWidth")
    context.close()


# --- without JavaScript


@pytest.mark.row("MI-03", "MI-04")
def test_without_javascript_the_age_comes_first_too(site: Site, browser: Browser) -> None:
    site.publish_again(audience="mixed")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url("/gk/shop/choices"))
    before = context.cookies()

    page.get_by_label("18 or older").check()
    button(page, "Continue").click()
    page.get_by_role("checkbox", name="Allow: Advertising").check()
    button(page, "Save my choice").click()
    expect(page.get_by_text("Your receipt code")).to_be_visible()

    assert before == []
    assert ".g.4.0.18.0" in cookie(page)
    context.clear_cookies()
    page.goto(site.url("/gk/shop/choices"))
    page.get_by_label("Under 13").check()
    button(page, "Continue").click()
    expect(page.get_by_role("heading", name=WORDS["child"])).to_be_visible()
    page.goto(site.url("/gk/shop/choices"))
    expect(page.get_by_role("heading", name=WORDS["child"])).to_be_visible()
    assert ".r.0.0.0.0" in cookie(page)
    context.close()


@pytest.mark.row("MI-03")
def test_an_embed_offers_nothing_to_whoever_has_not_said_an_age(site: Site, page: Page, audience: str) -> None:
    page.goto(
        site.page(
            "/",
            '<iframe title="film" width="560" height="315" data-gk="functional" '
            f'data-gk-tracker="tube" data-src="{site.vendor("127.0.0.4", "/film")}"></iframe>',
        )
    )

    place = page.get_by_role("group", name="Held back: Tube BV (Netherlands)")
    expect(place.get_by_role("button")).to_have_text(["Privacy choices"])
    assert site.hits == []
