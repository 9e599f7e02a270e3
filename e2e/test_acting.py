"""When a choice takes effect: a grant in place, on the next page or by reload; a withdrawal at once, and for good."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.waiting import wait_until

from .site import STATS, Site
from .test_withdrawal import Walls
from .test_withdrawal import walls as walls
from .visiting import choose, ran, settle

Start = Callable[..., Site]
KEPT = [{"name": "_stat*", "days": 30}]
#: When what is granted starts: the gate's table, and whether the tracker is declared `marked`.
MODES: dict[str, tuple[dict[str, Any], bool]] = {
    "in place": ({}, True),
    "next page": ({}, False),
    "reload": ({"on_grant": "reload"}, False),
}
BY_RELOAD = {"gate": {"on_grant": "reload"}}
_SHADOW = """<div id="host"></div><script>
    const box = document.getElementById("host").attachShadow({ mode: "closed" });
    box.innerHTML = "<input>";
    window.inside = () => box.firstChild;
</script>"""
#: Ways to fill something in: its markup, how it is filled, and an expression for what is there then.
FIELDS: dict[str, tuple[str, Callable[[Page], None], str]] = {
    "input": (
        '<input name="street">',
        lambda page: page.locator("input").fill("1 High Street"),
        "document.forms[0].street.value",
    ),
    "checkbox": ("<input type=checkbox id=gift>", lambda page: page.locator("#gift").check(), "gift.checked"),
    "list": (
        "<select id=size><option>small<option selected>large</select>",
        lambda page: void(page.locator("#size").select_option("small")),
        "size.value",
    ),
    "text": (
        '<div id="note" contenteditable></div>',
        lambda page: page.locator("#note").fill("Ring"),
        "note.innerText",
    ),
    "file": (
        "<input type=file id=photo>",
        lambda page: page.locator("#photo").set_input_files({"name": "a.png", "mimeType": "", "buffer": b"1"}),
        "photo.files.length",
    ),
    "frame": (
        '<iframe id="card" srcdoc="<input>"></iframe>',
        lambda page: page.frame_locator("#card").locator("input").fill("4111"),
        "card.contentDocument.querySelector('input').value",
    ),
    "closed": (_SHADOW, lambda page: type_into_shadow(page), "inside().value"),
}


def void(_: object) -> None:
    """Drop a value."""


def type_into_shadow(page: Page) -> None:
    page.evaluate("inside().focus()")
    page.keyboard.type("4111")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a site whose statistics tracker is declared in a way of the test's own."""
    sites: list[Site] = []

    def start(gate: dict[str, Any] | None = None, **changes: Any) -> Site:
        site = Site(tmp_path)
        trackers = site._table()["trackers"]
        site.declared = {"gate": gate or {}, "trackers": {**trackers, "stats": {**trackers["stats"], **changes}}}
        sites.append(site.start())
        return site

    yield start
    for site in sites:
        site.stop()


def form(site: Site) -> str:
    return f'<form method="post" action="/done"><input name="street">{site.tag("analytics", "stats")}</form>'


def test_a_granted_host_beyond_the_pages_policy_starts_on_the_next_page(start: Start, page: Page) -> None:
    site = start(marked=False)
    page.goto(site.page("/", site.tag("analytics", "stats")))

    choose(page, "analytics")
    settle(page)
    here = list(site.hits)
    page.goto(site.url("/"))

    assert here == []
    wait_until(lambda: ran(page) == ["stats"])


def seen(page: Page) -> list[list[str]]:
    """Return what the vendor's script saw each time it ran: where the visitor came from, and the query."""
    page.wait_for_function("() => window.ran && ran.length > 0")
    found: list[list[str]] = page.evaluate("ran")
    return found


def come_from_outside(site: Site, page: Page, path: str) -> str:
    """Follow a link of another site's to a page, and return where that was as the page is told."""
    page.goto(f"http://{STATS}:{site.port}/outside")
    page.evaluate("url => { location.href = url }", site.url(path))
    page.wait_for_url(f"**{path}")
    return f"http://{STATS}:{site.port}/"


