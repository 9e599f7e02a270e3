"""The guard on real pages: what is held, what runs, in which order, and what no script can make it do."""

import json
import os
import shutil
import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, combinations
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from .attacks import ATTACKS, PRELUDE
from .conftest import FLAGS, NAMES
from .site import ADS, STATS, TUBE, Site, wait_until
from .site import site as site

PURPOSES = ("functional", "analytics", "marketing")
#: Long enough for anything that was let through to have happened.
SETTLED = 600  # milliseconds


def choose(page: Page, *granted: str, **more: Any) -> Any:
    """Make a choice as a page of its own making would: in a click, by window.gatekeeper."""
    wish = json.dumps({"granted": granted, **more})
    page.evaluate(
        """wish => {
            const button = document.body.appendChild(document.createElement("button"));
            button.id = "mine";
            button.onclick = () => { window.told = gatekeeper.choose(JSON.parse(wish)).catch(error => String(error)); };
        }""",
        wish,
    )
    page.locator("#mine").focus()
    page.keyboard.press("Enter")
    page.locator("#mine").evaluate("button => button.remove()")
    return page.evaluate("window.told")


def cookie(context: BrowserContext, name: str = "gk_choice") -> str | None:
    return next((held["value"] for held in context.cookies() if held["name"] == name), None)


def ran(page: Page) -> list[str]:
    found: list[str] = page.evaluate("ran")
    return found


def settle(page: Page) -> None:
    page.wait_for_timeout(SETTLED)


def bodies(site: Site, path: str) -> list[Any]:
    """Return what the service was sent, newest last."""
    return [json.loads(text) for where, text in site.posts if where == f"/gk/shop/{path}"]


def all_tags(site: Site) -> str:
    """One tag of each kind, in an order that only waiting for slow ones can keep."""
    return "".join(
        [
            site.tag("analytics", "first", "?slow"),
            site.inline("analytics", "second"),
            site.tag("marketing", "missing", "?fail"),
            site.inline("marketing", "third"),
            site.tag("functional", "fourth", "?slow"),
            f'<iframe data-gk="functional" data-src="{site.vendor(TUBE, "/frame")}"></iframe>',
            f'<img alt="" data-gk="marketing" data-src="{site.vendor(ADS, "/picture.gif")}">',
            f'<link rel="stylesheet" data-gk="analytics" data-href="{site.vendor(STATS, "/style.css")}">',
            site.inline("functional", "fifth"),
            site.tag("marketing", "sixth"),
        ]
    )


IN_ORDER = ["first", "second", "third", "fourth", "fifth", "sixth"]
FETCHED = ["first", "fourth", "frame", "missing", "picture", "sixth", "style"]


# --- holding


@pytest.mark.row("EU-01", "EU-18")
def test_before_a_choice_nothing_runs_and_nothing_is_kept(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    settle(page)
    page.mouse.wheel(0, 500)
    page.keyboard.press("Escape")
    settle(page)

    assert site.hits == []
    assert ran(page) == []
    assert page.context.cookies() == []
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert site.posts == []


@pytest.mark.row("EU-01", "EU-05")
def test_after_a_grant_each_tag_runs_exactly_once_and_in_document_order(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))

    choose(page, *PURPOSES)

    wait_until(lambda: len(ran(page)) == len(IN_ORDER))
    settle(page)
    assert ran(page) == IN_ORDER
    assert sorted(site.hits) == FETCHED


@pytest.mark.row("EU-11")
def test_on_later_pages_a_grant_holds_and_each_tag_runs_once_and_in_order(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, *PURPOSES)

    page.goto(site.page("/next", all_tags(site)))

    wait_until(lambda: len(ran(page)) == len(IN_ORDER))
    settle(page)
    assert ran(page) == IN_ORDER
    assert sorted(site.hits) == FETCHED


def test_a_tag_that_arrives_in_two_pieces_runs_whole(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, *PURPOSES)
    whole = (
        '<script type="text/plain" data-gk="analytics" data-gk-tracker="stats">ran.push("be<!--wait-->fore");</script>'
    )

    page.goto(site.page("/next", whole + site.inline("analytics", "after")))

    assert ran(page) == ["before", "after"]


