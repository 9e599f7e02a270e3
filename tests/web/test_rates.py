"""How much one address may ask: enough for a whole office, and no more; and nothing of it is kept."""

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.web.addresses import bucket
from gatekeeper.web.errors import TooOften
from gatekeeper.web.rates import MAX_COUNTED, Limit
from gatekeeper.web.routes import ROUTES
from gatekeeper.web.service import Service
from tests.files import content

from .conftest import Browser, Config, events_of

VISITOR = "203.0.113.9"
NEIGHBOUR = "203.0.113.10"
#: What changes or keeps something, or costs work, is counted; what a web server asks for every page is not.
FREE = {"gatekeeper.js", "banner.<language>.js", "gate", "pages.css", "healthz", "metrics", "gpc.json"} | {
    "preview.js",
    "preview.css",
    "dashboard.css",
    "live.js",
    "openapi.json",
    "favicon.ico",
}


class Seconds:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, rate_limit=30)


def test_every_route_that_counts_keeps_or_computes_something_is_limited() -> None:
    unlimited = {route.path.rpartition("/")[2] for route in ROUTES if not route.weight and "<hash>" not in route.path}

    assert unlimited <= FREE


@pytest.mark.row("SE-11")
def test_a_burst_is_answered_with_429_and_when_to_come_back(browser: Browser) -> None:
    statuses = [beacon(browser).status_code for _ in range(32)]

    refused = beacon(browser)
    assert statuses == [200] * 30 + [429] * 2
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in refused.headers


@pytest.mark.row("SE-11")
def test_one_visitors_burst_is_nobody_elses(browser: Browser) -> None:
    for _ in range(40):
        beacon(browser)

    assert beacon(browser, NEIGHBOUR).status_code == 200


def test_what_costs_more_counts_more(browser: Browser) -> None:
    answers = [
        browser.post("/gk/shop/choice", json={}, environ_base={"REMOTE_ADDR": VISITOR}).status_code for _ in range(4)
    ]

    assert answers == [200, 200, 200, 429]


@pytest.mark.row("SE-11")
def test_a_beacon_is_refused_alike_whatever_was_chosen(new_browser: Callable[..., Browser]) -> None:
    def answers(address: str, *granted: str) -> list[tuple[Any, ...]]:
        browser = new_browser()
        browser.choose(*granted)
        told = [beacon(browser, address) for _ in range(33)]
        return [(each.status_code, each.data, sorted(each.headers.keys())) for each in told]

    assert answers("203.0.113.20", "analytics") == answers("203.0.113.21") == answers("203.0.113.22", "marketing")


@pytest.mark.row("SE-11")
def test_nothing_about_an_address_is_kept(
    browser: Browser, service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(40):
        beacon(browser, "198.51.100.222")
    service.store.flush()

    assert caplog.text == ""
    kept = content(tmp_path.iterdir())
    assert kept
    assert b"198.51.100.222" not in kept
    assert all(b"198" not in key for key in service._limit._counts)


def test_what_is_refused_is_not_logged(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    for _ in range(40):
        beacon(browser)

    assert len(events_of(service, browser)) == 30


def beacon(browser: Browser, address: str = VISITOR) -> Any:
    return browser.get("/gk/shop/b/seen.gif", environ_base={"REMOTE_ADDR": address})


# The count itself


def test_a_minute_later_it_is_all_forgotten_and_begins_anew() -> None:
    clock = Seconds()
    limit = Limit(2, clock=clock)
    limit.check(VISITOR, 2)
    (before,) = limit._counts
    clock.at += 59
    with pytest.raises(TooOften) as refused:
        limit.check(VISITOR, 1)
    clock.at += 1

    limit.check(VISITOR, 2)

    assert refused.value.again_in == 2
    (after,) = limit._counts
    assert before != after, "a hash of one minute says nothing in the next"


def test_more_addresses_than_can_be_counted_shut_nobody_out() -> None:
    limit = Limit(1, clock=Seconds())
    for n in range(MAX_COUNTED):
        limit.check(str(n), 1)

    for _ in range(3):
        limit.check(VISITOR, 1)
    assert len(limit._counts) == MAX_COUNTED


def test_zero_is_no_limit() -> None:
    limit = Limit(0, clock=Seconds())

    for _ in range(10_000):
        limit.check(VISITOR, 100)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "counted"),
    [
        ("203.0.113.9", None, [], "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", [], "203.0.113.9"),
        ("::ffff:203.0.113.9", None, [], "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", None, [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", None, [], "2001:db8:1:2::/64"),
        ("127.0.0.1", None, [], ""),
        ("::1", None, [], ""),
        ("", None, [], ""),
        ("127.0.0.1", "203.0.113.9", ["127.0.0.1/32"], "203.0.113.9"),
        ("10.0.0.2", "192.168.1.7", ["10.0.0.0/8"], "192.168.1.7"),
        ("192.168.1.7", None, [], "192.168.1.7"),
        ("172.17.0.1", "203.0.113.9", [], ""),
        ("172.32.0.1", "203.0.113.9", [], "172.32.0.1"),
        ("10.0.0.2", "junk", ["10.0.0.0/8"], "junk"),
    ],
)
def test_a_household_is_counted_as_one_and_a_proxy_nobody_declared_not_at_all(
    peer: str, forwarded: str | None, trusted: list[str], counted: str
) -> None:
    environ = {"REMOTE_ADDR": peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})}

    assert bucket(environ, [ipaddress.ip_network(each) for each in trusted]) == counted
