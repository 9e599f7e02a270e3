"""Pages written for other consent tools: their markup is read unchanged, their code is answered, refusals are kept."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.waiting import wait_until

from .site import ADS, STATS, TUBE, Site
from .visiting import PURPOSES, choose, cookie, ran, settle

PAGES = sorted((Path(__file__).parent / "markup").glob("*.html"))
PRODUCTS = [path.stem for path in PAGES]
GUARD = '<script src="/gk/shop/gatekeeper.js"></script>'


def opened(site: Site, page: Page, product: str) -> None:
    """Open the page written for a product: nothing is changed but the vendors' hosts, and the guard is put first."""
    text = (Path(__file__).parent / "markup" / f"{product}.html").read_text("utf-8")
    for name, host in (("stats", STATS), ("ads", ADS), ("tube", TUBE)):
        text = text.replace(f"https://{name}.test", site.vendor(host, ""))
    site.pages["/"] = text.replace("<head>", f"<head>{GUARD}", 1)
    page.goto(site.url("/"))


def has(product: str, mark: str) -> bool:
    return mark in (Path(__file__).parent / "markup" / f"{product}.html").read_text("utf-8")


def first(product: str) -> list[str]:
    """Return what runs on a product's page before any choice: what its owner calls necessary."""
    return ["basket"] if has(product, "basket") else []


def analytics(product: str) -> list[str]:
    return ["count", "analytics inline", *(["module undefined"] if has(product, "module") else [])]


def marketing(product: str) -> list[str]:
    return ["ads", "marketing inline", *(["both"] if has(product, "both") else [])]


def written(site: Site, page: Page, body: str, **more: str) -> None:
    """Open a page with a body of a test's own."""
    page.goto(site.page("/", body, **more))


def visible(page: Page, selector: str) -> list[str]:
    """Return the texts that a visitor sees."""
    return page.locator(f"{selector}:visible").all_inner_texts()


# --- what is held, and what runs


