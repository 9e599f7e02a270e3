"""Whatever visitors, pages and staff supplied is text on every page of the dashboard, and in its charts."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gatekeeper.core.decisions import Allowed, Reason
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.fields import FIELDS
from gatekeeper.core.rounds import Fault, Run, Visitor, write_runs
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.core.staff import EVERY_SITE, Right, Role
from gatekeeper.store.books import Account, Alarm, ApiToken, Draft, Entry, LiveCheck, Mark, MarkKind, Session
from gatekeeper.web.ids import event_id

from .office import NO_PAGES, NOBODY, OWNER, PAGES, Leaf, Office, load_charts, opened, routes, width

MARKUP = '"><img src=x onerror=alert(1)>'
SCRIPT = "</script><script>alert(2)</script>"
DRAWN = "</title></style></text><svg onload=alert(3)><a href=javascript:alert(4)>"
#: A zero-width space; a right-to-left override, an isolate and an embedding, none of which is ended; Hebrew.
TURNED = "a\u200bb\u202egnp.exe\u2066\u202b\u05e9\u05dc\u05d5\u05dd"
LONG = "w" * 2000
FORMULA = '=HYPERLINK("https://evil.example","x")+cmd|A0'
NASTY = (MARKUP, SCRIPT, DRAWN, TURNED, LONG, FORMULA)
#: One more than a group must have, for its name to be told.
ENOUGH = 11
#: A site whose owner has pasted such things into its registry.
REGISTRY = f"""
[sites.odd]
name = '{MARKUP}'
origins = ["http://127.0.0.9:8"]
[sites.odd.controller]
name = '{SCRIPT}'
address = '{DRAWN}'
contact = "privacy@odd.example"
[sites.odd.vendors.odd]
name = '{SCRIPT}'
country = "IE"
[sites.odd.trackers.odd]
kind = "script"
purpose = "analytics"
vendor = "odd"
retention_days = 90
hosts = ["127.0.0.8:8"]
marked = true
description = '{MARKUP} {LONG[:900]}'
"""
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def codes() -> list[str]:
    """The receipt codes of some of the visitors."""
    return []


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, codes: list[str]) -> Iterator[Office]:
    """A dashboard to which everybody has supplied the worst they know."""
    with opened(tmp_path_factory.mktemp("office"), REGISTRY) as office:
        for text in NASTY:
            codes += [told_by_pages(office, text), put_into_the_log(office, text)]
            supplied_by_staff(office, text)
        office.store.settle()
        yield office


def rows(text: str) -> tuple[Mapping[str, Any], ...]:
    """Return what a page tells that has a text wherever it may have one."""
    words = {"source": text, "medium": text, "campaign": text}
    return (
        {"kind": "view", "path": f"/{text}", "referrer": f"https://{text}/", **words},
        {"kind": "view", "path": "/search", "search": text},
        {"kind": "outcome", "path": f"/{text}", "tracker": text, "outcome": "loaded", "reason": text},
        {"kind": "outcome", "path": f"/{text}", "tracker": "adhive", "outcome": "slipped"},
        {"kind": "event", "path": f"/{text}", "event": "purchase", "value": 5, "currency": "EUR", "order": text[:64]},
        {"kind": "out", "path": f"/{text}", "target": f"https://{text}/"},
    )


def told_by_pages(office: Office, text: str) -> str:
    """Have visitors tell a text by the service's own ways, and return a receipt code."""
    sent = text if text.isascii() else MARKUP  # all that a header takes
    office.visit(*rows(text), headers={"User-Agent": sent, "Accept-Language": sent, "Referer": sent})
    visitors = [office.visit(*rows(text)) for _ in range(ENOUGH)]
    return visitors[0].code


def put_into_the_log(office: Office, text: str) -> str:
    """Put a text into each field of the log, as if nothing had looked at it before, and return a receipt code."""
    now = office.service.now()
    visitors = [office.visit() for _ in range(ENOUGH)]
    permit = Allowed(Reason.GRANTED, "shop", "visit", "analytics")
    fields = {**dict.fromkeys(FIELDS, text), "path": f"/{text}", "seconds": "5", "value": "5"}
    kinds = ((kind, text if kind is EventKind.OUTCOME else "visit") for kind in EventKind)
    for number, (kind, tracker) in enumerate(kinds):
        told = {**fields, "outcome": "loaded", "reason": ""} if kind is EventKind.OUTCOME else fields
        events = [Event(event_id(), "shop", each.subject, now + number, kind, tracker, told) for each in visitors]
        office.store.append_all([Permitted(event, permit) for event in events])
    return visitors[0].code


