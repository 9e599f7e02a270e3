"""The preview: staff see every state in every language, on their own hosts alone, and nothing comes of it."""

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.core.themes import DARK, LIGHT
from gatekeeper.languages import words
from gatekeeper.store.contract import Store
from gatekeeper.web.preview import HEIGHTS, STATES, THEMES
from gatekeeper.web.service import Service
from tests.files import content

from .conftest import SHOP, Browser, publish

LANGUAGES = ["de", "en", "ar", "el"]
ADDRESSES = ["", "/frame", "/banner.js", "/panel.js", "/preview.js", "/preview.css"]
WHERE_NOBODY_LOOKS = ["http://shop.test", "http://other.test", "http://localhost.evil.example"]


@pytest.fixture
def tables() -> dict[str, Any]:
    return {**SHOP, "languages": LANGUAGES, "language": "en"}


def look(browser: Browser, path: str = "", site: str = "shop", **query: Any) -> TestResponse:
    """Ask on this machine, to which staff's pages answer where no host is named."""
    return browser.client.get(
        f"/preview/{site}{path}",
        base_url="http://localhost",
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
        query_string=query,
    )


def told(page: TestResponse) -> dict[str, Any]:
    """Return what a page tells the script that stands in for the guard."""
    (found,) = re.findall(r"data-told='([^']+)'", page.text)
    read: dict[str, Any] = json.loads(unescape(found))
    return read


def frames(page: TestResponse) -> list[str]:
    return [unescape(found) for found in re.findall(r'<iframe[^>]* src="([^"]+)"', page.text)]


def layer(browser: Browser, name: str = "banner", **query: Any) -> dict[str, Any]:
    """Return what a layer has been given to say."""
    script = look(browser, f"/{name}.js", **query).text
    given: dict[str, Any] = json.loads(script[script.rindex("})(") + 3 : script.rindex(")")])
    return given