@pytest.mark.parametrize("product", PRODUCTS)
def test_before_a_choice_and_after_a_refusal_no_vendor_is_asked(site: Site, page: Page, product: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    opened(site, page, product)
    settle(page)
    page.get_by_role("button", name="Reject all").click()
    wait_until(lambda: ".r." in (cookie(page.context) or ""))
    page.reload()
    settle(page)

    assert site.hits == []
    assert [url for url in asked if not url.startswith((site.url(""), "data:"))] == []
    assert ran(page) == first(product)


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_serves_analytics_runs_once_when_that_is_granted_and_nothing_else(
    site: Site, page: Page, product: str
) -> None:
    opened(site, page, product)

    choose(page, "analytics")
    wait_until(lambda: len(ran(page)) >= len(first(product) + analytics(product)))
    settle(page)

    assert site.hits == ["count"]
    assert sorted(ran(page)) == sorted(first(product) + analytics(product))


@pytest.mark.parametrize("product", PRODUCTS)
def test_on_the_next_page_everything_granted_runs_once_and_nothing_unknown_does(
    site: Site, page: Page, product: str
) -> None:
    opened(site, page, product)
    choose(page, *PURPOSES)
    settle(page)
    site.hits.clear()
    everything = first(product) + analytics(product) + marketing(product)

    page.reload()
    wait_until(lambda: len(ran(page)) >= len(everything))
    settle(page)

    assert sorted(ran(page)) == sorted(everything)
    loaded = ["count", "ads", *(name for name in ("film", "pixel") if has(product, f"/{name}"))]
    assert sorted(site.hits) == sorted(loaded)


@pytest.mark.parametrize("product", ["cookiebot", "onetrust", "klaro", "didomi"])
def test_after_a_withdrawal_the_vendors_hear_no_more(site: Site, page: Page, product: str) -> None:
    opened(site, page, product)
    choose(page, *PURPOSES)
    wait_until(lambda: "count" in site.hits)
    page.evaluate("gatekeeper.withdraw()")
    wait_until(lambda: ".w." in (cookie(page.context) or ""))
    settle(page)
    site.hits.clear()

    page.reload()
    settle(page)

    assert site.hits == []
    assert ran(page) == first(product)


def test_tags_of_both_kinds_run_in_the_order_of_the_page(site: Site, page: Page) -> None:
    body = (
        '<script type="text/plain" data-category="analytics">ran.push("zero")</script>'
        + site.tag("analytics", "one", "?slow")
        + '<script type="text/plain" data-category="analytics">ran.push("two")</script>'
        + site.inline("analytics", "three")
        + f'<script type="text/plain" data-cookieconsent="statistics" src="{site.vendor(STATS, "/four.js")}"></script>'
        + site.inline("analytics", "five")
    )
    written(site, page, body)
    choose(page, "analytics")
    wait_until(lambda: len(ran(page)) == 6)
    assert ran(page) == ["zero", "one", "two", "three", "four", "five"]

    page.reload()

    wait_until(lambda: len(ran(page)) == 6)
    assert ran(page) == ["zero", "one", "two", "three", "four", "five"]


def test_tags_that_are_added_later_are_read_too(site: Site, page: Page) -> None:
    written(site, page, "")
    choose(page, "analytics")
    add = """([category, name]) => {
        const tag = document.createElement("script");
        tag.type = "text/plain";
        tag.setAttribute("data-cookieconsent", category);
        tag.text = `ran.push("${name}")`;
        document.body.appendChild(document.createElement("div")).append(tag);
    }"""

    page.evaluate(add, ["statistics", "one"])
    page.evaluate(add, ["marketing", "two"])
    wait_until(lambda: ran(page) == ["one"])
    page.evaluate(add, ["statistics", "three"])

    wait_until(lambda: "three" in ran(page))
    settle(page)
    assert ran(page) == ["one", "three"]


def test_a_tag_that_arrives_in_two_pieces_runs_whole(site: Site, page: Page) -> None:
    late = '<script type="text/plain" data-category="analytics">ran.push("one");<!--wait-->ran.push("two");</script>'
    written(site, page, "")
    choose(page, "analytics")

    written(site, page, late)

    wait_until(lambda: ran(page) == ["one", "two"])


def test_a_page_without_such_markup_loads_nothing_for_it(site: Site, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    lazy = '<img alt="" src="data:," data-role="kettle"><script type="text/template">x</script>'

    written(site, page, site.tag("analytics", "one") + lazy)
    choose(page, "analytics")
    wait_until(lambda: ran(page) == ["one"])

    assert any("part.page." in url for url in asked)
    assert not any("markup" in url for url in asked)


# --- never more than native markup would


def test_a_category_alone_waits_for_every_tracker_of_its_purpose(site: Site, page: Page) -> None:
    body = '<script type="text/plain" data-category="marketing">ran.push("marketing")</script>'
    named = '<script type="text/plain" data-category="marketing" data-service="ads">ran.push("ads")</script>'
    written(site, page, body + named)

    choose(page, "marketing", trackers={"ad-pixel": False})
    wait_until(lambda: ran(page) == ["ads"])
    settle(page)
    assert ran(page) == ["ads"]

    choose(page, "marketing")
    wait_until(lambda: sorted(ran(page)) == ["ads", "marketing"])


def test_an_inline_script_is_of_the_tracker_whose_host_it_names(site: Site, page: Page) -> None:
    text = f'fetch("//{ADS}:{site.port}/x.js").catch(() => {{}}); ran.push("ads in disguise")'
    written(site, page, f'<script type="text/plain" data-cookieconsent="statistics">{text}</script>')

    choose(page, "analytics")
    settle(page)
    assert (ran(page), site.hits) == ([], [])

    choose(page, "analytics", "marketing")
    wait_until(lambda: ran(page) == ["ads in disguise"])


@pytest.mark.parametrize("category", ["necessary", "statistics"])
def test_a_category_does_not_free_the_tracker_of_another_purpose(site: Site, page: Page, category: str) -> None:
    tag = f'<script type="text/plain" data-cookieconsent="{category}" src="{site.vendor(ADS, "/ads.js")}"></script>'
    frame = f'<iframe class="optanon-category-C0001" data-src="{site.vendor(ADS, "/ad")}"></iframe>'
    written(site, page, tag + frame)

    choose(page, "analytics", "functional")
    settle(page)

    assert (ran(page), site.hits) == ([], [])


def test_what_is_marked_as_ours_too_is_ours(site: Site, page: Page) -> None:
    tag = site.tag("marketing", "ads", more='data-category="analytics"')
    written(site, page, tag)

    choose(page, "analytics")
    settle(page)
    assert ran(page) == []

    choose(page, "marketing")
    wait_until(lambda: ran(page) == ["ads"])


def test_a_refusal_of_the_browser_counts_for_their_markup_too(site: Site, page: Page) -> None:
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { value: true })")
    opened(site, page, "cookiebot")

    choose(page, *PURPOSES)
    settle(page)

    assert "ads" not in site.hits
    assert page.evaluate("Cookiebot.consent.marketing") is False
    assert page.evaluate("Cookiebot.consent.statistics") is True


def test_the_sites_own_lazy_images_are_left_alone(site: Site, page: Page) -> None:
    opened(site, page, "klaro")
    choose(page, *PURPOSES)
    settle(page)

    assert page.locator("#lazy").evaluate("image => [image.src, image.dataset.src, 'gk' in image.dataset]") == [
        "",
        "/kettle.gif",
        False,
    ]


def test_trusted_types_are_kept(site: Site, page: Page) -> None:
    policy = "require-trusted-types-for 'script'; trusted-types gatekeeper"
    site.headers.append(("Content-Security-Policy", policy))
    opened(site, page, "cookieconsent3")

    choose(page, *PURPOSES)

    wait_until(lambda: "marketing inline" in ran(page))
    opened(site, page, "didomi")
    wait_until(lambda: "marketing inline" in ran(page))
    settle(page)
    assert "film" not in site.hits  # HTML out of text is what such a page forbids


def test_html_kept_in_a_script_takes_its_place(site: Site, page: Page) -> None:
    opened(site, page, "didomi")
    settle(page)
    assert page.get_by_text("Our film:").count() == 0

    choose(page, "functional")

    expect(page.locator("div#films > p")).to_have_text("Our film:")
    wait_until(lambda: site.hits == ["film"])


# --- what the page's code waits for


def test_cookiebots_object_and_events_say_what_is_allowed(site: Site, page: Page) -> None:
    opened(site, page, "cookiebot")
    wait_until(lambda: page.evaluate("heard") == [["Load", False, False]])
    assert page.evaluate("[Cookiebot.hasResponse, Cookiebot.consented, Cookiebot.declined]") == [False, False, False]
    accepted = [["callback"], *([name, True, False] for name in ("Accept", "TagsExecuted", "ConsentReady"))]

    choose(page, "analytics")
    wait_until(lambda: page.evaluate("heard")[1:] == accepted)
    assert page.evaluate("[Cookiebot.hasResponse, Cookiebot.consented, Cookiebot.declined]") == [True, True, False]
    assert page.evaluate("({...Cookiebot.consent})") == {
        "stamp": "0",
        "necessary": True,
        "preferences": False,
        "statistics": True,
        "marketing": False,
    }

    page.reload()
    wait_until(lambda: page.evaluate("heard") == [["Load", True, False], *accepted])
    page.evaluate("heard = []; Cookiebot.withdraw()")

    declined = [[name, False, False] for name in ("Decline", "TagsExecuted", "ConsentReady")]
    wait_until(lambda: page.evaluate("heard") == declined)
    assert page.evaluate("[Cookiebot.hasResponse, Cookiebot.consented, Cookiebot.declined]") == [True, False, True]
    assert ".w" in (cookie(page.context) or "")


def test_what_cookiebot_shows_and_hides_is_shown_and_hidden(site: Site, page: Page) -> None:
    opened(site, page, "cookiebot")
    wait_until(lambda: visible(page, "p[class^=cookieconsent]") == ["We do not count.", "Not all of it."])

    choose(page, "analytics")
    wait_until(lambda: visible(page, "p[class^=cookieconsent]") == ["We count.", "Not all of it."])

    choose(page, *PURPOSES)
    wait_until(lambda: visible(page, "p[class^=cookieconsent]") == ["We count.", "All of it."])


def test_onetrusts_groups_wrapper_and_event_say_what_is_allowed(site: Site, page: Page) -> None:
    opened(site, page, "onetrust")
    wait_until(lambda: page.evaluate("heard") == [",C0001,", "C0001"])
    assert page.evaluate("OneTrust.IsAlertBoxClosed()") is False

    choose(page, "analytics")
    wait_until(lambda: page.evaluate("heard")[2:] == [",C0001,C0002,", "C0001+C0002"])
    assert page.evaluate("[OnetrustActiveGroups, OptanonActiveGroups, OneTrust.IsAlertBoxClosed()]") == [
        ",C0001,C0002,",
        ",C0001,C0002,",
        True,
    ]
    told = page.evaluate("dataLayer.map(({ event, OnetrustActiveGroups }) => [event, OnetrustActiveGroups])")
    assert [row for row in told if row[0].startswith("OneTrust")] == [
        ["OneTrustLoaded", ",C0001,"],
        ["OneTrustGroupsUpdated", ",C0001,"],
        ["OneTrustGroupsUpdated", ",C0001,C0002,"],
    ]

    page.reload()
    wait_until(lambda: page.evaluate("heard") == [",C0001,C0002,", "C0001+C0002"])
    page.evaluate("heard = []; OnetrustActiveGroups = ',C0001,C0002,C0004,'; OneTrust.RejectAll()")
    wait_until(lambda: page.evaluate("heard") == [",C0001,", "C0001"])


def test_code_that_only_waits_for_onetrust_is_answered(site: Site, page: Page) -> None:
    written(site, page, "<script>heard = []; function OptanonWrapper() { heard.push(OnetrustActiveGroups) }</script>")

    wait_until(lambda: page.evaluate("heard") == [",C0001,"])


def test_code_that_only_waits_is_answered_where_the_page_says_for_whom(site: Site, page: Page) -> None:
    wait = "addEventListener('CookiebotOnLoad', () => heard.push(Cookiebot.consent.statistics))"
    written(site, page, f'<div data-gk-answers="cookiebot klaro"></div><script>heard = []; {wait}</script>')

    wait_until(lambda: page.evaluate("heard") == [False])
    assert page.evaluate("klaro.getManager().confirmed") is False


def test_cookieconsents_functions_and_events_say_what_is_allowed(site: Site, page: Page) -> None:
    opened(site, page, "cookieconsent3")
    page.wait_for_function("window.CookieConsent")
    assert page.evaluate("CookieConsent.acceptedCategory('analytics')") is False
    assert page.evaluate("heard") == []

    choose(page, "analytics")
    wait_until(lambda: page.evaluate("heard") == ["cc:onConsent", "cc:onFirstConsent"])
    asked = "['necessary', 'analytics', 'marketing', 'quantum'].map(CookieConsent.acceptedCategory)"
    assert page.evaluate(asked) == [True, True, False, False]
    assert page.evaluate("['Statly', 'AdCo'].map((name) => CookieConsent.acceptedService(name, 'analytics'))") == [
        True,
        False,
    ]

    choose(page, "analytics", "marketing")
    wait_until(lambda: page.evaluate("heard")[2:] == ["cc:onChange"])
    page.reload()
    wait_until(lambda: page.evaluate("heard") == ["cc:onConsent"])


def test_klaros_manager_says_what_is_allowed(site: Site, page: Page) -> None:
    opened(site, page, "klaro")
    page.wait_for_function("window.klaro")
    page.evaluate("klaro.getManager().watch({ update: (_, name, all) => heard.push([name, all.stats, all.ads]) })")
    assert visible(page, "[data-type]") == ["Films are held."]

    choose(page, "analytics", "functional")

    wait_until(lambda: page.evaluate("heard") == [["consents", True, False]])
    names = "['stats', 'Statly GmbH', 'ads', 'quantum'].map(klaro.getManager().getConsent)"
    assert page.evaluate(names) == [True, True, False, False]
    assert visible(page, "[data-type]") == []


def test_an_element_by_the_name_of_the_object_is_not_in_its_way(site: Site, page: Page) -> None:
    written(site, page, '<script id="Cookiebot" type="text/plain" data-cbid="0"></script>')

    wait_until(lambda: page.evaluate("Cookiebot.consent && Cookiebot.consent.statistics") is False)


def test_the_real_thing_is_not_replaced(site: Site, page: Page) -> None:
    real = "Cookiebot = { real: true }; addEventListener('CookiebotOnLoad', () => { heard = 1 }); heard = 0"
    written(site, page, f"<script>{real}</script><p data-cookieconsent></p><a data-cc></a>")
    page.wait_for_function("window.CookieConsent")
    settle(page)

    assert page.evaluate("[Cookiebot.real, heard]") == [True, 0]


@pytest.mark.parametrize(
    ("product", "call"),
    [
        ("cookiebot", "Cookiebot.submitCustomConsent(true, true, true)"),
        ("onetrust", "OneTrust.AllowAll()"),
        ("cookieconsent3", "CookieConsent.showPreferences()"),
        ("didomi", "Didomi.notice.show()"),
        ("usercentrics", "__ucCmp.showFirstLayer()"),
    ],
)
def test_no_function_of_theirs_grants(site: Site, page: Page, product: str, call: str) -> None:
    opened(site, page, product)
    page.wait_for_function(f"window.{call.split('.', maxsplit=1)[0]}")

    page.evaluate(call)
    settle(page)

    assert (cookie(page.context), site.hits) == (None, [])


@pytest.mark.parametrize("product", PRODUCTS)
def test_their_link_opens_our_banner(site: Site, page: Page, product: str) -> None:
    opened(site, page, product)
    page.get_by_role("button", name="Reject all").click()
    wait_until(lambda: ".r." in (cookie(page.context) or ""))
    page.reload()
    settle(page)

    page.get_by_text("Cookie settings").click()

    expect(page.get_by_role("dialog", name="Privacy choices")).to_be_visible()


def test_probos_link_is_reached_by_keyboard(site: Site, page: Page) -> None:
    opened(site, page, "probo")

    page.get_by_role("button", name="Cookie settings").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog", name="Privacy choices")).to_be_visible()


# --- an earlier answer

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=30)
LONG_AGO = NOW - timedelta(days=181)