def test_tags_added_later_run_once_allowed_and_once_each(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    add = """html => {
        const parsed = new DOMParser().parseFromString(html, "text/html");
        const box = document.createElement("div");
        box.append(...parsed.querySelectorAll("[data-gk]"));
        document.body.append(box);
    }"""
    page.evaluate(add, site.tag("analytics", "early", "?slow") + site.inline("analytics", "early-too"))
    settle(page)
    assert ran(page) == []

    choose(page, "analytics")
    page.evaluate(add, site.inline("analytics", "late") + site.tag("marketing", "never"))

    wait_until(lambda: len(ran(page)) == 3)
    settle(page)
    assert ran(page) == ["early", "early-too", "late"]
    assert site.hits == ["early"]


def test_an_async_tag_holds_up_nobody(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "slow", "?slow", "async") + site.inline("analytics", "quick")))

    choose(page, "analytics")

    wait_until(lambda: len(ran(page)) == 2)
    assert ran(page) == ["quick", "slow"]


def test_a_module_runs_as_a_module_with_its_attributes(site: Site, page: Page) -> None:
    source = 'ran.push(import.meta.url ? document.querySelector("#m").dataset.account : "")'
    marks = 'id="m" type="text/plain" data-type="module" data-account="7" data-gk="analytics" data-gk-tracker="stats"'
    page.goto(site.page("/", f"<script {marks}>{source}</script>"))

    choose(page, "analytics")

    wait_until(lambda: ran(page) == ["7"])


SETS = list(chain.from_iterable(combinations(PURPOSES, size) for size in range(4)))


@pytest.mark.row("EU-05")
@pytest.mark.parametrize("granted", SETS, ids=lambda names: "+".join(names) or "none")
def test_exactly_the_granted_purposes_run(site: Site, page: Page, granted: tuple[str, ...]) -> None:
    page.goto(site.page("/", "".join(site.tag(purpose, purpose) for purpose in PURPOSES)))

    choose(page, *granted)

    wait_until(lambda: ran(page) == list(granted))
    settle(page)
    assert site.hits == list(granted)
    assert [page.evaluate("id => gatekeeper.allows(id)", purpose) for purpose in PURPOSES] == [
        purpose in granted for purpose in PURPOSES
    ]


