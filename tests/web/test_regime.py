"""Where a visitor is, as far as the operator knows it, and what that changes: ages, and what pages say."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from gatekeeper.config import Config
from gatekeeper.core.geo import Place
from gatekeeper.core.languages import TAGS
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.regimes import REGIMES, Regime
from gatekeeper.store.contract import Store
from gatekeeper.web.service import Service

from .conftest import Browser, Clock, events_of

ALL = ["functional", "analytics", "marketing"]
HEADERS = {"header": "CF-IPCountry", "subdivision_header": "CF-Region-Code"}
IN_INDIA = {"CF-IPCountry": "IN"}
IN_SWEDEN = {"CF-IPCountry": "SE"}
IN_CALIFORNIA = {"CF-IPCountry": "US", "CF-Region-Code": "CA"}
STRANGER = {"REMOTE_ADDR": "203.0.113.9"}

every_regime = pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.id)


@pytest.fixture
def region() -> dict[str, Any]:
    """How the site tells places apart; a test may say otherwise before it asks for the service."""
    return {**HEADERS}


@pytest.fixture
def tables(tables: dict[str, Any], region: dict[str, Any]) -> dict[str, Any]:
    # As low as a site may go, so that whatever is denied is denied by a regime.
    return {**tables, "region": region, "purposes": {purpose: {"min_age": 0} for purpose in ALL}}


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, trusted_proxies=(ip_network("127.0.0.1/32"),))


def found(browser: Browser, headers: Mapping[str, str] | None = None, **environ: str) -> str:
    return str(browser.get("/gk/shop/regime", headers=headers, environ_base=environ).json["id"])


def headers_of(regime: Regime) -> dict[str, str]:
    """Return what the operator's edge says of a visitor under a regime."""
    country, _, part = (regime.places[0] if regime.places else "XX").partition("-")
    return {"CF-IPCountry": country, **({"CF-Region-Code": part} if part else {})}


def grant(browser: Browser, where: Mapping[str, str], *granted: str, **more: Any) -> Any:
    return browser.post("/gk/shop/choice", headers=where, json={"granted": list(granted), "notice": 1, **more})


def rows(config: Config) -> dict[str, int]:
    """Return how many rows the database has of visitors, by table."""
    engine = create_engine(config.database_url)
    with engine.connect() as connection:
        tables = ("subjects", "records", "events", "fresh_events", "visitors", "totals")
        counted = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}
    engine.dispose()
    return counted


# --- where somebody is


@every_regime
def test_the_operators_edge_says_where_a_visitor_is(browser: Browser, regime: Regime) -> None:
    told = browser.get("/gk/shop/regime", headers=headers_of(regime))

    authority = regime.authority
    assert told.json == {
        "id": regime.id,
        "consent_age": regime.consent_age,
        "authority": {"name": authority.name, "url": authority.url} if authority else None,
        "sells_link": regime.sells_link,
    }
    assert told.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers", [{}, {"CF-IPCountry": ""}, {"CF-IPCountry": "XX"}, {"CF-IPCountry": "SE, IN"}, {"X-Country": "SE"}]
)
def test_what_the_edge_does_not_say_is_not_guessed_at(browser: Browser, headers: dict[str, str]) -> None:
    assert found(browser, headers) == "strictest"


def test_nobody_but_the_operators_own_proxies_is_believed(browser: Browser) -> None:
    forwarded = {**IN_SWEDEN, "X-Forwarded-For": "127.0.0.1"}

    assert found(browser, IN_SWEDEN) == "se"
    assert found(browser, IN_SWEDEN, **STRANGER) == "strictest"
    assert found(browser, forwarded, **STRANGER) == "strictest"


def test_without_a_listed_proxy_no_header_counts(browser: Browser, service: Service) -> None:
    service.config = replace(service.config, trusted_proxies=())

    assert found(browser, IN_SWEDEN) == "strictest"


@pytest.mark.parametrize("region", [{}])
def test_a_site_that_says_nothing_of_regions_is_under_the_strictest(browser: Browser, service: Service) -> None:
    service.locate = lambda address: pytest.fail(f"{address} was looked up")

    assert found(browser, IN_SWEDEN) == "strictest"


@pytest.mark.row("SE-24")
@pytest.mark.parametrize("region", [{**HEADERS, "geo": True}])
def test_the_file_on_this_machine_says_it_where_the_edge_does_not(browser: Browser, service: Service) -> None:
    service.locate = lambda address: Place("Example Net", {"203.0.113.9": "CH", "198.51.100.7": "IN"}.get(address, ""))

    assert found(browser, **STRANGER) == "ch"
    assert found(browser, IN_SWEDEN, **STRANGER) == "ch"
    assert found(browser, IN_SWEDEN) == "se"
    assert found(browser, {"X-Forwarded-For": "198.51.100.7"}) == "in"
    assert found(browser) == "strictest"