@pytest.mark.parametrize("mode", MODES)
def test_referrer_campaign_and_the_pages_own_state_survive_in_every_mode(start: Start, page: Page, mode: str) -> None:
    gate, marked = MODES[mode]
    site = start(gate, marked=marked)
    site.scripts["/stats.js"] = "ran.push([document.referrer, location.search])"
    site.page("/landing", site.tag("analytics", "stats"))
    outside = come_from_outside(site, page, "/landing?utm_campaign=spring")
    page.evaluate("history.replaceState({ mine: 1 }, '')")

    page.get_by_role("button", name="Accept all").click()
    settle(page)
    if mode != "next page":  # a granted tag sees what it would have seen at first
        assert seen(page) == [[outside, "?utm_campaign=spring"]]

    assert page.evaluate("[document.referrer, location.search]") == [outside, "?utm_campaign=spring"]
    assert page.evaluate("[history.state, navigation.currentEntry.getState() ?? null]") == [{"mine": 1}, None]
    assert page.evaluate("[sessionStorage.length, localStorage.length, name]") == [0, 0, ""]
    assert site.asked.count("/landing?utm_campaign=spring") == (2 if mode == "reload" else 1)


def test_by_reload_the_referrer_survives_behind_the_middleware_too(walls: Walls, page: Page) -> None:
    site = walls(behind=True, declared=BY_RELOAD)
    site.scripts["/stats.js"] = "ran.push([document.referrer, location.search])"
    site.page("/landing", site.tag("analytics", "stats"))
    outside = come_from_outside(site, page, "/landing?utm_campaign=spring")
    assert ran(page) == []

    page.get_by_role("button", name="Accept all").click()

    assert seen(page) == [[outside, "?utm_campaign=spring"]]


def test_by_reload_nothing_starts_twice_and_the_page_is_viewed_once(start: Start, page: Page) -> None:
    site = start({"on_grant": "reload"}, marked=False)
    page.goto(site.page("/", site.tag("marketing", "ads") + site.tag("analytics", "stats")))

    page.get_by_role("button", name="Accept all").click()

    page.wait_for_function("() => window.ran && ran.length === 2")
    page.goto(site.page("/next"))
    wait_until(lambda: [event.fields["path"] for event in site.events(page) if event.kind == "view"] == ["/", "/next"])
    assert sorted(site.hits) == ["ads", "stats"]
    assert site.asked == ["/", "/next"] or site.asked == ["/", "/", "/next"]


def test_by_reload_the_banners_own_switches_are_no_reason_to_stay(start: Start, page: Page) -> None:
    site = start({"on_grant": "reload"}, marked=False)
    page.goto(site.page("/", "<select><option>small<option>large</select>" + site.tag("analytics", "stats")))

    page.get_by_role("button", name="Choose").click()
    page.locator("input[value=analytics]").check()
    page.get_by_role("button", name="Save my choice").click()

    page.wait_for_function("() => window.ran && ran.length === 1")
    assert site.asked.count("/") == 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("field", FIELDS)
def test_a_half_filled_form_survives_every_mode(start: Start, page: Page, mode: str, field: str) -> None:
    gate, marked = MODES[mode]
    site = start(gate, marked=marked)
    markup, fill, read = FIELDS[field]
    page.goto(site.page("/", f'<form method="post" action="/done">{markup}</form>{site.tag("analytics", "stats")}'))
    fill(page)
    filled = page.evaluate(read)

    page.get_by_role("button", name="Accept all").click()
    settle(page)

    assert filled
    assert page.evaluate(read) == filled
    assert site.asked.count("/") == 1


