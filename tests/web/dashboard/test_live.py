"""Decisions as they happen: who hears them, what is said, and when it ends."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gatekeeper.core.staff import Role
from gatekeeper.web.dashboard import live, sessions
from gatekeeper.web.service import LISTENERS
from tests.web.conftest import Browser, Clock

from .conftest import Staff

STREAM = "/dashboard/shop/live/stream"
ID = "019ab1c2d3e47abc8def0011223344{:02x}"
FETCHED = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again without a pause."""
    monkeypatch.setattr(live, "EVERY", 0)


def listen(staff: Staff) -> tuple[Iterator[str], Any]:
    """Return what a listener hears, event by event, and the response, which is to be closed."""
    response = staff.get(STREAM, FETCHED, buffered=False)
    assert response.status_code == 200, response.text
    return (part.decode() for part in response.iter_encoded()), response


def heard(stream: Iterator[str]) -> list[dict[str, Any]]:
    """Return the next things that are said to have happened."""
    said = next(part for part in stream if part.startswith("data: "))
    rows: list[dict[str, Any]] = msgspec.json.decode(said.removeprefix("data: "))
    return rows


def report(browser: Browser, *rows: dict[str, Any], **more: Any) -> None:
    events = [{"id": ID.format(n), **row} for n, row in enumerate(rows)]
    sent = browser.post("/gk/shop/events", json={"events": events, **more}, headers={"Content-Type": "text/plain"})
    assert sent.status_code == 204


def test_what_those_do_who_agreed_is_told_with_nobody_in_it(staff: Staff, browser: Browser) -> None:
    browser.choose("analytics")
    stream, response = listen(staff)
    assert "begun" in next(part for part in stream if "event:" in part)

    seen = {"kind": "outcome", "tracker": "ad-pixel", "outcome": "blocked", "reason": "refused", "path": "/tea"}
    report(browser, {"kind": "view", "path": "/tea"}, seen)
    staff.service.store.settle()

    rows = heard(stream)
    response.close()
    nothing = {"page": "/tea", "tracker": "", "outcome": "", "reason": "", "name": ""}
    assert sorted(rows, key=lambda row: row["what"], reverse=True) == [
        {"at": "12:00:00", "n": 1, "what": "page", **nothing},
        {"at": "12:00:00", "n": 1, "what": "outcome", **nothing}
        | {"tracker": "ad-pixel", "outcome": "blocked", "reason": "refused"},
    ]


@pytest.mark.parametrize("granted", [[], None])
def test_of_those_who_refuse_or_have_not_answered_nothing_is_told(
    staff: Staff, browser: Browser, granted: list[str] | None
) -> None:
    stream, response = listen(staff)
    next(part for part in stream if "begun" in part)

    if granted is not None:
        browser.choose(*granted)
    browser.get("/gk/shop/b/seen.gif")
    browser.get("/gk/shop/b/ad-pixel.gif")
    report(browser, {"kind": "view", "path": "/secret"}, totals=[["ad-pixel", "blocked", "refused"]])
    staff.service.store.flush()
    staff.service.store.settle()

    assert [next(stream) for _ in range(3)] == [": nothing\n\n"] * 3
    response.close()


def test_it_ends_when_the_session_does(staff: Staff) -> None:
    stream, response = listen(staff)
    staff.service.store.staff.end_session(sessions.digest(staff.cookie()))

    assert list(stream)[-1].startswith("event: over")
    response.close()


def test_it_ends_by_itself_so_that_no_thread_is_held_for_ever(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOKS", 5)
    stream, response = listen(staff)

    assert len(list(stream)) == 6
    response.close()


def test_so_many_may_listen_and_who_goes_makes_room(staff: Staff) -> None:
    listening = [listen(staff) for _ in range(LISTENERS)]

    refused = staff.get(STREAM, FETCHED)
    assert refused.status_code == 503
    assert "try again when one has gone" in refused.json["error"]

    listening[0][1].close()  # never begun
    _, response = listen(staff)
    for _, each in [*listening[1:], ("", response)]:
        each.close()
    assert listen(staff)[1].status_code == 200


def test_a_new_day_begins_with_nothing_counted(staff: Staff, browser: Browser, clock: Clock) -> None:
    browser.choose("analytics")
    report(browser, {"kind": "view", "path": "/tea"})
    staff.service.store.settle()
    stream, response = listen(staff)
    next(part for part in stream if "begun" in part)

    clock.pass_days(1)
    staff.service.store.staff.touch(sessions.digest(staff.cookie()), at=staff.service.now())

    assert next(stream) == ": nothing\n\n"
    response.close()


def test_only_who_may_see_the_site_hears_anything(staff: Staff) -> None:
    assert staff.as_(Role.MARKETING, "shop").get(STREAM, FETCHED).status_code == 200
    assert staff.as_(Role.OWNER, "blog").get(STREAM, FETCHED).status_code == 403
    assert staff.as_(None).get(STREAM, FETCHED).status_code == 401


def test_the_page_may_run_its_own_script_and_nothing_else(staff: Staff) -> None:
    policy = staff.get("/dashboard/shop/live").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
