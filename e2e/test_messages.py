"""Messages from frames, windows and other tabs: the guard listens to none of a page's, and believes none of a tab's."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Frame, Page

from tests.waiting import wait_until

from .messages import MESSAGES
from .site import STATS, Site
from .visiting import PURPOSES, all_tags, bodies, choose, cookie, ran, settle

#: Notes from before the guard is there what is listened to.
WATCH = """
    window.listened = [];
    const { addEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (type, ...rest) {
        listened.push(type);
        return Reflect.apply(addEventListener, this, [type, ...rest]);
    };
"""
#: The head of a page that has no icon to ask for.
HEAD = '<!doctype html><link rel="icon" href="data:,">'
#: A page that posts every message to a target, and notes what it is answered.
POSTS = f"""
    window.answers = [];
    addEventListener("message", ({{ data }}) => answers.push(data));
    function post(target, ...more) {{
        {MESSAGES}
        for (const message of messages) target.postMessage(message, ...more);
        return messages.length;
    }}
"""
#: What is granted: None where nothing was said.
SAID: dict[str, list[str] | None] = {"undecided": None, "refused": [], "granted": ["analytics"]}


def answer(page: Page, granted: list[str] | None) -> None:
    """Give the visitor's answer, and wait until all that follows from it has happened."""
    if granted is not None:
        choose(page, *granted)
    wait_until(lambda: len(ran(page)) == (2 if granted else 0))
    settle(page)


def standing(site: Site, page: Page) -> dict[str, Any]:
    """Return all that a message could have changed."""
    trackers = ["visit", *site.declared["trackers"]]
    return {
        "decisions": page.evaluate("trackers => trackers.map((id) => gatekeeper.decision(id))", trackers),
        "cookies": [cookie(page.context, name) for name in ("gk_choice", "gk_subject")],
        "ran": ran(page),
        "hits": list(site.hits),
        "told": bodies(site, "choice"),
        "asked": page.get_by_role("button", name="Accept all").count(),
    }


@pytest.mark.row("SE-15")
def test_nothing_of_ours_listens_to_messages(site: Site, page: Page) -> None:
    page.add_init_script(WATCH)
    page.goto(site.page("/", all_tags(site)))
    page.get_by_role("button", name="Accept all").wait_for()

    choose(page, *PURPOSES)
    wait_until(lambda: ran(page))
    page.evaluate("gatekeeper.open()")
    page.get_by_role("dialog").wait_for()

    assert "securitypolicyviolation" in page.evaluate("listened")  # the guard was heard to listen
    assert "message" not in page.evaluate("listened")
    assert page.evaluate("[onmessage, onmessageerror]") == [None, None]
    names = ["__tcfapi", "__gpp", "__uspapi", "__cmp"]
    assert page.evaluate("names => names.filter((name) => name in window || `${name}Locator` in frames)", names) == []


@pytest.mark.row("SE-15")
@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_messages_from_frames_and_windows_change_nothing_and_get_no_answer(
    site: Site, context: BrowserContext, said: list[str] | None
) -> None:
    site.scripts["/outer"] = f"{HEAD}<title>Outer</title><script>{POSTS}</script>"
    outer = context.new_page()
    outer.goto(site.vendor(STATS, "/outer"))
    address = site.page("/", f'{all_tags(site)}<iframe name="inner" sandbox="allow-scripts" srcdoc="<p>"></iframe>')
    with outer.expect_popup() as opened:
        outer.evaluate("address => void (window.shop = open(address))", address)
    page = opened.value
    page.wait_for_url(address)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    answer(page, said)
    inner = page.frame("inner")
    assert isinstance(inner, Frame)
    inner.evaluate(POSTS)
    before = standing(site, page)

    page.evaluate("() => { window.heard = 0; addEventListener('message', () => heard++); }")
    sent = outer.evaluate("() => post(shop, '*')") + inner.evaluate("() => post(parent, '*')")
    wait_until(lambda: page.evaluate("heard") == sent)
    settle(page)

    assert standing(site, page) == before
    assert (outer.evaluate("answers"), inner.evaluate("answers")) == ([], [])
    assert errors == []


@pytest.mark.row("SE-15", "CK-07")
@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_the_word_of_another_tab_makes_the_guard_look_and_is_not_believed(
    site: Site, context: BrowserContext, page: Page, said: list[str] | None
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(site.page("/", all_tags(site)))
    answer(page, said)
    site.pages["/other"] = f"{HEAD}<title>Other</title><script>{POSTS}</script>"
    other = context.new_page()
    other.goto(site.url("/other"))
    other.evaluate(
        """() => {
            window.channel = new BroadcastChannel("gatekeeper:shop");
            channel.onmessage = ({ data }) => answers.push(data);
        }"""
    )
    before = standing(site, page)

    page.evaluate(
        "() => { window.heard = 0; new BroadcastChannel('gatekeeper:shop').onmessage = () => heard++; }",
    )
    sent = other.evaluate("() => post(channel)")
    wait_until(lambda: page.evaluate("heard") == sent)
    settle(page)

    assert standing(site, page) == before
    assert other.evaluate("answers") == []
    assert errors == []

    # It does look: what the cookie says counts, whatever the message says.
    other.evaluate(
        """() => {
            const day = new Date().toISOString().slice(0, 10).replace(/-/g, "");
            document.cookie = `gk_choice=1.shop.1.${day}.w.0.0.-.0; path=/`;
            channel.postMessage({ state: "granted" });
        }"""
    )
    wait_until(lambda: page.evaluate("gatekeeper.decision('stats').reason") == "withdrawn")
