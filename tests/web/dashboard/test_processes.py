"""Two processes that serve from one PostgreSQL: what one does to accounts and sessions holds in the other."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.core.staff import EVERY_SITE, Member, Role
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.dashboard import accounts
from tests.postgres import Postgres
from tests.web.conftest import Clock, publish

from .conftest import Staff, signed_in

EMAIL, PASSWORD = "ann@staff.test", "turnip orbit velvet seldom"
PAGE = "/dashboard/account"


@pytest.fixture
def apps(config: Config, clock: Clock, postgres: Postgres) -> Iterator[list[Any]]:
    postgres.execute("DROP DATABASE IF EXISTS dashboard")
    postgres.execute("CREATE DATABASE dashboard")
    url = postgres.url("dashboard")
    migrate(url)
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(url, clock=clock))) for _ in range(2)]
        for store in stores:
            store.start()
        publish(stores[0], config.sites["shop"])
        yield [create_app(replace(config, database_url=url), store=store, clock=clock) for store in stores]


def moved(browser: Staff, app: Any) -> Staff:
    """Return the same browser where another process answers it."""
    other = Staff(app)
    other.client.set_cookie("gk_staff", browser.cookie(), domain="localhost")
    return other


def is_in(browser: Staff) -> bool:
    return browser.get(PAGE).status_code == 200


def sign_in(browser: Staff) -> TestResponse:
    return browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD})


@pytest.mark.row("SE-26")
def test_what_one_process_does_holds_in_the_other(apps: list[Any], clock: Clock) -> None:
    one, two = Staff(apps[0]), Staff(apps[1])
    book, by = one.service.store.staff, Member(b"", "a test", {})
    account, code = accounts.open_account(book, EMAIL, "Ann", {EVERY_SITE: Role.OWNER}, by=by, now=one.service.now())
    told = {"email": EMAIL, "code": code, "password": PASSWORD, "again": PASSWORD}
    taken = [each.post("/sign-in/invitation", told).status_code for each in (one, two)]

    # A session is good everywhere, and over everywhere.
    sign_in(one)
    seen = moved(one, apps[1])
    before = is_in(seen)
    one.post("/sign-out")
    assert (taken, before, is_in(seen)) == ([303, 403], True, False)

    # So is the second factor, and each of its codes.
    sign_in(one)
    offer = one.post(PAGE, {"do": "offer-factor", "password": PASSWORD}).text
    secret = re.findall(r"this secret: <code>([A-Z2-7 ]+)<", offer)[0].replace(" ", "")
    (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', offer)
    one.post(PAGE, {"do": "take-factor", "sealed": sealed, "code": pyotp.TOTP(secret).at(int(clock()))})
    clock.at += 60
    fresh = pyotp.TOTP(secret).at(int(clock()))
    browsers = [Staff(app) for app in apps]
    for each in browsers:
        sign_in(each)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: each.post("/sign-in/code", {"code": fresh}), browsers))
    assert sorted(is_in(each) for each in browsers) == [False, True]

    # Wherever a session ends, it ends at both.
    held = next(each for each in browsers if is_in(each))
    accounts.end_sessions(two.service.store.staff, account.id, by=by, now=two.service.now())
    assert not is_in(held)
    assert two.service.store.staff.sessions(account.id) == []
    assert {entry.action for entry in book.entries(None, first=0, before=1 << 40, limit=99)} == {
        "account.opened",
        "account.password",
        "account.factor",
        "session.begun",
        "session.ended",
        "sign-in.refused",
    }


@pytest.mark.row("SE-17")
def test_two_owners_do_not_demote_each_other_at_once(apps: list[Any]) -> None:
    for _ in range(5):
        pair = [signed_in(app, {EVERY_SITE: Role.OWNER}) for app in apps]
        whose = [each.account for each in pair]
        assert whose[0] is not None
        assert whose[1] is not None
        demoted = [
            (pair[0], {"do": "roles", "account": whose[1].id.hex(), "role.shop": "auditor"}),
            (pair[1], {"do": "roles", "account": whose[0].id.hex(), "role.shop": "auditor"}),
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: each[0].post("/dashboard/people", each[1]), demoted))

        book = pair[0].service.store.staff
        owners = [each for each in book.accounts() if each.roles.get(EVERY_SITE) is Role.OWNER]
        assert owners
        for each in owners:
            book.keep(replace(each, roles={"shop": Role.OWNER}))


def test_the_audit_page_reads_it_all(apps: list[Any]) -> None:
    staff = signed_in(apps[1], {EVERY_SITE: Role.AUDITOR})
    by = Member(b"", "a test", {})
    book = Staff(apps[0]).service.store.staff
    accounts.open_account(book, EMAIL, "Ann", {"shop": Role.OWNER}, by=by, now=staff.service.now())

    assert "account.opened" in staff.get("/dashboard/audit?action=account.").text
    assert "account.opened" not in staff.get("/dashboard/audit?action=sign-in.").text
    assert b"account.opened" in staff.get("/dashboard/audit?form=csv").data
