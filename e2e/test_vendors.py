"""The consent interfaces of vendors: what they are told and when, heard by stubs that begin as the vendors' tags do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from gatekeeper.core.registry import read_registry
from gatekeeper.core.trackers import Consent
from tests.waiting import wait_until

from .site import Site
from .visiting import GPC, choose, settle

DOCUMENT = Path(__file__).parent.parent / "docs" / "vendors.md"

#: The tags as they stand in a page, each with what its vendor's own begins with; they note what they were called with.
TAGS = {
    "google": """
        window.dataLayer = window.dataLayer || [];
        function gtag() { dataLayer.push(arguments); }
        gtag("js", "today");
        gtag("config", "G-1");
    """,
    "microsoft-uet": "window.uetq = window.uetq || []; uetq.push('pageLoad');",
    "microsoft-clarity": """
        window.clarity = window.clarity || function () { (clarity.q = clarity.q || []).push(arguments); };
        clarity("set", "page");
    """,
    "meta": """
        if (!window.fbq) {
            const made = window.fbq = function () { made.queue.push([...arguments]); };
            if (!window._fbq) window._fbq = made;
            made.push = made;
            made.queue = [];
        }
        fbq("init", "1");
        fbq("track", "PageView");
    """,
    "tiktok": """
        const queue = window.ttq = window.ttq || [];
        for (const name of ["page", "holdConsent", "grantConsent", "revokeConsent"])
            queue[name] = (...args) => void queue.push([name, ...args]);
        queue.load = id => queue.push(["load", id]);
        ttq.load("1");
        ttq.page();
    """,
    "pinterest": """
        if (!window.pintrk) {
            window.pintrk = function () { window.pintrk.queue.push([...arguments]); };
            const made = window.pintrk;
            made.queue = [];
        }
        pintrk("load", "1");
        pintrk("page");
    """,
}
#: What was called so far, in order.
HEARD = {
    "google": "dataLayer.map(entry => entry.event ? [entry.event] : [...entry])",
    "microsoft-uet": "[...uetq]",
    "microsoft-clarity": "clarity.q.map(call => [...call])",
    "meta": "fbq.queue",
    "tiktok": "[...ttq]",
    "pinterest": "pintrk.queue",
}
#: The keys of Google's Consent Mode and the purposes they follow, written out a second time.
KEYS = {
    "ad_storage": "marketing",
    "ad_user_data": "marketing",
    "ad_personalization": "marketing",
    "analytics_storage": "analytics",
    "functionality_storage": "functional",
    "personalization_storage": "functional",
    "security_storage": "necessary",
}


def states(*granted: str) -> dict[str, str]:
    return {key: "granted" if purpose in (*granted, "necessary") else "denied" for key, purpose in KEYS.items()}


def declare(site: Site, consent: str, purpose: str = "marketing", **more: Any) -> None:
    """Let a vendor's tracker declare its interface, and that not all of its tags are marked."""
    name = {"marketing": "ads", "analytics": "stats"}[purpose]
    trackers = site.declared["trackers"]
    site.publish_again(trackers={**trackers, name: {**trackers[name], "consent": consent, "marked": False, **more}})


def tagged(site: Site, path: str, consent: str, head: str = "") -> str:
    """Add a page whose tag is not held, as a site's would be that forgot to mark it: it runs, and has to be told."""
    return site.page(path, f"<script>(() => {{{TAGS[consent]}}})()</script>", head)


def heard(page: Page, consent: str) -> list[Any]:
    found: list[Any] = page.evaluate(HEARD[consent])
    return found


def withdraw(page: Page) -> None:
    page.evaluate("gatekeeper.withdraw()")
    settle(page)


def journey(site: Site, page: Page, consent: str, *granted: str) -> dict[str, list[Any]]:
    """Return what a vendor has heard: before a choice, after a grant, on the next page, and after the withdrawal."""
    found = {}
    page.goto(tagged(site, "/", consent))
    found["before"] = heard(page, consent)
    choose(page, *granted)
    found["granted"] = heard(page, consent)[len(found["before"]) :]
    page.goto(tagged(site, "/next", consent))
    found["next"] = heard(page, consent)
    withdraw(page)
    found["withdrawn"] = heard(page, consent)[len(found["next"]) :]
    return found


@pytest.fixture
def objecting(browser: Browser) -> Iterator[Page]:
    """A visitor whose browser objects by Global Privacy Control."""
    context = browser.new_context()
    context.add_init_script(GPC)
    yield context.new_page()
    context.close()


# --- Google