@pytest.mark.row("SE-01")
@pytest.mark.parametrize("path", ADDRESSES)
def test_it_is_for_staff_alone_and_sets_nothing(browser: Browser, path: str) -> None:
    here = look(browser, path)

    assert here.status_code == 200
    assert "Set-Cookie" not in here.headers
    for host in WHERE_NOBODY_LOOKS:
        there = browser.client.get(f"/preview/shop{path}", base_url=host)
        metrics = browser.client.get("/metrics", base_url=host)
        assert (there.status_code, there.data, there.headers) == (404, metrics.data, metrics.headers)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_every_state_answers_in_every_language_and_theme(browser: Browser, state: str, language: str) -> None:
    for theme in THEMES:
        page = look(browser, "/frame", state=state, language=language, theme=theme)

        assert page.status_code == 200
        assert (told(page)["state"], told(page)["language"]) == (state, language)
        assert f'<html lang="{language}" dir="{words(language).direction}" class="frame {theme}"' in page.text
        assert told(page)["labels"]["accept_all"] == words(language).texts["accept_all"]


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("", {"states": "asked"}, f"states 'asked' is not one of {', '.join(STATES)}"),
        ("", {"states": ["ask", "x"]}, f"states 'x' is not one of {', '.join(STATES)}"),
        ("", {"language": "fr"}, "language 'fr' is not one of de, en, ar, el, all"),
        ("", {"widths": "640"}, "widths '640' is not one of 320, 768, 1280"),
        ("", {"position": "top"}, "position 'top' is not one of bottom, corner, centre"),
        ("/frame", {"state": "asked"}, f"state 'asked' is not one of {', '.join(STATES)}"),
        ("/frame", {"language": "fr"}, "language 'fr' is not one of de, en, ar, el"),
        ("/frame", {"theme": "grey"}, "theme 'grey' is not one of light, dark"),
        ("/banner.js", {"language": "fr"}, "language 'fr' is not one of de, en, ar, el"),
        ("/panel.js", {"theme": "grey"}, "theme 'grey' is not one of light, dark"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(
    browser: Browser, path: str, query: dict[str, Any], said: str
) -> None:
    answer = look(browser, path, **query)

    assert (answer.status_code, answer.json) == (400, {"error": said})


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_site_that_is_not_declared_is_not_found(browser: Browser, path: str) -> None:
    assert look(browser, path, site="shoe").status_code == 404


def test_at_first_all_states_are_shown_narrow_and_wide_in_both_themes(browser: Browser) -> None:
    shown = frames(look(browser))

    assert shown == [
        f"shop/frame?state={state}&theme={theme}&language=de&position=bottom"
        for state in STATES
        for _ in ("320", "1280")
        for theme in THEMES
    ]


def test_one_state_in_every_language(browser: Browser) -> None:
    page = look(browser, states="ask", language="all", widths="768")

    assert frames(page) == [
        f"shop/frame?state=ask&theme={theme}&language={tag}&position=bottom" for tag in LANGUAGES for theme in THEMES
    ]
    assert set(re.findall(r'width="(\d+)" height="(\d+)"', page.text)) == {("768", str(HEIGHTS[768]))}


def test_translations_that_no_person_has_read_are_marked(browser: Browser) -> None:
    options = re.findall(r'<option value="\w+" lang="(\w+)"[^>]*>([^<]+)</option>', look(browser).text)

    assert [tag for tag, _ in options] == LANGUAGES
    for tag, name in options:
        assert name == words(tag).name + ("" if words(tag).reviewed else " *")


def test_a_theme_is_shown_on_any_system(browser: Browser) -> None:
    for theme, colours in {"light": LIGHT, "dark": DARK}.items():
        look_of = layer(browser, theme=theme)["look"]
        assert {look_of["light"]["paper"], look_of["dark"]["paper"]} == {colours.paper}


def test_another_position_is_shown_without_being_declared(browser: Browser) -> None:
    assert layer(browser)["look"]["position"] == "bottom"
    assert layer(browser, position="corner")["look"]["position"] == "corner"


def test_what_changed_is_what_the_notice_before_did_not_tell(browser: Browser, service: Service, store: Store) -> None:
    assert [*layer(browser, language="en")["changes"]] == ["1"], "with one notice, its last recipient is taken for new"
    site = service.config.sites["shop"]
    fewer = {name: tracker for name, tracker in site.trackers.items() if name != "ad-pixel"}
    for trackers in (fewer, site.trackers):
        publish(store, replace(site, trackers=trackers))
    service.refresh()

    (lines,) = layer(browser, language="en")["changes"].values()

    assert [line for line in lines if "AdCo Inc" in line] == lines


def test_before_anything_is_published_it_shows_what_is_declared(
    browser: Browser, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.published("shop"), "site", service.config.sites["shop"])

    assert "Nothing is published yet" in look(browser).text
    assert layer(browser, language="en")["purposes"]


@pytest.mark.parametrize(("audience", "asks"), [("general", False), ("mixed", True), ("child_directed", True)])
def test_the_age_is_a_state_where_it_is_asked(
    tables: dict[str, Any], audience: str, asks: bool, request: pytest.FixtureRequest
) -> None:
    tables["audience"] = audience
    browser: Browser = request.getfixturevalue("browser")

    assert (look(browser, "/frame", state="age").status_code == 200) is asks
    assert any("state=age" in address for address in frames(look(browser))) is asks


def test_nothing_of_it_is_kept(browser: Browser, service: Service, tmp_path: Any) -> None:
    def kept() -> bytes:
        service.store.flush()
        return content(sorted(tmp_path.iterdir()))

    before = kept()
    for path in ADDRESSES:
        look(browser, path)

    assert kept() == before


@pytest.mark.row("SE-14")
def test_only_its_own_pages_load_anything(browser: Browser) -> None:
    grid, shown = look(browser).headers, look(browser, "/frame").headers

    assert grid["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-src 'self'; frame-ancestors 'none'"
    )
    assert shown["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; base-uri 'none'; "
        "script-src 'self'; form-action 'none'; frame-ancestors 'self'"
    )
    for headers in (grid, shown):
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
