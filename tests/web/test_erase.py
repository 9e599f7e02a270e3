"""Deleting what was logged, once a visitor has withdrawn."""

import re
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


# Without JavaScript


def ask(browser: Browser) -> str:
    """Withdraw as a form, and return the ticket that its answer carries."""
    page = browser.post("/gk/shop/choices", data={"do": "withdraw"}, headers={"Sec-Fetch-Mode": "navigate"}).text
    found = re.search(r'name="erase" value="([^"]+)"', page)
    return found[1] if found else ""


@pytest.mark.row("DS-05", "DS-07")
@pytest.mark.parametrize(("do", "left", "said"), [("erase", 0, "Deleted."), ("keep", 1, "It stays until")])
def test_who_withdraws_by_a_form_is_asked_as_well(
    browser: Browser, service: Service, do: str, left: int, said: str
) -> None:
    browser.choose("analytics")
    token: SubjectToken = service.subject_tokens.verify(browser.cookie("gk_subject") or "")
    browser.post("/gk/shop/events", json={"events": [{**VIEW, "id": "019ab1c2d3e47abc8def00c0ffee7731"}]})

    ticket = ask(browser)
    answer = browser.post("/gk/shop/choices", data={"do": do, "erase": ticket})

    assert ticket
    assert said in answer.text
    assert len(service.store.events("shop", token.subject)) == left
    assert "g" not in (browser.cookie("gk_choice") or "").split(".")[4]


@pytest.mark.parametrize("ticket", ["", "x", "é"])
def test_a_form_without_a_ticket_of_ours_deletes_nothing_and_says_so(
    browser: Browser, service: Service, ticket: str
) -> None:
    browser.choose("analytics")
    token: SubjectToken = service.subject_tokens.verify(browser.cookie("gk_subject") or "")
    browser.post("/gk/shop/events", json={"events": [{**VIEW, "id": "019ab1c2d3e47abc8def00c0ffee7731"}]})

    answer = browser.post("/gk/shop/choices", data={"do": "erase", "erase": ticket})

    assert "could not be deleted" in answer.text
    assert len(service.store.events("shop", token.subject)) == 1


def test_who_never_agreed_is_not_asked_about_a_log(browser: Browser) -> None:
    browser.choose()

    assert ask(browser) == ""
