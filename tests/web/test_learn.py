"""The page on which a staff browser goes into learn mode: for a code that is fresh, signed, and good once."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from gatekeeper.core.learners import CODE_LASTS, LEARNS_FOR, Invitation, is_learner, sign_invitation
from gatekeeper.web.service import Service

from .conftest import KEY, NOON, ORIGIN, Browser, Clock

LEARN = "/gk/shop/learn"
INVITATION = Invitation("shop", bytes(range(16)), NOON + CODE_LASTS)
CODE = sign_invitation((KEY,), INVITATION)
NAVIGATION = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def enter(browser: Browser, code: str = CODE, **headers: str) -> TestResponse:
    told = {**NAVIGATION, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return browser.post(LEARN, data={"do": "learn", "code": code}, headers=told)


def learns(browser: Browser, service: Service, now: int = NOON) -> bool:
    header = f"gk_learn={browser.cookie('gk_learn') or ''}"
    return is_learner((KEY,), service.published("shop").site, header, now=now)


def test_a_code_lets_one_browser_learn_for_a_working_day(new_browser: Callable[..., Browser], service: Service) -> None:
    first, second = new_browser(), new_browser()

    taken, refused = enter(first), enter(second)

    assert taken.status_code == 200
    assert "This browser learns" in taken.text
    assert learns(first, service, NOON + LEARNS_FOR - 1)
    assert not learns(first, service, NOON + LEARNS_FOR)
    assert first.cookie("gk_learning") == "1"
    assert refused.status_code == 403
    assert "does not work" in refused.text
    assert not learns(second, service)
    assert second.cookie("gk_learning") is None


def test_only_the_signed_cookie_is_hidden_from_scripts(browser: Browser) -> None:
    signed, mark = enter(browser).headers.getlist("Set-Cookie")

    assert signed.startswith("gk_learn=")
    assert signed.endswith("; Path=/; SameSite=Lax; HttpOnly")
    assert mark == f"gk_learning=1; Max-Age={LEARNS_FOR}; Path=/; SameSite=Lax"


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x",
        CODE[:-2],
        sign_invitation((KEY,), replace(INVITATION, site="blog")),
        sign_invitation((KEY,), replace(INVITATION, until=NOON)),
        sign_invitation(("another-key-that-is-long-enough-to-be-one",), INVITATION),
    ],
)
def test_any_other_code_is_refused_with_what_to_do(browser: Browser, service: Service, code: str) -> None:
    response = enter(browser, code)

    assert response.status_code == 403
    assert "gatekeeper learn --site shop" in response.text
    assert "Set-Cookie" not in response.headers
    assert not learns(browser, service)


def test_a_code_is_good_for_minutes(browser: Browser, clock: Clock) -> None:
    clock.at += CODE_LASTS

    assert enter(browser).status_code == 403


def test_it_ends_when_the_browser_says_so(browser: Browser, service: Service) -> None:
    enter(browser)
    during = browser.get(LEARN)

    stopped = browser.post(LEARN, data={"do": "stop"}, headers=NAVIGATION)

    assert "Stop learning" in during.text
    assert "a visitor's again" in stopped.text
    assert not learns(browser, service)
    assert browser.cookie("gk_learning") is None
    assert 'name="code"' in browser.get(LEARN).text


@pytest.mark.row("SE-05")
def test_no_script_and_no_other_site_puts_a_browser_into_learn_mode(browser: Browser, service: Service) -> None:
    for headers in (
        {"Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty"},
        {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "null"},
    ):
        assert enter(browser, **headers).status_code == 403
        assert not learns(browser, service)
    assert enter(browser).status_code == 200, "the code was not used up by that"


@pytest.mark.row("SE-02", "SE-14")
def test_the_page_runs_nothing_and_the_code_stands_in_no_address(browser: Browser) -> None:
    response = browser.get(LEARN)

    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'")
    assert not re.search(r"<script|\son[a-z]+=|\sstyle=|javascript:", response.text)
    assert '<form method="post" action="learn">' in response.text
    assert browser.get(f"{LEARN}?code={CODE}", headers={"Origin": ORIGIN}).text == response.text


def test_a_site_that_is_not_declared_has_no_such_page(browser: Browser) -> None:
    assert browser.get("/gk/blog/learn").status_code == 404
