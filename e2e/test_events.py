"""What a page view and a site's own events tell, by the choice: nothing of a page's query but what may be told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.waiting import wait_until

from .site import ADS, Site
from .visiting import choose, cookies_of_a_grant

SECRETS = "token=5ecret&email=jo%40tea.example"
UTM = "utm_source=letter&utm_medium=mail&utm_campaign=spring&utm_content=5ecret"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site with a search of its own, and an event that serves advertising."""
    declared = {
        "search": {"paths": ["/search*"], "parameters": ["q"]},
        "events": {"lead": {"purpose": "marketing"}},
    }
    site = Site(tmp_path, declared=declared).start()
    yield site
    site.stop()


def rows(site: Site, kind: str = "") -> list[dict[str, Any]]:
    """Return the rows that pages sent, in their order; of one kind, or of all."""
    batches = [json.loads(text) for where, text in site.posts if where == "/gk/shop/events"]
    found = [row for batch in batches for row in batch.get("events", [])]
    return [row for row in found if row["kind"] == kind or not kind]


def sent(site: Site, kind: str, *names: str) -> list[dict[str, Any]]:
    """Return those rows without their ids, and of the named details alone where some are named."""
    return [{key: row[key] for key in row if key in names or (not names and key != "id")} for row in rows(site, kind)]


def agree(site: Site, page: Page, *granted: str, path: str = "/agree") -> None:
    """Choose on a page of its own, and forget what that told."""
    page.goto(site.page(path, ""))
    choose(page, *granted)
    expected = 1 if "analytics" in granted else 0
    wait_until(lambda: len(rows(site, "view")) == expected)
    page.goto("about:blank")
    site.posts.clear()


@pytest.mark.row("US-13", "SE-25")
@pytest.mark.parametrize(
    ("granted", "told"),
    [
        (["analytics"], {"search": "Green tea"}),
        (
            ["analytics", "marketing"],
            {"search": "Green tea", "source": "letter", "medium": "mail", "campaign": "spring"},
        ),
    ],
    ids=["+".join(granted) for granted in (["analytics"], ["analytics", "marketing"])],
)
def test_of_the_query_only_what_was_granted_leaves_the_browser(
    site: Site, page: Page, granted: list[str], told: dict[str, str]
) -> None:
    agree(site, page, *granted)
    site.page("/search", site.tag("marketing", "ad"))

    page.goto(site.url(f"/search?q=Green+tea&{SECRETS}&{UTM}"))
    wait_until(lambda: rows(site, "view"))

    (view,) = sent(site, "view")
    assert view == {"kind": "view", "path": "/search", "referrer": "", "search": "", **told}
    assert "5ecret" not in str(site.posts)
    (event,) = wait_until(lambda: [event for event in site.events(page) if event.fields["path"] == "/search"][:1])
    asked = ("search", "source", "medium", "campaign")
    kept = {name: event.fields[name] for name in asked if name in event.fields}
    assert kept == {**told, "search": "green tea"}


@pytest.mark.row("US-13")
@pytest.mark.parametrize("granted", [[], ["marketing"]], ids=["nothing", "marketing"])
def test_without_the_visit_log_nothing_of_the_query_is_told_to_anybody(
    site: Site, page: Page, granted: list[str]
) -> None:
    heard: list[str] = []
    page.on("request", lambda request: heard.append(str([request.url, request.post_data, request.headers])))
    agree(site, page, *granted)
    site.page("/search", site.tag("marketing", "ad"))

    heard.clear()
    page.goto(site.url(f"/search?q=Green+tea&{SECRETS}&{UTM}"))
    page.wait_for_load_state("networkidle")
    page.goto("about:blank")

    # The page itself was asked for with its query, and what is the site's own says where it comes from.
    own = site.url("/")
    assert not any("5ecret" in request or "Green" in request for request in heard if own not in request.split(",")[0])
    assert "Green" not in str(site.posts)
    assert bool(site.hits) == ("marketing" in granted)


def test_a_search_without_a_new_page_is_a_view_and_another_parameter_is_none(site: Site, page: Page) -> None:
    agree(site, page, "analytics")
    page.goto(f"{site.page('/search', '')}?q=tea")

    page.evaluate("history.pushState(null, '', '/search?q=tea&page=2')")
    page.evaluate("history.pushState(null, '', '/search?q=coffee')")

    wait_until(lambda: len(rows(site, "view")) == 2)
    assert sent(site, "view", "path", "search") == [
        {"path": "/search", "search": "tea"},
        {"path": "/search", "search": "coffee"},
    ]