def test_a_tracker_excepted_from_its_purpose_stays_held_and_the_reverse(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats") + site.tag("marketing", "ads")))

    choose(page, "marketing", trackers={"ads": False, "stats": True})

    wait_until(lambda: ran(page) == ["stats"])
    settle(page)
    assert site.hits == ["stats"]


@pytest.mark.row("EU-01")
def test_what_does_not_fit_the_declaration_stays_held(site: Site, page: Page) -> None:
    wrong = [
        # The declared purpose counts, not the one that was written on the tag.
        site.tag("analytics", "a").replace('data-gk="analytics"', 'data-gk="functional" data-gk-tracker="stats"'),
        # Nobody declared this host, this tracker, or this scheme.
        '<script type="text/plain" data-gk="analytics" data-src="http://127.0.0.9/b.js"></script>',
        '<script type="text/plain" data-gk="analytics" data-gk-tracker="constructor">ran.push("c")</script>',
        '<script type="text/plain" data-gk="analytics">ran.push("d")</script>',
        """<iframe data-gk="functional" data-gk-tracker="tube" data-src="javascript:parent.ran.push('e')"></iframe>""",
        '<script type="text/plain" data-gk="analytics" data-gk-tracker="stats" data-src="http://[">ran.push("f")</script>',
    ]
    warnings: list[str] = []
    page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    page.goto(site.page("/", "".join(wrong) + site.inline("analytics", "right")))

    choose(page, *PURPOSES)

    wait_until(lambda: ran(page) == ["right"])
    settle(page)
    assert ran(page) == ["right"]
    assert site.hits == []
    assert len(warnings) == len(wrong)


def test_under_a_strict_policy_with_trusted_types_tags_run_and_nothing_is_violated(site: Site, page: Page) -> None:
    policy = (
        "default-src 'self'; script-src 'nonce-abc'; style-src 'nonce-abc'; img-src data:; "
        "require-trusted-types-for 'script'; trusted-types gatekeeper"
    )
    site.headers.append(("Content-Security-Policy", policy))
    listen = (
        '<script nonce="abc">broken = []; addEventListener("securitypolicyviolation", '
        "event => broken.push(event.violatedDirective + event.blockedURI))</script>"
    )
    inline = site.inline("analytics", "inline").replace("<script", '<script nonce="abc"')
    page.goto(site.page("/", site.tag("analytics", "external") + inline, head=listen, nonce="abc"))

    page.get_by_role("button", name="Accept all").click()

    wait_until(lambda: len(ran(page)) == 2)
    assert ran(page) == ["external", "inline"]
    expect(page.get_by_role("button", name="Privacy choices")).to_be_visible()
    assert page.evaluate("broken") == []


def test_an_injected_tag_cannot_borrow_the_guards_nonce(site: Site, page: Page) -> None:
    site.headers.append(("Content-Security-Policy", "script-src 'nonce-abc'"))
    injected = site.inline("analytics", "injected") + site.tag("analytics", "elsewhere").replace(
        'data-src="', f'data-gk-tracker="stats" data-src="{site.vendor(ADS, "/x.js")}" x="'
    )
    page.goto(site.page("/", injected, nonce="abc"))

    page.get_by_role("button", name="Accept all").click()

    settle(page)
    assert ran(page) == []
    assert site.hits == []


# --- choosing


@pytest.mark.row("EU-01")
def test_a_grant_that_the_server_does_not_commit_releases_nothing(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    site.mood = "busy"

    told = choose(page, *PURPOSES)

    settle(page)
    assert told.startswith("Error")
    assert page.context.cookies() == []
    assert (ran(page), site.hits) == ([], [])


@pytest.mark.row("EU-11")
@pytest.mark.parametrize("mood", ["busy", "gone"])
def test_a_refusal_holds_at_once_and_on_the_next_pages_and_reaches_the_server_later(
    site: Site, page: Page, mood: str
) -> None:
    page.goto(site.page("/", all_tags(site)))
    site.mood = mood

    in_the_click = page.evaluate("() => { gatekeeper.withdraw(); return document.cookie; }")

    assert ".rp.0.0.-.0" in in_the_click
    site.pages["/bare"] = "<title>bare</title>"
    page.goto(site.url("/bare"))
    assert ".rp.0.0.-.0" in (cookie(page.context) or "")
    site.mood = "well"
    page.goto(site.url("/"))
    wait_until(lambda: ".r.0.0.-.0" in (cookie(page.context) or ""))
    settle(page)
    expect(page.get_by_role("button", name="Reject all")).to_have_count(0)
    assert (ran(page), site.hits) == ([], [])
    refused = [total for total in site.store.totals("shop") if total.what == "choice"]
    assert [total.name for total in refused] == ["refused"]


def test_a_refusal_is_told_again_on_the_same_page_until_it_is_heard(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    site.mood = "busy"
    page.evaluate("gatekeeper.withdraw()")
    wait_until(lambda: bodies(site, "choice"))

    site.mood = "well"

    wait_until(lambda: ".r.0" in (cookie(page.context) or ""))
    assert len(bodies(site, "choice")) == 2


@pytest.mark.row("EU-07", "EU-08")
def test_a_withdrawal_holds_at_once_though_the_service_is_gone(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats")))
    choose(page, "analytics")
    wait_until(lambda: site.hits == ["stats"])
    site.mood = "gone"

    allowed = page.evaluate("() => { gatekeeper.withdraw(); return gatekeeper.allows('stats'); }")
    site.mood = "well"
    page.goto(site.url("/"))

    assert allowed is False
    wait_until(lambda: ".w.0.0.-.0" in (cookie(page.context) or ""))
    settle(page)
    assert cookie(page.context, "gk_subject") is None
    assert site.hits == ["stats"]


def test_a_refusal_after_a_slow_grant_wins(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    site.mood = "slow"

    page.get_by_role("button", name="Accept all").click()
    page.get_by_role("button", name="Reject all").click()
    site.mood = "well"

    settle(page)
    settle(page)
    page.goto(site.url("/"))
    wait_until(lambda: ".0.0.-.0" in (cookie(page.context) or ""))
    settle(page)
    assert (ran(page), site.hits) == ([], [])


@pytest.mark.row("CR-08")
def test_two_visitors_who_refuse_hold_the_same_bytes(site: Site, browser: Browser) -> None:
    address = site.page("/", all_tags(site))
    held = []
    for agent, language in (("One/1.0", "de"), ("Two/2.0", "fr")):
        context = browser.new_context(user_agent=agent, locale=language, extra_http_headers={"X-Canary": agent})
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Reject all").click()
        wait_until(lambda page=page: ".r." in (cookie(page.context) or ""))
        held.append([(one["name"], one["value"]) for one in context.cookies()])
        context.close()

    assert held[0] == held[1]
    assert len(held[0]) == 1
    assert {json.dumps(body) for body in bodies(site, "choice")} == {
        '{"notice": 1, "age_band": null, "objects": false}'
    }


def test_a_grant_for_an_old_notice_is_asked_again_and_then_holds(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("analytics", "stats")))
    page.get_by_role("button", name="Accept all").wait_for()
    added = {**site.declared["trackers"], "late": {**site.declared["trackers"]["ads"], "vendor": "statly"}}
    site.publish_again(trackers=added)

    page.get_by_role("button", name="Accept all").click()
    settle(page)
    assert (cookie(page.context), site.hits) == (None, [])
    expect(page.get_by_role("button", name="Accept all")).to_have_count(1)
    page.get_by_role("button", name="Accept all").click()

    wait_until(lambda: (cookie(page.context) or "").startswith("1.shop.2."))
    wait_until(lambda: site.hits == ["stats"])


@pytest.mark.row("EU-19")
def test_a_new_recipient_is_held_and_asked_about_while_the_old_grant_goes_on(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, *PURPOSES)
    late = {**site.declared["trackers"]["ads"], "vendor": "statly", "hosts": [f"127.0.0.5:{site.port}"]}
    site.publish_again(trackers={**site.declared["trackers"], "late": late})

    tag = '<script type="text/plain" data-gk="marketing" data-gk-tracker="late">ran.push("late")</script>'
    # The browser may keep the old guard for five minutes; this page asks for it under another name.
    page.goto(site.page("/next", site.inline("marketing", "old") + tag, guard="/gk/shop/gatekeeper.js?new"))

    expect(page.get_by_role("button", name="Accept all")).to_be_visible()
    assert ran(page) == ["old"]
    assert page.evaluate("gatekeeper.decision('late')") == {"allowed": False, "reason": "stale_notice"}


@pytest.mark.row("EU-11")
@pytest.mark.parametrize("button", ["Accept all", "Reject all"])
def test_both_answers_hold_for_as_long_and_are_then_asked_again(site: Site, page: Page, button: str) -> None:
    page.clock.install(time="2026-11-22T10:00:00Z")
    site.ahead = page.evaluate("Date.now()") / 1000 - site.now()
    page.goto(site.page("/", ""))
    page.get_by_role("button", name=button).click()
    wait_until(lambda: cookie(page.context))
    value = cookie(page.context) or ""

    def asked_after(days: int) -> bool:
        page.context.add_cookies([{"name": "gk_choice", "value": value, "url": site.url("/")}])
        page.clock.set_system_time(f"2027-05-{21 + days}T10:00:00Z")
        page.goto(site.url("/"))
        page.get_by_role("button", name="Privacy choices").wait_for()
        settle_real(page)
        return page.get_by_role("button", name="Reject all").count() > 0

    assert [asked_after(days) for days in (0, 1)] == [False, True]


def settle_real(page: Page) -> None:
    """Wait in real time, for pages whose clock a test has set."""
    page.wait_for_load_state("networkidle")


# --- hostile scripts


@pytest.mark.row("SE-05", "SE-19")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_nothing_that_a_script_does_opens_anything(site: Site, page: Page, attack: str) -> None:
    page.goto(site.page("/", all_tags(site)))
    page.get_by_role("button", name="Accept all").wait_for()

    page.evaluate(f"() => {{ {PRELUDE}; try {{ {attack}; }} catch {{}} }}")
    settle(page)

    assert "gk_choice" not in page.evaluate("document.cookie")
    assert cookie(page.context) is None
    assert (ran(page), site.hits) == ([], [])
    page.goto(site.page("/hostile/next", all_tags(site)))
    settle(page)
    assert (ran(page), site.hits) == ([], [])


def test_who_hears_how_the_banner_is_opened_can_change_nothing_by_it(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    page.evaluate("gatekeeper.withdraw()")

    told = page.evaluate(
        """() => {
            let told;
            document.addEventListener("gatekeeper:open", ({ detail: { choice } }) => {
                told = choice.state;
                choice.state = "granted";
                choice.purposes.push("functional", "analytics", "marketing");
            });
            gatekeeper.open();
            return told;
        }"""
    )
    page.evaluate("document.body.append(document.createElement('p'))")
    settle(page)

    assert told == "refused"
    assert page.evaluate("['functional', 'analytics', 'marketing'].filter(gatekeeper.allows)") == []
    assert (ran(page), site.hits) == ([], [])


def test_what_nobody_declared_is_kept_nowhere(site: Site, page: Page, context: BrowserContext) -> None:
    page.goto(site.page("/", ""))

    found = page.evaluate(
        """async () => {
            const frame = document.body.appendChild(document.createElement("iframe"));
            for (const { document, localStorage, sessionStorage } of [window, frame.contentWindow]) {
                document.cookie = "stray=1";
                localStorage.stray = 1; localStorage.setItem("stray", 1); sessionStorage["stray"] = 1;
                Object.defineProperty(localStorage, "stray", { value: "1", enumerable: true, configurable: true });
            }
            await cookieStore.set("stray", "1");
            localStorage.setItem("mine", "kept");
            const denied = [];
            try { indexedDB.open("stray"); } catch (error) { denied.push(error.name); }
            await caches.open("stray").catch((error) => denied.push(error.name));
            return [
                denied, Object.keys(localStorage), localStorage.mine, localStorage.getItem("mine"), localStorage.length,
                Object.keys(sessionStorage), document.cookie, (await indexedDB.databases()).length,
            ];
        }"""
    )

    assert found == [["SecurityError", "SecurityError"], ["mine"], "kept", "kept", 1, [], "", 0]
    assert context.cookies() == []


def test_a_script_may_write_cookies_and_send_requests_of_its_own(site: Site, page: Page) -> None:
    site.pages["/data"] = "data"
    page.goto(site.page("/", ""))

    found = page.evaluate(
        """async () => {
            document.cookie = "mine=1"; document.cookie = "agk_x=2";
            await cookieStore.set("other", "3"); await cookieStore.set({name: "fourth", value: "4"});
            const request = new XMLHttpRequest(); request.open("GET", "/data", false); request.send();
            return [
                document.cookie.split("; ").filter(Boolean).sort(),
                request.responseText,
                await (await fetch("/data")).text(),
                await (await fetch(new Request("/data"))).text(),
                navigator.sendBeacon("/data", "x"),
                (await fetch("/gk/shop/gatekeeper.js")).status,
                (await fetch("/gk/shop/b/stats.gif")).status,
            ];
        }"""
    )

    assert found == [["agk_x=2", "fourth=4", "mine=1", "other=3"], "data", "data", "data", True, 200, 200]


def test_no_script_can_take_the_choice_away_or_read_a_receipt_from_events(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    page.evaluate(
        "document.addEventListener('gatekeeper:choice', event => window.heard = JSON.stringify(event.detail))"
    )
    told = choose(page, "analytics")
    value = cookie(page.context)

    page.evaluate("() => { document.cookie = 'gk_choice=; Max-Age=0; path=/'; cookieStore.delete('gk_choice'); }")
    settle(page)

    assert cookie(page.context) == value
    assert told["receipt"]["code"] not in page.evaluate("window.heard")


# --- the public face


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


GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
DNT = "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})"


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


# --- what is told


def told(site: Site) -> list[Any]:
    return bodies(site, "events")


@pytest.mark.row("EU-01")
def test_of_those_who_have_not_agreed_nothing_is_told(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    settle(page)
    page.goto(site.page("/next", all_tags(site)))
    page.get_by_role("button", name="Reject all").click()
    settle(page)
    page.goto(site.url("/"))
    page.wait_for_timeout(1500)
    page.goto("about:blank")

    assert told(site) == []
    assert len(site.posts) == 1


def test_under_analytics_views_and_outcomes_are_logged_with_ids_of_their_own(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    choose(page, *PURPOSES)
    wait_until(lambda: len(ran(page)) == len(IN_ORDER))
    page.goto(site.page("/next", ""))
    wait_until(lambda: len([event for event in site.events(page) if event.kind == "view"]) == 2)

    events = [event for batch in told(site) for event in batch["events"]]
    assert [event["path"] for event in events if event["kind"] == "view"] == ["/", "/next"]
    assert len({event["id"] for event in events}) == len(events)
    assert all(event["id"][12] == "7" and event["id"][16] in "89ab" for event in events)
    outcomes = [(event["tracker"], event["outcome"]) for event in events if event["kind"] == "outcome"]
    assert outcomes.count(("ads", "failed")) == 1
    assert sorted(outcomes).count(("stats", "loaded")) == sorted(outcomes).count(("stats", "released")) == 3
    assert {event.fields["path"] for event in site.events(page) if event.kind == "view"} == {"/", "/next"}


@pytest.mark.parametrize("path", ["/", f"/{'long/' * 700}"], ids=["a short path", "a very long one"])
def test_a_tag_of_no_tracker_and_a_long_path_cost_no_page_view(site: Site, page: Page, path: str) -> None:
    unnamed = '<script type="text/plain" data-gk="marketing">ran.push("unnamed")</script>'
    page.goto(site.page(path, unnamed + site.tag("marketing", "ad")))
    choose(page, "analytics")

    page.reload()
    wait_until(lambda: len([event for event in site.events(page) if event.kind == "view"]) == 2)

    outcomes = {(event.tracker, event.fields["reason"]) for event in site.events(page) if event.kind == "outcome"}
    assert outcomes == {("unknown", "fail_closed"), ("ads", "refused")}


def test_a_tag_of_no_tracker_costs_no_totals(site: Site, page: Page) -> None:
    unnamed = '<script type="text/plain" data-gk="marketing">ran.push("unnamed")</script>'
    page.goto(site.page("/", unnamed))
    choose(page, "functional")

    page.reload()
    totals = wait_until(lambda: [total for total in site.store.totals("shop") if total.what == "outcome"])

    assert {(total.name, total.outcome, total.reason) for total in totals} == {("unknown", "blocked", "fail_closed")}


def test_under_other_grants_only_totals_are_told(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("marketing", "ads") + site.tag("analytics", "stats")))

    choose(page, "marketing")

    wait_until(lambda: told(site))
    [body] = told(site)
    assert list(body) == ["totals"]
    assert sorted(body["totals"]) == sorted(
        [
            ["ads", "released", "granted"],
            ["ads", "requested", "granted"],
            ["ads", "loaded", "granted"],
            ["stats", "blocked", "refused"],
        ]
    )


def test_anonymous_totals_carry_no_cookie_and_end_with_an_objection(site: Site, page: Page) -> None:
    site.publish_again(anonymous_totals=True)
    carried = cookies_carried(site)
    page.goto(site.page("/", site.tag("analytics", "stats")))
    wait_until(lambda: told(site))
    page.evaluate("gatekeeper.choose()")
    wait_until(lambda: ".r." in (cookie(page.context) or ""))
    page.goto(site.page("/next", site.tag("analytics", "stats")))
    wait_until(lambda: len(told(site)) == 2)

    page.evaluate("gatekeeper.choose({objects: true})")
    wait_until(lambda: ".rx." in (cookie(page.context) or ""))
    page.goto(site.url("/"))
    page.wait_for_timeout(1500)

    assert told(site) == [
        {"totals": [["stats", "blocked", "no_choice"]]},
        {"totals": [["stats", "blocked", "refused"]]},
    ]
    assert carried["/gk/shop/events"] == ["", ""]


def cookies_carried(site: Site) -> dict[str, list[str]]:
    """Note which cookies requests to the service carry from now on, by path."""
    carried: dict[str, list[str]] = defaultdict(list)
    answer = site.app.wsgi_app

    def noting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        carried[environ["PATH_INFO"]].append(environ.get("HTTP_COOKIE", ""))
        return answer(environ, start_response)

    site.app.wsgi_app = noting  # type: ignore[method-assign]
    return carried


def test_what_was_seen_with_an_identity_is_not_told_without_one(site: Site, page: Page) -> None:
    site.publish_again(anonymous_totals=True)
    page.goto(site.page("/", ""))
    choose(page, "analytics", notice=2)
    wait_until(lambda: told(site))

    page.evaluate("() => { history.pushState({}, '', '/secret'); gatekeeper.withdraw(); }")
    page.wait_for_timeout(1500)

    assert "/secret" not in json.dumps(told(site))


def test_what_was_seen_under_a_grant_is_not_told_after_it_is_withdrawn(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, "analytics")
    wait_until(lambda: told(site))
    before = len(told(site))

    page.evaluate("() => { history.pushState({}, '', '/secret'); gatekeeper.withdraw(); }")
    page.wait_for_timeout(1500)

    assert len(told(site)) == before


@pytest.mark.row("CK-07")
def test_a_page_that_changes_its_path_is_viewed_again(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, "analytics")

    page.evaluate("() => { history.pushState({}, '', '/two'); history.replaceState({}, '', '/two?x'); }")
    page.evaluate("history.replaceState({}, '', '/three')")
    page.go_back()
    wait_until(lambda: len(views(site)) == 4)

    assert views(site) == ["/", "/two", "/three", "/"]


def views(site: Site) -> list[str]:
    return [event["path"] for batch in told(site) for event in batch.get("events", []) if event["kind"] == "view"]


def test_a_batch_that_the_server_could_not_take_is_sent_again_with_the_same_ids(site: Site, page: Page) -> None:
    # A browser that will queue no more beacons.
    page.add_init_script("Navigator.prototype.sendBeacon = () => false")
    page.goto(site.page("/", ""))
    choose(page, "analytics")
    site.mood = "busy"
    wait_until(lambda: len(told(site)) == 1)

    site.mood = "well"

    wait_until(lambda: len(told(site)) == 2)
    assert told(site)[0] == told(site)[1]
    wait_until(lambda: [event.kind for event in site.events(page)] == ["view"])


# --- tabs, caches, previews


@pytest.mark.row("CK-07", "EU-07")
def test_a_withdrawal_reaches_the_other_tab(site: Site, context: BrowserContext) -> None:
    address = site.page("/", site.tag("analytics", "stats"))
    first, second = context.new_page(), context.new_page()
    first.goto(address)
    choose(first, "analytics")
    second.goto(address)
    wait_until(lambda: ran(second) == ["stats"])

    first.evaluate("gatekeeper.withdraw()")

    wait_until(lambda: second.evaluate("gatekeeper.decision('stats').reason") == "withdrawn")


@pytest.fixture
def launch(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., BrowserContext]]:
    """Starts browsers with settings of their own."""
    kind = browser.browser_type
    opened: list[BrowserContext] = []

    def start(preferences: dict[str, Any] | None = None, **more: Any) -> BrowserContext:
        folder = tmp_path / f"profile{len(opened)}"
        (folder / "Default").mkdir(parents=True)
        (folder / "Default" / "Preferences").write_text(json.dumps(preferences or {}))
        args = [*FLAGS, *more.pop("args", [])]
        opened.append(kind.launch_persistent_context(folder, executable_path=chromium(), args=args, **more))
        return opened[-1]

    yield start
    for context in opened:
        context.close()


def chromium() -> str | None:
    return next((found for found in map(shutil.which, NAMES) if found), None)


def go_back(page: Page) -> None:
    """Go back to a page that the browser has kept as it was. It loads nothing, so there is no load to wait for."""
    page.evaluate("() => { setTimeout(() => history.back()); }")
    page.wait_for_function("window.restored === true")


@pytest.mark.row("CK-07")
def test_a_page_restored_from_the_back_forward_cache_knows_of_the_withdrawal(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch(ignore_default_args=["--disable-back-forward-cache"])
    page = context.pages[0]
    page.goto(site.page("/", site.tag("analytics", "stats")))
    choose(page, "analytics")
    wait_until(lambda: ran(page) == ["stats"])
    page.evaluate("window.addEventListener('pageshow', event => window.restored = event.persisted)")
    page.goto(site.page("/next", ""))
    page.evaluate("gatekeeper.withdraw()")

    go_back(page)
    assert page.evaluate("gatekeeper.decision('stats').reason") == "withdrawn"


@pytest.mark.row("CK-07")
def test_a_page_restored_from_the_back_forward_cache_is_viewed_again(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch(ignore_default_args=["--disable-back-forward-cache"])
    page = context.pages[0]
    page.goto(site.page("/", ""))
    choose(page, "analytics")
    page.evaluate("window.addEventListener('pageshow', event => window.restored = event.persisted)")
    page.goto(site.page("/next", ""))

    go_back(page)
    wait_until(lambda: views(site) == ["/", "/next", "/"])


@pytest.fixture
def bare_browser(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Opens an address in a browser that nothing steers: a steered one does not prerender."""
    running: list[subprocess.Popen[bytes]] = []

    def open_at(address: str) -> None:
        path = chromium()
        assert path, "no Chromium is installed"
        call = [path, "--headless=new", *FLAGS, f"--user-data-dir={tmp_path / 'bare'}", address]
        quiet = subprocess.DEVNULL
        running.append(subprocess.Popen(call, stdout=quiet, stderr=quiet, start_new_session=True))

    yield open_at
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def cookies_of_a_grant(site: Site, *granted: str) -> list[str]:
    """Grant as a browser without a face, and return what the server would have it keep."""
    headers = {"Content-Type": "application/json", "Origin": site.url("")}
    body = json.dumps({"granted": granted, "notice": 1}).encode()
    with urlopen(Request(site.url("/gk/shop/choice"), body, headers), timeout=10) as answer:
        found: list[str] = answer.headers.get_all("Set-Cookie")
    return found


@pytest.mark.row("SIG-02", "CK-07")
def test_a_prerendered_page_fires_and_tells_nothing_until_it_is_shown(
    site: Site, bare_browser: Callable[[str], None]
) -> None:
    site.headers.extend(("Set-Cookie", value) for value in cookies_of_a_grant(site, "analytics"))
    site.page("/next", site.tag("analytics", "stats") + "<script>fetch('/seen?' + document.prerendering)</script>")
    rules = '<script type="speculationrules">{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>'
    go = "<script>setInterval(async () => (await fetch('/go')).ok && (location = '/next'), 100)</script>"

    bare_browser(site.page("/", rules + go))
    wait_until(lambda: "/seen?true" in site.asked)
    wait_until(lambda: views(site) == ["/"])
    seen = len(site.asked)
    wait_until(lambda: len(site.asked) > seen + 15)  # a second and a half
    before = list(site.hits), views(site)
    site.pages["/go"] = "now"

    wait_until(lambda: site.hits == ["stats"])
    wait_until(lambda: views(site) == ["/", "/next"])
    assert before == ([], ["/"])
    assert "/seen?false" not in site.asked


@pytest.mark.row("CK-05")
def test_where_cookies_are_blocked_nothing_is_granted_and_a_tab_is_asked_once(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch({"profile": {"default_content_setting_values": {"cookies": 2}}})
    page = context.pages[0]
    page.goto(site.page("/", all_tags(site)))

    page.get_by_role("button", name="Accept all").click()
    expect(page.get_by_role("status")).to_contain_text("cannot be remembered")

    for path in ("/", "/next"):
        page.goto(site.page(path, all_tags(site)))
        settle(page)
        expect(page.get_by_role("button", name="Accept all")).to_have_count(0)
    assert (ran(page), site.hits) == ([], [])


@pytest.mark.row("CK-05")
def test_where_cookies_are_blocked_a_tab_is_asked_once_though_nobody_answers(
    site: Site, launch: Callable[..., BrowserContext]
) -> None:
    context = launch({"profile": {"default_content_setting_values": {"cookies": 2}}})
    page = context.pages[0]
    page.goto(site.page("/", ""))
    page.get_by_role("button", name="Accept all").wait_for()

    page.goto(site.page("/next", ""))
    settle(page)

    expect(page.get_by_role("button", name="Accept all")).to_have_count(0)


# --- homes


@pytest.mark.row("CK-03")
def test_from_a_foreign_host_the_script_keeps_the_choice_and_tells_nobody(site: Site, page: Page) -> None:
    foreign = f"http://localhost:{site.port}/gk/shop/gatekeeper.js"
    page.goto(site.page("/", site.tag("analytics", "stats"), guard=foreign))

    page.get_by_role("button", name="Accept all").click()
    wait_until(lambda: site.hits == ["stats"])
    assert ".g." in (cookie(page.context) or "")
    page.get_by_role("button", name="Privacy choices").click()
    page.get_by_role("button", name="Withdraw everything").click()
    page.goto(site.url("/"))
    settle(page)

    assert ".w.0.0.-.0" in (cookie(page.context) or "")
    assert cookie(page.context, "gk_subject") is None
    assert site.hits == ["stats"]
    assert site.posts == []


@pytest.mark.row("CK-01")
def test_from_a_sub_domain_of_the_same_site_everything_works(
    tmp_path: Path, launch: Callable[..., BrowserContext]
) -> None:
    site = Site(tmp_path, host="www.shop.test")
    site.declared = {"scope": "domain", "domain": "shop.test"}
    site.start()
    try:
        context = launch(args=["--host-resolver-rules=MAP *.shop.test 127.0.0.1"])
        page = context.pages[0]
        guard = f"http://gk.shop.test:{site.port}/gk/shop/gatekeeper.js"
        page.goto(site.page("/", site.tag("analytics", "stats"), guard=guard))

        page.get_by_role("button", name="Accept all").click()
        wait_until(lambda: site.hits == ["stats"])
        wait_until(lambda: [event.kind for event in site.events(page)].count("view") == 1)
        held = {one["name"]: one["domain"] for one in context.cookies()}
        page.evaluate("gatekeeper.withdraw()")

        wait_until(lambda: ".w.0.0.-.0" in (cookie(context) or ""))
        assert held == {"gk_choice": ".shop.test", "gk_subject": ".shop.test"}
    finally:
        site.stop()
