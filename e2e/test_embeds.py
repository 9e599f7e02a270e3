"""What stands in for a held embed: it names the recipient, takes no room, and loads what the visitor asks for."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.waiting import wait_until

from .site import TUBE, Site
from .visiting import PURPOSES, SHIFTS, choose, cookie, ran, settle

LOAD_ONCE = "Load once"
ALWAYS = "Always allow Tube BV"
#: A page whose styles spare nothing.
RUDE = """<style>
  button { width: 9px !important; font-size: 4px !important; padding: 0 !important; background: pink !important }
  body { font-size: 7px; letter-spacing: 4px; text-transform: uppercase; line-height: 0.5 }
  div { display: none !important } p { font-size: 4em !important; margin: 60px !important; color: lime !important }
  * { outline: none !important } button::before { content: "NOT " }
</style>"""


def embed(site: Site, name: str = "film", size: str = 'width="560" height="315"') -> str:
    """Return a held embed of the vendor of videos, titled by its name."""
    return f'<iframe title="{name}" {size} data-gk=functional data-src="{site.vendor(TUBE, f"/{name}")}"></iframe>'


def place(page: Page) -> Locator:
    return page.get_by_role("group", name="Held back: Tube BV (Netherlands)")


def button(where: Page | Locator, name: str) -> Locator:
    return where.get_by_role("button", name=name, exact=True)


def box(page: Page, selector: str) -> Any:
    """Return where an element is, in whole pixels."""
    return page.locator(selector).evaluate(
        """node => {
            const { x, y, width, height } = node.getBoundingClientRect();
            return [x, y, width, height].map(Math.round);
        }"""
    )


def frames(page: Page) -> list[str]:
    """Return the paths of what is loaded in the page's frames."""
    page.evaluate("0")  # Playwright hears of frames only while it waits for something.
    return [path for frame in page.frames[1:] for path in re.findall(r":\d+/(.+)", frame.url)]


def refused(page: Page) -> None:
    """Refuse in the banner, and wait until the server has heard."""
    button(page, "Reject all").click()
    wait_until(lambda: ".r." in (cookie(page.context) or "") and page.get_by_role("status").count())


# --- before anything is loaded


@pytest.mark.row("EU-18", "EU-01")
def test_a_held_embed_names_its_recipient_and_asks_nothing_of_it(site: Site, page: Page) -> None:
    page.goto(site.page("/", embed(site)))

    expect(place(page)).to_contain_text("Loading it sends your IP address to Tube BV (Netherlands).")
    expect(place(page)).to_contain_text("film")
    expect(place(page).get_by_role("link", name="Privacy notice")).to_have_attribute(
        "href", site.url("/gk/shop/notice")
    )
    settle(page)
    assert (site.hits, site.posts, page.context.cookies()) == ([], [], [])


@pytest.mark.row("EU-18")
@pytest.mark.parametrize(
    ("size", "styles"),
    [
        ('width="560" height="315"', ""),
        ('width="560" height="315" style="float: right; margin: 7px; border: 5px solid"', ""),
        ("", "<style>iframe { width: 100%; aspect-ratio: 16 / 9; border: 0; border-radius: 1rem }</style>"),
        ('class="over"', "<style>main { position: relative; padding-top: 56% } .over { position: absolute; inset: 0; "
            "width: 100%; height: 100% }</style>"),
        ('width="300" height="90"', ""),
        ("", "<style>main { display: flex; justify-content: center; align-items: end; height: 50vh }</style>"),
        ("", "<style>main { direction: rtl } main > * + * { margin-top: 40px; display: block }</style>"),
        ("", "<style>main > :not(:last-child) { margin-bottom: 40px; display: block }</style>"),
    ],
    ids=["attributes", "float", "ratio", "over", "low", "flex", "owl", "last"],
)  # fmt: skip
def test_it_has_exactly_the_box_of_the_embed_and_nothing_ever_moves(
    site: Site, browser: Browser, size: str, styles: str
) -> None:
    context = browser.new_context(viewport={"width": 900, "height": 900})
    page = context.new_page()
    body = f"<main>{embed(site, size=size)}</main><p>Kettles, below it all.</p>"
    page.goto(site.page("/", body, head=SHIFTS + styles))
    place(page).wait_for()

    assert box(page, ".gk-embed") == box(page, "iframe")
    page.evaluate("document.querySelector('main').before('More words, which came later.')")
    page.set_viewport_size({"width": 700, "height": 900})
    wait_until(lambda: box(page, ".gk-embed") == box(page, "iframe"))
    refused(page)
    settle(page)
    before = box(page, "iframe")
    page.evaluate("shifted = []")
    if button(place(page), LOAD_ONCE).count() == 0:
        place(page).get_by_role("button").click()
    button(page, LOAD_ONCE).click()

    wait_until(lambda: frames(page) == ["film"])
    settle(page)
    assert box(page, "iframe") == before
    assert page.evaluate("shifted") == []
    context.close()


