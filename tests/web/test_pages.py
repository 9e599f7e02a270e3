"""The visitor's pages: everything works without JavaScript."""

import re

import pytest

from gatekeeper.core.notices import content_hash
from gatekeeper.web.service import Service

from .conftest import DAY, Browser, Clock

FORM = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def ticket_of(browser: Browser) -> str:
    page = browser.get("/gk/shop/choices").text
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found
    return found[1]


def test_nothing_is_ticked_before_a_choice(browser: Browser) -> None:
    page = browser.get("/gk/shop/choices").text

    assert page.count('type="checkbox"') == 3
    assert " checked" not in page


@pytest.mark.parametrize("path", ["/gk/shop/choices", "/gk/shop/choice"])
@pytest.mark.parametrize(
    ("fields", "cookie"),
    [
        ({"do": "accept"}, "1.shop.1.20261122.g.7.0.-.0"),
        ({"do": "save", "purpose": ["analytics"]}, "1.shop.1.20261122.g.2.0.-.0"),
        ({"do": "save"}, "1.shop.1.20261122.r.0.0.-.0"),
        ({"do": "reject"}, "1.shop.1.20261122.r.0.0.-.0"),
        ({}, "1.shop.1.20261122.r.0.0.-.0"),
    ],
)
def test_the_form_gives_a_choice(browser: Browser, path: str, fields: dict[str, object], cookie: str) -> None:
    form = {**fields, "notice": "1", "ticket": ticket_of(browser)}

    response = browser.post(path, data=form, headers=FORM)

    assert response.status_code == 200
    assert browser.cookie("gk_choice") == cookie


def test_the_form_withdraws(browser: Browser) -> None:
    browser.choose("analytics")

    response = browser.post("/gk/shop/choices", data={"do": "withdraw"}, headers=FORM)

    assert "Withdrawn" in response.text
    assert browser.cookie("gk_choice") == "1.shop.1.20261122.w.0.0.-.0"


def test_a_grant_shows_the_receipt_code(browser: Browser) -> None:
    form = {"do": "accept", "notice": "1", "ticket": ticket_of(browser)}

    page = browser.post("/gk/shop/choices", data=form, headers=FORM).text

    assert re.search(r"<code>[0-9A-Z]{5}(-[0-9A-Z]{5}){5}</code>", page)


@pytest.mark.row("SE-05")
@pytest.mark.parametrize("ticket", ["", "forged", "old"])
def test_a_form_without_our_ticket_grants_nothing_but_asks(browser: Browser, clock: Clock, ticket: str) -> None:
    if ticket == "old":
        ticket = ticket_of(browser)
        clock.at += 3 * DAY

    response = browser.post("/gk/shop/choice", data={"do": "accept", "notice": "1", "ticket": ticket}, headers=FORM)

    assert "Please confirm" in response.text
    assert browser.cookie("gk_choice") is None


@pytest.mark.row("SE-05")
@pytest.mark.parametrize(("mode", "destination"), [("navigate", "iframe"), ("cors", "empty")])
def test_a_form_sent_out_of_sight_grants_nothing_though_its_ticket_is_right(
    browser: Browser, mode: str, destination: str
) -> None:
    form = {"do": "accept", "notice": "1", "ticket": ticket_of(browser)}
    hidden = {**FORM, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}

    response = browser.post("/gk/shop/choices", data=form, headers=hidden)

    assert "Please confirm" in response.text
    assert browser.cookie("gk_choice") is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ],
)
def test_the_page_opens_for_people_only(browser: Browser, headers: dict[str, str]) -> None:
    response = browser.get("/gk/shop/choices", headers=headers)

    assert response.status_code == 403
    assert "ticket" not in response.text


def test_nobody_may_frame_it_or_hold_on_to_its_window(browser: Browser) -> None:
    headers = browser.get("/gk/shop/choices").headers

    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_a_signal_is_shown_as_honoured_with_its_own_switch(browser: Browser) -> None:
    page = browser.get("/gk/shop/choices", headers={"Sec-GPC": "1"}).text

    assert page.count("Your browser objects to this, and we honour that") == 1
    assert 'name="override" value="marketing"' in page


@pytest.mark.row("CR-09")
def test_every_published_notice_can_be_read_and_its_hash_checked(browser: Browser) -> None:
    told = browser.get("/gk/shop/notice/1", headers={"Accept": "application/json"}).json
    page = browser.get("/gk/shop/notice").text

    assert content_hash(told["content"]) == told["hash"]
    assert told["hash"] in page
    for row in told["content"]["trackers"]:
        assert row["description"] in page
    assert "AdCo Inc" in page
    assert browser.get("/gk/shop/notice/2").status_code == 404


def test_a_fragment_of_the_notice_is_for_the_sites_own_page(browser: Browser) -> None:
    fragment = browser.get("/gk/shop/notice?fragment=1").text

    assert fragment.startswith('<section class="gk-notice">')


@pytest.mark.row("GPC-04")
def test_the_site_states_that_it_honours_gpc(browser: Browser) -> None:
    response = browser.get("/.well-known/gpc.json")

    assert response.content_type == "application/json"
    assert response.json["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", response.json["lastUpdate"])


def test_health_is_good_while_all_is_well(browser: Browser, service: Service) -> None:
    assert browser.get("/healthz").json == {"status": "ok", "problems": [], "warnings": []}


@pytest.mark.row("EU-06")
def test_the_notice_lists_what_the_log_holds_under_each_purpose(browser: Browser) -> None:
    page = browser.get("/gk/shop/notice", headers={"Accept": "text/html"}).text

    visit_log, advertising = page.split("<h2>Visit log</h2>")[1].split("<h2>Advertising</h2>")
    assert "<li>your IP address</li>" in visit_log
    assert "<li>the campaign whose link brought you here</li>" in advertising
    assert "your IP address" not in advertising
