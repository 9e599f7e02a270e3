"""The way into the dashboard in a real browser: without scripts, by the keyboard alone, and not by anybody's frame."""

from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gatekeeper.core.staff import EVERY_SITE, Member, Role
from gatekeeper.store.books import Session
from gatekeeper.web.dashboard import accounts
from gatekeeper.web.service import Service
from tests.ports import free_port

from .serving import Servers
from .site import Site

EMAIL, PASSWORD = "ann@staff.test", "turnip orbit velvet seldom"


@pytest.fixture
def office(site: Site) -> Iterator[tuple[str, Service]]:
    """The address of the dashboard, and the service behind it."""
    port = free_port()
    servers = Servers(port, {"127.0.0.1": site.app})
    yield f"http://localhost:{port}", site.app.extensions["gatekeeper"]
    servers.stop()


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that runs no scripts."""
    context = browser.new_context(java_script_enabled=False)
    yield context
    context.close()


def write(page: Page, *lines: str) -> None:
    """Fill in a form by the keyboard, from the field that has the focus, and send it."""
    for number, line in enumerate(lines):
        if number:
            page.keyboard.press("Tab")
        page.keyboard.type(line)
    page.keyboard.press("Enter")


@pytest.mark.row("SE-26")
def test_from_the_invitation_to_the_sign_out_without_scripts(
    office: tuple[str, Service], plain: BrowserContext
) -> None:
    address, service = office
    by = Member(b"", "a test", {})
    _, code = accounts.open_account(
        service.store.staff, EMAIL, "Ann", {EVERY_SITE: Role.OWNER}, by=by, now=service.now()
    )
    page = plain.new_page()

    page.goto(f"{address}/dashboard/account")
    page.get_by_role("link", name="set your password with it").click()
    page.get_by_label("E-mail address").focus()
    write(page, EMAIL, code, PASSWORD, PASSWORD)
    expect(page).to_have_title("Sign in – Gatekeeper")
    write(page, EMAIL, PASSWORD)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto(f"{address}/dashboard/account")
    page.locator("#factor-password").focus()
    write(page, PASSWORD)
    expect(page.locator("#code")).to_be_visible()
    secret = page.locator("section:has(#factor) code").inner_text().replace(" ", "")
    page.locator("#code").focus()
    write(page, pyotp.TOTP(secret).now())

    expect(page.get_by_text("The second factor is on.")).to_be_visible()
    codes = page.locator("ol code").all_inner_texts()
    page.get_by_role("button", name="Sign out").press("Enter")
    expect(page).to_have_title("Sign in – Gatekeeper")
    page.get_by_label("E-mail address").focus()
    write(page, EMAIL, PASSWORD)
    expect(page).to_have_title("One more step – Gatekeeper")
    page.locator("#code").focus()
    write(page, codes[0])

    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert len(codes) == 10


@pytest.mark.row("SE-26")
def test_no_other_page_shows_the_dashboard_or_sends_its_forms(
    office: tuple[str, Service], browser: Browser, site: Site
) -> None:
    address, service = office
    by = Member(b"", "a test", {})
    account, code = accounts.open_account(
        service.store.staff, EMAIL, "Ann", {EVERY_SITE: Role.OWNER}, by=by, now=service.now()
    )
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/sign-in/invitation")
    page.get_by_label("E-mail address").focus()
    write(page, EMAIL, code, PASSWORD, PASSWORD)
    expect(page).to_have_title("Sign in – Gatekeeper")
    write(page, EMAIL, PASSWORD)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto(f"{address}/dashboard/account")
    expect(page).to_have_title("Your account – Gatekeeper")
    service.store.staff.begin(Session(b"d" * 32, account.id, service.now(), service.now(), True, "Elsewhere"))

    site.pages["/evil"] = f"""<!doctype html><title>evil</title>
        <iframe src="{address}/dashboard/account"></iframe>
        <form method="post" action="{address}/dashboard/account"><input name="do" value="end-others"></form>"""
    other = context.new_page()
    other.goto(site.url("/evil"))
    framed = other.frames[1]

    assert "Your account" not in framed.content()
    # The browser sends no cookie along, so that nobody asks for anything: it ends at the page, as by any link.
    other.evaluate("document.forms[0].submit()")
    expect(other).to_have_title("Your account – Gatekeeper")
    assert len(service.store.staff.sessions(account.id)) == 2
    context.close()
