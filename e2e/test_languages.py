"""Every language on the smallest screen: two equal answers, nothing cut off; and which of them a visitor reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from gatekeeper.core.languages import TAGS, direction
from gatekeeper.languages import words
from tests.waiting import wait_until

from . import states
from .site import Site
from .test_banner import contrast, look
from .visiting import bodies, cookie

PHONE = {"width": 320, "height": 640}
#: What of an element's text does not fit into it, or into the window.
CUT = """(node) => {
    const box = node.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    return [
        box.left - text.left, text.right - box.right, box.top - text.top, text.bottom - box.bottom,
        -box.left, box.right - innerWidth, box.bottom - innerHeight,
    ].filter((over) => over > 0.5);
}"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that speaks every language."""
    site = Site(tmp_path_factory.mktemp("shop"), declared={"languages": list(TAGS)}).start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=PHONE)
    yield context
    context.close()


@pytest.fixture
def small(phone: BrowserContext) -> Iterator[Page]:
    """A tab on a small screen."""
    phone.clear_cookies()
    page = phone.new_page()
    yield page
    page.close()


def button(where: Locator, tag: str, key: str) -> Locator:
    return where.get_by_role("button", name=words(tag).texts[key], exact=True)


def files(page: Page) -> list[str]:
    """Note the languages of all scripts with words that a page fetches."""
    asked: list[str] = []

    def note(url: str) -> None:
        _, _, name = url.rpartition("/")
        if name.startswith(("banner.", "panel.", "part.")):
            asked.append(name.split(".")[2 if name.startswith("part.") else 1])

    page.on("request", lambda request: note(request.url))
    return asked


def equal(where: Locator, tag: str) -> None:
    """Check that both answers are one button with other words, and that no button's words are cut off."""
    accept, reject = button(where, tag, "accept_all"), button(where, tag, "reject_all")
    assert look(accept) == look(reject)
    assert look(accept)["height"] >= 44
    for each in where.get_by_role("button").all():
        assert each.evaluate(CUT) == [], each.inner_text()
    assert where.evaluate("box => box.scrollWidth <= box.clientWidth")


def contrasts(page: Page, where: Locator, tag: str) -> list[float]:
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found += [contrast(button(where, tag, key)) for key in ("accept_all", "reject_all")]
    return found


@pytest.mark.row("EU-04", "EU-09", "US-03", "A4", "A5", "A6", "A8", "DS-11", "IN-03", "BR-01", "QC-01")
@pytest.mark.parametrize("tag", TAGS)
def test_both_answers_are_equal_and_nothing_is_cut_off(shop: Site, small: Page, tag: str) -> None:
    asked = files(small)
    states.ask(shop, small, tag)
    region = states.region(small)

    assert (region.get_attribute("lang"), region.get_attribute("dir")) == (tag, direction(tag))
    assert region.get_by_role("heading").inner_text() == words(tag).texts["title"]
    equal(region, tag)
    light, other_light, dark, other_dark = contrasts(small, region, tag)
    assert light == other_light >= 4.5
    assert dark == other_dark >= 4.5
    assert region.evaluate("box => box.getBoundingClientRect().height") <= 0.4 * PHONE["height"]
    assert small.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    button(region, tag, "choose").click()
    dialog = states.dialog(small)
    assert (dialog.get_attribute("lang"), dialog.get_attribute("dir")) == (tag, direction(tag))
    equal(dialog, tag)
    boxes = dialog.get_by_role("checkbox")
    assert [box.is_checked() for box in boxes.all()] == [False] * boxes.count()
    assert set(asked) == {tag}


# --- which of them a visitor reads


@pytest.mark.row("DS-11", "IN-03")
@pytest.mark.parametrize(
    ("of_page", "of_browser", "spoken"),
    [
        ("de", ["fr"], "de"),
        ("de-AT", ["fr"], "de"),
        ("xx", ["yy", "fi", "de"], "fi"),
        ("", ["zh-TW", "en"], "zh-hant"),
        ("", ["zh-HK"], "zh-hant"),
        ("", ["zh"], "zh-hans"),
        ("", ["nb-NO"], "nb"),
        ("", ["no"], "nb"),
        ("", ["nn-NO"], "nb"),
        ("", ["pt-BR"], "pt-br"),
        ("", ["pt-PT"], "pt"),
        ("", ["fr-CA"], "fr-ca"),
        ("", ["ur-PK"], "ur"),
        ("", ["xx"], "bg"),
    ],
)
def test_the_pages_language_comes_first_then_the_browsers(
    shop: Site, small: Page, of_page: str, of_browser: list[str], spoken: str
) -> None:
    small.add_init_script(f"Object.defineProperty(Navigator.prototype, 'languages', {{get: () => {of_browser}}})")
    asked = files(small)

    states.visit(shop, small, of_page)

    expect(states.region(small)).to_have_attribute("lang", spoken)
    assert set(asked) == {spoken}


@pytest.mark.row("DS-11", "IN-03")
def test_the_banner_changes_its_language_and_the_record_keeps_it(shop: Site, small: Page) -> None:
    states.ask(shop, small, "en")
    asked = files(small)
    choice = states.region(small).get_by_role("combobox", name="Language")
    choice.focus()
    offered = choice.get_by_role("option")
    assert offered.evaluate_all("options => options.map(({lang}) => lang)") == list(TAGS)
    named = dict(zip(TAGS, offered.all_inner_texts(), strict=True))
    assert (named["en"], named["de"], named["ja"], named["ar"]) == ("English", "Deutsch", "日本語", "العربية")
    assert not set(named.values()) & set(TAGS)

    choice.select_option("ur")

    expect(states.region(small)).to_have_attribute("dir", "rtl")
    expect(states.region(small)).to_have_attribute("lang", "ur")
    assert states.region(small).count() == 1
    assert set(asked) == {"ur"}
    button(states.region(small), "ur", "accept_all").click()
    wait_until(lambda: ".g." in (cookie(small.context) or ""))
    assert bodies(shop, "choice")[-1]["language"] == "ur"
    code = small.locator(".gk-said code")
    expect(code).to_be_visible()


@pytest.mark.row("DS-11", "EU-19")
@pytest.mark.parametrize(("tag", "told"), [("de", "HeatCo Ltd (Vereinigtes Königreich)"), ("ja", "HeatCo Ltd")])
def test_what_has_changed_is_told_in_the_visitors_language(tmp_path: Path, page: Page, tag: str, told: str) -> None:
    with states.asking_again(tmp_path, "en", "de", "ja") as site:
        states.changed(site, page, tag)

        region: Any = states.region(page)
        expect(region).to_contain_text(words(tag).texts["changed"])
        assert [told in line for line in region.get_by_role("listitem").all_inner_texts()] == [True]
