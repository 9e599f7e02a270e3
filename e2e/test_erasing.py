"""The question that follows a withdrawal: what becomes of what was logged."""

import pytest
from playwright.sync_api import Page, expect

from gatekeeper.core.tokens import SubjectToken
from tests.waiting import wait_until

from .site import Site
from .test_banner import button, dialog, region


def logged(site: Site, page: Page) -> bytes:
    """Accept everything, be logged, withdraw; return the subject."""
    page.goto(site.page("/", "<h1>Tea</h1>"))
    button(region(page), "Accept all").click()
    wait_until(lambda: any(cookie["name"] == "gk_subject" for cookie in page.context.cookies()))
    value = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "gk_subject")
    token: SubjectToken = site.service.subject_tokens.verify(value)
    wait_until(lambda: site.store.events("shop", token.subject))
    button(page, "Privacy choices").click()
    button(dialog(page), "Withdraw everything").click()
    expect(page.get_by_role("group", name="Also delete")).to_be_visible()
    return token.subject


@pytest.mark.row("DS-05", "EU-07")
def test_who_withdraws_is_asked_and_can_have_it_deleted(site: Site, page: Page) -> None:
    subject = logged(site, page)
    yes, no = button(page, "Delete it"), button(page, "Keep it")
    assert yes.bounding_box()["width"] == pytest.approx(no.bounding_box()["width"], abs=1)  # type: ignore[index]

    yes.click()

    expect(page.get_by_role("status")).to_contain_text("Deleted.")
    assert site.store.events("shop", subject) == []


def test_who_keeps_it_keeps_it(site: Site, page: Page) -> None:
    subject = logged(site, page)

    button(page, "Keep it").click()

    expect(page.get_by_role("group", name="Also delete")).to_have_count(0)
    assert site.store.events("shop", subject) != []


@pytest.mark.row("DS-07")
def test_no_script_deletes_in_the_visitors_name(site: Site, page: Page) -> None:
    page.add_init_script(
        "window.tried = []; document.addEventListener('gatekeeper:logged',"
        " ({detail}) => detail().then(() => tried.push('deleted'), (error) => tried.push(error.message)))"
    )
    subject = logged(site, page)

    wait_until(lambda: page.evaluate("tried.length"))
    assert "own click" in page.evaluate("tried[0]")
    assert site.store.events("shop", subject) != []


def test_who_was_never_logged_is_not_asked(site: Site, page: Page) -> None:
    page.goto(site.page("/", "<h1>Tea</h1>"))
    with page.expect_response("**/choice"):
        button(region(page), "Reject all").click()

    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(page.get_by_role("group", name="Also delete")).to_have_count(0)


def test_while_it_cannot_be_deleted_it_says_so(site: Site, page: Page) -> None:
    subject = logged(site, page)
    site.mood = "gone"

    button(page, "Delete it").click()

    expect(page.get_by_role("status")).to_contain_text("could not be deleted")
    site.mood = "well"
    assert site.store.events("shop", subject) != []
