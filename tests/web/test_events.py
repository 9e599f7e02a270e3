"""What the guard reports, and what of it is kept."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.core.geo import NOWHERE
from gatekeeper.store.contract import Total
from gatekeeper.web.service import Service

from .conftest import NOON, Browser, events_of

FIRST, SECOND, THIRD = (f"019ab1c2d3e47abc8def0011223344{end}" for end in ("55", "66", "77"))
VIEW = {"id": FIRST, "kind": "view", "path": "/tea?x=1", "referrer": "https://search.example/?q=private"}
SEEN = {
    "id": SECOND,
    "kind": "outcome",
    "tracker": "ad-pixel",
    "outcome": "blocked",
    "reason": "refused",
    "path": "/tea",
}

BOUGHT = {"id": FIRST, "kind": "event", "event": "purchase", "path": "/thanks", "value": 19.9, "currency": "EUR"}


def report(browser: Browser, **batch: Any) -> TestResponse:
    return browser.post("/gk/shop/events", json=batch, headers={"Content-Type": "text/plain"})


def test_a_page_view_holds_browser_language_address_time_and_page(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    response = report(browser, events=[VIEW])

    (event,) = events_of(service, browser)
    assert response.status_code == 204
    assert (event.id.hex(), event.kind, event.tracker, event.at) == (FIRST, "view", "visit", NOON)
    assert event.fields == {
        "path": "/tea",
        "referrer": "search.example",
        "browser": "Chrome 141",
        "system": "Linux",
        "device": "desktop",
        "language": "de-CH",
        "address": "127.0.0.1",
    }


def test_outcomes_are_rows_of_the_visit_log(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    report(browser, events=[VIEW, SEEN])

    row = events_of(service, browser)[1]
    assert (row.kind, row.tracker) == ("outcome", "ad-pixel")
    assert (row.fields["outcome"], row.fields["reason"], row.fields["path"]) == ("blocked", "refused", "/tea")


def test_the_same_event_id_is_kept_once(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    answers = [report(browser, events=[VIEW]).status_code for _ in range(3)]

    assert answers == [204, 204, 204]
    assert len(events_of(service, browser)) == 1


@pytest.mark.row("EU-01")
@pytest.mark.parametrize("granted", [(), ("marketing",), ("functional", "marketing")])
def test_without_the_visit_log_granted_no_event_is_kept(
    browser: Browser, service: Service, granted: tuple[str, ...]
) -> None:
    browser.choose(*granted)

    response = report(browser, events=[VIEW, SEEN])

    assert response.status_code == 204
    assert not granted or events_of(service, browser) == []


def test_other_grants_leave_totals(browser: Browser, service: Service) -> None:
    browser.choose("marketing")

    report(browser, totals=[["ad-pixel", "loaded", "granted"], ["made-up", "blocked", "<script>"]])

    outcomes = {total: n for total, n in service.store.totals("shop").items() if total.what == "outcome"}
    assert outcomes == {
        Total("shop", "2026-11-22", "outcome", "ad-pixel", "granted", "loaded"): 1,
        Total("shop", "2026-11-22", "outcome", "unknown", "", "blocked"): 1,
    }


@pytest.mark.parametrize("fault", ["not_first", "late", "overridden"])
def test_what_the_guard_finds_wrong_with_itself_is_an_outcome_like_any_other(
    browser: Browser, service: Service, fault: str
) -> None:
    browser.choose("marketing")
    report(browser, totals=[["gatekeeper", "failed", fault]])
    browser.choose("analytics")
    report(browser, events=[{**SEEN, "tracker": "gatekeeper", "outcome": "failed", "reason": fault}])

    row = events_of(service, browser)[-1]
    assert Total("shop", "2026-11-22", "outcome", "gatekeeper", fault, "failed") in service.store.totals("shop")
    assert (row.tracker, row.fields["outcome"], row.fields["reason"]) == ("gatekeeper", "failed", fault)


def test_a_tracker_granted_without_its_purpose_leaves_totals_too(browser: Browser, service: Service) -> None:
    browser.choose(trackers={"video": True})

    report(browser, totals=[["video", "loaded", "granted"]])

    assert Total("shop", "2026-11-22", "outcome", "video", "granted", "loaded") in service.store.totals("shop")


def test_totals_of_the_undecided_are_dropped_unless_the_site_counts_them(browser: Browser, service: Service) -> None:
    response = report(browser, totals=[["ad-pixel", "blocked", "no_choice"]])

    assert response.status_code == 204
    assert service.store.totals("shop") == {}


@pytest.fixture
def anonymous(tables: dict[str, Any]) -> None:
    tables["anonymous_totals"] = True


@pytest.mark.usefixtures("anonymous")
def test_a_site_that_counts_anonymous_totals_counts_them(new_browser: Callable[..., Browser], service: Service) -> None:
    report(new_browser(), totals=[["ad-pixel", "blocked", "no_choice"]])

    (total,) = service.store.totals("shop")
    assert total == Total("shop", "2026-11-22", "outcome", "ad-pixel", "no_choice", "blocked")


@pytest.mark.parametrize(
    ("batch", "named"),
    [
        ({"events": [{**VIEW, "id": "short"}]}, "id"),
        ({"events": [{**VIEW, "kind": "purchase"}]}, "purchase"),
        ({"events": [{**VIEW, "at": 0}]}, "at"),
        ({"events": [{**VIEW, "ip": "1.2.3.4"}]}, "ip"),
        ({"events": [{**SEEN, "outcome": "ran"}]}, "ran"),
        ({"events": [{**BOUGHT, "event": "Purchase"}]}, "event"),
        ({"events": [{**BOUGHT, "event": "a" * 65}]}, "event"),
        ({"events": [{**BOUGHT, "value": "19.9"}]}, "value"),
        ({"events": [{**BOUGHT, "value": 1e10}]}, "value"),
        ({"events": [{**BOUGHT, "currency": "eur"}]}, "currency"),
        ({"events": [{**BOUGHT, "currency": "EUR\n"}]}, "currency"),
        ({"events": [{**BOUGHT, "order": "7" * 65}]}, "order"),
        ({"events": [{**BOUGHT, "customer": "Jo"}]}, "customer"),
        ({"events": [{"id": FIRST, "kind": "stay", "path": "/", "seconds": 0}]}, "seconds"),
        ({"events": [{"id": FIRST, "kind": "stay", "path": "/", "seconds": 86_401}]}, "seconds"),
        ({"totals": [["a", "b"]]}, "totals"),
        ({"sent": []}, "sent"),
    ],
)
def test_a_wrong_report_names_what_is_wrong_and_keeps_nothing(
    browser: Browser, service: Service, batch: dict[str, Any], named: str
) -> None:
    browser.choose("analytics")

    response = report(browser, **batch)

    assert response.status_code == 400
    assert named in response.json["error"]
    assert events_of(service, browser) == []


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (19.9, "19.9"),
        (20, "20"),
        (100.0, "100"),
        (-5.25, "-5.25"),
        (0, "0"),
        (-0.00001, "0"),
        (0.0001, "0.0001"),
        (1e9, "1000000000"),
        (1234567.891, "1234567.891"),
    ],
)
def test_a_value_is_kept_in_plain_digits(browser: Browser, service: Service, value: float, kept: str) -> None:
    browser.choose("analytics")

    report(browser, events=[{**BOUGHT, "value": value}])

    (event,) = events_of(service, browser)
    assert event.fields["value"] == kept


def test_an_event_needs_nothing_but_its_name(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    report(browser, events=[{"id": FIRST, "kind": "event", "event": "signup", "path": "/welcome"}])

    (event,) = events_of(service, browser)
    assert (event.kind, event.tracker, event.fields["event"]) == ("event", "visit", "signup")
    assert event.fields.keys().isdisjoint({"value", "currency", "order"})


def test_an_order_that_is_told_of_again_is_the_same_event(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    for event_id, order in [(FIRST, "A-1"), (SECOND, "A-1"), (THIRD, "A-2")]:
        report(browser, events=[{**BOUGHT, "id": event_id, "order": order}])

    events = events_of(service, browser)
    assert sorted(event.fields["order"] for event in events) == ["A-1", "A-2"]
    # Nothing in clear tells one order from another without the key.
    assert all(event.id.hex() not in {FIRST, SECOND, THIRD} for event in events)
    assert len({event.id for event in events}) == 2


def test_the_same_order_of_another_event_or_visitor_is_another(
    new_browser: Callable[..., Browser], service: Service
) -> None:
    ids = set()
    for event in ("purchase", "refund"):
        browser = new_browser()
        browser.choose("analytics")
        report(browser, events=[{**BOUGHT, "event": event, "order": "A-1"}])
        report(browser, events=[{**BOUGHT, "event": "other", "order": "A-1"}])
        ids |= {event.id for event in events_of(service, browser)}

    assert len(ids) == 4


@pytest.fixture
def searching(tables: dict[str, Any]) -> None:
    tables["search"] = {"paths": ["/search*"], "parameters": ["q"]}


@pytest.mark.row("SE-25")
@pytest.mark.usefixtures("searching")
@pytest.mark.parametrize(
    ("path", "search", "kept"),
    [
        ("/search", "Green Tea", "green tea"),
        ("/search/all?q=other", "jo@tea.example", ":email"),
        ("/tea", "green tea", None),
        ("/search", "", None),
    ],
)
def test_a_search_is_kept_of_pages_of_results_alone(
    browser: Browser, service: Service, path: str, search: str, kept: str | None
) -> None:
    browser.choose("analytics")

    report(browser, events=[{**VIEW, "path": path, "search": search}])

    (event,) = events_of(service, browser)
    assert event.fields.get("search") == kept


@pytest.mark.row("SE-25")
def test_a_site_that_names_no_search_keeps_none(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    report(browser, events=[{**VIEW, "path": "/search", "search": "tea"}])

    (event,) = events_of(service, browser)
    assert "search" not in event.fields


def test_the_agent_is_read_once_for_a_whole_batch(browser: Browser, service: Service) -> None:
    located: list[str] = []
    service.locate = lambda address: located.append(address) or NOWHERE  # type: ignore[func-returns-value]
    browser.choose("analytics")

    report(browser, events=[VIEW, SEEN])

    assert located == ["127.0.0.1"]


def test_of_a_visitor_who_refused_no_address_is_looked_up(browser: Browser, service: Service) -> None:
    located: list[str] = []
    service.locate = lambda address: located.append(address) or NOWHERE  # type: ignore[func-returns-value]
    browser.choose()

    report(browser, events=[VIEW, SEEN])
    browser.get("/gk/shop/b/seen.gif")

    assert located == []