def supplied_by_staff(office: Office, text: str) -> None:
    """Put a text wherever staff, or their browsers, may have left one."""
    store, now, owner = office.store, office.service.now(), office.accounts[OWNER]
    today = office.service.published("shop").site.day_of(now)
    for kind in MarkKind:
        store.marks.mark(Mark("shop", today, kind, text, text, text, now))
    for kind_of in ("host", "slipped", text):
        store.alarms.raise_alarm(Alarm("shop", kind_of, text, now - 90, text))
        store.alarms.raise_alarm(Alarm(EVERY_SITE, kind_of, text, now - 90, text))
    store.alarms.end_alarm(EVERY_SITE, "host", text, at=now)
    run = Run(text, Visitor.SILENT, (text,), (Fault(text, text),), text)
    store.alarms.keep_check(LiveCheck("shop", now - len(text), False, write_runs([run])))
    store.see({Sighting("shop", today, what, text, f"/{text}"): 5 for what in (Seen.SCRIPT, Seen.COOKIE, Seen.IMAGE)})
    entry = Entry(secrets.token_bytes(16), now, owner.id, text, "shop", "draft.proposed", text, text)
    place = "trackers.tallyhouse.description"
    store.drafts.propose(Draft(secrets.token_bytes(16), "shop", place, text, text, text, now), entry)
    account = Account(secrets.token_bytes(16), f"{text}@odd.example", text, {"shop": Role.AUDITOR}, created_at=now)
    store.staff.keep(account)
    store.staff.begin(Session(secrets.token_bytes(32), owner.id, now, now, True, text))
    rights = frozenset({Right.SEE})
    token = ApiToken(secrets.token_bytes(16), secrets.token_bytes(32), owner.id, text, rights, ("*",), now, now + 900)
    store.staff.keep_token(token)


def asked_with(text: str) -> dict[str, Leaf]:
    """Return pages whose addresses have a text in them: who makes one up, has others follow it."""
    told = quote(text[:200], safe="")
    return {
        "filtered": Leaf("", f"/dashboard/shop/?days=7&f.page={told}"),
        "filtered visits": Leaf("", f"/dashboard/shop/visits?days=7&f.campaign={told}"),
        "no day": Leaf("", f"/dashboard/shop/?first={told}&last={told}"),
        "no field": Leaf("", f"/dashboard/shop/?{told}={told}"),
        "tracker": Leaf("", f"/dashboard/shop/trackers/{told}?counted={told}"),
        "why": Leaf("", f"/dashboard/shop/why?tracker={told}&value={told}&choice={told}"),
        "changes": Leaf("", f"/dashboard/shop/changes?number={told}"),
        "audit": Leaf("", f"/dashboard/audit?action={told}&site={told}"),
        "site": Leaf("", f"/dashboard/{told}/"),
        "place": Leaf("", f"/dashboard/shop/{told}"),
        "sign-in": Leaf("", f"/sign-in?next={told}", NOBODY),
    }


#: Every page, those of the odd site, and those that were asked for with something nasty.
PLACES = {
    **PAGES,
    **{
        f"odd {name}": leaf._replace(path=leaf.path.replace("/shop/", "/odd/").replace("/tallyhouse", "/odd"))
        for name, leaf in PAGES.items()
        if "/shop/" in leaf.path
    },
    **{f"{name}, asked with {no}": leaf for no, text in enumerate(NASTY) for name, leaf in asked_with(text).items()},
}

