"""Deleting what was logged, once a visitor has withdrawn."""

from typing import Any

import pytest

from gatekeeper.core.tokens import SubjectToken
from gatekeeper.web.service import Service

from .conftest import Browser, Clock

VIEW = {"kind": "view", "path": "/secret-page"}


def withdrawn(browser: Browser, service: Service) -> tuple[bytes, dict[str, Any]]:
    """Grant, look at a page, withdraw; return the subject and the answer to the withdrawal."""
    browser.choose("analytics")
    token: SubjectToken = service.subject_tokens.verify(browser.cookie("gk_subject") or "")
    browser.post("/gk/shop/events", json={"events": [{**VIEW, "id": "019ab1c2d3e47abc8def00c0ffee7731"}]})
    assert [event.fields["path"] for event in service.store.events("shop", token.subject)] == ["/secret-page"]
    answer: dict[str, Any] = browser.post("/gk/shop/choice", json={}).get_json()
    return token.subject, answer


@pytest.mark.row("DS-05", "DS-07")
def test_who_withdraws_can_have_the_log_deleted_with_the_same_click_more(browser: Browser, service: Service) -> None:
    subject, answer = withdrawn(browser, service)

    deleted = browser.post("/gk/shop/erase", json={"ticket": answer["erase"]})

    assert (answer["state"], deleted.status_code) == ("withdrawn", 200)
    assert service.store.events("shop", subject) == []


def test_without_that_it_stays(browser: Browser, service: Service) -> None:
    subject, _ = withdrawn(browser, service)

    assert len(service.store.events("shop", subject)) == 1


def test_only_a_withdrawal_brings_a_ticket(browser: Browser) -> None:
    refused = browser.post("/gk/shop/choice", json={}).get_json()
    granted = browser.choose("analytics").get_json()

    assert "erase" not in refused
    assert "erase" not in granted


@pytest.mark.parametrize("change", [lambda ticket: "", lambda ticket: ticket[:-1], lambda ticket: "x" + ticket])
def test_a_ticket_that_is_not_ours_deletes_nothing(browser: Browser, service: Service, change: Any) -> None:
    subject, answer = withdrawn(browser, service)

    refused = browser.post("/gk/shop/erase", json={"ticket": change(answer["erase"])})

    assert refused.status_code == 400
    assert "ticket" in refused.get_json()["error"]
    assert len(service.store.events("shop", subject)) == 1


def test_another_signature_of_ours_is_no_ticket(browser: Browser, service: Service) -> None:
    browser.choose("analytics")

    refused = browser.post("/gk/shop/erase", json={"ticket": browser.cookie("gk_subject") or ""})

    assert refused.status_code == 400


def test_a_ticket_counts_for_a_day(browser: Browser, service: Service, clock: Clock) -> None:
    subject, answer = withdrawn(browser, service)
    clock.pass_days(1.001)

    refused = browser.post("/gk/shop/erase", json={"ticket": answer["erase"]})

    assert refused.status_code == 400
    assert len(service.store.events("shop", subject)) == 1