def test_a_campaign_is_told_once_though_the_page_tidied_its_address(site: Site, page: Page) -> None:
    agree(site, page, "analytics", "marketing")
    site.page("/landing", "", head="<script>history.replaceState(null, '', '/landing')</script>")

    page.goto(site.url(f"/landing?{UTM}"))
    wait_until(lambda: rows(site, "view"))
    page.evaluate("history.pushState(null, '', '/tea')")

    wait_until(lambda: len(rows(site, "view")) == 2)
    assert [row.get("campaign") for row in rows(site, "view")] == ["spring", None]


def test_how_long_a_page_was_looked_at_is_told_when_it_is_left(site: Site, page: Page) -> None:
    agree(site, page, "analytics")
    page.clock.install()
    page.goto(site.page("/long", ""))
    wait_until(lambda: page.evaluate("!!window.gatekeeper"))
    page.wait_for_load_state("networkidle")
    page.clock.run_for(42_000)

    page.goto(site.page("/next", ""))

    wait_until(lambda: [row for row in rows(site, "stay") if row["path"] == "/long"])
    (stay,) = [row for row in rows(site, "stay") if row["path"] == "/long"]
    assert stay["seconds"] == pytest.approx(42, abs=3)
    wait_until(lambda: str(stay["seconds"]) in [event.fields.get("seconds") for event in site.events(page)])


def test_a_site_names_what_happens_and_its_value(site: Site, page: Page) -> None:
    agree(site, page, "analytics")
    early = "<script>(window.gatekeeper = window.gatekeeper || []).push(['event', 'early'])</script>"
    site.page("/thanks", "<script>gatekeeper.event('late')</script>", head=early)

    page.goto(site.url("/thanks"))
    page.evaluate("gatekeeper.event('purchase', { value: 19.9, currency: 'EUR', order: 4711 })")

    wait_until(lambda: len(rows(site, "event")) == 3)
    assert sent(site, "event") == [
        {"kind": "event", "event": "early", "path": "/thanks"},
        {"kind": "event", "event": "late", "path": "/thanks"},
        {"kind": "event", "event": "purchase", "path": "/thanks", "value": 19.9, "currency": "EUR", "order": "4711"},
    ]
    wait_until(lambda: len([event for event in site.events(page) if event.kind == "event"]) == 3)
    kept = {event.fields["event"]: event.fields for event in site.events(page) if event.kind == "event"}
    assert (kept["purchase"]["value"], kept["purchase"]["currency"], kept["purchase"]["order"]) == (
        "19.9",
        "EUR",
        "4711",
    )


@pytest.mark.row("US-13")
@pytest.mark.parametrize(
    ("granted", "kept"),
    [([], []), (["functional"], []), (["analytics"], ["purchase"]), (["marketing"], ["lead"])],
    ids=["nothing", "functional", "analytics", "marketing"],
)
def test_an_event_is_told_with_its_own_purpose_alone(
    site: Site, page: Page, granted: list[str], kept: list[str]
) -> None:
    agree(site, page, *granted)
    page.goto(site.page("/thanks", ""))

    page.evaluate("gatekeeper.event('purchase', { value: 1 }); gatekeeper.event('lead')")
    page.wait_for_load_state("networkidle")
    page.goto("about:blank")

    wait_until(lambda: [row["event"] for row in rows(site, "event")] == kept)
    assert not site.posts or granted
    if granted:
        page.goto(site.page("/mine", ""))
        wait_until(lambda: [event.fields["event"] for event in site.events(page) if event.kind == "event"] == kept)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("gatekeeper.event('Purchase')", "up to 64 small letters"),
        ("gatekeeper.event()", "up to 64 small letters"),
        ("gatekeeper.event('purchase', { customer: 'Jo' })", "customer must be left out: only value,currency,order"),
        ("gatekeeper.event('purchase', { value: '19.90' })", "value must be a number"),
        ("gatekeeper.event('purchase', { value: NaN })", "value must be a number"),
        ("gatekeeper.event('purchase', { currency: 'euro' })", "currency must be three capital letters"),
        ("gatekeeper.event('purchase', { order: '' })", "order must be the order's number"),
        ("gatekeeper.event('purchase', { order: undefined })", "order must be the order's number"),
        ("gatekeeper.event('purchase', { constructor: 1 })", "constructor must be left out"),
    ],
)
def test_a_wrong_event_is_named_in_the_console_and_not_sent(site: Site, page: Page, call: str, says: str) -> None:
    agree(site, page, "analytics")
    lines: list[ConsoleMessage] = []
    page.on("console", lambda line: lines.append(line))
    page.goto(site.page("/", ""))

    page.evaluate(call)

    wait_until(lambda: [line for line in lines if line.type == "error"])
    (line,) = [line.text for line in lines if line.type == "error"]
    assert line.startswith("gatekeeper: event ")
    assert says in line
    page.goto("about:blank")
    wait_until(lambda: rows(site, "view"))
    assert rows(site, "event") == []


