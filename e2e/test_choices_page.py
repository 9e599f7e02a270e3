"""The visitor's page of choices, in a real browser: it needs no JavaScript, and no script of the site gets at it."""

import re
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gatekeeper.core.languages import direction
from gatekeeper.languages import words

from .site import Site

CHOICES = "/gk/shop/choices"
SAVED = ("saved_refused", "saved_granted", "saved_withdrawn")


def held(context: BrowserContext) -> dict[str, str]:
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def ticket(site: Site) -> str:
    """Return a form's ticket as the owner of a hostile script can get it: on a machine of their own."""
    with urlopen(site.url(CHOICES), timeout=10) as answer:
        found = re.search(r'name="ticket" value="([^"]+)"', answer.read().decode())
    assert found
    return found[1]


@pytest.mark.row("SE-05")
def test_the_form_works_without_javascript_from_a_page_that_names_no_referrer(site: Site, browser: Browser) -> None:
    site.headers = [("Referrer-Policy", "no-referrer")]
    form = f'<form method="post" action="{CHOICES}"><button name="do" value="%s">%s</button></form>'
    body = f'<a href="{CHOICES}">Choices</a>' + form % ("reject", "No to all") + form % ("accept", "Yes to all")
    home = site.page("/", body)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(home)
    page.get_by_role("link", name="Choices").click()
    page.get_by_role("checkbox", name="Allow: Advertising").check()
    page.get_by_role("button", name="Save my choice").click()
    expect(page.get_by_text("Your receipt code")).to_be_visible()
    granted = held(context)
    page.goto(home)
    page.get_by_role("button", name="No to all").click()
    expect(page.get_by_text("Withdrawn.")).to_be_visible()
    withdrawn = held(context)
    page.goto(home)
    page.get_by_role("button", name="Yes to all").click()
    expect(page.get_by_text("Please confirm")).to_be_visible()
    asked = held(context)
    page.get_by_role("button", name="Allow these").click()
    expect(page.get_by_text("Your receipt code")).to_be_visible()

    assert [names.keys() for names in (granted, withdrawn, asked, held(context))] == [
        {"gk_choice", "gk_subject"},
        {"gk_choice"},
        {"gk_choice"},
        {"gk_choice", "gk_subject"},
    ]
    context.close()


@pytest.fixture
def languages(site: Site) -> None:
    """Lets the site speak more than English."""
    site.publish_again(languages=["en", "de", "ar"])


@pytest.mark.row("EU-07", "A12", "DS-11")
@pytest.mark.usefixtures("languages")
@pytest.mark.parametrize("tag", ["de", "ar"])
def test_without_javascript_a_visitor_refuses_grants_and_withdraws_in_their_language(
    site: Site, browser: Browser, tag: str
) -> None:
    say = words(tag)
    form = f'<form method="post" action="{CHOICES}"><button name="do" value="accept">Yes</button></form>'
    home = site.page("/", f'<a href="{CHOICES}">Choices</a>{form}')
    context = browser.new_context(java_script_enabled=False, locale=tag)
    page = context.new_page()
    begun = {key: re.compile(re.escape(say.texts[key].partition("{")[0].strip())) for key in SAVED}
    names: list[set[str]] = []

    def click(key: str, said: str) -> None:
        page.get_by_role("button", name=say.texts[key], exact=True).click()
        expect(page.get_by_role("status")).to_contain_text(begun[said])
        expect(page.locator("html")).to_have_attribute("lang", tag)
        expect(page.locator("html")).to_have_attribute("dir", direction(tag))
        names.append({*held(context)})

    page.goto(home)
    page.get_by_role("link", name="Choices").click()
    click("reject_all", "saved_refused")
    page.goto(home)
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("heading", name=say.texts["confirm"])).to_be_visible()
    names.append({*held(context)})
    click("confirm_yes", "saved_granted")
    expect(page.get_by_text(say.texts["receipt_keep"])).to_be_visible()
    click("withdraw_all", "saved_withdrawn")

    assert names == [{"gk_choice"}, {"gk_choice"}, {"gk_choice", "gk_subject"}, {"gk_choice"}]
    context.close()


@pytest.mark.row("IN-03", "A12")
@pytest.mark.usefixtures("languages")
def test_the_language_is_changed_by_a_link_on_the_page(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(site.url(CHOICES))
    page.get_by_role("link", name="العربية").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(words("ar").texts["way_back"])
    page.get_by_role("link", name=words("ar").texts["details"]).click()
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    context.close()


#: Each tries to get at the page of choices, and returns what it read there.
READERS = {
    "by fetch": "return await fetch(CHOICES).then((answer) => answer.text(), () => '')",
    "by a clean fetch": """
        const frame = document.body.appendChild(document.createElement("iframe"));
        return await window[0].fetch(CHOICES).then((answer) => answer.text(), () => "")""",
    "by a frame": """
        const frame = Object.assign(document.createElement("iframe"), { src: CHOICES });
        document.body.append(frame);
        await new Promise((done) => (frame.onload = done));
        return frame.contentDocument ? frame.contentDocument.documentElement.outerHTML : ''""",
    "by a window of its own": """
        const found = open(CHOICES);
        await new Promise((done) => setTimeout(done, 1000));
        return found.closed ? '' : found.document.documentElement.outerHTML""",
}


@pytest.mark.row("SE-05")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_no_script_of_the_site_reads_the_page_of_choices(site: Site, page: Page, reader: str) -> None:
    page.goto(site.page("/"))

    read = page.evaluate(f"async () => {{ const CHOICES = '{CHOICES}'; {reader} }}")

    assert "ticket" not in read
    assert page.context.cookies() == []


@pytest.mark.row("SE-05")
def test_a_form_that_a_script_sends_into_a_frame_grants_nothing_though_its_ticket_is_right(
    site: Site, page: Page
) -> None:
    page.goto(site.page("/"))

    page.evaluate(
        """async ([action, ticket]) => {
            const frame = Object.assign(document.createElement("iframe"), { name: "unseen" });
            const form = Object.assign(document.createElement("form"), { target: "unseen", method: "post", action });
            for (const [name, value] of [["do", "accept"], ["notice", "1"], ["ticket", ticket]])
                form.append(Object.assign(document.createElement("input"), { name, value }));
            document.body.append(frame, form);
            const answered = new Promise((done) => (frame.onload = done));
            form.submit();
            await answered;
        }""",
        [CHOICES, ticket(site)],
    )

    assert CHOICES in [path for path, _ in site.posts]
    assert page.context.cookies() == []
