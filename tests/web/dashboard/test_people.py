"""Accounts of others: opened, invited again, given roles, closed; and always somebody left who may."""

import re
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.core.staff import EVERY_SITE, Role
from gatekeeper.store.books import Account
from gatekeeper.web.dashboard import passwords
from gatekeeper.web.service import Service

from .conftest import Staff, signed_in

PAGE = "/dashboard/people"
NEW = {"do": "open", "email": "New@Staff.test ", "name": " Newt  Newman", "role.shop": "marketing"}


def do(staff: Staff, what: str, whose: Account | None = None, **fields: str) -> TestResponse:
    told = {name.replace("__", "."): value for name, value in fields.items()}
    return staff.post(PAGE, {"do": what, **({"account": whose.id.hex()} if whose else {}), **told})


def found(service: Service, email: str = "new@staff.test") -> Account:
    account = service.store.staff.find(email)
    assert account is not None
    return account


def code_on(page: TestResponse) -> str:
    codes: list[str] = re.findall(r"Code: <code>([0-9A-Z-]+)</code>", page.text)
    return codes[0] if codes else ""


@pytest.fixture
def bob(app: Any) -> Staff:
    return signed_in(app, {"shop": Role.MARKETING})


@pytest.mark.row("SE-26")
def test_an_account_is_opened_by_an_invitation_that_is_shown_once(staff: Staff, service: Service) -> None:
    page = staff.post(PAGE, NEW)

    account = found(service)
    assert page.status_code == 200
    assert (account.name, account.roles) == ("Newt Newman", {"shop": Role.MARKETING})
    assert passwords.code_fits(account.password, code_on(page), now=service.now())
    assert "http://localhost/sign-in/invitation" in page.text
    assert code_on(page) not in staff.get(PAGE).text
    assert code_on(page) not in account.password


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"email": "new"}, "is not an e-mail address"),
        ({"email": "a b@c.d"}, "is not an e-mail address"),
        ({"email": ""}, "is not an e-mail address"),
        ({"email": "x" * 251 + "@c.d"}, "is not an e-mail address"),
        ({"role.shop": ""}, "no role was chosen"),
        ({"role.shop": "king"}, "is not one of owner, marketing, privacy, auditor"),
        ({"name": "x" * 81}, "is no name"),
        ({"name": "a\u202eb"}, "is no name"),
    ],
)
def test_what_breaks_a_rule_opens_nothing(staff: Staff, service: Service, fields: dict[str, str], told: str) -> None:
    before = service.store.staff.accounts()

    page = staff.post(PAGE, {**NEW, **fields})

    assert page.status_code == 400
    assert told in page.text
    assert service.store.staff.accounts() == before


def test_an_address_has_one_account(staff: Staff) -> None:
    staff.post(PAGE, NEW)

    assert "has an account" in staff.post(PAGE, NEW).text


@pytest.mark.row("SE-17")
def test_other_roles_take_hold_and_end_what_was_signed_in_to(staff: Staff, bob: Staff) -> None:
    assert bob.account is not None

    response = do(staff, "roles", bob.account, role__shop="auditor")

    assert response.status_code == 303
    assert found(staff.service, bob.account.email).roles == {"shop": Role.AUDITOR}
    assert bob.get("/dashboard/account").status_code == 303


@pytest.mark.row("SE-26")
def test_ones_own_new_roles_begin_another_session(staff: Staff, app: Any) -> None:
    signed_in(app, {EVERY_SITE: Role.OWNER})
    before = staff.cookie()
    assert staff.account is not None

    do(staff, "roles", staff.account, **{"role__*": "auditor"})

    assert staff.cookie() not in {"", before}
    assert staff.get("/dashboard/account").status_code == 200
    assert staff.get(PAGE).status_code == 403


@pytest.mark.row("SE-26")
def test_a_new_invitation_ends_the_password_and_the_sessions(staff: Staff, bob: Staff) -> None:
    assert bob.account is not None

    page = do(staff, "invite", bob.account)

    account = found(staff.service, bob.account.email)
    assert passwords.code_fits(account.password, code_on(page), now=staff.service.now())
    assert bob.get("/dashboard/account").status_code == 303


