"""An objection outlives its signal: nothing that was accepted under one comes to life when the signal is gone."""

import re
from typing import Any

import pytest

from .conftest import Browser

GPC = {"Sec-GPC": "1"}
ALL = ["functional", "analytics", "marketing"]


def later(browser: Browser, tracker: str = "ad-pixel") -> dict[str, Any]:
    """Return what is decided about a tracker once the browser objects no longer."""
    found: dict[str, Any] = browser.post("/gk/shop/decide", json={}).json["decisions"][tracker]
    return found


@pytest.mark.row("US-01", "US-10")
@pytest.mark.parametrize(
    ("granted", "trackers"), [(ALL, {}), (["analytics"], {"ad-pixel": True}), (["marketing"], {"seen": True})]
)
def test_what_a_page_accepts_under_an_objection_is_left_out(
    browser: Browser, granted: list[str], trackers: dict[str, bool]
) -> None:
    told = browser.post("/gk/shop/choice", headers=GPC, json={"granted": granted, "trackers": trackers, "notice": 1})

    assert told.status_code == 200
    assert later(browser, "seen") == {"allowed": True, "reason": "granted"}
    assert later(browser) == {"allowed": False, "reason": "refused"}


@pytest.mark.row("US-01", "US-10")
def test_so_is_what_the_form_accepts(browser: Browser) -> None:
    ticket = re.findall(r'name="ticket" value="([^"]+)"', browser.get("/gk/shop/choices", headers=GPC).text)[0]

    browser.post("/gk/shop/choices", headers=GPC, data={"do": "accept", "notice": "1", "ticket": ticket})

    assert later(browser, "seen") == {"allowed": True, "reason": "granted"}
    assert later(browser) == {"allowed": False, "reason": "refused"}


@pytest.mark.row("US-08")
def test_its_own_switch_grants_for_good(browser: Browser) -> None:
    browser.post("/gk/shop/choice", headers=GPC, json={"granted": ALL, "override": ["marketing"], "notice": 1})

    assert later(browser) == {"allowed": True, "reason": "granted"}


@pytest.mark.row("US-01")
def test_accepting_only_what_is_objected_to_is_a_refusal(browser: Browser) -> None:
    told = browser.post("/gk/shop/choice", headers=GPC, json={"granted": ["marketing"], "notice": 1}).json

    assert (told["state"], browser.cookie("gk_subject")) == ("refused", None)