def cookiebots(preferences: str, marketing: str = "false", at: datetime = BEFORE, method: str = "explicit") -> str:
    states = f"necessary:true,preferences:{preferences},statistics:false,marketing:{marketing}"
    return quote(
        f"{{stamp:'x/+==',{states},method:'{method}',ver:1,utc:{at.timestamp() * 1000:.0f},region:'de'}}", safe="{}:/+="
    )


def cookieconsents(*categories: str, at: datetime = BEFORE, **services: list[str]) -> str:
    told = {"categories": categories, "revision": 0, "services": services, "lastConsentTimestamp": at.isoformat()}
    return quote(json.dumps(told))


def onetrusts(groups: str) -> str:
    return f"isGpcEnabled=0&datestamp=x&interactionCount=1&groups={quote(groups)}&intType=2"


def didomis(at: datetime = BEFORE, **told: Any) -> str:
    return b64encode(json.dumps({"user_id": "x", "updated": at.isoformat(), **told}).encode()).decode()


CLOSED = {"OptanonAlertBoxClosed": BEFORE.isoformat()}
REFUSALS: dict[str, dict[str, str]] = {
    "cookieconsent3": {"cc_cookie": cookieconsents("necessary", necessary=[], analytics=[])},
    "cookieconsent3-bare": {"cc_cookie": json.dumps({"categories": [], "consentTimestamp": BEFORE.isoformat()})},
    "cookieconsent2": {"cc_cookie": quote(json.dumps({"level": ["necessary"], "revision": 0}))},
    "klaro": {"klaro": quote(json.dumps({"necessary-cookies": True, "matomo": False, "youtube": False}))},
    "klaro-own": {"klaro": quote(json.dumps({"klaro": True, "own": True, "youtube": False}))},
    "probo": {"probo_consent": quote(json.dumps({"v": 1, "data": {"necessary": True, "analytics": False}}))},
    "cookiebot": {"CookieConsent": cookiebots("false")},
    "onetrust": {"OptanonConsent": onetrusts("C0001:1,C0002:0,C0004:0,V2STACK42:0"), **CLOSED},
    "c15t-2": {"c15t": f"c.necessary:1,i.t:{BEFORE.timestamp() * 1000:.0f}"},
    "c15t-3": {"c15t": quote(f"c.necessary:1,c.marketing:0,c.measurement:0,i.t:{BEFORE.timestamp() * 1000:.0f}")},
    "didomi": {"didomi_token": didomis(purposes={"disabled": ["cookies"]}, vendors={"disabled": ["google"]})},
    "two": {"klaro": quote('{"matomo":false}'), "CookieConsent": cookiebots("false")},
}
OTHERS: dict[str, dict[str, str]] = {
    "granted": {"cc_cookie": cookieconsents("necessary", "analytics")},
    "a service granted": {"cc_cookie": cookieconsents("necessary", necessary=[], marketing=["meta"])},
    "too old": {"cc_cookie": cookieconsents("necessary", at=LONG_AGO)},
    "of tomorrow": {"cc_cookie": cookieconsents("necessary", at=NOW + timedelta(days=2))},
    "not JSON": {"cc_cookie": "refused"},
    "null": {"cc_cookie": "null"},
    "klaro partly": {"klaro": quote('{"matomo":false,"youtube":true}')},
    "klaro empty": {"klaro": "%7B%7D"},
    "klaro cut": {"klaro": "%7B%22matomo%22%3Afal%"},
    "cookiebot granted": {"CookieConsent": cookiebots("true", "true")},
    "cookiebot partly": {"CookieConsent": cookiebots("true")},
    "cookiebot implied": {"CookieConsent": cookiebots("false", method="implied")},
    "cookiebot too old": {"CookieConsent": cookiebots("false", at=LONG_AGO)},
    "cookiebot unasked": {"CookieConsent": "0"},
    "onetrust unasked": {"OptanonConsent": onetrusts("C0001:1,C0002:0,C0004:0")},
    "onetrust partly": {"OptanonConsent": onetrusts("C0001:1,C0002:1,C0004:0"), **CLOSED},
    "onetrust without groups": {"OptanonConsent": "isGpcEnabled=0", **CLOSED},
    "c15t granted": {"c15t": f"c.necessary:1,c.marketing:1,i.t:{BEFORE.timestamp() * 1000:.0f}"},
    "c15t unasked": {"c15t": "c.necessary:1"},
    "probo granted": {"probo_consent": quote(json.dumps({"v": 1, "data": {"necessary": True, "analytics": True}}))},
    "didomi partly": {"didomi_token": didomis(purposes={"enabled": ["x"]}, vendors={"disabled": ["y"]})},
    "didomi unasked": {"didomi_token": didomis()},
    "two that differ": {"klaro": quote('{"matomo":false}'), "CookieConsent": cookiebots("true", "true")},
}


