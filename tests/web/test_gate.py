"""The policy of a page, as a web server asks for it: what the middleware would have sent."""

from dataclasses import replace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from werkzeug.test import Client, TestResponse

from gatekeeper.core.learners import sign_learner
from gatekeeper.core.policy import HINTS
from gatekeeper.core.sites import Site
from gatekeeper.gate import Gate, GateWSGI
from gatekeeper.store.contract import Store
from gatekeeper.web.service import Service

from .conftest import KEY, NOON, ORIGIN, SHOP, Browser, Clock

POLICIES = ("Content-Security-Policy", "Content-Security-Policy-Report-Only", "Connection-Allowlist", "Accept-CH")
SIGNALS: list[dict[str, str]] = [{}, {"Sec-GPC": "1"}, {"DNT": "1"}]


@pytest.fixture
def tables() -> dict[str, Any]:
    trackers = {**SHOP["trackers"], "ads": {**SHOP["trackers"]["ad-pixel"], "kind": "script", "hosts": ["ads.test"]}}
    return {**SHOP, "trackers": trackers, "gate": {"strict": True, "tags_only": ["/checkout*", "/käse"]}}


@pytest.fixture
def secure(browser: Browser, service: Service) -> Browser:
    """A browser on the site, served over https: only there may a browser be asked for anything."""
    browser.origin = "https://shop.test"
    published = service.published("shop")
    published.site = replace(published.site, origins=(browser.origin,))
    return browser


def asked(browser: Browser, path: str = "/", **headers: str) -> TestResponse:
    return browser.get("/gk/shop/gate", headers={"X-Forwarded-Uri": path, **headers})


def asked_with(app: Any, cookie: str, origin: str = ORIGIN) -> TestResponse:
    """Ask with a ``Cookie`` header as it is."""
    client = app.test_client(use_cookies=False)
    response: TestResponse = client.get("/gk/shop/gate", base_url=origin, headers={"Cookie": cookie})
    return response


def gated(browser: Browser, site: Site, path: str = "/", **headers: str) -> list[tuple[str, str]]:
    """Return what the middleware puts on a page for the same visitor."""

    def page(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"page"]

    held = "; ".join(f"{name}={browser.cookie(name)}" for name in ("gk_choice", "gk_subject") if browser.cookie(name))
    client = Client(GateWSGI(page, Gate(lambda: site, (KEY,), clock=lambda: NOON)), use_cookies=False)
    return of(client.get(path, base_url=ORIGIN, headers={"Cookie": held, **headers}))


def of(response: TestResponse) -> list[tuple[str, str]]:
    return [(name, value) for name in POLICIES for value in response.headers.getlist(name)]


@pytest.mark.row("GPC-03")
@pytest.mark.parametrize("signals", SIGNALS, ids=lambda said: "+".join(said) or "none")
@pytest.mark.parametrize(
    "granted", [None, (), ("analytics",), ("functional", "marketing"), ("functional", "analytics", "marketing")]
)
def test_a_web_server_is_told_what_the_middleware_sends(
    browser: Browser, service: Service, granted: tuple[str, ...] | None, signals: dict[str, str]
) -> None:
    if granted is not None:
        browser.choose(*granted)

    response = asked(browser, **signals)

    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Gatekeeper-Mode"] == "enforce"
    assert response.headers["Cache-Control"] == "no-store"
    assert of(response) == gated(browser, service.published("shop").site, **signals)
    assert [name for name, _ in of(response)] == ["Content-Security-Policy", "Connection-Allowlist"]
    reaches = "ads.test" in response.headers["Content-Security-Policy"]
    assert reaches == ("marketing" in (granted or ()) and not signals)


@pytest.mark.row("EU-08")
def test_a_withdrawal_holds_for_the_next_page(browser: Browser) -> None:
    browser.choose("marketing")
    granted = asked(browser).headers["Content-Security-Policy"]
    browser.choose()

    assert "ads.test" in granted
    assert "ads.test" not in asked(browser).headers["Content-Security-Policy"]


def test_a_grant_that_nobody_signed_counts_for_nothing(browser: Browser, app: Any) -> None:
    browser.choose("marketing")
    choice = f"gk_choice={browser.cookie('gk_choice')}"
    nobody = of(asked_with(app, ""))

    assert of(asked_with(app, choice)) == nobody
    assert of(asked_with(app, f"{choice}; gk_subject=x.y")) == nobody
    assert of(asked_with(app, f"{choice}; gk_subject={browser.cookie('gk_subject')}")) != nobody


def test_a_grant_ends_with_its_days(browser: Browser, clock: Clock) -> None:
    strictest = of(asked(browser))
    browser.choose("marketing")
    assert of(asked(browser)) != strictest

    clock.pass_days(181)

    assert of(asked(browser)) == strictest


@pytest.mark.parametrize("path", ["/checkout", "/checkout/card?x=1", "/k%C3%A4se", "/k%C3%A4se?x"])
def test_a_page_left_to_the_tags_has_no_policy(browser: Browser, path: str) -> None:
    response = asked(browser, path)

    assert of(response) == []
    assert response.headers["Gatekeeper-Mode"] == "off"
    assert of(asked(browser, f"/shop{path}"))


def test_a_lifted_site_has_no_policy(browser: Browser, service: Service, store: Store) -> None:
    store.lift("shop", lifted=True, at=NOON)
    service.refresh()

    response = asked(browser)

    assert (response.headers["Gatekeeper-Mode"], of(response)) == ("off", [])


def test_a_browser_in_learn_mode_is_let_through_and_reports(app: Any, service: Service) -> None:
    site = service.published("shop").site

    learning = asked_with(app, f"gk_learn={sign_learner((KEY,), site, until=NOON + 60)}")
    over = asked_with(app, f"gk_learn={sign_learner((KEY,), site, until=NOON)}")

    ((name, value),) = of(learning)
    assert learning.headers["Gatekeeper-Mode"] == "learn"
    assert name == "Content-Security-Policy-Report-Only"
    assert value.endswith("; report-uri /gk/shop/reports")
    assert over.headers["Gatekeeper-Mode"] == "enforce"


@pytest.mark.parametrize("granted", ["analytics", "marketing"])
def test_only_those_who_granted_the_log_are_asked_for_details_of_their_browser(secure: Browser, granted: str) -> None:
    secure.choose(granted)

    asks = asked(secure).headers.get("Accept-CH")

    assert asks == (HINTS if granted == "analytics" else None)


@pytest.mark.row("EU-01")
def test_asking_keeps_nothing(browser: Browser, store: Store, service: Service) -> None:
    asked(browser)
    browser.choose("analytics")
    asked(browser)
    store.flush()

    token = service.subject_tokens.verify(browser.cookie("gk_subject") or "")
    assert store.events("shop", token.subject) == []
    assert {total.what for total in store.totals("shop")} == {"choice", "purpose"}


def test_a_site_that_is_not_there_has_no_policy_to_tell(browser: Browser) -> None:
    response = browser.get("/gk/other/gate")

    assert response.status_code == 404
    assert "Gatekeeper-Mode" not in response.headers
