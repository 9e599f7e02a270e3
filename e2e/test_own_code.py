"""The site's own code goes on as without the guard: storage, cookies, frames, calls."""

import pytest
from playwright.sync_api import Page

from .site import Site

#: What a page's own code does, and what it comes to.
OWN_CODE = {
    "asks a storage by its prototype": (
        "localStorage.mine = 1; return Storage.prototype.getItem.call(localStorage, 'mine')",
        "1",
    ),
    "writes into a storage by its prototype": (
        "Storage.prototype.setItem.call(localStorage, 'mine', 2); return localStorage.mine",
        "2",
    ),
    "hears of what is written by a method of its own": (
        """const heard = [], { setItem } = Storage.prototype;
        Storage.prototype.setItem = function (name, text) { heard.push(name); setItem.call(this, name, text); };
        localStorage.setItem("mine", "1");
        return [heard, localStorage.mine]""",
        [["mine"], "1"],
    ),
    "goes through a storage": (
        """localStorage.mine = "1"; localStorage["other"] = 2;
        const found = [];
        for (const key in localStorage) if (localStorage.hasOwnProperty(key)) found.push(key);
        return [found.sort(), Object.entries(localStorage).sort(), { ...localStorage }, localStorage.length,
            "mine" in localStorage, delete localStorage.mine, "mine" in localStorage, JSON.stringify(localStorage),
            localStorage.key(0), localStorage.missing, localStorage.getItem("mine")]""",
        [
            ["mine", "other"],
            [["mine", "1"], ["other", "2"]],
            {"mine": "1", "other": "2"},
            2,
            True,
            True,
            False,
            '{"other":"2"}',
            "other",
            None,
            None,
        ],
    ),
    "asks what a storage is": (
        """return [localStorage instanceof Storage, `${localStorage}`, localStorage.constructor === Storage,
            localStorage.getItem === localStorage.getItem, localStorage === window.localStorage]""",
        [True, "[object Storage]", True, True, True],
    ),
    "forgets what to write": (
        "try { localStorage.setItem('mine') } catch (error) { return error.name }",
        "TypeError",
    ),
    "tells itself of a change": (
        "return new StorageEvent('storage', { key: 'mine', storageArea: localStorage }).storageArea === localStorage",
        True,
    ),
    "hears of another window's change": (
        """const frame = document.body.appendChild(document.createElement("iframe"));
        const heard = new Promise((done) => addEventListener("storage", (event) => done(event)));
        frame.contentWindow.localStorage.setItem("mine", "far");
        const event = await heard;
        return [event.storageArea === localStorage, event.newValue, localStorage.mine]""",
        [True, "far", "far"],
    ),
    "keeps a symbol with a storage": ("localStorage[Symbol('mark')] = 1; return Object.keys(localStorage)", []),
    "opens a connection with no settings": (
        "for (const settings of [null, undefined, {}]) new RTCPeerConnection(settings).close(); return 'opened'",
        "opened",
    ),
    "makes a kind of connection of its own": (
        """class Call extends RTCPeerConnection { hello() { return "hello"; } }
        const call = new Call(); call.close();
        return [call.hello(), call instanceof Call, call instanceof RTCPeerConnection]""",
        ["hello", True, True],
    ),
    "asks the site's own server for a way through": (
        """const own = `stun:${location.host}`, call = new RTCPeerConnection({ iceServers: [{ urls: own }] });
        const found = call.getConfiguration().iceServers.map(({ urls }) => [urls].flat()[0]); call.close();
        return found.map((url) => url === own)""",
        [True],
    ),
    "changes its path": (
        """history.pushState({ step: 1 }, "", "/next?q");
        const found = [history.state.step, location.pathname];
        try { history.pushState({}, "", "https://other.test/") } catch (error) { return [...found, error.name] }""",
        [1, "/next", "SecurityError"],
    ),
    "writes a frame's page": (
        """localStorage.mine = 7;
        const frame = document.body.appendChild(document.createElement("iframe")), page = frame.contentDocument;
        page.open(); page.write("<script>parent.told = localStorage.getItem('mine')</" + "script>"); page.close();
        return told""",
        "7",
    ),
    "looks into frames that are not there or not its own": (
        """const frame = document.createElement("iframe"), before = [frame.contentWindow, frame.contentDocument];
        frame.sandbox = "allow-scripts"; frame.srcdoc = "hello"; document.body.append(frame);
        await new Promise((done) => (frame.onload = done));
        return [...before, typeof frame.contentWindow, frame.contentDocument]""",
        [None, None, "object", None],
    ),
}


@pytest.mark.parametrize(("code", "result"), OWN_CODE.values(), ids=OWN_CODE.keys())
def test_a_pages_own_code_does_what_it_did(site: Site, page: Page, code: str, result: object) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(site.page("/"))

    assert page.evaluate(f"async () => {{ {code} }}") == result
    assert errors == []


