"""The notice in a real browser: on its own page, on the site's, on paper, and without JavaScript."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gatekeeper.core.languages import direction
from gatekeeper.languages import words

from .site import Site

NOTICE = "/gk/shop/notice"
LANGUAGES = ["en", "de", "ar"]
PLACE = f'<div data-gk-notice><a href="{NOTICE}">Our notice</a></div>'
TRUSTED_TYPES = [("Content-Security-Policy", "require-trusted-types-for 'script'; trusted-types gatekeeper")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, declared={"languages": LANGUAGES}).start()
    yield site
    site.stop()


def notice(page: Page) -> Locator:
    return page.locator("[data-gk-notice] > .gk-notice")


def lines(place: Locator) -> list[str]:
    """Return what is to be read there, line by line."""
    return [line.strip() for line in place.inner_text().splitlines() if line.strip()]


def fragment(site: Site, tag: str) -> str:
    """Return the notice as the site's own server can get it."""
    with urlopen(site.url(f"{NOTICE}?fragment=1&lang={tag}"), timeout=10) as answer:
        text: str = answer.read().decode()
    return text


@pytest.mark.row("EU-06", "DS-11", "A8")
@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_sites_own_page_shows_all_that_the_notice_says_in_its_language(site: Site, page: Page, tag: str) -> None:
    site.headers = TRUSTED_TYPES
    page.goto(site.page("/", f'<main lang="{tag}">{PLACE}</main>'))
    expect(notice(page)).to_have_attribute("lang", tag)
    expect(notice(page)).to_have_attribute("dir", direction(tag))
    shown = lines(notice(page))

    page.goto(site.url(f"{NOTICE}?lang={tag}"))

    assert shown == lines(page.locator(".gk-notice"))
    assert words(tag).texts["who_answers"] in shown
    for name in ("Statly GmbH", "AdCo Inc", "Tube BV", "Test Shop Ltd", "agk_*"):
        assert any(name in line for line in shown), name


def test_its_links_lead_to_the_services_pages_and_tell_other_sites_nothing(site: Site, page: Page) -> None:
    page.goto(site.page("/deep/page", PLACE))

    choices = notice(page).get_by_role("link", name="Privacy choices")
    vendor = notice(page).get_by_role("link", name="Statly GmbH")

    expect(choices).to_have_attribute("href", site.url("/gk/shop/choices?lang=en"))
    expect(vendor).to_have_attribute("href", "https://statly.example/privacy")
    expect(vendor).to_have_attribute("referrerpolicy", "no-referrer")


def test_a_place_that_comes_later_is_filled_too(site: Site, page: Page) -> None:
    page.goto(site.page("/", PLACE))
    expect(notice(page)).to_have_count(1)

    page.evaluate("document.body.append(document.querySelector('[data-gk-notice]').cloneNode())")

    expect(notice(page)).to_have_count(2)


def test_the_sites_own_link_stays_where_the_notice_does_not_come(site: Site, page: Page) -> None:
    page.route(f"**{NOTICE}?fragment=1*", lambda route: route.fulfill(status=502, body="gone"))

    with page.expect_response(lambda answer: NOTICE in answer.url):
        page.goto(site.page("/", PLACE))

    expect(page.get_by_role("link", name="Our notice")).to_be_visible()


@pytest.mark.row("A12", "EU-06")
@pytest.mark.parametrize("tag", LANGUAGES)
def test_without_javascript_the_site_shows_what_its_server_put_there(site: Site, browser: Browser, tag: str) -> None:
    home = site.page("/", f"<div data-gk-notice>{fragment(site, tag)}</div>")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(home)
    shown = lines(notice(page))

    page.goto(site.url(f"{NOTICE}?lang={tag}"))

    assert shown == lines(page.locator(".gk-notice"))
    context.close()


def test_what_the_server_put_there_is_left_as_it_is(site: Site, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(site.page("/", f"<div data-gk-notice>{fragment(site, 'de')}</div>{PLACE}"))

    expect(notice(page)).to_have_count(2)
    assert [url for url in asked if NOTICE in url] == [site.url(f"{NOTICE}?fragment=1&lang=en")]
    expect(notice(page).first).to_have_attribute("lang", "de")


@pytest.mark.row("A12")
@pytest.mark.parametrize("tag", LANGUAGES)
def test_on_paper_the_notice_is_whole_and_says_where_its_links_lead(site: Site, page: Page, tag: str) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(site.url(f"{NOTICE}?lang={tag}"))

    after = page.get_by_role("link", name="Statly GmbH").evaluate("link => getComputedStyle(link, '::after').content")

    expect(page.locator(".languages, .back")).to_have_count(2)
    assert [found.is_visible() for found in page.locator(".languages, .back").all()] == [False, False]
    # Chromium gives the content as it was written or as it reads.
    assert "attr(href)" in after or "https://statly.example/privacy" in after
    assert page.evaluate("[document.body, document.querySelector('p')].map(one => getComputedStyle(one).color)") == [
        "rgb(0, 0, 0)",
        "rgb(0, 0, 0)",
    ]
    assert words(tag).texts["rights_title"] in lines(page.locator(".gk-notice"))


@pytest.mark.row("A6")
@pytest.mark.parametrize("path", ["choices", "notice"])
@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_pages_fit_a_small_screen(site: Site, page: Page, path: str, tag: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})

    page.goto(site.url(f"/gk/shop/{path}?lang={tag}"))

    assert page.evaluate("document.documentElement.scrollWidth") == 320
