"""The visitor's pages: everything works without JavaScript."""

import re
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.core.languages import direction, recorded
from gatekeeper.core.notices import content_hash
from gatekeeper.languages import own_name, words
from gatekeeper.store.contract import Store
from gatekeeper.web.service import Service

from .conftest import DAY, Browser, Clock, publish

FORM = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

in_several = pytest.mark.parametrize("languages", [["en", "de", "ar", "zh-hant"]], ids=["several"])


@pytest.fixture
def languages() -> list[str]:
    return ["en"]


@pytest.fixture
def audience() -> str:
    return "general"


@pytest.fixture
def tables(tables: dict[str, Any], languages: list[str], audience: str) -> dict[str, Any]:
    return {**tables, "languages": languages, "audience": audience}


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

    assert re.search(r'<code dir="ltr">[0-9A-Z]{5}(-[0-9A-Z]{5}){5}</code>', page)


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

    assert page.count("Opt-out request honoured") == 1
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

    assert fragment.startswith('<section class="gk-notice" lang="en" dir="ltr">')
    assert set(re.findall(r'href="([^"]+)"', fragment)) == {"/gk/shop/choices"}


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


# --- in which language


@pytest.mark.row("DS-11", "IN-03")
@in_several
@pytest.mark.parametrize("path", ["choices", "notice", "notice/1", "notice?fragment=1"])
@pytest.mark.parametrize(
    ("asked", "header", "tag"),
    [
        ("de", "ar", "de"),
        ("de-AT", "", "de"),
        ("zh-TW", "de", "zh-hant"),
        ("", "de-CH,de;q=0.9,en;q=0.8", "de"),
        ("", "en;q=0.5,ar;q=0.9", "ar"),
        ("", "fr,nl;q=0.9,de;q=0.1", "de"),
        ("fr", "ar", "ar"),
        ("fr", "", "en"),
        ("", "fr", "en"),
        ("../de", "{}", "en"),
    ],
)
def test_a_page_speaks_the_language_its_visitor_reads_best(
    browser: Browser, path: str, asked: str, header: str, tag: str
) -> None:
    query = f"{'&' if '?' in path else '?'}lang={asked}" if asked else ""

    response = browser.get(f"/gk/shop/{path}{query}", headers={"Accept-Language": header})

    assert f'lang="{tag}" dir="{direction(tag)}">' in response.text[:100]
    assert "Accept-Language" in response.headers["Vary"]


@pytest.mark.row("IN-03", "A8")
@in_several
@pytest.mark.parametrize("path", ["choices", "notice/1"])
def test_every_language_can_be_had_by_a_link_that_says_its_own_name(browser: Browser, path: str) -> None:
    page = browser.get(f"/gk/shop/{path}?lang=de").text

    base = "../" if "/" in path else ""
    for tag in ("en", "de", "ar", "zh-hant"):
        link = re.search(rf'<a href="{base}{path}\?lang={tag}"([^>]*)>([^<]+)</a>', page)
        assert link, tag
        assert f' lang="{tag}"' in link[1]
        assert link[2] == own_name(tag)
        assert ("aria-current" in link[1]) is (tag == "de")


@in_several
def test_links_and_forms_keep_the_language(browser: Browser) -> None:
    form = {"do": "save", "purpose": ["analytics"], "notice": "1"}
    shown = browser.get("/gk/shop/choices?lang=ar").text
    asked = browser.post("/gk/shop/choices?lang=ar", data=form, headers=FORM).text
    saved = browser.post("/gk/shop/choices?lang=ar", data={**form, "ticket": ticket_of(browser)}, headers=FORM).text
    notice = browser.get("/gk/shop/notice?lang=ar").text

    for page in (shown, asked, saved, notice):
        assert page.startswith('<!doctype html>\n<html lang="ar" dir="rtl">')
        ways = re.findall(r'(?:action|href)="((?:choices|notice)[^"]*)"(?! lang)', page)
        assert ways
        assert {way.partition("?")[2] for way in ways} == {"lang=ar"}


@pytest.mark.row("DS-11", "IN-03", "EU-10")
@in_several
@pytest.mark.parametrize(("query", "tag"), [("?lang=ar", "ar"), ("", "de")])
def test_the_record_keeps_the_language_in_which_was_asked(
    browser: Browser, service: Service, query: str, tag: str
) -> None:
    form = {"do": "accept", "notice": "1", "ticket": ticket_of(browser)}

    browser.post(f"/gk/shop/choices{query}", data=form, headers=FORM)

    subject = service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject
    kept = recorded(tag, reviewed=words(tag).reviewed)
    assert [record.language for record in service.store.records("shop", subject)] == [kept]


# --- what is shown where an answer is not taken


@in_several
def test_a_grant_for_an_older_notice_is_shown_the_current_one_and_asked_again(
    browser: Browser, service: Service, store: Store
) -> None:
    ticket = ticket_of(browser)
    publish(store, service.published("shop").site)
    service.refresh()
    form = {"do": "accept", "notice": "1", "ticket": ticket}

    response = browser.post("/gk/shop/choices?lang=de", data=form, headers=FORM)

    assert response.status_code == 409
    assert words("de").texts["confirm"] in response.text
    assert 'name="notice" value="2"' in response.text
    assert browser.cookie("gk_choice") is None


@in_several
def test_a_grant_that_cannot_be_kept_is_told_in_the_visitors_language(
    browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise StoreUnavailable("the database 'gk' at db.internal cannot be reached")

    monkeypatch.setattr(store, "record", unreachable)
    form = {"do": "accept", "notice": "1", "ticket": ticket_of(browser)}

    response = browser.post("/gk/shop/choices?lang=de", data=form, headers=FORM)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert words("de").texts["failed"] in response.text
    assert "db.internal" not in response.text
    assert browser.cookie("gk_choice") is None


def test_who_is_asked_again_is_told_why_and_finds_nothing_ticked(
    browser: Browser, service: Service, store: Store
) -> None:
    browser.choose("functional", "analytics", "marketing")
    published = service.published("shop").site
    adco = replace(published.vendors["adco"], country="IN")
    publish(store, replace(published, vendors={**published.vendors, "adco": adco}))
    service.config.sites["shop"] = replace(published, vendors={**published.vendors, "adco": adco})  # type: ignore[index]
    service.refresh()

    page = browser.get("/gk/shop/choices").text

    assert "AdCo Inc keeps data in India now; before: United States." in page
    assert " checked" not in page
    assert 'value="withdraw"' in page


@pytest.mark.row("MI-01")
@pytest.mark.parametrize(("audience", "told"), [("general", False), ("mixed", True), ("child_directed", True)])
def test_a_site_that_children_use_says_from_which_age_it_asks(browser: Browser, audience: str, told: bool) -> None:
    page = browser.get("/gk/shop/notice").text

    assert ("Nobody under the age of 18 is tracked here." in page) is told
