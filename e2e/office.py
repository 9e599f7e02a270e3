"""The staff's side: the demo's shop with some days behind it, its dashboard, and browsers of its staff."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page

from gatekeeper.app import create_app
from gatekeeper.config import load_config
from gatekeeper.core.staff import EVERY_SITE, Role
from gatekeeper.demo import history
from gatekeeper.demo.prepare import prepare, publish
from gatekeeper.demo.state import SITE, STAFF, State
from gatekeeper.store.books import Account, Session
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store
from gatekeeper.web.dashboard.passwords import keep_password
from gatekeeper.web.dashboard.sessions import digest
from gatekeeper.web.routes import ROUTES, Auth
from gatekeeper.web.service import Service
from tests.ports import free_port

from .serving import Servers

EMAIL, PASSWORD = "vera@bluekettle.example", "seven kettles on a stove of iron"
#: A person's browser. Those that tests drive say that they are machines, and are counted by themselves.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
#: Who a browser is of: somebody with a role, somebody who has yet to show the second factor, or nobody.
OWNER, MARKETING, HALFWAY, NOBODY = "owner", "marketing", "halfway", "nobody"


class Leaf(NamedTuple):
    """A page of the dashboard.

    :param route: its path in the table of routes; empty for one that stands for none.
    :param path: where it is opened.
    :param by: whose browser opens it.
    """

    route: str
    path: str
    by: str = OWNER


#: Every page that staff may open, by a name. Whoever adds a page, lists it here: then it is looked at.
PAGES: Mapping[str, Leaf] = {
    "overview": Leaf("/dashboard/<site>/", "/dashboard/shop/?days=7"),
    "overview-filtered": Leaf("/dashboard/<site>/", "/dashboard/shop/?days=90&f.device=mobile&bot=1"),
    "trackers": Leaf("/dashboard/<site>/trackers", "/dashboard/shop/trackers?days=7"),
    "tracker": Leaf("/dashboard/<site>/trackers/<tracker>", "/dashboard/shop/trackers/tallyhouse?counted=70"),
    "guard": Leaf("/dashboard/<site>/trackers/<tracker>", "/dashboard/shop/trackers/gatekeeper"),
    "why": Leaf("/dashboard/<site>/why", "/dashboard/shop/why?tracker=tallyhouse&choice=refused"),
    "visits": Leaf("/dashboard/<site>/visits", "/dashboard/shop/visits?days=7"),
    "visitor": Leaf("/dashboard/<site>/visitor", "/dashboard/shop/visitor"),
    "changes": Leaf("/dashboard/<site>/changes", "/dashboard/shop/changes?days=7"),
    "alarms": Leaf("/dashboard/<site>/alarms", "/dashboard/shop/alarms"),
    "live": Leaf("/dashboard/<site>/live", "/dashboard/shop/live"),
    "registry": Leaf("/dashboard/<site>/registry", "/dashboard/shop/registry"),
    "report": Leaf("/dashboard/<site>/report", "/dashboard/shop/report?days=7"),
    "first": Leaf("/dashboard/", "/dashboard/"),
    "account": Leaf("/dashboard/account", "/dashboard/account"),
    "people": Leaf("/dashboard/people", "/dashboard/people"),
    "audit": Leaf("/dashboard/audit", "/dashboard/audit"),
    "refused": Leaf("", "/dashboard/people", MARKETING),
    "sign-in": Leaf("/sign-in", "/sign-in", NOBODY),
    "code": Leaf("/sign-in/code", "/sign-in/code", HALFWAY),
    "invitation": Leaf("/sign-in/invitation", "/sign-in/invitation", NOBODY),
}
#: What staff may ask for beside that is no page: files and charts, the stream of Live, the ways to a provider and back.
NO_PAGES = {
    "/dashboard/<site>/panels/<panel>.<form>",
    "/dashboard/<site>/live/stream",
    "/sign-in/provider",
    "/sign-in/back",
}


def routes() -> set[str]:
    """Return every path that staff may open, by the table of routes."""
    return {
        route.path
        for route in ROUTES
        if route.method == "GET" and (route.auth is Auth.MEMBER or route.path.startswith("/sign-in"))
    }


class Visited(NamedTuple):
    """A visitor who was there.

    :param code: of the receipt that they were given.
    """

    code: str
    subject: bytes


@dataclass
class Office:
    """The shop's dashboard, serving.

    :param more: what stands in the shop's registry beside what the demo declares.
    """

    folder: Path
    more: str = ""
    port: int = field(default_factory=free_port)
    accounts: dict[str, Account] = field(default_factory=dict)

    def start(self) -> "Office":
        """Live through some days of the shop, open accounts, and serve."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history, "DAYS", 10)
            patch.setattr(history, "BROKEN", 1)
            prepare(self.folder, self.port, history=True)
        state = State(self.folder.resolve())
        state.registry.write_text(state.registry.read_text("utf-8") + self.more, "utf-8")
        config = replace(load_config(state.environment), rate_limit=0)
        publish(config)
        self.store: Store = open_store(config.database_url, zones=config.zones)
        self.store.start()
        for name, role in ((OWNER, Role.OWNER), (MARKETING, Role.MARKETING)):
            email = EMAIL if name == OWNER else f"{name}@bluekettle.example"
            self.open_account(name, email, {EVERY_SITE: role}, title="Vera" if name == OWNER else "Mark")
        self.app: Flask = create_app(config, store=self.store)
        self._servers = Servers(self.port, {"127.0.0.1": self.app})
        return self

    def stop(self) -> None:
        self._servers.stop()
        self.store.close()

    @property
    def service(self) -> Service:
        found = self.app.extensions["gatekeeper"]
        assert isinstance(found, Service)
        return found

    def url(self, path: str) -> str:
        return f"http://{STAFF}:{self.port}{path}"

    def open_account(self, name: str, email: str, roles: Mapping[str, Role], *, title: str) -> None:
        account = Account(
            secrets.token_bytes(16), email, title, roles, keep_password(PASSWORD), created_at=int(time.time())
        )
        self.store.staff.keep(account)
        self.accounts[name] = account

    @contextmanager
    def browse(self, browser: Browser, by: str = OWNER, **settings: Any) -> Iterator[BrowserContext]:
        """Open a browser in which somebody is signed in, without the way through the forms."""
        context = browser.new_context(**settings)
        if by != NOBODY:
            token, now = secrets.token_urlsafe(32), int(time.time())
            account = self.accounts[OWNER if by == HALFWAY else by]
            agent = "Chrome 142, Linux"
            self.store.staff.begin(Session(digest(token), account.id, now, now, by != HALFWAY, agent))
            context.add_cookies([{"name": "gk_staff", "value": token, "url": self.url("/")}])
        yield context
        context.close()
        if by != NOBODY:
            self.store.staff.end_session(digest(token))

    def visit(self, *rows: Mapping[str, Any], headers: Mapping[str, str] = MappingProxyType({})) -> Visited:
        """Have a visitor agree to everything, and the guard tell some rows of them, as browsers send it."""
        site, client = self.service.published(SITE).site, self.app.test_client()
        told = {"User-Agent": AGENT, "Accept-Language": "en-IE", "Origin": site.origins[0], **headers}
        granted = [purpose.id for purpose in site.optional_purposes]
        choice = {"granted": granted, "refused": [], "notice": 1, "language": "en", "method": "accept_all"}
        events = [{"id": secrets.token_hex(16), "path": "/", **row} for row in rows]
        answers = [
            client.post(
                f"/gk/{SITE}/{what}",
                base_url=site.origins[0],
                headers=told,
                json=body,
                environ_base={"REMOTE_ADDR": "127.0.0.1"},
            )
            for what, body in (("choice", choice), ("events", {"events": events}))
        ]
        assert [answer.status_code for answer in answers] == [200, 204], answers[-1].text
        token = client.get_cookie("gk_subject", domain="127.0.0.1")
        assert token
        return Visited(
            answers[0].get_json()["receipt"]["code"], self.service.subject_tokens.verify(token.value).subject
        )


@contextmanager
def opened(folder: Path, more: str = "") -> Iterator[Office]:
    """Serve a shop's dashboard."""
    office = Office(folder, more).start()
    try:
        yield office
    finally:
        office.stop()


def load_charts(page: Page) -> None:
    """Wait for the charts that are not in the window yet, too."""
    page.evaluate(
        """() => Promise.all([...document.querySelectorAll("img.chart")].map((image) => {
            image.loading = "eager";
            return image.decode();
        }))"""
    )


def width(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    found: int = page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)")
    return found
