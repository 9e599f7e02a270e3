"""Ages without JavaScript, and what scripts are told of them: asked first, kept as a band, and never of everybody."""

import re
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.config import Config
from gatekeeper.core.languages import TAGS
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.sites import Audience, Site
from gatekeeper.languages import words
from gatekeeper.languages.english import AGE
from gatekeeper.web.ages import age_texts, open_to, twice
from gatekeeper.web.bundles import Bundles
from gatekeeper.web.service import Service

from .conftest import Browser, events_of

FORM = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PLACES = {band: str(place) for place, band in enumerate(AgeBand)}
#: Where a visitor's own consent counts from 13 (Sweden), as the site's edge says.
SWEDEN = {"X-Country": "SE"}
LOWERED = {"functional": {"min_age": 13}, "analytics": {"min_age": 16}, "marketing": {"min_age": 13}}
CHILD = "Nobody follows you here"
ASKED = "How old are you?"


@pytest.fixture
def audience() -> str:
    return "mixed"


@pytest.fixture
def ages() -> dict[str, Any]:
    """The purposes' own ages, as the site declares them."""
    return {}


@pytest.fixture
def tables(tables: dict[str, Any], audience: str, ages: dict[str, Any]) -> dict[str, Any]:
    return {**tables, "audience": audience, "purposes": ages, "region": {"header": "X-Country"}, "languages": ["en"]}


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, trusted_proxies=(ip_network("127.0.0.0/8"),))


lowered = pytest.mark.parametrize("ages", [LOWERED], ids=["lowered"])
every_audience = pytest.mark.parametrize("audience", [one.value for one in Audience])
every_band = pytest.mark.parametrize("band", AgeBand, ids=lambda band: band.name)


def fields_of(page: str) -> dict[str, list[str]]:
    """Return the hidden fields of a page's first form."""
    form = re.search(r"<form.*?</form>", page, re.DOTALL)
    assert form, page
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]):
        found.setdefault(name, []).append(value)
    return found


def send(browser: Browser, **fields: Any) -> TestResponse:
    return browser.post("/gk/shop/choices", data=fields, headers={**FORM, **SWEDEN})


def say(browser: Browser, band: AgeBand) -> TestResponse:
    return send(browser, do="age", age=PLACES[band])


# --- asked first


@pytest.mark.row("MI-03", "MI-04")
@every_audience
def test_a_site_that_children_use_asks_for_the_age_first_and_keeps_nothing(browser: Browser, audience: str) -> None:
    response = browser.get("/gk/shop/choices")

    first = audience != "general"
    assert (ASKED in response.text) is first
    assert ('type="checkbox"' in response.text) is not first
    assert response.headers.getlist("Set-Cookie") == []


@pytest.mark.row("MI-04")
def test_no_answer_is_chosen_beforehand_and_only_the_groups_names_say_an_age(browser: Browser) -> None:
    page = browser.get("/gk/shop/choices").text

    assert re.findall(r'<input type="radio" name="age" value="(\d)" required>', page) == ["0", "1", "2", "3"]
    assert "checked" not in page
    labels = [AGE[f"age_{int(band)}"] for band in AgeBand]
    assert re.findall(r"<span>([^<]*)</span>", page) == labels
    rest = page
    for label in labels:
        rest = rest.replace(label, "")
    assert re.findall(r"13|16|18", rest) == []


@pytest.mark.row("MI-04")
@every_band
@pytest.mark.parametrize("audience", ["mixed", "child_directed"])
def test_each_answer_leads_on_and_only_a_minors_is_kept(browser: Browser, service: Service, band: AgeBand) -> None:
    response = say(browser, band)

    adult = band is AgeBand.ADULT
    assert ('type="checkbox"' in response.text, CHILD in response.text) == (adult, not adult)
    assert browser.cookie("gk_choice") == (None if adult else f"1.shop.1.20261122.r.0.0.{int(band)}.0")
    assert browser.cookie("gk_subject") is None


@pytest.mark.row("MI-04")
@pytest.mark.parametrize("band", [AgeBand.UNDER_13, AgeBand.FROM_13, AgeBand.FROM_16])
def test_who_said_to_be_a_minor_cannot_say_otherwise_later(browser: Browser, band: AgeBand) -> None:
    say(browser, band)

    again = [browser.get("/gk/shop/choices"), say(browser, AgeBand.ADULT), browser.get("/gk/shop/choices")]

    assert all(CHILD in page.text and ASKED not in page.text for page in again)
    assert f".r.0.0.{int(band)}.0" in (browser.cookie("gk_choice") or "")