@pytest.mark.parametrize("region", [{**HEADERS, "geo": True}])
def test_asking_which_regime_it_is_leaves_nothing_behind(browser: Browser, config: Config, service: Service) -> None:
    service.locate = lambda address: Place("Example Net", "CH")
    told = browser.get("/gk/shop/regime", headers={"Sec-GPC": "1"}, environ_base=STRANGER)

    service.store.close()

    assert "Set-Cookie" not in told.headers
    assert "203.0.113.9" not in told.text
    assert set(rows(config).values()) == {0}


@pytest.mark.row("SE-04")
def test_only_the_sites_own_origins_may_read_it(browser: Browser) -> None:
    for origin, allowed in {"http://shop.test": "http://shop.test", "https://evil.example": None}.items():
        told = browser.get("/gk/shop/regime", headers={"Origin": origin})

        assert told.headers.get("Access-Control-Allow-Origin") == allowed


# --- ages


@pytest.mark.row("MI-01", "MI-02", "BR-02", "QC-02")
@every_regime
def test_in_each_place_a_grant_counts_from_its_ages(new_browser: Callable[..., Browser], regime: Regime) -> None:
    optional = {"functional": "video", "analytics": "seen", "marketing": "ad-pixel"}
    everything = max(regime.consent_age, regime.no_tracking_age)

    for band in (None, *AgeBand):
        browser = new_browser()
        answer = grant(browser, headers_of(regime), *ALL, age_band=band)
        decisions = browser.post("/gk/shop/decide", json={}).json["decisions"]

        age = AgeBand.ADULT if band is None else band
        granted = [] if age < everything else ALL[:2] if age < regime.ads_age else ALL
        assert answer.status_code == (200 if granted else 403), band
        assert [purpose for purpose, tracker in optional.items() if decisions[tracker]["allowed"]] == granted, band


@pytest.mark.row("MI-02")
@pytest.mark.parametrize("band", [AgeBand.UNDER_13, AgeBand.FROM_13, AgeBand.FROM_16])
@pytest.mark.parametrize(
    "forced", [{"granted": ALL}, {"granted": ["analytics"]}, {"trackers": {"seen": True, "ad-pixel": True}}]
)
def test_a_grant_forced_for_a_minor_in_india_leaves_no_row(
    browser: Browser, config: Config, store: Store, band: AgeBand, forced: dict[str, Any]
) -> None:
    answer = browser.post("/gk/shop/choice", headers=IN_INDIA, json={**forced, "notice": 1, "age_band": band})

    store.close()

    assert answer.status_code == 403
    assert "too young" in answer.json["error"]
    assert (answer.json["state"], answer.json["receipt"]) == ("refused", None)
    assert browser.cookie("gk_choice") == f"1.shop.1.20261122.r.0.0.{int(band)}.0"
    assert browser.cookie("gk_subject") is None
    assert set(rows(config).values()) == {0}


def test_a_visitor_who_turns_out_to_be_a_minor_ends_an_earlier_grant(browser: Browser, service: Service) -> None:
    grant(browser, IN_INDIA, *ALL)
    subject = service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject

    answer = grant(browser, IN_INDIA, *ALL, age_band=AgeBand.FROM_13)

    assert (answer.status_code, answer.json["state"]) == (403, "withdrawn")
    assert not browser.cookie("gk_subject")
    assert [record.ended_as for record in service.store.records("shop", subject)] == ["withdrawn"]


def test_who_said_to_be_young_is_believed_before_who_says_to_be_old(browser: Browser) -> None:
    grant(browser, IN_INDIA, age_band=AgeBand.FROM_13)

    assert grant(browser, IN_INDIA, *ALL, age_band=AgeBand.ADULT).status_code == 403


def test_only_what_somebody_is_too_young_for_is_left_out(browser: Browser, service: Service) -> None:
    answer = grant(browser, IN_CALIFORNIA, *ALL, age_band=AgeBand.FROM_13)
    browser.get("/gk/shop/b/ad-pixel.gif")
    browser.get("/gk/shop/b/seen.gif")

    assert (answer.status_code, answer.json["purposes"]) == (200, ["analytics", "functional"])
    assert [event.tracker for event in events_of(service, browser)] == ["seen"]


def test_a_minors_refusal_is_a_refusal_like_any_other(browser: Browser) -> None:
    answer = grant(browser, IN_INDIA, age_band=AgeBand.UNDER_13)

    assert (answer.status_code, answer.json["state"]) == (200, "refused")


def test_a_sites_own_age_holds_where_the_law_asks_for_less(
    new_browser: Callable[..., Browser], service: Service
) -> None:
    published = service.published("shop")
    older = {id: replace(purpose, min_age=16) for id, purpose in published.site.purposes.items() if id in ALL}
    published.site = replace(published.site, purposes={**published.site.purposes, **older})

    answers = [grant(new_browser(), IN_SWEDEN, *ALL, age_band=band).status_code for band in AgeBand]

    assert answers == [403, 403, 200, 200]


