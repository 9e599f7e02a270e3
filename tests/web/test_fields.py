"""The whole table: no field of an event is filled unless its own purpose is granted. From the browser to the store."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine

from gatekeeper.config import Config
from gatekeeper.core.fields import FIELDS, MOVABLE, OF_EVENTS, TOLD_BY
from gatekeeper.core.geo import Place
from gatekeeper.core.links import Link
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site
from gatekeeper.web.service import Service

from ..postgres import Postgres
from .conftest import CHROME, ORIGIN, SHOP, Browser, events_of, publish

ASKED = ("functional", "analytics", "marketing")
LINK = Link("shop", "newsletter", "https://tea.example/")
PLACE = Place("Example Net", "CH")
#: A page that tells everything there is to tell, as a script may that knows no better.
TOLD: list[dict[str, Any]] = [
    {
        "kind": "view",
        "path": "/search?q=secret",
        "referrer": "https://engine.example/?q=secret",
        "search": "green tea",
        "source": "engine",
        "medium": "cpc",
        "campaign": "spring",
    },
    {"kind": "stay", "path": "/search", "seconds": 42},
    {"kind": "outcome", "path": "/search", "tracker": "ad-pixel", "outcome": "blocked", "reason": "refused"},
    {"kind": "event", "path": "/search", "event": "purchase", "value": 19.9, "currency": "EUR", "order": "A-1"},
    {"kind": "event", "path": "/search", "event": "lead", "value": 1, "currency": "EUR", "order": "A-2"},
    {"kind": "out", "path": "/search", "target": "elsewhere.example"},
]
REQUEST = {"browser", "system", "device", "language", "address", "provider", "country"}
#: What each row can hold at most.
CAN_HOLD = {
    "view": REQUEST | {"path", "referrer", "search", "source", "medium", "campaign"},
    "stay": REQUEST | {"path", "seconds"},
    "outcome": REQUEST | {"path", "outcome", "reason"},
    "event": REQUEST | {"path", "event", "value", "currency", "order"},
    "out": REQUEST | {"path", "target"},
    "beacon": REQUEST | {"path"},
    "click": REQUEST,
}


def grants() -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(ASKED, size) for size in range(len(ASKED) + 1)))


def rows() -> list[dict[str, Any]]:
    return [{"id": f"019ab1c2d3e47abc8def0011223344{number:02x}", **row} for number, row in enumerate(TOLD)]


def tell_everything(browser: Browser, service: Service) -> None:
    """Do all that can leave an event."""
    response = browser.post("/gk/shop/events", json={"events": rows()}, headers={"Content-Type": "text/plain"})
    assert response.status_code == 204
    for tracker in ("seen", "ad-pixel"):
        browser.get(f"/gk/shop/b/{tracker}.gif", headers={"Referer": f"{ORIGIN}/tea?q=secret"})
    browser.get(f"/gk/l/{service.links.sign(LINK)}")


@pytest.fixture
def tables() -> dict[str, Any]:
    search = {"paths": ["/search"], "parameters": ["q"]}
    return {**SHOP, "search": search, "events": {"lead": {"purpose": "marketing"}}}


@pytest.fixture(params=["sqlite", "postgres"])
def config(request: pytest.FixtureRequest, config: Config) -> Iterator[Config]:
    """The same on every engine."""
    if request.param == "sqlite":
        yield config
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh() as address:
        yield replace(config, database_url=address)


@pytest.fixture
def service(app: Any) -> Service:
    service: Service = app.extensions["gatekeeper"]
    service.locate = lambda address: PLACE
    return service


def test_the_fields_that_rows_can_hold_are_all_there_are() -> None:
    assert set().union(*CAN_HOLD.values()) == set(FIELDS)


def expected(service: Service, kind: str, event: str, granted: tuple[str, ...]) -> set[str]:
    """Return the fields of a row that a visitor granted: each whose own purpose is among them."""
    site = service.published("shop").site
    purposes = {**site.fields, **dict.fromkeys(OF_EVENTS, site.event_purpose(event))} if event else site.fields
    return {name for name in CAN_HOLD[kind] if purposes[name] in granted}


@pytest.mark.row("EU-05", "EU-13")
@pytest.mark.parametrize("granted", grants(), ids="+".join)
def test_exactly_the_fields_of_the_granted_purposes_are_kept(
    browser: Browser, service: Service, granted: tuple[str, ...]
) -> None:
    browser.choose(*granted)

    tell_everything(browser, service)

    kept = events_of(service, browser) if granted else []
    for event in kept:
        assert set(event.fields) == expected(service, event.kind, event.fields.get("event", ""), granted), event.kind
    log = ["view", "stay", "outcome", "event", "beacon"] if "analytics" in granted else []
    ads = ["event", "out", "beacon", "click"] if "marketing" in granted else []
    assert sorted(event.kind for event in kept) == sorted([*log, *ads])


@pytest.mark.row("EU-05", "EU-13")
@pytest.mark.parametrize("purpose", ASKED)
def test_a_field_that_was_moved_is_kept_under_its_new_purpose_alone(
    new_browser: Callable[..., Browser], service: Service, purpose: str
) -> None:
    moved = declared_again(service, fields=dict.fromkeys(MOVABLE, purpose))
    assert {moved.fields[name] for name in FIELDS if TOLD_BY.get(name, name) != "event"} == {purpose}

    for granted in grants():
        browser = new_browser()
        browser.choose(*granted, notice=2)
        tell_everything(browser, service)

        kept = events_of(service, browser) if granted else []
        for event in kept:
            assert set(event.fields) == expected(service, event.kind, event.fields.get("event", ""), granted), granted
        assert kept or "analytics" not in granted


@pytest.mark.row("EU-19")
def test_a_field_is_not_kept_of_those_who_agreed_before_it_was_told_of(browser: Browser, service: Service) -> None:
    browser.choose("analytics", "marketing")
    declared_again(service, fields={"address": "marketing"}, events={"purchase": {"purpose": "marketing"}})

    tell_everything(browser, service)

    kept = events_of(service, browser)
    assert kept
    assert not any("address" in event.fields for event in kept)
    assert not any("event" in event.fields for event in kept if event.fields.get("event") != "lead")


def declared_again(service: Service, **changes: Any) -> Site:
    """Change what the site declares and publish it as its next notice."""
    search = {"paths": ["/search"], "parameters": ["q"]}
    table = {**SHOP, "search": search, "events": {"lead": {"purpose": "marketing"}}, **changes}
    sites, problems = read_registry({"sites": {"shop": table}})
    assert problems == []
    publish(service.store, sites["shop"])
    service.config.sites["shop"] = sites["shop"]  # type: ignore[index]
    service.refresh()
    return service.published("shop").site


def test_what_is_kept_is_what_was_told_and_nothing_of_the_query(browser: Browser, service: Service) -> None:
    browser.choose(*ASKED)

    tell_everything(browser, service)

    kept = {(event.kind, event.fields.get("event", "")): event.fields for event in events_of(service, browser)}
    request = {
        **{"browser": "Chrome 141", "system": "Linux", "device": "desktop", "language": "de-CH"},
        **{"address": "127.0.0.1", "provider": "Example Net", "country": "CH"},
    }
    page = {**request, "path": "/search"}
    campaign = {"source": "engine", "medium": "cpc", "campaign": "spring"}
    assert kept["view", ""] == {**page, **campaign, "referrer": "engine.example", "search": "green tea"}
    assert kept["stay", ""] == {**page, "seconds": "42"}
    assert kept["event", "purchase"] == {
        **page,
        **{"event": "purchase", "value": "19.9", "currency": "EUR", "order": "A-1"},
    }
    assert kept["out", ""] == {**page, "target": "elsewhere.example"}
    assert "secret" not in str(kept)


@pytest.mark.row("EM-09")
@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_what_a_browser_fetches_ahead_leaves_no_event(
    browser: Browser, service: Service, headers: dict[str, str]
) -> None:
    browser.choose(*ASKED)

    browser.post("/gk/shop/events", json={"events": rows()}, headers=headers)
    browser.get("/gk/shop/b/seen.gif", headers=headers)
    browser.get(f"/gk/l/{service.links.sign(LINK)}", headers=headers)

    assert events_of(service, browser) == []
    assert {total.what for total in service.store.totals("shop")} == {"choice", "purpose"}


@pytest.mark.row("EM-09")
def test_what_only_asks_for_the_head_leaves_no_event(browser: Browser, service: Service) -> None:
    browser.choose(*ASKED)
    link = f"/gk/l/{service.links.sign(LINK)}"

    for path in ("/gk/shop/b/seen.gif", link):
        browser.client.head(path, base_url=ORIGIN, headers={"User-Agent": CHROME})

    assert events_of(service, browser) == []
    assert {total.what for total in service.store.totals("shop")} == {"choice", "purpose"}


def test_a_program_that_agreed_is_known_as_one(new_browser: Callable[..., Browser], service: Service) -> None:
    browser = new_browser(**{"User-Agent": "Mozilla/5.0 (compatible; Teabot/1.0; +https://tea.example/bot)"})
    browser.choose("analytics")

    browser.get("/gk/shop/b/seen.gif")

    (event,) = events_of(service, browser)
    assert event.fields["device"] == "bot"


def test_an_orders_number_is_nowhere_in_clear(browser: Browser, service: Service, config: Config) -> None:
    browser.choose("analytics")
    order = {"id": "019ab1c2d3e47abc8def001122334455", "kind": "event", "path": "/thanks", "event": "purchase"}
    body = {"events": [{**order, "value": 5, "order": "ORDER-4711"}]}
    browser.post("/gk/shop/events", json=body, headers={"Content-Type": "text/plain"})
    (event,) = events_of(service, browser)
    assert event.fields["order"] == "ORDER-4711"

    service.store.close()  # what waits is counted before it ends

    engine = create_engine(config.database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        rows = [tuple(row) for table in tables.sorted_tables for row in connection.execute(table.select())]
    engine.dispose()
    assert rows
    assert not any("ORDER-4711" in str(value) or b"ORDER-4711" in _bytes(value) for row in rows for value in row)


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else b""


def test_client_hints_are_read_of_those_who_agreed(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    browser.get("/gk/shop/b/seen.gif", headers={"Sec-CH-UA": '"Chromium";v="141", "Brave";v="141"'})

    (event,) = events_of(service, browser)
    assert event.fields["browser"] == "Brave 141"