@pytest.mark.row("EU-18")
def test_when_it_appears_nothing_moves(site: Site, page: Page) -> None:
    page.goto(site.page("/", f"<h1>Films</h1>{embed(site)}<p>Kettles, below it all.</p>", head=SHIFTS))
    place(page).wait_for()
    settle(page)

    assert page.evaluate("shifted") == []


# --- once


@pytest.mark.row("EU-18")
def test_load_once_loads_that_one_and_records_nothing(site: Site, page: Page) -> None:
    address = site.page("/", embed(site) + embed(site, "other"))
    page.goto(address)
    refused(page)
    before = (cookie(page.context), list(site.posts))

    button(place(page).filter(has_text="film"), LOAD_ONCE).click()

    wait_until(lambda: site.hits == ["film"])
    settle(page)
    assert site.hits == ["film"]
    assert (cookie(page.context), site.posts) == before
    assert page.evaluate("gatekeeper.allows('tube')") is False
    expect(place(page)).to_have_count(1)
    assert page.evaluate("document.activeElement.title") == "film"
    page.goto(address)
    expect(place(page)).to_have_count(2)
    settle(page)
    assert site.hits == ["film"]


def test_to_load_once_no_choice_is_needed_and_none_is_made(site: Site, page: Page) -> None:
    page.goto(site.page("/", embed(site)))

    button(place(page), LOAD_ONCE).click()

    wait_until(lambda: site.hits == ["film"])
    settle(page)
    assert (page.context.cookies(), site.posts) == ([], [])
    expect(button(page, "Reject all")).to_be_visible()


@pytest.mark.row("EU-02", "SE-05")
def test_no_script_can_press_the_buttons(site: Site, page: Page) -> None:
    page.goto(site.page("/", embed(site)))
    place(page).wait_for()

    page.evaluate(
        """() => document.querySelectorAll(".gk-embed button").forEach((button) => {
            button.click();
            button.dispatchEvent(new MouseEvent("click", { bubbles: true }));
            button.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
        })"""
    )

    settle(page)
    assert (site.hits, site.posts, page.context.cookies()) == ([], [], [])


@pytest.mark.row("EU-10")
def test_to_minors_it_is_not_offered(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, "functional", age_band=0)

    page.goto(site.page("/next", embed(site)))

    expect(place(page)).to_contain_text("Tube BV (Netherlands) stays off at your age.")
    expect(place(page).get_by_role("button")).to_have_count(0)


# --- always


