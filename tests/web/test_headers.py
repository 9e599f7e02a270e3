"""Our own answers: nobody frames them, guesses at their type, or takes in what is the site's own."""

import re

import pytest

from gatekeeper.web.routes import ROUTES, Route

from .conftest import Browser
from .test_access import address

#: What pages of other origins take in: the scripts of a page (SRI needs it), and pixels.
FOR_ALL = re.compile(r"\.js$|\.gif$")


@pytest.mark.row("SE-14")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_answer_says_what_it_is_and_for_whom(browser: Browser, route: Route) -> None:
    response = browser.client.open(
        address(route), method=route.method, base_url=browser.origin, headers={"Origin": browser.origin}, json={}
    )

    if response.data and response.status_code != 404:
        shared = route.method == "GET" and FOR_ALL.search(route.path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if shared else "same-origin")


@pytest.mark.row("SE-02", "SE-14")
@pytest.mark.parametrize("path", ["/gk/shop/choices", "/gk/shop/notice", "/gk/shop/notice/1"])
def test_our_own_pages_run_nothing_load_nothing_and_stand_alone(browser: Browser, path: str) -> None:
    response = browser.get(path)

    policy = dict(part.strip().partition(" ")[::2] for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert not re.search(r"<script|\son[a-z]+=|\sstyle=|javascript:", response.text)


@pytest.mark.row("SE-03")
def test_a_page_may_check_the_script_by_its_hash(browser: Browser) -> None:
    guard = browser.get("/gk/shop/gatekeeper.js")
    named = browser.get(f"/gk/shop/gatekeeper.{guard.headers['ETag'].strip(chr(34))}.js")

    assert named.data == guard.data
    assert named.headers["Access-Control-Allow-Origin"] == "*"
    assert "immutable" in named.headers["Cache-Control"]
    assert "immutable" not in guard.headers["Cache-Control"]
