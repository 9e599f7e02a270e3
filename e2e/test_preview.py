"""The preview in a real browser: each state shows what it should, dark is dark, and nothing of it goes anywhere."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gatekeeper.core.themes import DARK, LIGHT
from gatekeeper.languages import words
from gatekeeper.web.preview import AGE, HEIGHTS, STATES
from tests.ports import free_port

from .serving import Servers
from .site import Site

Preview = Callable[..., str]


def region(page: Page) -> Locator:
    return page.locator(".gk-ask")


def dialog(page: Page) -> Locator:
    return page.locator(".gk-box")


def said(page: Page) -> Locator:
    return page.locator(".gk-said")


#: Where each state is seen, and the key of words that stand there in no other.
SHOWN: dict[str, tuple[Callable[[Page], Locator], str]] = {
    "age": (region, "age_title"),
    "ask": (region, "title"),
    "honoured": (region, "honoured"),
    "changed": (region, "changed"),
    "preferences": (dialog, "preferences"),
    "details": (dialog, "preferences"),
    "saved": (said, "receipt"),
    "refused": (said, "saved_refused"),
    "withdrawn": (said, "erase_ask"),
    "failed": (region, "failed"),
    "unkept": (said, "not_kept"),
    "news": (said, "news"),
}
KINDS = (region, dialog, said)


def serving(folder: Path, **declared: object) -> Iterator[Preview]:
    """Serve a site on a host that is staff's, and return how to write an address there."""
    site = Site(folder, declared={"languages": ["en", "de", "ar"], "language": "en", **declared}).start()
    port = free_port()
    servers = Servers(port, {"127.0.0.1": site.app})

    def address(path: str = "", **query: str) -> str:
        return f"http://localhost:{port}/preview/shop{path}?" + "&".join(f"{key}={query[key]}" for key in query)

    yield address
    servers.stop()
    site.stop()


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    yield from serving(tmp_path_factory.mktemp("preview"))


@pytest.fixture(scope="module")
def with_children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    yield from serving(tmp_path_factory.mktemp("children"), audience="mixed")


def begins(key: str, tag: str) -> str:
    """Return the words of a key, as far as nothing is put into them."""
    return words(tag).texts[key].partition("{")[0]


def check(page: Page, state: str, tag: str) -> None:
    """Check that a state shows what it should, and nothing that belongs to another."""
    where, key = SHOWN[state]
    expect(where(page)).to_contain_text(begins(key, tag))
    for kind in KINDS:
        assert kind(page).count() == (1 if kind is where else 0), kind.__name__


def test_every_state_is_known_here() -> None:
    assert set(SHOWN) == {*AGE, *STATES}


@pytest.mark.parametrize("tag", ["en", "ar"])
@pytest.mark.parametrize("state", STATES)
def test_each_state_shows_what_it_should(preview: Preview, page: Page, state: str, tag: str) -> None:
    page.goto(preview("/frame", state=state, language=tag))

    check(page, state, tag)

    opened = page.locator(".gk details[open]").count()
    assert opened == (page.locator(".gk details").count() if state == "details" else 0)
    assert (opened > 0) is (state == "details")


@pytest.mark.parametrize("state", SHOWN)
def test_each_state_is_there_where_the_age_is_asked_first(with_children: Preview, page: Page, state: str) -> None:
    page.goto(with_children("/frame", state=state))

    check(page, state, "en")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_a_theme_is_shown_whatever_the_system_prefers(preview: Preview, browser: Browser, system: str) -> None:
    context = browser.new_context(color_scheme=system)
    page = context.new_page()
    seen = {}
    for theme in ("light", "dark"):
        page.goto(preview("/frame", state="ask", theme=theme))
        seen[theme] = region(page).evaluate(
            "node => [getComputedStyle(node).backgroundColor, getComputedStyle(node).colorScheme,"
            " getComputedStyle(document.documentElement).colorScheme]"
        )
    context.close()

    assert seen == {name: [_rgb(theme.paper), name, name] for name, theme in (("light", LIGHT), ("dark", DARK))}


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


def test_its_buttons_can_be_tried_and_its_links_lead_nowhere(preview: Preview, page: Page) -> None:
    page.goto(preview("/frame", state="ask"))
    address = page.url

    region(page).get_by_role("link").click()
    region(page).get_by_role("button", name="Choose").click()
    dialog(page).get_by_role("button", name="Save").click()
    expect(said(page)).to_contain_text(begins("saved_refused", "en"))
    assert page.url == address

    region(page).get_by_role("combobox").focus()
    region(page).get_by_role("combobox").select_option("ar")
    expect(region(page)).to_contain_text(begins("title", "ar"))


def test_the_whole_of_it_at_a_glance(preview: Preview, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(preview())
    frames = page.locator("iframe")
    assert frames.count() == len(STATES) * 4

    for at, state in enumerate(STATES):
        _, key = SHOWN[state]
        for theirs in range(4):
            frame = frames.nth(4 * at + theirs)
            frame.scroll_into_view_if_needed()
            shown = frame.content_frame.locator(".gk").filter(has_text=begins(key, "en"))
            expect(shown).to_be_visible()
            assert frame.content_frame.locator("html").evaluate("() => [innerWidth, innerHeight]") == (
                [320, HEIGHTS[320]] if theirs < 2 else [1280, HEIGHTS[1280]]
            )

    assert page.evaluate("document.activeElement.tagName") == "BODY", "no window draws the focus to itself"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert {url.split("/preview/")[0] for url in asked} == {page.url.split("/preview/")[0]}
    assert wrong == []
    assert context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    context.close()
