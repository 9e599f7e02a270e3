"""What no script on a page can make the guard do."""

import pytest
from playwright.sync_api import BrowserContext, Page

from .attacks import ATTACKS, PRELUDE
from .site import Site
from .visiting import all_tags, choose, cookie, ran, settle


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
    page.wait_for_function(r"/\.r\./.test(document.cookie)")  # the server has heard, and nothing reads it anew

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