#: Whatever on a page is not of our making, or would run: we use few elements, and no handlers.
_STRANGE = """() => [...document.querySelectorAll("*")].filter((node) => {
    const { localName, attributes } = node;
    const path = (address) => new URL(address, location.href).pathname;
    return [...attributes].some(({ name, value }) => name.startsWith("on") || /^\\s*javascript:/i.test(value))
        || ["iframe", "object", "embed", "style", "base", "svg", "template"].includes(localName)
        || localName === "script" && path(node.src) !== "/dashboard/live.js"
        || localName === "img" && !path(node.src).startsWith("/dashboard/");
}).map((node) => node.outerHTML.slice(0, 120))"""
#: Text that turns what stands around it. It has to be in something that isolates it, or all that its block holds.
_TURNING = """() => {
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (words.nextNode()) {
        const { data, parentElement } = words.currentNode;
        // What is wrong is told with such characters written out; letters alone turn nothing but themselves there.
        const letters = parentElement.closest("[role=alert]") ? "" : "\\u0590-\\u08ff";
        if (!RegExp(`[\\u202a-\\u202e\\u2066-\\u2069${letters}]`).test(data)) continue;
        if (parentElement.closest("bdi, option, textarea, pre")) continue;
        let node = parentElement;
        while (getComputedStyle(node).display === "inline") node = node.parentElement;
        const isAlone = node.textContent.trim() === data.trim() && /^.?a.*[\\u05d0-\\u05ea].?$/s.test(data.trim());
        if (!isAlone) found.push(node.outerHTML.slice(0, 160));
    }
    return found;
}"""


@dataclass
class Watched:
    """A tab, and what has happened in it that must not.

    :ivar charts: the addresses of the charts that its pages had.
    """

    context: BrowserContext
    host: str
    happened: list[str] = field(default_factory=list)
    page: Page = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.happened.append(f"error: {error}"))
        self.page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.happened.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        # A page that is not there is told of in the console, too.
        if message.type == "error" and "the server responded with" not in message.text:
            self.happened.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.host):
            self.happened.append(f"asked: {request.url[:120]}")

    def harm(self) -> list[str]:
        """Return what is wrong, in a large window and a small one."""
        page = self.page
        page.wait_for_load_state()  # with its styles, which a page that was just opened by a click may still be without
        page.evaluate("document.querySelectorAll('main details').forEach((part) => { part.open = true; })")
        found = [f"strange: {each}" for each in page.evaluate(_STRANGE)]
        found += [f"turning: {each}" for each in page.evaluate(_TURNING)]
        for size in (DESK, PHONE):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            load_charts(page)
            found += [f"{wide} px too wide at {size['width']}"] if (wide := width(page)) else []
        return [*self.happened, *found]

    def charts(self) -> list[str]:
        """Return the addresses of a page's charts, on a desk and on a phone."""
        asked = "(all) => all.map(({ src, srcset }) => new URL(srcset || src, location.href).href)"
        found: list[str] = self.page.locator("img.chart, picture source").evaluate_all(asked)
        return found


@pytest.fixture
def watch(office: Office, browser: Browser) -> Iterator[Callable[[str], Watched]]:
    """Opens browsers of staff, each with a tab that is watched."""
    with ExitStack() as opened:
        yield lambda by: Watched(opened.enter_context(office.browse(browser, by, viewport=DESK)), office.url(""))


def test_every_page_is_listed() -> None:
    assert {leaf.route for leaf in PLACES.values()} - {""} | NO_PAGES == routes()


@pytest.mark.row("SE-07")
@pytest.mark.parametrize("name", PLACES)
def test_no_page_runs_what_it_shows(office: Office, watch: Callable[[str], Watched], name: str) -> None:
    leaf = PLACES[name]
    watched = watch(leaf.by)

    watched.page.goto(office.url(leaf.path))

    assert watched.harm() == []


@pytest.mark.row("SE-07")
@pytest.mark.parametrize(
    "name", ["overview", "trackers", "visits", "changes", "alarms", "registry", "report", "account", "people", "audit"]
)
def test_all_of_it_is_there_to_be_read(office: Office, watch: Callable[[str], Watched], name: str) -> None:
    watched = watch(OWNER)
    watched.page.goto(office.url(PAGES[name].path))

    said = watched.page.locator("body").text_content() or ""

    assert "onerror=alert(1)" in said


