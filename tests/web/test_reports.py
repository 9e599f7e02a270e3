"""Reports of staff browsers: both forms of the browser's own and the guard's. Of visitors nothing is taken."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.core.learners import LEARNS_FOR, set_learner, sign_learner
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.store.contract import Store
from gatekeeper.web import service as services
from gatekeeper.web.service import Service

from .conftest import KEY, NOON, ORIGIN, Browser, Clock

REPORTS = "/gk/shop/reports"
DAY = "2026-11-22"
CANARY = "canary7731"
SCRIPT = Sighting("shop", DAY, Seen.SCRIPT, "cdn.stats.test", "/js")


def by_uri(url: str, directive: str = "script-src-elem", **more: Any) -> bytes:
    """Return a report as browsers send it to ``report-uri``."""
    told = {
        "document-uri": f"{ORIGIN}/secretpage?{CANARY}",
        "referrer": f"{ORIGIN}/?{CANARY}",
        "violated-directive": directive,
        "effective-directive": directive,
        "original-policy": "default-src 'self'",
        "disposition": "report",
        "blocked-uri": url,
        "line-number": 7,
        "source-file": f"{ORIGIN}/app.js?{CANARY}",
        "script-sample": CANARY,
        "status-code": 200,
    }
    return json.dumps({"csp-report": {**told, **more}}).encode()


def by_api(*urls: str, kind: str = "csp-violation") -> bytes:
    """Return reports as browsers send them by the Reporting API."""
    body = {"documentURL": f"{ORIGIN}/?{CANARY}", "effectiveDirective": "img-src", "sample": CANARY, "statusCode": 200}
    rows = [
        {
            "age": 3,
            "type": kind,
            "url": f"{ORIGIN}/?{CANARY}",
            "user_agent": CANARY,
            "body": {**body, "blockedURL": url},
        }
        for url in urls
    ]
    return json.dumps(rows).encode()


def by_guard(**told: Any) -> bytes:
    return json.dumps(told).encode()


URL = f"https://cdn.stats.test/js?uid={CANARY}#{CANARY}"
FORMS = {
    "application/csp-report": by_uri(URL),
    "application/reports+json": by_api(URL),
    "application/json": by_guard(seen=[{"host": "cdn.stats.test", "as": "script", "path": f"/js?{CANARY}"}]),
    "text/plain": by_guard(names=[{"name": "_ga", "kind": "cookie"}]),
}


@pytest.fixture
def staff(new_browser: Callable[..., Browser], service: Service) -> Browser:
    """A browser of the site's staff that learns."""
    site = service.published("shop").site
    browser = new_browser()
    for cookie in set_learner(site, sign_learner((KEY,), site, until=NOON + LEARNS_FOR)):
        name, _, value = cookie.partition(";")[0].partition("=")
        browser.client.set_cookie(name, value, domain="shop.test")
    return browser


def send(browser: Browser, body: bytes, kind: str = "application/csp-report", **headers: str) -> TestResponse:
    return browser.post(REPORTS, data=body, content_type=kind, headers=headers)


@pytest.mark.row("SE-14")
@pytest.mark.parametrize("kind", FORMS)
def test_what_staff_met_is_kept_without_queries_pages_or_people(
    staff: Browser, store: Store, tmp_path: Path, kind: str
) -> None:
    staff.client.environ_base["REMOTE_ADDR"] = "198.51.100.77"
    staff.headers["User-Agent"] = f"{CANARY} agent"

    response = send(staff, FORMS[kind], kind)

    assert (response.status_code, response.data) == (204, b"")
    wanted = {
        "application/reports+json": Sighting("shop", DAY, Seen.IMAGE, "cdn.stats.test", "/js"),
        "text/plain": Sighting("shop", DAY, Seen.COOKIE, "_ga"),
    }
    assert store.sightings("shop") == {wanted.get(kind, SCRIPT): 1}
    store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"_ga" in kept or b"cdn.stats.test" in kept
    for secret in (CANARY.encode(), b"198.51.100.77", b"secretpage", b"app.js"):
        assert secret not in kept


@pytest.mark.row("EU-01", "SE-14")
@pytest.mark.parametrize("kind", FORMS)
def test_a_visitors_browser_reports_nothing(browser: Browser, store: Store, tmp_path: Path, kind: str) -> None:
    before = _dump(tmp_path)

    response = send(browser, FORMS[kind], kind)

    assert response.status_code == 403
    assert "gatekeeper learn" in response.json["error"]
    store.flush()
    assert _dump(tmp_path) == before


def _dump(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "gatekeeper.db") as reader:
        return list(reader.iterdump())


def test_the_readable_cookie_alone_opens_nothing(browser: Browser, store: Store) -> None:
    browser.client.set_cookie("gk_learning", "1", domain="shop.test")
    browser.client.set_cookie("gk_learn", "1", domain="shop.test")

    assert send(browser, by_uri(URL)).status_code == 403
    assert store.sightings("shop") == {}


def test_a_learners_time_ends(staff: Browser, store: Store, clock: Clock) -> None:
    clock.at += LEARNS_FOR

    assert send(staff, by_uri(URL)).status_code == 403
    assert store.sightings("shop") == {}


