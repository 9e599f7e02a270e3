"""Whatever is counted by day is counted on the days of the site's own calendar."""

from typing import Any

import pytest

from gatekeeper.web.service import Service

from .conftest import SHOP, Browser, Clock

LATE = 1_795_390_200  # 2026-11-22 23:30 UTC


@pytest.fixture
def tables() -> dict[str, Any]:
    return {**SHOP, "time_zone": "Europe/Berlin", "anonymous_totals": True}


def test_late_in_the_evening_of_london_it_is_tomorrow_in_berlin(
    browser: Browser, service: Service, clock: Clock
) -> None:
    clock.at = LATE
    browser.get("/gk/shop/b/seen.gif")
    totals = [["ad-pixel", "blocked", "no_choice"]]
    browser.post("/gk/shop/events", json={"totals": totals}, headers={"Content-Type": "text/plain"})
    browser.choose()
    browser.choose("analytics")

    counted = {(total.what, total.day) for total in service.store.totals("shop")}

    assert counted == {(what, "2026-11-23") for what in ("hit", "outcome", "choice", "purpose")}