@pytest.mark.row("SE-07")
def test_nobody_s_own_log_runs_anything(office: Office, watch: Callable[[str], Watched], codes: list[str]) -> None:
    watched = watch(OWNER)
    for code in codes:
        watched.page.set_viewport_size(DESK)  # type: ignore[arg-type]
        watched.page.goto(office.url("/dashboard/shop/visitor"))
        watched.page.get_by_label("Receipt code").fill(code)
        watched.page.get_by_role("button", name="Look").click()
        expect(watched.page.get_by_role("heading", name="What was logged")).to_be_visible()

        assert watched.harm() == []


@pytest.mark.row("SE-07")
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_what_happens_now_runs_nothing(office: Office, watch: Callable[[str], Watched], text: str) -> None:
    watched = watch(OWNER)
    watched.page.goto(office.url("/dashboard/shop/live"))
    expect(watched.page.get_by_role("status")).to_have_text("Waiting for what happens next.")

    office.visit(*rows(text))

    expect(watched.page.locator("#happenings tr").first).to_be_visible()
    assert watched.harm() == []


@pytest.mark.row("SE-07")
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_forms_that_are_sent_back_run_nothing(office: Office, watch: Callable[[str], Watched], text: str) -> None:
    """Of forms that are wrong, a page shows what was in them; of the others, what has come of it."""
    watched = watch(OWNER)
    page = watched.page
    page.goto(office.url("/dashboard/shop/changes"))
    page.get_by_role("textbox", name="What happened").fill(text)
    page.get_by_role("button", name="Mark it").click()
    expect(page.locator("#marks")).to_be_visible()
    assert watched.harm() == []

    page.goto(office.url("/dashboard/people"))
    page.get_by_label("E-mail address").fill(f"{secrets.token_hex(4)}@odd.example")
    page.get_by_label("Name", exact=True).fill(text)
    page.get_by_role("button", name="Open an account").click()
    assert watched.harm() == []

    page.goto(office.url("/dashboard/shop/registry"))
    page.locator("details summary", has_text="trackers.tallyhouse.description").first.click()
    page.get_by_label("New text of trackers.tallyhouse.description", exact=True).fill(text)
    page.locator("details[open]").get_by_role("button", name="Propose").click()
    expect(page.locator("#texts")).to_be_visible()
    assert watched.harm() == []

    nobody = watch(NOBODY)
    nobody.page.goto(office.url("/sign-in"))
    nobody.page.get_by_label("E-mail address").evaluate("(field) => { field.type = 'text'; }")
    nobody.page.get_by_label("E-mail address").fill(text)
    nobody.page.get_by_label("Password").fill("none")
    nobody.page.get_by_role("button", name="Sign in").click()
    expect(nobody.page.get_by_role("alert")).to_be_visible()
    assert nobody.harm() == []


#: What a chart holds that is not drawn by us, or not within it.
_ODD_CHART = """() => {
    const root = document.documentElement, frame = root.getBoundingClientRect();
    const outside = ({ left, right }) => left < frame.left - 1 || right > frame.right + 1;
    const odd = [...document.querySelectorAll("*")].filter((node) =>
        ["script", "foreignObject", "img", "image", "a", "parsererror"].includes(node.localName)
        || [...node.attributes].some(({ name }) => name.startsWith("on"))
        || node.localName === "text" && outside(node.getBoundingClientRect()));
    return [root.localName, ...odd.map((node) => node.outerHTML.slice(0, 160))];
}"""


@pytest.mark.row("SE-07")
def test_no_chart_runs_what_it_shows(office: Office, watch: Callable[[str], Watched]) -> None:
    watched = watch(OWNER)
    charts: dict[str, None] = {}
    for name in ("overview", "trackers", "tracker", "visits", "changes", "report"):
        watched.page.goto(office.url(PAGES[name].path))
        charts |= dict.fromkeys(watched.charts())
    said = ""
    assert len(charts) > 20

    for address in charts:
        watched.page.goto(address)  # by itself, a picture could run what it holds
        assert (address, watched.page.evaluate(_ODD_CHART)) == (address, ["svg"])
        said += watched.page.evaluate("document.documentElement.textContent")

    assert watched.happened == []
    assert '"><img src=x' in said