def test_a_page_of_another_site_cannot_have_staff_report(staff: Browser, store: Store) -> None:
    response = send(staff, by_uri(URL), Origin="https://evil.example", Sec_Fetch_Site="cross-site")

    assert response.status_code == 403
    assert store.sightings("shop") == {}


@pytest.mark.parametrize(
    ("directive", "what"),
    [
        ("script-src", Seen.SCRIPT),
        ("script-src-elem", Seen.SCRIPT),
        ("worker-src", Seen.SCRIPT),
        ("img-src", Seen.IMAGE),
        ("frame-src", Seen.FRAME),
        ("connect-src", Seen.CONNECT),
        ("font-src", Seen.FONT),
        ("style-src-elem", Seen.STYLE),
        ("media-src", Seen.MEDIA),
        ("form-action", Seen.FORM),
        ("object-src", Seen.OTHER),
        ("default-src", Seen.OTHER),
        ("", Seen.OTHER),
    ],
)
def test_a_directive_says_how_a_host_was_used(staff: Browser, store: Store, directive: str, what: Seen) -> None:
    send(staff, by_uri(URL, directive))

    assert [sighting.what for sighting in store.sightings("shop")] == [what]


def test_an_older_browser_names_only_what_was_violated(staff: Browser, store: Store) -> None:
    send(staff, by_uri(URL, **{"violated-directive": "img-src 'self'", "effective-directive": ""}))

    assert [sighting.what for sighting in store.sightings("shop")] == [Seen.IMAGE]


@pytest.mark.parametrize("url", ["inline", "eval", "data", "https://player.tube.test/v", f"{ORIGIN}/own.js", ""])
def test_what_needs_no_declaration_is_taken_and_not_kept(staff: Browser, store: Store, url: str) -> None:
    assert send(staff, by_uri(url)).status_code == 204
    assert send(staff, by_api(url), "application/reports+json").status_code == 204
    assert store.sightings("shop") == {}


def test_several_reports_come_at_once_and_other_kinds_are_left_unread(staff: Browser, store: Store) -> None:
    both = json.loads(by_api(URL, URL, "https://px.ads.test/1.gif")) + json.loads(by_api(URL, kind="deprecation"))
    both[-1]["body"] = "of another form"

    assert send(staff, json.dumps(both).encode(), "application/reports+json").status_code == 204

    assert store.sightings("shop") == {
        Sighting("shop", DAY, Seen.IMAGE, "cdn.stats.test", "/js"): 2,
        Sighting("shop", DAY, Seen.IMAGE, "px.ads.test", "/1.gif"): 1,
    }


@pytest.mark.row("SE-16")
@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/csp-report", b"", 400),
        ("application/csp-report", b"{}", 400),
        ("application/csp-report", b"[]", 400),
        ("application/csp-report", b"\xff", 400),
        ("application/csp-report", b'{"csp-report": {"blocked-uri": 7}}', 400),
        ("application/csp-report", by_uri("https://x.test/" + "a" * 5000), 400),
        ("application/csp-report", by_uri("https://x.test/" + "a" * 70_000), 413),
        ("application/reports+json", b"{}", 400),
        ("application/reports+json", b'[{"body": {}}]', 400),
        ("application/reports+json", b'[{"type": "csp-violation", "body": [7]}]', 400),
        ("application/reports+json", by_api(*["x"] * 301), 413),
        ("application/reports+json", json.dumps([{"type": "x"}] * 301).encode(), 400),
        ("text/plain", by_guard(seen=[{"host": "x.test", "as": "wish"}]), 400),
        ("text/plain", by_guard(seen=[{"host": "x.test", "as": "image", "cookie": "a=b"}]), 400),
        ("text/plain", by_guard(names=[{"name": "a", "kind": "cookie", "value": "b"}]), 400),
        ("text/plain", by_guard(seen=[{"host": "x.test", "as": "image"}] * 301), 400),
        ("text/plain", by_guard(page="/basket"), 400),
        ("text/html", by_guard(), 400),
        ("", by_guard(), 400),
    ],
)
def test_a_body_of_another_form_is_refused_and_nothing_of_it_kept(
    staff: Browser, store: Store, kind: str, body: bytes, status: int
) -> None:
    response = send(staff, body, kind)

    assert response.status_code == status
    assert store.sightings("shop") == {}


def test_more_reports_than_people_cause_are_not_taken_until_a_minute_has_passed(
    staff: Browser, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = staff.client.application.extensions["gatekeeper"].reports
    monkeypatch.setattr(rate, "_limit", 2)

    answers = [send(staff, by_uri(URL)) for _ in range(3)]
    clock.at += 60
    later = send(staff, by_uri(URL))

    assert [answer.status_code for answer in [*answers, later]] == [204, 204, 429, 204]
    assert answers[-1].headers["Retry-After"] == "60"
    assert store.sightings("shop") == {SCRIPT: 3}
    assert services.REPORTS >= 600


def test_a_store_that_takes_no_writes_answers_503(staff: Browser, store: Store) -> None:
    store.close()

    assert send(staff, by_uri(URL)).status_code == 503
