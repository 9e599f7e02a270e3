"""Browsers of staff who are signed in, each with a role."""

import secrets
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gatekeeper.core.staff import EVERY_SITE, Role
from gatekeeper.store.books import Account, Session
from gatekeeper.web.dashboard.sessions import digest
from gatekeeper.web.service import Service
from tests.web.conftest import CHROME

HOST = "http://localhost"
NAVIGATION = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class Staff:
    """A browser on the dashboard, on this machine. It says where requests come from, as browsers do."""

    def __init__(self, app: Any, account: Account | None = None) -> None:
        self.app = app
        self.account = account
        self.client: FlaskClient = app.test_client()

    @property
    def service(self) -> Service:
        found = self.app.extensions["gatekeeper"]
        assert isinstance(found, Service)
        return found

    def get(self, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        return self.open("GET", path, headers, **more)

    def post(
        self, path: str, data: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> TestResponse:
        return self.open("POST", path, {"Origin": HOST, **(headers or {})}, data=data or {}, **more)

    def open(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        told = {"User-Agent": CHROME, **NAVIGATION, **(headers or {})}
        here = {"REMOTE_ADDR": "127.0.0.1", **more.pop("environ", {})}
        return self.client.open(
            path,
            method=method,
            base_url=more.pop("base_url", HOST),
            headers={name: value for name, value in told.items() if value},
            environ_base=here,
            **more,
        )

    def cookie(self, name: str = "gk_staff") -> str:
        held = self.client.get_cookie(name, domain="localhost")
        return held.value if held else ""

    def as_(self, role: Role | None, site: str = EVERY_SITE) -> "Staff":
        """Return another browser, in which somebody else with a role is signed in; with None, nobody is."""
        if role is None:
            return Staff(self.app)
        return signed_in(self.app, {site: role})


def signed_in(app: Any, roles: Mapping[str, Role]) -> Staff:
    """Open an account and return a browser in which its owner is signed in."""
    name = secrets.token_hex(4)
    service: Service = app.extensions["gatekeeper"]
    now = service.now()
    account = Account(secrets.token_bytes(16), f"{name}@staff.test", f"Staff {name}", roles, created_at=now)
    service.store.staff.keep(account)
    staff = Staff(app, account)
    begin(staff)
    return staff


def begin(staff: Staff) -> None:
    """Sign a browser in, without the way through the forms."""
    assert staff.account is not None
    token, now = secrets.token_urlsafe(32), staff.service.now()
    staff.service.store.staff.begin(Session(digest(token), staff.account.id, now, now, True, "Chrome 141, Linux"))
    staff.client.set_cookie("gk_staff", token, domain="localhost")


@pytest.fixture
def staff(app: Any) -> Staff:
    """The browser of an owner of every site."""
    return signed_in(app, {EVERY_SITE: Role.OWNER})
