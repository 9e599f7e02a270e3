"""The metrics: what operators watch, as Prometheus reads it, and no visitor in them."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gatekeeper.web.service import Service

from .conftest import CHROME, DAY, Browser, Clock


def read(browser: Browser) -> dict[str, Any]:
    """Return the samples by name and labels, as Prometheus would."""
    response = browser.client.get("/metrics", base_url="http://localhost", environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_decisions_are_counted_by_their_reason(browser: Browser, new_browser: Any) -> None:
    granting, refusing = browser, new_browser()
    granting.choose("analytics")
    refusing.choose()
    for one, times in ((granting, 3), (refusing, 2), (new_browser(), 4)):
        for _ in range(times):
            one.get("/gk/shop/b/seen.gif")

    found = read(browser)

    assert found["gatekeeper_decisions_total{reason=granted}"] == 3
    assert found["gatekeeper_decisions_total{reason=refused}"] == 2
    assert found["gatekeeper_decisions_total{reason=no_choice}"] == 4
    assert found["gatekeeper_events_total"] == 3


def test_what_was_withdrawn_meanwhile_is_counted_as_dropped(browser: Browser) -> None:
    browser.choose("analytics")
    kept = [browser.client.get_cookie(name, domain="shop.test") for name in ("gk_choice", "gk_subject")]
    browser.choose()
    for cookie in kept:
        assert cookie is not None
        browser.client.set_cookie(cookie.key, cookie.value, domain="shop.test")
    browser.get("/gk/shop/b/seen.gif")

    assert read(browser)["gatekeeper_events_dropped_total{reason=withdrawn}"] == 1


def test_commit_times_are_a_histogram(browser: Browser) -> None:
    browser.choose("analytics")

    found = read(browser)

    assert found["gatekeeper_commit_seconds_count"] == found["gatekeeper_commit_seconds_bucket{le=+Inf}"] >= 1
    assert found["gatekeeper_commit_seconds_sum"] > 0


def test_a_store_that_is_gone_is_told_and_the_metrics_answer_all_the_same(browser: Browser, service: Service) -> None:
    before = read(browser)
    service.store.close()

    after = read(browser)

    assert (before["gatekeeper_store_healthy"], before["gatekeeper_healthy"]) == (1, 1)
    assert (after["gatekeeper_store_healthy"], after["gatekeeper_healthy"]) == (0, 0)


@pytest.mark.row("SE-22")
def test_they_hold_no_address_no_agent_and_no_id(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    browser.get("/gk/shop/b/seen.gif", environ_base={"REMOTE_ADDR": "203.0.113.77"})
    browser.get("/gk/shop/b/canary-name.gif")
    subject = service.subject_tokens.verify(browser.cookie("gk_subject") or "").subject.hex()

    text = browser.client.get("/metrics", base_url="http://localhost", environ_base={"REMOTE_ADDR": "::1"}).text

    for secret in (subject, "203.0.113", "canary", "Chrome", CHROME):
        assert secret not in text
    assert not re.search(r"[0-9a-f]{32}", text)


def test_the_age_of_the_last_purge_is_told_once_there_was_one(browser: Browser, service: Service, clock: Clock) -> None:
    assert "gatekeeper_purge_age_seconds" not in read(browser)
    list(service.store.purge([], now=service.now()))
    clock.pass_days(2)

    assert read(browser)["gatekeeper_purge_age_seconds"] == 2 * DAY


def test_metrics_that_are_named_in_the_documents_exist(browser: Browser, service: Service) -> None:
    list(service.store.purge([], now=service.now()))
    text = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text("utf-8")
    named = set(re.findall(r"`(gatekeeper_[a-z_]+)`", text))
    browser.choose("analytics")
    found = {name.split("{")[0] for name in read(browser)}

    assert named
    assert {name for name in named if not any(one.startswith(name) for one in found)} == {
        "gatekeeper_events_dropped_total"
    }, "nothing was dropped yet"
