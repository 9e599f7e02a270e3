"""What an address asks for: days, filters, machines; and what it may not."""

from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.panels import Asked
from gatekeeper.core.rollups import FACETS, What
from gatekeeper.web.dashboard.asked import FACET_TITLES, asked_of, chips_of, filter_query, query_of, words_of
from gatekeeper.web.http import Request
from gatekeeper.web.service import Service
from tests.web.conftest import SHOP, Clock

TODAY = "2026-11-22"


def request(query: str | dict[str, str] = "") -> Request:
    told = query if isinstance(query, str) else urlencode(query)
    return Request({"REQUEST_METHOD": "GET", "QUERY_STRING": told}, "/dashboard/shop/")


def days(asked: Asked) -> tuple[str, str, str, str]:
    return asked.first, asked.last, asked.before_first, asked.before_last


RANGES = [
    ("", ("2026-10-26", TODAY, "2026-09-28", "2026-10-25")),
    ("days=1", (TODAY, TODAY, "2026-11-21", "2026-11-21")),
    ("days=7", ("2026-11-16", TODAY, "2026-11-09", "2026-11-15")),
    ("days=365", ("2025-11-23", TODAY, "2024-11-23", "2025-11-22")),
    ("first=2026-11-01&last=2026-11-10", ("2026-11-01", "2026-11-10", "2026-10-22", "2026-10-31")),
    ("first=2026-11-20", ("2026-11-20", TODAY, "2026-11-17", "2026-11-19")),
    ("last=2026-01-28", ("2026-01-01", "2026-01-28", "2025-12-04", "2025-12-31")),
    ("first=2024-02-29&last=2024-02-29&compare=previous", ("2024-02-29", "2024-02-29", "2024-02-28", "2024-02-28")),
    ("first=2026-11-16&last=2026-11-22&compare=year", ("2026-11-16", TODAY, "2025-11-17", "2025-11-23")),
    ("days=&first=&last=&compare=&bot=", ("2026-10-26", TODAY, "2026-09-28", "2026-10-25")),
]


@pytest.mark.parametrize(("query", "told"), RANGES)
def test_days_are_those_that_are_asked_for(service: Service, query: str, told: tuple[str, ...]) -> None:
    assert days(asked_of(service, request(query), "shop")) == told


class TestInBerlin:
    @pytest.fixture
    def tables(self) -> dict[str, Any]:
        return {**SHOP, "time_zone": "Europe/Berlin"}

    def test_today_is_that_of_the_site(self, service: Service, clock: Clock) -> None:
        clock.at += 11.5 * 3600  # 23:30 in London

        assert asked_of(service, request("days=1"), "shop").last == "2026-11-23"


#: A query, and what its refusal names: the value, and what would do.
BAD = [
    ("days=0", "'0'", "days=28"),
    ("days=99999", "'99999'", "3660"),
    ("days=-7", "'-7'", "days=28"),
    ("days=٧", "'٧'", "days=28"),
    ("days=a%22%3E%3Cimg%3E", "'a\"><img>'", "days=28"),
    ("first=2026-13-01", "'2026-13-01'", "first=2026-11-22"),
    ("first=20261101", "'20261101'", "first=2026-11-22"),
    ("last=2026-W47-7", "'2026-W47-7'", "last=2026-11-22"),
    ("first=0001-01-01&last=0001-01-02", "'0001-01-0", "=2026-11-22"),
    ("first=2026-11-10&last=2026-11-01", "2026-11-10", "swap"),
    ("first=2010-01-01&last=2026-11-01", "2010-01-01", "3660"),
    ("compare=week", "'week'", "previous, year"),
    ("bot=yes", "'yes'", "0, 1"),
    ("f.provider=Net", "'f.provider'", "f.browser"),
    ("f.nothing=1", "'f.nothing'", "f.browser"),
    (f"f.browser={'x' * 2001}", "2001", "2000"),
    ("&".join(f"a{n}=1" for n in range(101)), "address", "too much"),
]


@pytest.mark.parametrize(("query", "value", "fix"), BAD, ids=[query[:30] for query, *_ in BAD])
def test_what_breaks_a_rule_is_named_with_what_would_do(service: Service, query: str, value: str, fix: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked_of(service, request(query), "shop")

    assert value in str(refused.value)
    assert fix in str(refused.value)


@pytest.mark.parametrize("what", sorted(FACETS))
def test_every_facet_can_be_filtered_by(service: Service, what: What) -> None:
    value = "Läden & \u202e<b>"

    asked = asked_of(service, request(filter_query(request("days=7"), what, value)), "shop")

    assert asked.where == {what: value}
    assert days(asked)[0] == "2026-11-16"
    assert FACET_TITLES[what]


def test_nothing_can_be_filtered_by_too(service: Service) -> None:
    query = filter_query(request(), What.REFERRER, "")

    assert asked_of(service, request(query), "shop").where == {What.REFERRER: ""}


def test_a_chip_takes_its_filter_away_and_leaves_the_rest(service: Service) -> None:
    asking = request("days=7&f.browser=Firefox+146&f.device=phone&bot=1&other=x")

    chips = chips_of(asking, asked_of(service, asking, "shop"))

    assert [(chip.title, chip.value) for chip in chips] == [("Browser", "Firefox 146"), ("Device", "phone")]
    assert [parse_qs(chip.query) for chip in chips] == [
        {"days": ["7"], "f.device": ["phone"], "bot": ["1"]},
        {"days": ["7"], "f.browser": ["Firefox 146"], "bot": ["1"]},
    ]


def test_a_query_goes_on_with_what_all_pages_share(service: Service) -> None:
    asking = request("days=7&f.device=phone&tracker=x&compare=year&do=delete")

    assert parse_qs(query_of(asking)) == {"days": ["7"], "f.device": ["phone"], "compare": ["year"]}
    assert parse_qs(query_of(asking, without=["days"], about="video")) == {
        "f.device": ["phone"],
        "compare": ["year"],
        "about": ["video"],
    }


def test_what_a_page_is_about_comes_from_the_page_or_the_query(service: Service) -> None:
    assert asked_of(service, request("about=video"), "shop").about == "video"
    assert asked_of(service, request("about=video"), "shop", "seen").about == "seen"
    assert asked_of(service, request(), "shop").about == ""


def test_machines_are_asked_for_by_name(service: Service) -> None:
    assert asked_of(service, request("bot=1"), "shop").bot
    assert not asked_of(service, request("bot=0"), "shop").bot


def test_what_is_asked_can_be_said_in_words(service: Service) -> None:
    asked = asked_of(service, request("days=1&bot=1&f.browser=Firefox&f.referrer=-&about=video"), "shop")

    assert words_of(asked) == "2026-11-22 to 2026-11-22, video, machines, Browser: Firefox, Came from: (none)"