@pytest.mark.parametrize("behind", [False, True], ids=["script alone", "header"])
def test_what_answered_another_sites_form_is_not_sent_again(walls: Walls, page: Page, behind: bool) -> None:
    site = walls(behind=behind, marked=False, declared=BY_RELOAD)
    site.page("/paid", site.tag("analytics", "stats"))
    site.scripts["/bank"] = f'<form method="post" action="{site.url("/paid")}"><input name="paid"></form>'
    page.goto(site.vendor(STATS, "/bank"))
    page.locator("form").evaluate("form => form.submit()")
    page.wait_for_url("**/paid")

    page.get_by_role("button", name="Accept all").click()
    settle(page)

    asked = [method for method, path in site.methods if path == "/paid"]
    # Without the header nobody knows how it was asked for, so it may be asked for once more, but never by POST.
    assert asked == (["POST"] if behind else ["POST", "GET"])


def test_what_answered_a_form_is_not_loaded_again(start: Start, page: Page) -> None:
    site = start({"on_grant": "reload"}, marked=False)
    site.page("/done", site.tag("analytics", "stats"))
    page.goto(site.page("/", form(site)))
    page.locator("form").evaluate("form => form.submit()")
    page.wait_for_url("**/done")

    page.get_by_role("button", name="Accept all").click()
    settle(page)

    assert site.asked.count("/done") == 1


def test_a_path_that_is_never_reloaded_is_not(start: Start, page: Page) -> None:
    site = start({"on_grant": "reload", "no_reload": ["/pay*"]}, marked=False)
    page.goto(site.page("/pay/card", site.tag("analytics", "stats")))

    page.get_by_role("button", name="Accept all").click()
    settle(page)

    assert site.asked.count("/pay/card") == 1


def test_a_page_for_tags_alone_has_no_policy_and_holds_them_all_the_same(start: Start, page: Page) -> None:
    site = start({"tags_only": ["/checkout*"]}, marked=False)
    page.goto(site.page("/checkout", site.tag("analytics", "stats")))
    settle(page)
    before = list(site.hits)

    choose(page, "analytics")

    assert before == []
    assert page.locator("meta[http-equiv]").count() == 0
    wait_until(lambda: ran(page) == ["stats"])


@pytest.mark.row("EU-08")
def test_after_a_withdrawal_nothing_of_a_vendor_is_left_or_reached(
    start: Start, page: Page, context: BrowserContext
) -> None:
    site = start(cookies=KEPT)
    keeps = (
        "document.cookie = '_stat_id=1; path=/'; document.cookie = '_stat_deep=1; path=/a/';"
        "localStorage.setItem('_stat', 1); sessionStorage.setItem('_stat_s', 1); indexedDB.open('_stat_db');"
        "caches.open('_stat_c'); ran.push('kept')"
    )
    inline = f'<script type="text/plain" data-gk="analytics" data-gk-tracker="stats">{keeps}</script>'
    page.goto(site.page("/a/b", inline + site.tag("analytics", "stats")))
    choose(page, "analytics")
    wait_until(lambda: ran(page) == ["kept", "stats"])
    names = {cookie["name"] for cookie in context.cookies()}
    site.hits.clear()

    page.evaluate("gatekeeper.withdraw()")
    # What has run already cannot be stopped; but it reaches nobody any more.
    page.evaluate("url => { fetch(url, {mode: 'no-cors'}).catch(() => {}) }", site.vendor(STATS, "/late.gif"))
    settle(page)
    for path in ("/a/b", "/a/b?again", "/a/b?and-again"):
        page.goto(site.url(path))
        settle(page)

    assert names == {"gk_choice", "gk_subject", "_stat_id", "_stat_deep"}
    assert {cookie["name"] for cookie in context.cookies()} == {"gk_choice"}
    left = """async () => [
        Object.keys(localStorage), Object.keys(sessionStorage), await indexedDB.databases(), await caches.keys(),
    ]"""
    assert page.evaluate(left) == [[], [], [], []]
    assert site.hits == []