@pytest.mark.parametrize(
    ("granted", "told"),
    [(["analytics"], []), (["marketing"], [{"kind": "out", "path": "/", "target": ADS}])],
    ids=["analytics", "marketing"],
)
def test_the_way_out_is_told_by_its_host_alone(
    site: Site, page: Page, granted: list[str], told: list[dict[str, str]]
) -> None:
    agree(site, page, *granted)
    page.goto(site.page("/", f'<a href="{site.vendor(ADS, "/offer?5ecret")}">out</a> <a href="/tea?5ecret">in</a>'))
    page.wait_for_load_state("networkidle")

    page.get_by_role("link", name="out").click()

    wait_until(lambda: "offer" in site.hits)
    wait_until(lambda: sent(site, "out") == told)
    assert "5ecret" not in str(site.posts)


def test_a_link_within_the_site_is_no_way_out(site: Site, page: Page) -> None:
    agree(site, page, "analytics", "marketing")
    site.page("/tea", "")
    page.goto(site.page("/", '<a href="/tea">in</a>'))
    page.wait_for_load_state("networkidle")

    page.get_by_role("link", name="in").click()

    wait_until(lambda: [row["path"] for row in rows(site, "view")] == ["/", "/tea"])
    assert rows(site, "out") == []


def test_what_was_noted_is_not_sent_after_a_withdrawal(site: Site, page: Page) -> None:
    agree(site, page, "analytics", "marketing")
    page.goto(site.page("/", ""))
    wait_until(lambda: rows(site, "view"))
    site.posts.clear()

    page.evaluate("gatekeeper.event('purchase'); gatekeeper.event('lead')")
    page.evaluate("gatekeeper.withdraw()")
    expect(page.get_by_role("button", name="Privacy choices")).to_be_visible()
    page.goto("about:blank")

    wait_until(lambda: [where for where, _ in site.posts] == ["/gk/shop/choice"])


@pytest.mark.row("EM-09", "SIG-02")
def test_a_page_that_is_prerendered_counts_when_it_is_shown(site: Site, bare_browser: Callable[[str], None]) -> None:
    site.headers.extend(("Set-Cookie", value) for value in cookies_of_a_grant(site, "analytics"))
    site.page("/next", "<script>gatekeeper.event('seen'); fetch('/read?' + document.prerendering)</script>")
    rules = '<script type="speculationrules">{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>'
    go = "<script>setInterval(async () => (await fetch('/go')).ok && (location = '/next'), 100)</script>"

    bare_browser(site.page("/", rules + go))
    wait_until(lambda: "/read?true" in site.asked)
    wait_until(lambda: rows(site, "view"))
    asked = len(site.asked)
    wait_until(lambda: len(site.asked) > asked + 15)  # a second and a half
    before = [row["kind"] for row in rows(site)]
    site.pages["/go"] = "now"

    wait_until(lambda: [row["path"] for row in rows(site, "view")] == ["/", "/next"])
    wait_until(lambda: [row["event"] for row in rows(site, "event")] == ["seen"])
    assert before == ["view", "outcome"]


@pytest.mark.row("EM-09")
def test_a_page_that_is_only_prefetched_is_no_view(site: Site, page: Page, context: BrowserContext) -> None:
    agree(site, page, "analytics")
    site.page("/next", "")

    page.goto(site.page("/", "", head='<link rel="prefetch" href="/next">'))
    wait_until(lambda: "/next" in site.asked)
    wait_until(lambda: rows(site, "view"))
    page.goto("about:blank")

    assert [row["path"] for row in rows(site, "view")] == ["/"]
