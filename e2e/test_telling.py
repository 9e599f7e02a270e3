"""What the service is told of a page: as much as its visitor allowed, and no less."""

import json
from collections import defaultdict
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from playwright.sync_api import Page

from tests.waiting import wait_until

from .site import Site
from .visiting import IN_ORDER, PURPOSES, all_tags, choose, cookie, ran, settle, told, views


@pytest.mark.row("EU-01")
def test_of_those_who_have_not_agreed_nothing_is_told(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    settle(page)
    page.goto(site.page("/next", all_tags(site)))
    page.get_by_role("button", name="Reject all").click()
    settle(page)
    page.goto(site.url("/"))
    page.wait_for_timeout(1500)
    page.goto("about:blank")

    assert told(site) == []
    assert len(site.posts) == 1


def test_under_analytics_views_and_outcomes_are_logged_with_ids_of_their_own(site: Site, page: Page) -> None:
    page.goto(site.page("/", all_tags(site)))
    choose(page, *PURPOSES)
    wait_until(lambda: len(ran(page)) == len(IN_ORDER))
    page.goto(site.page("/next", ""))
    wait_until(lambda: len([event for event in site.events(page) if event.kind == "view"]) == 2)

    events = [event for batch in told(site) for event in batch["events"]]
    assert [event["path"] for event in events if event["kind"] == "view"] == ["/", "/next"]
    assert len({event["id"] for event in events}) == len(events)
    assert all(event["id"][12] == "7" and event["id"][16] in "89ab" for event in events)
    outcomes = [(event["tracker"], event["outcome"]) for event in events if event["kind"] == "outcome"]
    assert outcomes.count(("ads", "failed")) == 1
    assert sorted(outcomes).count(("stats", "loaded")) == sorted(outcomes).count(("stats", "released")) == 3
    assert {event.fields["path"] for event in site.events(page) if event.kind == "view"} == {"/", "/next"}


@pytest.mark.parametrize("path", ["/", f"/{'long/' * 700}"], ids=["a short path", "a very long one"])
def test_a_tag_of_no_tracker_and_a_long_path_cost_no_page_view(site: Site, page: Page, path: str) -> None:
    unnamed = '<script type="text/plain" data-gk="marketing">ran.push("unnamed")</script>'
    page.goto(site.page(path, unnamed + site.tag("marketing", "ad")))
    choose(page, "analytics")

    page.reload()
    wait_until(lambda: len([event for event in site.events(page) if event.kind == "view"]) == 2)

    outcomes = {(event.tracker, event.fields["reason"]) for event in site.events(page) if event.kind == "outcome"}
    assert outcomes == {("unknown", "fail_closed"), ("ads", "refused"), ("gatekeeper", "granted")}


def test_a_tag_of_no_tracker_costs_no_totals(site: Site, page: Page) -> None:
    unnamed = '<script type="text/plain" data-gk="marketing">ran.push("unnamed")</script>'
    page.goto(site.page("/", unnamed))
    choose(page, "functional")

    page.reload()
    totals = wait_until(lambda: [total for total in site.store.totals("shop") if total.name == "unknown"])

    assert {(total.what, total.outcome, total.reason) for total in totals} == {("outcome", "blocked", "fail_closed")}


def test_under_other_grants_only_totals_are_told(site: Site, page: Page) -> None:
    page.goto(site.page("/", site.tag("marketing", "ads") + site.tag("analytics", "stats")))

    choose(page, "marketing")

    wait_until(lambda: told(site))
    [body] = told(site)
    assert list(body) == ["totals"]
    assert sorted(body["totals"]) == sorted(
        [
            ["ads", "released", "granted"],
            ["ads", "requested", "granted"],
            ["ads", "loaded", "granted"],
            ["stats", "blocked", "refused"],
            ["gatekeeper", "loaded", "granted"],
        ]
    )


def test_anonymous_totals_carry_no_cookie_and_end_with_an_objection(site: Site, page: Page) -> None:
    site.publish_again(anonymous_totals=True)
    carried = cookies_carried(site)
    page.goto(site.page("/", site.tag("analytics", "stats")))
    wait_until(lambda: told(site))
    page.evaluate("gatekeeper.choose()")
    wait_until(lambda: ".r." in (cookie(page.context) or ""))
    page.goto(site.page("/next", site.tag("analytics", "stats")))
    wait_until(lambda: len(told(site)) == 2)

    page.evaluate("gatekeeper.choose({objects: true})")
    wait_until(lambda: ".rx." in (cookie(page.context) or ""))
    page.goto(site.url("/"))
    page.wait_for_timeout(1500)

    assert told(site) == [
        {"totals": [["stats", "blocked", "no_choice"], ["visit", "blocked", "no_choice"]]},
        {"totals": [["stats", "blocked", "refused"]]},
    ]
    assert carried["/gk/shop/events"] == ["", ""]


def cookies_carried(site: Site) -> dict[str, list[str]]:
    """Note which cookies requests to the service carry from now on, by path."""
    carried: dict[str, list[str]] = defaultdict(list)
    answer = site.app.wsgi_app

    def noting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        carried[environ["PATH_INFO"]].append(environ.get("HTTP_COOKIE", ""))
        return answer(environ, start_response)

    site.app.wsgi_app = noting  # type: ignore[method-assign]
    return carried


def test_what_was_seen_with_an_identity_is_not_told_without_one(site: Site, page: Page) -> None:
    site.publish_again(anonymous_totals=True)
    page.goto(site.page("/", ""))
    choose(page, "analytics", notice=2)
    wait_until(lambda: told(site))

    page.evaluate("() => { history.pushState({}, '', '/secret'); gatekeeper.withdraw(); }")
    page.wait_for_timeout(1500)

    assert "/secret" not in json.dumps(told(site))


def test_what_was_seen_under_a_grant_is_not_told_after_it_is_withdrawn(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, "analytics")
    wait_until(lambda: told(site))
    before = len(told(site))

    page.evaluate("() => { history.pushState({}, '', '/secret'); gatekeeper.withdraw(); }")
    page.wait_for_timeout(1500)

    assert len(told(site)) == before


def test_each_view_of_a_page_that_has_loaded_has_one_report_of_the_guard(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, "analytics")
    page.evaluate("history.pushState({}, '', '/two')")
    page.evaluate("history.replaceState({}, '', '/two?x')")
    page.goto(site.page("/next", ""))
    wait_until(lambda: len(reports(site)) == 3)

    page.evaluate("gatekeeper.withdraw()")
    page.wait_for_timeout(1500)

    assert reports(site) == [("/", "granted"), ("/two", "granted"), ("/next", "granted")]
    assert views(site) == ["/", "/two", "/next"]


def test_a_page_that_is_left_before_it_has_loaded_has_no_report(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, "analytics")
    wait_until(lambda: reports(site))

    page.goto(site.page("/slow", "<p>So far." + "<!--wait-->" * 10), wait_until="commit")
    wait_until(lambda: "/slow" in views(site))
    page.goto(site.page("/next", ""))

    wait_until(lambda: len(reports(site)) == 2)
    assert [path for path, _ in reports(site)] == ["/", "/next"]
    assert views(site) == ["/", "/slow", "/next"]


def reports(site: Site) -> list[tuple[str, str]]:
    """Return the pages of the visit log that the guard said had loaded, and why it might say so."""
    rows = [row for batch in told(site) for row in batch.get("events", []) if row.get("tracker") == "gatekeeper"]
    return [(row["path"], row["reason"]) for row in rows if row["outcome"] == "loaded"]


@pytest.mark.row("CK-07")
def test_a_page_that_changes_its_path_is_viewed_again(site: Site, page: Page) -> None:
    page.goto(site.page("/", ""))
    choose(page, "analytics")

    page.evaluate("() => { history.pushState({}, '', '/two'); history.replaceState({}, '', '/two?x'); }")
    page.evaluate("history.replaceState({}, '', '/three')")
    page.go_back()
    wait_until(lambda: len(views(site)) == 4)

    assert views(site) == ["/", "/two", "/three", "/"]


def test_a_batch_that_the_server_could_not_take_is_sent_again_with_the_same_ids(site: Site, page: Page) -> None:
    # A browser that will queue no more beacons.
    page.add_init_script("Navigator.prototype.sendBeacon = () => false")
    page.goto(site.page("/", ""))
    site.mood = "deaf"
    choose(page, "analytics")
    wait_until(lambda: len(told(site)) >= 1)
    refused = len(told(site))
    ids = [event["id"] for batch in told(site)[:refused] for event in batch["events"]]

    site.mood = "well"

    wait_until(lambda: set(ids) <= {event["id"] for batch in told(site)[refused:] for event in batch["events"]})
    wait_until(lambda: sorted(event.kind for event in site.events(page)) == ["outcome", "view"])