DEFAULTS = [
    ["consent", "default", {**states(), "wait_for_update": 500}],
    ["set", "ads_data_redaction", True],
    ["set", "url_passthrough", False],
]
OWN = [["js", "today"], ["config", "G-1"]]


def declare_both(site: Site) -> None:
    """Let the trackers of both analytics and marketing be Google's."""
    trackers = site.declared["trackers"]
    site.publish_again(
        trackers={**trackers, **{id: {**trackers[id], "consent": "google", "marked": False} for id in ("stats", "ads")}}
    )


def updates(page: Page) -> list[dict[str, str]]:
    return [call[2] for call in heard(page, "google") if call[:2] == ["consent", "update"]]


@pytest.mark.row("GC-01", "GC-02")
def test_google_hears_the_denial_first_and_then_each_decision_once(site: Site, page: Page) -> None:
    declare(site, "google", "analytics")

    found = journey(site, page, "google", "analytics", "marketing")

    update = ["consent", "update", states("analytics", "marketing")]
    assert found["before"] == [*DEFAULTS, *OWN]
    assert found["granted"] == [update, ["gatekeeper_choice"]]
    assert found["next"] == [*DEFAULTS, update, *OWN]
    assert found["withdrawn"] == [["consent", "update", states()], ["gatekeeper_choice"]]


@pytest.mark.row("GC-01")
def test_googles_denial_comes_before_what_a_page_had_in_its_data_layer(site: Site, page: Page) -> None:
    declare(site, "google", "analytics")

    page.goto(tagged(site, "/", "google", head="<script>dataLayer = [{event: 'early'}]</script>"))

    assert heard(page, "google") == [*DEFAULTS, ["early"], *OWN]
    kind = "Object.prototype.toString.call(dataLayer[0])"
    assert page.evaluate(kind) == "[object Arguments]"


@pytest.mark.row("GC-03")
@pytest.mark.parametrize("granted", [("functional",), ("analytics",), ("marketing",), ("functional", "marketing")])
def test_googles_keys_follow_the_purposes(site: Site, page: Page, granted: tuple[str, ...]) -> None:
    declare_both(site)
    page.goto(tagged(site, "/", "google"))

    choose(page, *granted)

    # What no tracker of Google's own serves is allowed where any of them may run.
    running = set(granted) & {"analytics", "marketing"}
    assert updates(page) == [states(*(granted if running else ()))]


@pytest.mark.row("GC-03")
def test_a_google_tracker_that_is_excepted_from_its_purpose_is_denied(site: Site, page: Page) -> None:
    declare_both(site)
    page.goto(tagged(site, "/", "google"))

    choose(page, "analytics", "marketing", trackers={"stats": False})

    assert updates(page) == [states("marketing")]


@pytest.mark.row("GC-02")
def test_a_decision_in_another_tab_is_told_once_too(site: Site, context: BrowserContext) -> None:
    declare(site, "google", "analytics")
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.goto(tagged(site, "/", "google"))

    choose(first, "analytics")
    wait_until(lambda: updates(second))
    first.evaluate("gatekeeper.withdraw()")
    wait_until(lambda: states() in updates(second))
    second.wait_for_timeout(2500)  # after which the choice is looked at for the last time

    assert updates(first) == updates(second) == [states("analytics"), states()]


@pytest.mark.row("GC-04")
def test_clicks_stay_out_of_the_addresses_of_links(site: Site, page: Page) -> None:
    declare(site, "google", "analytics")
    page.goto(site.page("/", '<a href="/next?x=1">Next</a>'))

    choose(page, "analytics")

    assert heard(page, "google")[1:3] == DEFAULTS[1:]
    assert page.locator("a").first.get_attribute("href") == "/next?x=1"


@pytest.mark.row("GC-05")
def test_googles_tag_is_not_fetched_before_a_grant(site: Site, page: Page) -> None:
    declare(site, "google", "analytics", marked=True)
    page.goto(site.page("/", site.tag("analytics", "gtag")))
    settle(page)
    before = list(site.hits)

    choose(page, "analytics")

    wait_until(lambda: site.hits == ["gtag"])
    assert before == []


@pytest.mark.row("GC-02")
def test_google_hears_of_an_objection_by_signal(site: Site, objecting: Page) -> None:
    declare(site, "google", "analytics")
    objecting.goto(tagged(site, "/", "google"))

    choose(objecting, "functional", "analytics", "marketing")

    assert updates(objecting) == [states("functional", "analytics")]


# --- Microsoft


