"""The guard on real pages: what it holds, what it lets run, and in which order."""

from itertools import chain, combinations

import pytest
from playwright.sync_api import Page, expect

from tests.waiting import wait_until

from .site import ADS, Site
from .visiting import FETCHED, IN_ORDER, PURPOSES, all_tags, choose, ran, settle


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
