"""The API, as programs use it: with a token, without any cookie, and with nothing left unsaid."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gatekeeper.core.rollups import FACETS
from gatekeeper.core.staff import EVERY_SITE, Right, Role
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.store.books import Account, Alarm, ApiToken, Entry, Mark, MarkKind
from gatekeeper.web.dashboard.sessions import digest
from gatekeeper.web.openapi import key_of
from gatekeeper.web.routes import ROUTES, Auth, Route
from gatekeeper.web.service import Service
from tests.web.conftest import NOON, ORIGIN, Browser
from tests.web.fuzz import HOST, NEGATIVE, POSITIVE, Fuzz

from .conftest import Staff

API = [route for route in ROUTES if route.auth is Auth.TOKEN]
PANEL = "/api/v1/sites/shop/panels"
ABOUT_NOTHING = f"{PANEL}/tracker-by-day?about=nothing"


class Program:
    """A program that carries a token."""

    def __init__(self, app: Any, token: str = "") -> None:
        self.client: FlaskClient = app.test_client()
        self.token = token

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def get(self, path: str, headers: Mapping[str, str] | None = None, base_url: str = HOST) -> TestResponse:
        told = {**self.headers, **(headers or {})}
        return self.client.get(path, base_url=base_url, headers=told, environ_base={"REMOTE_ADDR": "127.0.0.1"})


Make = Callable[..., Program]


@pytest.fixture
def program(app: Any, service: Service) -> Make:
    """Make a program whose token is limited to some rights and sites, of an account with a role."""

    def make(
        *rights: Right, role: Role = Role.OWNER, at: str = EVERY_SITE, sites: tuple[str, ...] = (EVERY_SITE,)
    ) -> Program:
        account, token = secrets.token_bytes(16), secrets.token_urlsafe(32)
        service.store.staff.keep(Account(account, f"{account.hex()}@staff.test", "Ann", {at: role}))
        limited = frozenset(rights or Right)
        kept = ApiToken(secrets.token_bytes(16), digest(token), account, "tests", limited, sites, NOON, NOON + 86_400)
        service.store.staff.keep_token(kept)
        return Program(app, token)

    return make


def test_a_token_lists_the_sites_it_may_see(program: Make) -> None:
    seen = {"id": "shop", "name": "Test Shop", "time_zone": "UTC", "today": "2026-11-22"}

    assert program().get("/api/v1/sites").json == {"sites": [seen]}
    assert program(at="another").get("/api/v1/sites").json == {"sites": []}


def test_every_panel_is_listed_with_what_it_can_be_asked(program: Make) -> None:
    told = program().get("/api/v1/panels").json

    assert [panel["id"] for panel in told["panels"]] == [*PANELS]
    assert set(told["filters"]) == {f"f.{facet}" for facet in FACETS}
    for panel in told["panels"]:
        listed = PANELS[panel["id"]]
        assert (panel["title"], panel["page"]) == (listed.title, listed.page)
        assert (panel["about"], panel["filtered"]) == (listed.about, listed.filtered)


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_is_sent_with_the_units_of_its_columns(program: Make, browser: Browser, panel: str) -> None:
    browser.choose("analytics", "marketing")
    about = "?about=seen" if PANELS[panel].about else ""

    told = program().get(f"{PANEL}/{panel}{about}").json

    assert (told["id"], told["site"]) == (panel, "shop")
    assert (told["first"], told["last"]) == ("2026-10-26", "2026-11-22")
    assert all({*row} == {column["id"] for column in told["columns"]} for row in told["rows"])
    assert all(column["unit"] for column in told["columns"])


def test_numbers_are_those_that_were_counted(program: Make, new_browser: Callable[..., Browser]) -> None:
    for granted in [("analytics",), ("analytics",), ()]:
        new_browser().choose(*granted)

    told = program().get(f"{PANEL}/choices-by-day?first=2026-11-22&last=2026-11-22").json

    [row] = told["rows"]
    assert row["day"] == "2026-11-22"
    assert sum(n for name, n in row.items() if name != "day" and isinstance(n, int)) == 3


def test_what_is_not_measured_is_null_and_what_is_of_few_people_is_hidden(program: Make, browser: Browser) -> None:
    browser.choose("analytics")
    view = {"kind": "view", "id": secrets.token_hex(16), "path": "/"}
    assert browser.post("/gk/shop/events", json={"events": [view]}).status_code == 204
    browser.client.application.extensions["gatekeeper"].store.settle()

    few = program().get(f"{PANEL}/browsers").json
    unmeasured = program().get(f"{PANEL}/rates").json

    assert {"hidden": "few"} in [cell for row in few["rows"] for cell in row.values()]
    assert None in [cell for row in unmeasured["rows"] for cell in row.values()]


@pytest.mark.parametrize(("query", "headers"), [("?format=csv", {}), ("", {"Accept": "text/csv"})])
def test_a_panel_is_sent_as_csv(program: Make, query: str, headers: dict[str, str]) -> None:
    response = program().get(f"{PANEL}/choices{query}", headers=headers)

    told = program().get(f"{PANEL}/choices").json
    assert response.status_code == 200
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.data.startswith(b'\xef\xbb\xbf"')
    assert len(response.text.strip().split("\r\n")) == 1 + len(told["rows"])


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("fist=2026-11-01", "'fist' is no parameter here"),
        ("f.brwoser=Firefox", "'f.brwoser' is no parameter here"),
        ("first=2026-11-01&first=2026-11-02", "first has two values"),
        ("first=", "first has no value"),
        ("first=yesterday", "first='yesterday' is not a day"),
        ("first=2026-11-22&last=2026-11-01", "comes after the last"),
        ("days=0", "days='0' is not a number"),
        ("bot=yes", "bot='yes' is not known"),
        ("format=xml", "format='xml' is not known: use one of json, csv"),
        ("about=seen", "not about one thing"),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused_with_the_rule(program: Make, query: str, why: str) -> None:
    response = program().get(f"{PANEL}/choices?{query}")

    assert response.status_code == 400
    assert why in response.json["error"]


def test_a_panel_about_a_tracker_asks_which(program: Make) -> None:
    response = program().get(f"{PANEL}/tracker-by-day")

    assert response.status_code == 400
    assert response.json["error"] == "this panel is about one tracker: name it by `about`"


@pytest.mark.parametrize(
    "path", [f"{PANEL}/nothing", "/api/v1/sites/another/panels/choices", "/api/v1/audit?site=no", ABOUT_NOTHING]
)
def test_what_is_not_there_is_not_found(program: Make, path: str) -> None:
    assert program().get(path).status_code == 404


def test_marks_of_the_days_asked_for_are_sent(program: Make, service: Service) -> None:
    service.store.marks.mark(Mark("shop", "2026-11-20", MarkKind.NOTE, "sale", "The sale began", "Ann", NOON))
    service.store.marks.mark(Mark("shop", "2025-01-01", MarkKind.NOTE, "old", "Long ago", "Ann", NOON))

    told = program().get("/api/v1/sites/shop/marks").json

    sale = {"day": "2026-11-20", "kind": "note", "name": "sale", "text": "The sale began", "who": "Ann"}
    assert [mark for mark in told["marks"] if mark["kind"] == "note"] == [sale]


def test_alarms_are_sent_with_when_they_ended(program: Make, service: Service) -> None:
    service.store.alarms.raise_alarm(Alarm("shop", "silent", "seen", NOON - 3600, "Nothing for 24 h"))
    service.store.alarms.raise_alarm(Alarm("shop", "slipped", "ad-pixel", NOON - 7200, "It slipped"))
    service.store.alarms.end_alarm("shop", "slipped", "ad-pixel", at=NOON)

    told = {alarm["kind"]: alarm for alarm in program().get("/api/v1/sites/shop/alarms").json["alarms"]}

    assert told["silent"]["since"] == "2026-11-22T11:00:00Z"
    assert told["silent"]["ended_at"] is None
    assert told["slipped"]["ended_at"] == "2026-11-22T12:00:00Z"


# The audit trail


def fill(service: Service, *, lines: int, site: str = "shop") -> None:
    """Add lines to the trail, several in each second."""
    for n in range(lines):
        service.store.staff.note(
            Entry(secrets.token_bytes(16), NOON - 100 + n // 3, b"", "Ann", site, "test.done", f"{n}")
        )


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 20])
def test_pages_of_the_trail_hold_each_line_once_the_newest_first(program: Make, service: Service, limit: int) -> None:
    fill(service, lines=11)
    asker, path, found = program(), f"/api/v1/audit?action=test&limit={limit}", []

    after = ""
    while after is not None and len(found) <= 11:
        told = asker.get(path + (f"&after={after}" if after else "")).json
        assert len(told["entries"]) <= limit
        found += told["entries"]
        after = told["next"]

    assert sorted(int(entry["about"]) for entry in found) == [*range(11)]
    assert [entry["at"] for entry in found] == sorted((entry["at"] for entry in found), reverse=True)


@pytest.mark.row("SE-17")
@pytest.mark.parametrize(
    ("role", "at", "query", "status", "sites"),
    [
        (Role.OWNER, EVERY_SITE, "", 200, {"shop", "another"}),
        (Role.AUDITOR, "shop", "", 200, {"shop"}),
        (Role.PRIVACY, "shop", "&site=shop", 200, {"shop"}),
        (Role.PRIVACY, "shop", "&site=another", 403, set()),
        (Role.MARKETING, EVERY_SITE, "", 403, set()),
        (Role.MARKETING, EVERY_SITE, "&site=shop", 403, set()),
    ],
)
def test_the_trail_is_told_of_sites_where_the_right_is_held(
    program: Make, service: Service, role: Role, at: str, query: str, status: int, sites: set[str]
) -> None:
    fill(service, lines=1)
    fill(service, lines=1, site="another")

    response = program(role=role, at=at).get(f"/api/v1/audit?action=test{query}")

    assert response.status_code == status
    assert {entry["site"] for entry in response.json.get("entries", [])} == sites


# Tokens


def test_a_token_that_is_revoked_or_has_run_out_is_none(program: Make, service: Service) -> None:
    revoked, old = program(), program()
    for one, changes in [(revoked, {"ended_at": NOON}), (old, {"until": NOON})]:
        token = service.store.staff.token(digest(one.token))
        assert token is not None
        service.store.staff.keep_token(replace(token, **changes))

    assert revoked.get("/api/v1/sites").status_code == 401
    assert old.get("/api/v1/sites").status_code == 401


@pytest.mark.row("SE-17")
def test_a_token_reaches_no_further_than_it_was_limited(program: Make) -> None:
    here, elsewhere = program(Right.SEE, sites=("shop",)), program(sites=("another",))

    assert here.get(f"{PANEL}/choices").status_code == 200
    assert here.get("/api/v1/audit").status_code == 403
    assert elsewhere.get(f"{PANEL}/choices").status_code == 403


@pytest.mark.parametrize("route", API, ids=key_of)
def test_without_a_token_nothing_is_told(app: Any, staff: Staff, route: Route) -> None:
    path = route.path.replace("<site>", "shop").replace("<panel>", "choices")

    for response in [Program(app).get(path), Program(app, "guessed").get(path), staff.get(path)]:
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.json["error"].startswith("no token")


@pytest.mark.parametrize("route", API, ids=key_of)
def test_no_page_of_another_origin_reads_an_answer(program: Make, route: Route) -> None:
    path = route.path.replace("<site>", "shop").replace("<panel>", "choices")

    response = program().get(path, headers={"Origin": ORIGIN})

    assert response.status_code == 200
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("route", API, ids=key_of)
def test_nothing_of_the_api_answers_on_a_sites_origin(program: Make, route: Route) -> None:
    path = route.path.replace("<site>", "shop").replace("<panel>", "choices")

    assert program().get(path, base_url=ORIGIN).status_code == 404


# The description, and what holds of all of it


def test_the_description_is_sent_once(program: Make) -> None:
    first = program().get("/openapi.json")
    again = program().get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})

    assert first.json["openapi"] == "3.1.0"
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("mode", [POSITIVE, NEGATIVE])
@pytest.mark.parametrize("route", API, ids=key_of)
def test_the_api_does_what_its_description_says(app: Any, program: Make, route: Route, mode: Any) -> None:
    statuses = Fuzz(app, program().headers).ask(route, mode)

    assert statuses <= ({200, 400, 404} if mode is POSITIVE else {200, 400, 401, 404})


@pytest.mark.parametrize("route", API, ids=key_of)
def test_without_a_token_the_api_does_what_its_description_says(app: Any, route: Route) -> None:
    assert Fuzz(app, {}).ask(route, POSITIVE) == {401}