@pytest.mark.row("MS-01")
def test_microsoft_advertising_hears_the_denial_first_and_then_each_decision(site: Site, page: Page) -> None:
    declare(site, "microsoft-uet")

    found = journey(site, page, "microsoft-uet", "marketing")

    denied, granted = {"ad_storage": "denied"}, {"ad_storage": "granted"}
    assert found["before"] == ["consent", "default", denied, "pageLoad"]
    assert found["granted"] == ["consent", "update", granted]
    assert found["next"] == ["consent", "default", denied, "consent", "update", granted, "pageLoad"]
    assert found["withdrawn"] == ["consent", "update", denied]


@pytest.mark.row("MS-02")
def test_clarity_hears_the_denial_first_then_each_decision_and_erases_at_a_withdrawal(site: Site, page: Page) -> None:
    declare(site, "microsoft-clarity", "analytics")

    found = journey(site, page, "microsoft-clarity", "analytics")

    denied = ["consentv2", {"ad_Storage": "denied", "analytics_Storage": "denied"}]
    granted = ["consentv2", {"ad_Storage": "denied", "analytics_Storage": "granted"}]
    assert found["before"] == [denied, ["set", "page"]]
    assert found["granted"] == [granted]
    assert found["next"] == [denied, granted, ["set", "page"]]
    assert found["withdrawn"] == [denied, ["consent", False]]


# --- Meta, TikTok, Pinterest


CALLS = [
    pytest.param(
        "meta",
        (["consent", "revoke"], ["consent", "grant"], ["consent", "revoke"]),
        [["init", "1"], ["track", "PageView"]],
        marks=pytest.mark.row("FB-01"),
    ),
    pytest.param(
        "tiktok",
        (["holdConsent"], ["grantConsent"], ["revokeConsent"]),
        [["load", "1"], ["page"]],
        marks=pytest.mark.row("TT-01"),
    ),
    pytest.param(
        "pinterest",
        (["setconsent", False], ["setconsent", True], ["setconsent", False]),
        [["load", "1"], ["page"]],
        marks=pytest.mark.row("PI-01"),
    ),
]


@pytest.mark.parametrize(("consent", "words", "own"), CALLS)
def test_a_vendor_hears_the_denial_before_its_own_first_call_and_then_each_change(
    site: Site, page: Page, consent: str, words: tuple[list[Any], ...], own: list[Any]
) -> None:
    declare(site, consent)
    held, granted, revoked = words

    found = journey(site, page, consent, "marketing")

    assert found["before"] == [held, *own]
    assert found["granted"] == [granted]
    assert found["next"] == [held, granted, *own]
    assert found["withdrawn"] == [revoked]


@pytest.mark.parametrize(("consent", "words", "own"), CALLS)
def test_a_vendor_hears_no_grant_where_the_browser_objects(
    site: Site, objecting: Page, consent: str, words: tuple[list[Any], ...], own: list[Any]
) -> None:
    declare(site, consent)
    objecting.goto(tagged(site, "/", consent))

    choose(objecting, "analytics", "marketing")

    assert heard(objecting, consent) == [words[0], *own]


# --- all of them


@pytest.mark.parametrize("consent", list(Consent), ids=str)
def test_under_a_strict_policy_with_trusted_types_vendors_are_told_and_nothing_is_violated(
    site: Site, page: Page, consent: Consent
) -> None:
    declare(site, consent, marked=True)
    policy = "default-src 'self'; script-src 'nonce-abc'; style-src 'nonce-abc'; img-src data:; "
    trusted = "require-trusted-types-for 'script'; trusted-types gatekeeper"
    site.headers.append(("Content-Security-Policy", policy + trusted))
    listen = (
        '<script nonce="abc">broken = []; addEventListener("securitypolicyviolation", event => '
        "broken.push(event.violatedDirective)); addEventListener('error', event => broken.push(event.message))</script>"
    )
    marks = 'nonce="abc" type="text/plain" data-gk="marketing" data-gk-tracker="ads"'
    tag = f"<script {marks}>(() => {{{TAGS[consent]}}})(); ran.push('tag')</script>"
    page.goto(site.page("/", tag, head=listen, nonce="abc"))
    settle(page)
    before = page.evaluate("ran")

    choose(page, "marketing")

    wait_until(lambda: page.evaluate("ran") == ["tag"])
    assert (before, page.evaluate("broken")) == ([], [])
    assert len(heard(page, consent)) > 2


#: What a vendor hears first, a denial and then a grant.
FIRST: dict[str, list[Any]] = {
    "google": [*DEFAULTS, ["consent", "update", states("analytics", "marketing")]],
    "microsoft-uet": ["consent", "default", {"ad_storage": "denied"}, "consent", "update", {"ad_storage": "granted"}],
    "microsoft-clarity": [
        ["consentv2", {"ad_Storage": "denied", "analytics_Storage": "denied"}],
        ["consentv2", {"ad_Storage": "granted", "analytics_Storage": "granted"}],
    ],
    "meta": [["consent", "revoke"], ["consent", "grant"]],
    "tiktok": [["holdConsent"], ["grantConsent"]],
    "pinterest": [["setconsent", False], ["setconsent", True]],
}


