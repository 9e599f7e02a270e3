"""Visitors who click on in the moment they have agreed: the page on which they did is viewed all the same."""

from collections.abc import Iterable, Iterator
from threading import Event
from wsgiref.types import StartResponse, WSGIEnvironment

from playwright.sync_api import Page, expect

from tests.waiting import wait_until

from .site import Site
from .visiting import cookie, settle, views


def logged(site: Site, page: Page) -> list[str]:
    return sorted(event.fields["path"] for event in site.events(page) if event.kind == "view")


def test_it_needs_nothing_more_from_the_service(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    accept = page.get_by_role("button", name="Accept all")
    accept.wait_for()
    page.wait_for_load_state("networkidle")
    page.route("**/gk/shop/*.js", lambda route: None)  # never answered

    accept.click()
    page.get_by_text("receipt code").wait_for()
    page.unroute("**/gk/shop/*.js")
    page.goto(site.page("/next", ""))

    wait_until(lambda: views(site) == ["/", "/next"])
    wait_until(lambda: logged(site, page) == ["/", "/next"])


def test_the_page_need_not_have_heard_that_the_grant_was_kept(site: Site, page: Page) -> None:
    heard = Event()
    hold_answer(site, heard)
    page.goto(site.page("/", ""))
    page.get_by_role("button", name="Accept all").click()
    wait_until(lambda: "gk_choice=" in page.evaluate("document.cookie"))

    page.goto(site.page("/next", ""))
    heard.set()

    wait_until(lambda: views(site) == ["/", "/next"])
    wait_until(lambda: logged(site, page) == ["/", "/next"])


def test_a_grant_that_is_kept_only_then_holds_on_the_next_page_unasked(site: Site, page: Page) -> None:
    kept = Event()
    hold_answer(site, kept, sent=0)
    page.goto(site.page("/", ""))
    page.get_by_role("button", name="Accept all").click()
    wait_until(lambda: site.posts)

    page.goto(site.page("/next", ""))
    page.get_by_role("button", name="Accept all").wait_for()
    kept.set()

    expect(page.get_by_role("button", name="Accept all")).to_have_count(0)
    wait_until(lambda: logged(site, page) == ["/next"])


def test_a_refusal_holds_over_a_grant_that_is_answered_after_it_in_a_page_whose_timers_wait(
    site: Site, page: Page
) -> None:
    answered = Event()
    hold_answer(site, answered, sent=0, posts=1)
    page.add_init_script("window.setInterval = () => 0")
    page.goto(site.page("/", ""))
    page.get_by_role("button", name="Accept all").click()
    wait_until(lambda: site.posts)

    with page.expect_response("**/gk/shop/choice"):
        page.get_by_role("button", name="Reject all").click()
    answered.set()

    settle(page)
    assert ".r.0.0.-.0" in (cookie(page.context) or "")
    assert cookie(page.context, "gk_subject") is None
    assert views(site) == []


def hold_answer(site: Site, until: Event, sent: int = 1, posts: int = 9) -> None:
    """Have answers to a choice arrive only later.

    :param sent: how many bytes of its text arrive at once; with the first come its headers and cookies.
    :param posts: how many of the first posts are answered so.
    """
    answer = site.app.wsgi_app

    def slowly(text: bytes) -> Iterator[bytes]:
        if sent:
            yield text[:sent]
        until.wait(20)
        yield text[sent:]

    def holding(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        held = environ["PATH_INFO"] == "/gk/shop/choice" and len(site.posts) <= posts
        found = answer(environ, start_response)
        return slowly(b"".join(found)) if held else found

    site.app.wsgi_app = holding  # type: ignore[method-assign]