def test_a_lost_second_factor_is_taken_off(staff: Staff, bob: Staff) -> None:
    assert bob.account is not None
    staff.service.store.staff.keep(replace(bob.account, totp="sealed", recovery=("x",)))

    do(staff, "drop-factor", bob.account)

    assert found(staff.service, bob.account.email) == bob.account


@pytest.mark.row("SE-26")
def test_all_sessions_of_somebody_are_ended(staff: Staff, bob: Staff) -> None:
    assert bob.account is not None
    do(staff, "end-sessions", bob.account)

    assert bob.get("/dashboard/account").status_code == 303
    assert staff.get(PAGE).status_code == 200


@pytest.mark.row("SE-17")
def test_a_closed_account_opens_nothing_and_may_be_opened_again(staff: Staff, bob: Staff) -> None:
    assert bob.account is not None
    unsure = do(staff, "close", bob.account)
    do(staff, "close", bob.account, sure="on")
    closed = found(staff.service, bob.account.email)
    out = bob.get("/dashboard/account").status_code

    do(staff, "invite", bob.account)

    assert unsure.status_code == 400
    assert closed.ended_at == staff.service.now()
    assert out == 303
    assert found(staff.service, bob.account.email).ended_at is None


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("fields", [{"do": "close", "sure": "on"}, {"do": "roles", "role.shop": "owner"}])
def test_somebody_always_owns_every_site(staff: Staff, app: Any, fields: dict[str, str]) -> None:
    assert staff.account is not None
    other = signed_in(app, {EVERY_SITE: Role.OWNER})
    told = {**fields, "account": staff.account.id.hex()}
    signed_in(app, {EVERY_SITE: Role.PRIVACY, "shop": Role.OWNER})
    assert other.account is not None
    staff.service.store.staff.keep(replace(other.account, ended_at=1))

    page = staff.post(PAGE, told)
    staff.service.store.staff.keep(other.account)
    then = staff.post(PAGE, told)

    assert page.status_code == 400
    assert "is the last owner of every site" in page.text
    assert then.status_code == 303


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("what", ["invite", "drop-factor", "end-sessions"])
def test_the_way_around_ones_own_password_is_closed(staff: Staff, what: str) -> None:
    assert staff.account is not None
    before = found(staff.service, staff.account.email)

    page = do(staff, what, staff.account)

    assert page.status_code == 400
    assert "own account" in page.text
    assert found(staff.service, staff.account.email) == before


def test_an_account_that_is_not_there_is_told(staff: Staff) -> None:
    assert staff.post(PAGE, {"do": "close", "account": "00", "sure": "on"}).status_code == 400
    assert staff.post(PAGE, {"do": "dance"}).status_code == 400


@pytest.mark.row("SE-26")
def test_every_change_stands_in_the_trail(staff: Staff, service: Service) -> None:
    assert staff.account is not None
    staff.post(PAGE, NEW)
    account = found(service)
    do(staff, "roles", account, role__shop="privacy")
    do(staff, "invite", account)
    do(staff, "drop-factor", account)
    do(staff, "end-sessions", account)
    do(staff, "close", account, sure="on")

    trail = service.store.staff.entries(None, first=0, before=1 << 40, limit=99)
    assert sorted(entry.action for entry in trail) == sorted(
        [
            "account.opened",
            "account.roles",
            "account.invited",
            "account.factor",
            "session.ended",
            "account.closed",
        ]
    )
    assert {(entry.who, entry.about) for entry in trail} == {(staff.account.name, account.id.hex())}


def test_names_are_shown_as_text(staff: Staff) -> None:
    staff.post(PAGE, {**NEW, "name": '"><img src=x onerror=alert(1)>'})
    page = staff.get(PAGE).text

    assert "<img" not in page
    assert "&lt;img" in page