@pytest.mark.row("GC-01", "MS-01", "MS-02", "FB-01", "TT-01", "PI-01")
@pytest.mark.parametrize("consent", list(Consent), ids=str)
def test_a_vendor_whose_tags_are_all_held_is_told_before_they_run_and_ahead_of_what_the_page_called(
    site: Site, page: Page, consent: Consent
) -> None:
    declare(site, consent, marked=True)
    marks = 'type="text/plain" data-gk="marketing" data-gk-tracker="ads"'
    held = f"<script {marks}>first = JSON.stringify({HEARD[consent]})</script>"
    page.goto(site.page("/", f"<script>(() => {{{TAGS[consent]}}})()</script>{held}"))
    settle(page)
    assert "vendors" not in "".join(page.evaluate("[...document.scripts].map(script => script.src)"))
    called = heard(page, consent)

    choose(page, "analytics", "marketing")

    wait_until(lambda: page.evaluate("typeof first") == "string")
    found = json.loads(page.evaluate("first"))
    assert found[: len(FIRST[consent])] == FIRST[consent]
    assert [call for call in found[len(FIRST[consent]) :] if call != ["gatekeeper_choice"]] == called


@pytest.mark.parametrize("consent", [one for one in Consent if one is not Consent.GOOGLE], ids=str)
def test_a_page_whose_vendor_cannot_be_told_goes_on(site: Site, page: Page, consent: Consent) -> None:
    declare(site, consent)
    broken = (
        '<script>errors = []; addEventListener("error", event => errors.push(event.message));'
        'for (const name of ["uetq", "clarity", "fbq", "ttq", "pintrk"])'
        "Object.defineProperty(window, name, {get() { throw Error(name); }});</script>"
    )
    page.goto(site.page("/", site.inline("analytics", "inline"), head=broken))

    choose(page, "analytics")

    wait_until(lambda: page.evaluate("ran") == ["inline"])
    assert page.evaluate("errors") == []


@pytest.mark.row("VN-01")
def test_a_site_without_interfaces_carries_and_tells_nothing(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("marketing", "ads")))

    choose(page, "marketing")

    wait_until(lambda: site.hits == ["ads"])
    script = site.service.published("shop").bundles.guard.identity.decode()
    assert "pintrk" not in script
    assert page.evaluate("[typeof uetq, typeof clarity, typeof fbq, typeof ttq, typeof pintrk]") == ["undefined"] * 5
    assert page.evaluate("dataLayer.length") == 1


@pytest.mark.row("LI-01")
@pytest.mark.parametrize("vendor", ["linkedin", "snap", "reddit", "x"])
def test_a_vendor_without_an_interface_is_held_until_a_grant(site: Site, page: Page, vendor: str) -> None:
    page.goto(site.page("/", site.tag("marketing", vendor)))
    settle(page)
    before = list(site.hits)

    choose(page, "marketing")

    wait_until(lambda: site.hits == [vendor])
    assert before == []


@pytest.mark.row("VN-01")
@pytest.mark.parametrize("consent", ["implied", "linkedin", ""])
def test_an_interface_that_nobody_offers_cannot_be_declared(site: Site, consent: str) -> None:
    trackers = site.declared["trackers"]
    changed = {**site.declared, "trackers": {**trackers, "ads": {**trackers["ads"], "consent": consent}}}

    _, problems = read_registry({"sites": {"shop": changed}})

    assert [problem.key for problem in problems] == ["sites.shop.trackers.ads.consent"]


# --- the document


def said(pattern: str) -> bool:
    return bool(re.search(pattern, " ".join(DOCUMENT.read_text("utf-8").split())))


@pytest.mark.row("VN-02")
def test_the_document_claims_no_certificate_of_googles() -> None:
    assert said("Gatekeeper is not a Google-certified CMP")
    assert said("AdSense, Ad Manager and AdMob .* Google-certified CMP")


@pytest.mark.row("GC-06")
def test_the_document_names_the_calls_of_tag_manager_templates() -> None:
    assert said("`setDefaultConsentState`.*`updateConsentState`")


def test_the_document_lists_every_interface() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    assert listed == [consent.value for consent in Consent]


def test_the_document_lists_googles_keys_by_purpose() -> None:
    for key, purpose in KEYS.items():
        assert said(rf"\| {purpose} \|[^|]*`{key}`")