@pytest.mark.parametrize("said", [{}, {"age": ""}, {"age": "4"}, {"age": "18"}, {"age": "-1"}], ids=str)
def test_no_answer_is_asked_again(browser: Browser, said: dict[str, str]) -> None:
    response = send(browser, do="age", **said)

    assert ASKED in response.text
    assert browser.cookie("gk_choice") is None


def test_an_adults_choice_carries_the_age(browser: Browser, service: Service) -> None:
    fields = fields_of(say(browser, AgeBand.ADULT).text)

    response = send(browser, do="save", purpose=["analytics"], **fields)

    assert "Your receipt code" in response.text
    assert browser.cookie("gk_choice") == "1.shop.1.20261122.g.2.0.18.0"
    assert events_of(service, browser) == []


@pytest.mark.parametrize("cut", ["age", "ticket"])
def test_an_age_that_our_page_did_not_pass_on_grants_nothing(browser: Browser, cut: str) -> None:
    fields = fields_of(say(browser, AgeBand.ADULT).text)
    del fields[cut]

    response = send(browser, do="accept", **fields)

    assert ASKED in response.text
    assert browser.cookie("gk_choice") is None


def test_the_ticket_of_a_page_that_did_not_hear_an_age_covers_none(browser: Browser, service: Service) -> None:
    ticket = service.forms.sign(["shop", "2026-11-22"])

    response = send(browser, do="accept", notice="1", ticket=ticket, age=PLACES[AgeBand.ADULT])

    assert ASKED in response.text
    assert browser.cookie("gk_choice") is None


def test_refusing_needs_no_age_and_is_asked_for_it_afterwards(browser: Browser) -> None:
    response = send(browser, do="reject")

    assert "Everything stays off" in response.text
    assert ASKED in response.text
    assert browser.cookie("gk_choice") == "1.shop.1.20261122.r.0.0.-.0"


# --- who may allow some of it


@lowered
@pytest.mark.parametrize(
    ("band", "allowed"),
    [
        (AgeBand.UNDER_13, []),
        (AgeBand.FROM_13, ["functional", "marketing"]),
        (AgeBand.FROM_16, ["functional", "analytics", "marketing"]),
        (AgeBand.ADULT, ["functional", "analytics", "marketing"]),
    ],
)
def test_only_what_somebody_of_that_age_may_allow_is_asked(browser: Browser, band: AgeBand, allowed: list[str]) -> None:
    page = say(browser, band).text

    assert re.findall(r'name="purpose" value="(\w+)"', page) == allowed
    assert (CHILD in page) is (allowed == [])


@lowered
@pytest.mark.row("MI-06", "US-11")
@pytest.mark.parametrize(("sure", "kept"), [("yes", "g.5"), ("no", "g.1")])
def test_between_13_and_15_a_sale_takes_a_second_step(browser: Browser, sure: str, kept: str) -> None:
    fields = fields_of(say(browser, AgeBand.FROM_13).text)

    asked = send(browser, do="accept", **fields)
    before = browser.cookie("gk_choice")
    told = send(browser, sure=sure, **fields_of(asked.text))

    assert "One more question" in asked.text
    assert "You chose to allow: Advertising." in asked.text
    assert "You can change it at any time." in asked.text
    assert before == "1.shop.1.20261122.r.0.0.13.0"
    assert browser.cookie("gk_choice") == f"1.shop.1.20261122.{kept}.0.13.0"
    assert "Your receipt code" in told.text


@lowered
@pytest.mark.row("MI-06", "US-11")
def test_the_first_forms_ticket_is_none_for_the_second_step(browser: Browser) -> None:
    fields = fields_of(say(browser, AgeBand.FROM_13).text)

    for step in ({}, {"step": "sure"}):
        send(browser, sure="yes", purpose=["marketing"], **fields, **step)

        assert browser.cookie("gk_choice") == "1.shop.1.20261122.r.0.0.13.0"


@lowered
@pytest.mark.parametrize("band", [AgeBand.FROM_16, AgeBand.ADULT])
def test_from_16_one_step_is_enough(browser: Browser, band: AgeBand) -> None:
    fields = fields_of(say(browser, band).text)

    send(browser, do="accept", **fields)

    assert browser.cookie("gk_choice") == f"1.shop.1.20261122.g.7.0.{int(band)}.0"