@pytest.mark.row("EU-05", "EU-18")
def test_always_allows_this_vendor_keeps_all_else_and_holds_on_later_pages(site: Site, page: Page) -> None:
    tags = site.tag("analytics", "stats") + site.tag("marketing", "ads")
    page.goto(site.page("/", ""))
    choose(page, "analytics", "marketing", trackers={"ads": False})
    page.goto(site.page("/films", embed(site) + embed(site, "other") + tags))

    button(place(page).filter(has_text="film"), ALWAYS).click()

    wait_until(lambda: sorted(site.hits) == ["film", "other", "stats"])
    page.goto(site.page("/next", embed(site, "third") + tags))
    wait_until(lambda: "third" in site.hits and ran(page) == ["stats"])
    settle(page)
    expect(place(page)).to_have_count(0)
    assert sorted(site.hits) == ["film", "other", "stats", "stats", "third"]
    asked = ["functional", "analytics", "marketing", "stats", "ads", "tube", "ad-pixel"]
    allowed = page.evaluate("ids => ids.filter((id) => gatekeeper.allows(id))", asked)
    assert allowed == ["analytics", "marketing", "stats", "tube", "ad-pixel"]


@pytest.mark.row("EU-01")
def test_where_the_grant_cannot_be_kept_it_says_so_and_loads_nothing(site: Site, page: Page) -> None:
    page.goto(site.page("/", embed(site)))
    place(page).wait_for()
    site.mood = "busy"

    button(place(page), ALWAYS).click()

    expect(place(page).get_by_role("status")).to_contain_text("could not be saved")
    settle(page)
    assert (site.hits, page.context.cookies()) == ([], [])


@pytest.mark.row("GPC-03")
def test_where_the_browser_objects_only_the_one_time_is_offered_and_the_preferences(
    site: Site, context: BrowserContext, page: Page
) -> None:
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})")
    page.goto(site.page("/", embed(site)))

    expect(place(page).get_by_role("button")).to_have_text([LOAD_ONCE, "Privacy choices"])
    button(place(page), "Privacy choices").click()

    expect(page.get_by_role("dialog", name="Privacy choices")).to_be_visible()


# --- withdrawal


@pytest.mark.row("EU-08")
def test_a_withdrawal_takes_running_embeds_back_in_the_same_moment(site: Site, page: Page) -> None:
    page.goto(site.page("/", embed(site)))
    place(page).wait_for()
    choose(page, *PURPOSES)
    wait_until(lambda: frames(page) == ["film"])

    held = page.evaluate("() => { gatekeeper.withdraw(); return document.querySelector('iframe').src }")

    assert held == ""
    expect(place(page)).to_be_visible()
    assert frames(page) == []
    settle(page)
    assert site.hits == ["film"]
    button(place(page), LOAD_ONCE).click()
    wait_until(lambda: site.hits == ["film", "film"])


@pytest.mark.row("EU-08")
def test_a_withdrawal_takes_back_what_was_allowed_before_the_page_came(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, *PURPOSES)
    page.goto(site.page("/next", embed(site)))
    wait_until(lambda: frames(page) == ["film"])

    page.evaluate("gatekeeper.withdraw()")

    place(page).wait_for()
    assert frames(page) == []


# --- embeds that were never marked


@pytest.mark.row("EU-18")
def test_an_unmarked_embed_that_the_policy_stopped_gets_one_and_loads_on_the_next_page(site: Site, page: Page) -> None:
    tube = {**site.declared["trackers"]["tube"], "marked": False}
    site.publish_again(trackers={**site.declared["trackers"], "tube": tube})
    bare = f'<iframe title="film" width="560" height="315" src="{site.vendor(TUBE, "/film")}"></iframe>'
    page.goto(site.page("/", bare))

    # This page's policy does not let it through, so once is not offered.
    expect(place(page).get_by_role("button")).to_have_text([ALWAYS])
    settle(page)
    assert site.hits == []
    button(place(page), ALWAYS).click()
    expect(place(page)).to_contain_text("Tube BV (Netherlands) is allowed.")
    assert site.hits == []
    button(place(page), "Open the page again").click()

    wait_until(lambda: frames(page) == ["film"])
    expect(place(page)).to_have_count(0)


# --- whoever visits, on whatever page