def returned(site: Site, context: BrowserContext, held: dict[str, str], asked: list[str] | None = None) -> Page:
    """Open a page as somebody who answered another tool earlier.

    :param asked: takes the address of each request.
    """
    context.add_cookies([{"name": name, "value": value, "url": site.url("/")} for name, value in held.items()])
    page = context.new_page()
    if asked is not None:
        page.on("request", lambda request: asked.append(request.url))
    page.goto(site.page("/", site.tag("analytics", "one")))
    return page


@pytest.mark.parametrize("held", REFUSALS.values(), ids=REFUSALS)
def test_an_earlier_refusal_is_kept_and_nobody_is_asked_again(
    site: Site, context: BrowserContext, held: dict[str, str]
) -> None:
    asked: list[str] = []
    page = returned(site, context, held, asked)

    wait_until(lambda: ".r." in (cookie(context) or ""))
    page.reload()
    settle(page)
    assert not any("/banner." in url for url in asked)
    assert len(site.posts) == 1
    assert site.hits == []


@pytest.mark.parametrize("held", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is_taken_over(site: Site, context: BrowserContext, held: dict[str, str]) -> None:
    page = returned(site, context, held)

    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    assert (cookie(context), site.posts, site.hits) == (None, [], [])


def test_our_own_choice_counts_more_than_an_earlier_refusal(site: Site, context: BrowserContext) -> None:
    page = returned(site, context, {})
    choose(page, "analytics")
    wait_until(lambda: ran(page) == ["one"])
    held = cookie(context)

    page = returned(site, context, REFUSALS["klaro"])

    wait_until(lambda: ran(page) == ["one"])
    settle(page)
    assert cookie(context) == held


def test_when_ours_has_run_out_the_earlier_one_has_too(site: Site, context: BrowserContext) -> None:
    page = returned(site, context, REFUSALS["cookiebot"])
    wait_until(lambda: ".r." in (cookie(context) or ""))
    context.clear_cookies(name="gk_choice")
    page.clock.install(time=NOW + timedelta(days=151))

    page.reload()

    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