@lowered
def test_what_is_no_sale_takes_one_step_at_any_age(browser: Browser) -> None:
    fields = fields_of(say(browser, AgeBand.FROM_13).text)

    send(browser, do="save", purpose=["functional"], **fields)

    assert browser.cookie("gk_choice") == "1.shop.1.20261122.g.1.0.13.0"


@lowered
def test_what_the_browser_objects_to_takes_no_second_step_but_by_its_own_switch(browser: Browser) -> None:
    browser.headers["Sec-GPC"] = "1"
    fields = fields_of(say(browser, AgeBand.FROM_13).text)

    told = send(browser, do="accept", **fields)
    kept = browser.cookie("gk_choice")
    asked = send(browser, do="save", purpose=["marketing"], override=["marketing"], **fields_of(told.text))
    send(browser, sure="yes", **fields_of(asked.text))

    assert kept == "1.shop.1.20261122.g.1.0.13.0"
    assert "One more question" in asked.text
    assert browser.cookie("gk_choice") == "1.shop.1.20261122.g.4.0.13.4"


# --- what scripts are told


@every_audience
def test_only_a_site_that_children_use_has_anything_of_ages_in_its_scripts(service: Service, audience: str) -> None:
    later = service.published("shop").bundles.later

    for layer in ("banner", "panel"):
        assert (b"How old are you?" in later[layer, "en"].identity) is (audience != "general")
        assert (b"gk-ages" in later[layer, "en"].identity) is (audience != "general")


def test_a_sites_audience_changes_nothing_of_the_guard_but_the_name_of_what_it_loads(service: Service) -> None:
    site = service.published("shop").site
    sites = [replace(site, audience=audience) for audience in Audience]

    guards = [Bundles(one) for one in sites]

    assert len({one.guard.identity.replace(one.version.encode(), b"") for one in guards}) == 1


@lowered
def test_the_banner_knows_for_each_age_what_it_may_ask_and_whom_that_concerns(service: Service) -> None:
    site = service.published("shop").site
    assert site.notice

    told = age_texts(site, site.notice.content, words("en"))

    everything = ["functional", "analytics", "marketing"]
    assert told["bands"] == {
        "0": {"purposes": [], "companies": 0, "twice": []},
        "13": {"purposes": ["functional", "marketing"], "companies": 2, "twice": ["marketing"]},
        "16": {"purposes": everything, "companies": 2, "twice": []},
        "18": {"purposes": everything, "companies": 2, "twice": []},
    }


def test_what_is_declared_no_more_is_for_adults_only(service: Service) -> None:
    site: Site = service.published("shop").site

    assert open_to(AgeBand.FROM_16, ["gone"], site) == []
    assert open_to(AgeBand.ADULT, ["gone"], site) == ["gone"]
    assert twice(AgeBand.FROM_13, ["gone"], site) == []


# --- words for children

#: Written without spaces between words.
UNSPACED = {"ja", "zh-hans", "zh-hant", "th"}
#: The ends of sentences in every script that we write. Thai parts them by a space.
ENDS = r"[.!?…。！？।۔؟]+"
THAI_ENDS = r"\s+"


@pytest.mark.row("DS-12")
@pytest.mark.parametrize("tag", TAGS)
def test_what_a_child_reads_is_there_in_every_language_and_short(tag: str) -> None:
    texts = words(tag).texts
    sentences = [
        part.strip()
        for key in ("child_title", "child_lead", "child_ask")
        for part in re.split(THAI_ENDS if tag == "th" else ENDS, texts[key])
        if part.strip()
    ]

    assert all(texts[key].strip() for key in AGE)
    if tag != "en":
        assert not {texts[key] for key in AGE} & set(AGE.values())
    assert len(sentences) >= 5
    size = (lambda text: len(text) / 3) if tag in UNSPACED else (lambda text: len(text.split()))
    assert sum(map(size, sentences)) / len(sentences) <= 12
    assert max(map(len, sentences)) <= 110


@pytest.mark.row("MI-03")
@pytest.mark.parametrize("audience", ["mixed", "child_directed"])
def test_a_grant_without_an_age_is_taken_for_a_childs(browser: Browser, service: Service) -> None:
    answer = browser.choose("analytics")

    assert (answer.status_code, answer.get_json()["state"]) == (403, "refused")
    assert browser.cookie("gk_subject") is None


@pytest.mark.parametrize("audience", ["general"])
def test_where_nobody_is_asked_a_grant_needs_no_age(browser: Browser) -> None:
    assert browser.choose("analytics").status_code == 200
