"""The pages of visits: what they show to whom, and one visitor's own log."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Status
from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.core.staff import Role
from gatekeeper.store.books import Entry
from gatekeeper.web.service import Service
from tests.web.conftest import Browser, Clock

from .conftest import Staff

NASTY = '"><img src=x onerror=alert(1)></script>\u202e'
VIEW = {"kind": "view", "path": "/shoes", "referrer": "https://search.test/?q=mine"}


def text_of(page: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def visit(browser: Browser, *rows: dict[str, Any]) -> str:
    """Agree, do a few things, and return the receipt code."""
    code: str = browser.choose("analytics").get_json()["receipt"]["code"]
    events = [{"id": f"{number:032x}", "path": "/shoes", **row} for number, row in enumerate(rows or (VIEW,), 1)]
    assert browser.post("/gk/shop/events", json={"events": events}).status_code == 204
    return code


def trail(service: Service) -> list[Entry]:
    return service.store.staff.entries(None, first=0, before=2**40, limit=100, action="visitor.")


def test_the_page_shows_what_visits_were_like(
    staff: Staff, service: Service, new_browser: Callable[..., Browser]
) -> None:
    for _ in range(12):
        visit(new_browser())
    service.store.settle()

    page = staff.get("/dashboard/shop/visits")

    said = text_of(page.text)
    assert page.status_code == 200
    assert "/shoes 12" in said
    assert "search.test 12" in said
    assert "Chrome 141 12" in said
    assert "see what is held of one visitor" in said


def test_filters_stand_in_the_address_and_can_be_set_from_a_row(
    staff: Staff, service: Service, new_browser: Callable[..., Browser]
) -> None:
    for no in range(12):
        visit(new_browser(**{"Accept-Language": "fr" if no < 11 else "de"}))
    service.store.settle()
    page = staff.get("/dashboard/shop/visits?days=7").text
    [link] = re.findall(r'href="([^"]*f\.referrer=search\.test[^"]*)"', page)

    filtered = staff.get(html.unescape(link))
    few = staff.get("/dashboard/shop/visits?f.language=de")

    assert "days=7" in link
    assert "Came from: search.test" in text_of(filtered.text)
    assert "search.test 12" in text_of(filtered.text)
    assert "Filters do not apply here." in text_of(filtered.text)
    assert "Fewer than 10 visits pass these filters" in text_of(few.text)


def test_a_page_shows_the_first_rows_and_files_all(
    staff: Staff, service: Service, new_browser: Callable[..., Browser]
) -> None:
    visit(new_browser(), *({"kind": "view", "path": f"/p{no:02}x"} for no in range(30)))
    service.store.settle()

    page, file = staff.get("/dashboard/shop/visits"), staff.get("/dashboard/shop/panels/pages.csv")

    assert "The first 20 of 30; the files have all." in text_of(page.text)
    assert file.text.count('x",') == 30


def test_one_visitor_is_found_by_their_receipt_code(staff: Staff, service: Service, browser: Browser) -> None:
    code = visit(
        browser,
        VIEW,
        {"kind": "stay", "seconds": 40},
        {"kind": "outcome", "tracker": "video", "outcome": "blocked", "reason": "refused"},
        {"kind": "event", "event": "purchase", "value": 19.9, "currency": "EUR"},
    )

    page = staff.post("/dashboard/shop/visitor", {"code": code.lower().replace("-", " ")})

    said = text_of(page.text)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "analytics" in said
    assert "Viewed a page /shoes from search.test Chrome 141" in said
    assert "Stayed on it /shoes 40 s" in said
    assert "A tracker /shoes video: blocked: refused" in said
    assert "purchase 19.9 EUR" in said


def test_every_look_is_in_the_trail_and_the_code_is_not(staff: Staff, service: Service, browser: Browser) -> None:
    code = visit(browser)
    token = service.subject_tokens.verify(browser.cookie("gk_subject") or "")

    staff.post("/dashboard/shop/visitor", {"code": code})
    staff.post("/dashboard/shop/visitor", {"code": "AAAAA-BBBBB"})

    assert staff.account is not None
    assert [(entry.action, entry.about, entry.site, entry.who) for entry in reversed(trail(service))] == [
        ("visitor.seen", token.record.hex(), "shop", staff.account.name),
        ("visitor.sought", "", "shop", staff.account.name),
    ]
    assert code.replace("-", "") not in repr(trail(service)).replace("-", "")


def test_what_cannot_be_put_into_the_trail_is_not_shown(
    staff: Staff, service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = visit(browser)

    def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(type(service.store.staff), "note", full)
    page = staff.post("/dashboard/shop/visitor", {"code": code})

    assert page.status_code == 503
    assert "/shoes" not in page.text


@pytest.mark.parametrize("code", ["", "AAAAA-BBBBB", "x" * 5000, "\u202e", "AAAAA\x00"])
def test_an_unknown_code_says_so(staff: Staff, code: str) -> None:
    page = staff.post("/dashboard/shop/visitor", {"code": code})

    assert page.status_code == 404
    assert "Nothing is held under this code." in text_of(page.text)


def test_a_code_of_another_site_is_unknown(staff: Staff, service: Service, browser: Browser) -> None:
    code = visit(browser)

    assert service.store.find_receipt("other", b"") is None
    assert staff.post("/dashboard/other/visitor", {"code": code}).status_code == 404


def test_what_was_erased_is_gone(staff: Staff, service: Service, browser: Browser, clock: Clock) -> None:
    code = visit(browser)
    subject = service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject
    service.store.end("shop", subject, State.WITHDRAWN, at=service.now())
    service.store.block("shop", subject, Status.ERASED, at=service.now())

    page = staff.post("/dashboard/shop/visitor", {"code": code})

    assert "/shoes" not in page.text
    assert "withdrawn 2026-11-22" in text_of(page.text)
    assert "Its key is destroyed" in text_of(page.text)


def test_what_is_restricted_is_kept_and_shown_to_nobody(staff: Staff, service: Service, browser: Browser) -> None:
    code = visit(browser)
    subject = service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject
    service.store.block("shop", subject, Status.RESTRICTED, at=service.now())

    page = staff.post("/dashboard/shop/visitor", {"code": code})

    assert "/shoes" not in page.text
    assert "has restricted the use" in text_of(page.text)
    assert len(service.store.events("shop", subject)) == 1


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("role", [Role.MARKETING, Role.AUDITOR])
def test_who_may_see_counts_only_sees_no_visitor(staff: Staff, service: Service, browser: Browser, role: Role) -> None:
    code = visit(browser)
    other = staff.as_(role)

    assert other.post("/dashboard/shop/visitor", {"code": code}).status_code == 403
    assert other.get("/dashboard/shop/visitor").status_code == 403
    assert "of one visitor" not in other.get("/dashboard/shop/visits").text
    assert trail(service) == []


@pytest.mark.row("SE-23")
def test_a_code_in_an_address_is_not_looked_at(staff: Staff, service: Service, browser: Browser) -> None:
    code = visit(browser)

    page = staff.get(f"/dashboard/shop/visitor?code={code}")

    assert "/shoes" not in page.text
    assert code not in page.text
    assert trail(service) == []


@pytest.mark.row("SE-07")
def test_whatever_was_logged_is_shown_as_text(
    staff: Staff, service: Service, browser: Browser, new_browser: Callable[..., Browser]
) -> None:
    rows = ({"kind": "view", "path": f"/{NASTY}"}, {"kind": "out", "target": f"https://{NASTY}"})
    code = visit(browser, *rows)
    for _ in range(11):
        visit(new_browser(), *rows)
    service.store.settle()

    for page in (staff.post("/dashboard/shop/visitor", {"code": code}), staff.get("/dashboard/shop/visits")):
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert "onerror=alert" in html.unescape(page.text)