@pytest.mark.row("A2", "A13")
def test_with_the_keyboard_alone_it_can_be_reached_and_loaded(site: Site, page: Page) -> None:
    page.goto(site.page("/", f"<a href='#x'>First</a>{embed(site)}<a href='#y'>Last</a>"))
    refused(page)
    page.get_by_role("link", name="First").focus()

    stops = []
    for _ in range(4):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.textContent"))
    assert stops == [LOAD_ONCE, ALWAYS, "Privacy notice", "Last"]
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")

    wait_until(lambda: site.hits == ["film"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("style", ["", RUDE], ids=["plain", "rude"])
def test_both_buttons_weigh_the_same_in_any_style(site: Site, browser: Browser, style: str, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(site.page("/", embed(site), head=style))
    place(page).wait_for()

    look = """(node) => {
        const { color, backgroundColor, borderColor, fontSize, fontWeight, textTransform } = getComputedStyle(node);
        const { width, height } = node.getBoundingClientRect();
        return { color, backgroundColor, borderColor, fontSize, fontWeight, textTransform, width, height };
    }"""
    once, always = (button(place(page), name).evaluate(look) for name in (LOAD_ONCE, ALWAYS))

    assert once == always
    assert once["height"] >= 44
    assert once["fontSize"] == "16px"
    context.close()


@pytest.mark.row("A11")
@pytest.mark.parametrize("size", ['width="300" height="100"', 'width="120" height="60"'], ids=["low", "tiny"])
def test_where_it_does_not_fit_a_button_opens_it(site: Site, browser: Browser, size: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(site.page("/", embed(site, size=size)))
    place(page).wait_for()
    refused(page)

    button(place(page), "Not loaded: Tube BV (Netherlands)").click()

    dialog = page.get_by_role("dialog", name="Held back: Tube BV (Netherlands)")
    expect(dialog).to_contain_text("Loading it sends your IP address to Tube BV (Netherlands).")
    assert dialog.evaluate("box => box.scrollWidth <= box.clientWidth")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    place(page).get_by_role("button").click()
    button(dialog, LOAD_ONCE).click()
    wait_until(lambda: site.hits == ["film"])
    expect(dialog).to_have_count(0)
    context.close()


def test_what_shows_nobody_anything_gets_none(site: Site, page: Page) -> None:
    hidden = embed(site, "hidden", "hidden") + embed(site, "dot", 'width="1" height="1"')
    page.goto(site.page("/", hidden + embed(site)))

    place(page).wait_for()
    expect(page.locator(".gk-embed:visible")).to_have_count(1)


def test_under_a_strict_policy_with_trusted_types_it_violates_nothing(site: Site, page: Page) -> None:
    policy = (
        "default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; style-src 'nonce-abc'; connect-src 'self'; "
        f"img-src data:; frame-src {site.vendor(TUBE, '')}; "
        "require-trusted-types-for 'script'; trusted-types gatekeeper"
    )
    site.headers.append(("Content-Security-Policy", policy))
    listen = (
        '<script nonce="abc">broken = []; addEventListener("securitypolicyviolation", '
        "event => broken.push(event.violatedDirective + event.blockedURI))</script>"
    )
    page.goto(site.page("/", embed(site), head=listen, nonce="abc"))

    button(place(page), ALWAYS).click()

    wait_until(lambda: site.hits == ["film"])
    page.evaluate("gatekeeper.withdraw()")
    place(page).wait_for()
    assert page.evaluate("broken") == []


def test_embeds_that_come_and_go_later_take_theirs_along(site: Site, page: Page) -> None:
    page.goto(site.page("/", "<main></main>"))
    add = "html => { document.querySelector('main').innerHTML = html }"

    page.evaluate(add, embed(site))
    place(page).wait_for()
    page.evaluate("document.querySelector('iframe').remove()")
    expect(place(page)).to_have_count(0)
    page.evaluate(add, embed(site, "other") + site.tag("analytics", "stats"))

    expect(place(page)).to_contain_text("other")
    settle(page)
    assert site.hits == []
