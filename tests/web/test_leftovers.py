"""What denied trackers keep in a browser is removed by the answer to a choice, also where no script can."""

from typing import Any

import pytest

from .conftest import SHOP, Browser


@pytest.fixture
def tables() -> dict[str, Any]:
    trackers = {id: dict(tracker) for id, tracker in SHOP["trackers"].items()}
    trackers["basket"]["cookies"] = [{"name": "basket", "days": 1}]
    trackers["seen"]["cookies"] = [{"name": "_seen", "days": 30}]
    trackers["ad-pixel"]["cookies"] = [{"name": "_ad*", "days": 90}]
    return {**SHOP, "trackers": trackers}


@pytest.fixture
def browser(browser: Browser) -> Browser:
    for name in ("basket", "_seen", "_ad", "_ad_id", "undeclared"):
        browser.client.set_cookie(name, "1", domain="shop.test", httponly=True)
    # One for the domain and all below it: a host's own removal leaves it alone.
    browser.client.set_cookie("_ad_all", "1", domain="shop.test", origin_only=False, httponly=True)
    return browser


def held(browser: Browser) -> set[str]:
    names = ("basket", "_seen", "_ad", "_ad_id", "_ad_all", "undeclared")
    return {name for name in names if browser.cookie(name)}


@pytest.mark.row("EU-08")
@pytest.mark.parametrize(
    ("granted", "kept"),
    [
        ((), {"basket", "undeclared"}),
        (("analytics",), {"basket", "undeclared", "_seen"}),
        (("marketing",), {"basket", "undeclared", "_ad", "_ad_id", "_ad_all"}),
        (("analytics", "marketing"), {"basket", "undeclared", "_seen", "_ad", "_ad_id", "_ad_all"}),
    ],
)
def test_an_answer_removes_what_it_denies_and_nothing_else(
    browser: Browser, granted: tuple[str, ...], kept: set[str]
) -> None:
    browser.choose(*granted)

    assert held(browser) == kept


def test_withdrawing_removes_what_was_granted(browser: Browser) -> None:
    browser.choose("marketing")

    browser.client.delete("/gk/shop/choice", base_url=browser.origin, headers={"Origin": browser.origin})

    assert held(browser) == {"basket", "undeclared"}


def test_the_form_without_javascript_removes_it_too(browser: Browser) -> None:
    browser.post("/gk/shop/choices", data={"do": "reject"})

    assert held(browser) == {"basket", "undeclared"}


def test_what_is_removed_is_named_for_the_site_also_behind_a_proxy_that_names_itself(browser: Browser) -> None:
    browser.client.set_cookie("_seen", "1", domain="127.0.0.1")
    answer = browser.post("/gk/shop/choice", data=b"", headers={"Host": "127.0.0.1:8000"})

    removed = [cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("_seen=")]
    assert removed == ["_seen=; Max-Age=0; Path=/", "_seen=; Max-Age=0; Path=/; Domain=shop.test"]


def test_who_holds_nothing_of_denied_trackers_is_answered_as_everyone_is(browser: Browser) -> None:
    for name in ("_seen", "_ad", "_ad_id", "_ad_all"):
        browser.client.delete_cookie(name, domain="shop.test")

    answer = browser.choose()

    names = {cookie.partition("=")[0] for cookie in answer.headers.getlist("Set-Cookie")}
    assert names == {"gk_choice", "gk_subject"}