#: By each of these a page removes a cookie.
REMOVALS = {
    "by its age": "document.cookie = 'stray=; path=/; Max-Age=0'",
    "by an age below zero": "document.cookie = 'stray=; path=/; max-age=-1'",
    "by its last day": "document.cookie = 'stray=; expires=Thu, 01 Jan 1970 00:00:00 UTC; path=/'",
    "by cookieStore": "cookieStore.delete('stray')",
}


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS.keys())
def test_a_page_may_always_remove_a_cookie_that_nobody_declared(site: Site, page: Page, removal: str) -> None:
    page.goto(site.page("/"))
    page.context.add_cookies([{"name": "stray", "value": "1", "url": site.url()}])

    page.evaluate(f"async () => {{ await ({removal}); }}")

    assert page.context.cookies() == []


#: None of these removes a cookie, though it looks so.
PRETENDED = {
    "an age that browsers do not read": "stray=1; max-age=0; max-age=0x0",
    "an age that is written later": "stray=1; max-age=0; max-age=1000",
    "a day that there is not": "stray=1; expires=Tue, 31 Feb 1970 00:00:00 GMT",
    "a day in another form": "stray=1; expires=1999-01-01",
    "both, where the age counts": "stray=1; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=1000",
}


@pytest.mark.parametrize("text", PRETENDED.values(), ids=PRETENDED.keys())
def test_no_cookie_is_kept_by_pretending_to_remove_it(site: Site, page: Page, text: str) -> None:
    page.goto(site.page("/"))

    page.evaluate("text => { document.cookie = text }", text)

    assert page.context.cookies() == []


def test_no_method_of_a_storage_hands_out_the_storage_behind(site: Site, page: Page) -> None:
    page.goto(site.page("/"))

    kept = page.evaluate(
        """() => {
            const caught = [];
            for (const name of ["getItem", "setItem", "key", "removeItem"])
                Storage.prototype[name] = function () { caught.push(this); };
            localStorage.getItem("a"); localStorage.setItem("mine", "b"); localStorage.key(0); gatekeeper.withdraw();
            for (const store of [...caught, new StorageEvent("storage", { storageArea: localStorage }).storageArea])
                store.stray = 1;
            return [caught.length > 2, Object.keys(localStorage)];
        }"""
    )

    assert kept == [True, []]


def test_no_other_name_of_webrtc_reaches_a_server_beyond_the_policy(site: Site, page: Page) -> None:
    page.goto(site.page("/"))

    reached = page.evaluate(
        """() => {
            let read = 0;
            const changing = { get urls() { return read++ ? "stun:192.0.2.9" : `stun:${location.host}`; } };
            const far = { urls: ["stun:192.0.2.9"] };
            class Call extends RTCPeerConnection {}
            const kinds = [RTCPeerConnection, webkitRTCPeerConnection, RTCPeerConnection.prototype.constructor, Call];
            const calls = kinds.map((Kind) => new Kind({ iceServers: [far] }));
            calls.push(new RTCPeerConnection({ iceServers: [changing] }), new RTCPeerConnection());
            calls.at(-1).setConfiguration({ iceServers: [far] });
            return calls.flatMap((call) => call.getConfiguration().iceServers.flatMap(({ urls }) => urls));
        }"""
    )

    assert "stun:192.0.2.9" not in reached


@pytest.mark.parametrize("address", [r"https:\/\/far.test\/x", r"https:\\\\far.test/x", "https://:y/x"])
def test_no_speculation_rule_leads_beyond_the_policy_however_it_is_written(
    site: Site, page: Page, address: str
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(site.page("/"))

    page.evaluate(
        """async (text) => {
            document.head.append(Object.assign(document.createElement("script"), { type: "speculationrules", text }));
            await null;
        }""",
        f'{{"prefetch": [{{"urls": ["{address}"]}}]}}',
    )

    assert page.locator("script[type=speculationrules]").count() == 0
    assert errors == []


def test_a_page_in_a_frame_that_was_reached_before_it_came_has_its_guard(site: Site, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    site.page("/inner", site.tag("marketing", "ad"))
    page.goto(site.page("/"))

    found = page.evaluate(
        """async () => {
            const frame = Object.assign(document.createElement("iframe"), { src: "/inner" });
            document.body.append(frame);
            frame.contentWindow;
            await new Promise((done) => (frame.onload = done));
            return [typeof frame.contentWindow.gatekeeper, frame.contentWindow.ran];
        }"""
    )

    assert found == ["object", []]
    assert errors == []


def test_the_post_of_a_choice_names_no_page(site: Site, page: Page) -> None:
    asked = []
    page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    page.goto(site.page("/private/page"))

    with page.expect_response("**/choice") as answered:
        page.evaluate("() => { gatekeeper.withdraw() }")

    assert answered.value.status == 200
    assert [request.all_headers().get("referer") for request in asked] == [None]