@pytest.mark.parametrize("region", [{"geo": True}])
def test_nobody_looks_where_a_visitor_is_who_has_said_no_age(browser: Browser, service: Service) -> None:
    service.locate = lambda address: pytest.fail(f"{address} was looked up")

    assert grant(browser, {}, "functional").status_code == 200


# --- what is the same everywhere


@pytest.mark.row("IN-01", "BR-01", "QC-02", "US-09")
@every_regime
def test_nothing_is_on_before_a_grant_and_each_purpose_is_granted_by_itself(
    new_browser: Callable[..., Browser], regime: Regime
) -> None:
    where = headers_of(regime)
    optional = {"functional": {"video"}, "analytics": {"seen"}, "marketing": {"ad-pixel", "newsletter"}}

    def allowed(browser: Browser, **signals: str) -> set[str]:
        told = browser.post("/gk/shop/decide", headers={**where, **signals}, json={}).json["decisions"]
        return {name for name, decision in told.items() if decision["allowed"]} - {"basket", "visit"}

    undecided, refusing = new_browser(), new_browser()
    grant(refusing, where)
    assert allowed(undecided) == allowed(refusing) == set()
    for purpose, trackers in optional.items():
        browser = new_browser()
        grant(browser, where, purpose)
        assert allowed(browser) == trackers
        assert allowed(browser, **{"Sec-GPC": "1"}) == trackers - optional["marketing"]


@pytest.mark.row("BR-01")
def test_portuguese_as_it_is_spoken_in_brazil_is_there() -> None:
    assert "pt-br" in TAGS


@pytest.mark.row("IN-02")
def test_the_notice_stands_by_itself_and_the_board_to_complain_to_is_named(browser: Browser) -> None:
    notice = browser.get("/gk/shop/notice", headers={**IN_INDIA, "Accept": "application/json"}).json["content"]
    told = browser.get("/gk/shop/regime", headers=IN_INDIA).json

    assert [row["id"] for row in notice["purposes"]] == ["necessary", *ALL]
    assert all(row["description"] and row["purpose"] and row["vendor"]["name"] for row in notice["trackers"])
    assert notice["controller"]["contact"] == "privacy@shop.test"
    assert told["authority"]["name"] == "Data Protection Board of India"


@pytest.mark.row("US-04")
def test_in_california_the_page_of_choices_opts_out_of_what_the_server_passes_on(
    browser: Browser, service: Service
) -> None:
    grant(browser, IN_CALIFORNIA, *ALL)
    subject = service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject
    form = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    page = browser.get("/gk/shop/choices", headers={**IN_CALIFORNIA, **form})
    browser.post("/gk/shop/choices", headers={**IN_CALIFORNIA, **form}, data={"do": "withdraw"})
    browser.get("/gk/shop/b/ad-pixel.gif", headers=IN_CALIFORNIA)

    assert browser.get("/gk/shop/regime", headers=IN_CALIFORNIA).json["sells_link"] is True
    assert page.status_code == 200
    assert service.store.events("shop", subject) == []


@pytest.fixture
def long(tables: dict[str, Any]) -> None:
    tables["choice_days"] = 365


@pytest.mark.row("US-07")
@pytest.mark.usefixtures("long")
@pytest.mark.parametrize(("days", "state"), [(364, "refused"), (365, "refused"), (366, "expired")])
def test_a_refusal_holds_twelve_months_where_the_site_says_so(
    browser: Browser, clock: Clock, days: int, state: str
) -> None:
    grant(browser, IN_CALIFORNIA)
    value = browser.cookie("gk_choice") or ""
    clock.pass_days(days)

    browser.client.set_cookie("gk_choice", value, domain="shop.test")  # however long the browser keeps it

    assert browser.get("/gk/shop/choice").json["state"] == state


@pytest.fixture
def totals(tables: dict[str, Any]) -> None:
    tables["anonymous_totals"] = True


@pytest.mark.row("EU-20")
@pytest.mark.usefixtures("totals")
@pytest.mark.parametrize("where", [{"CF-IPCountry": "GB"}, IN_SWEDEN, {}], ids=["GB", "SE", "unknown"])
def test_an_objection_to_the_totals_takes_no_more_than_a_refusal_and_leaves_no_id(
    new_browser: Callable[..., Browser], config: Config, store: Store, where: dict[str, str]
) -> None:
    counted, objecting = new_browser(), new_browser()
    told = counted.post("/gk/shop/events", headers=where, json={"totals": [["ad-pixel", "blocked", "no_choice"]]})
    answer = grant(objecting, where, objects=True)
    names = {total.name for total in store.totals("shop")}

    store.close()

    assert (told.status_code, answer.json["state"]) == (204, "refused")
    assert "Set-Cookie" not in told.headers
    assert objecting.cookie("gk_choice") == "1.shop.1.20261122.rx.0.0.-.0"
    assert names == {"ad-pixel", "refused", "functional", "analytics", "marketing"}
    assert {name for name, n in rows(config).items() if n} == {"totals"}
