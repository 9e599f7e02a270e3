"""Who of the staff may see and do what: a matrix over all of staff's routes, made from the route table."""

import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.config import Config
from gatekeeper.core.registry import read_registry
from gatekeeper.core.staff import EVERY_SITE, Right, Role
from gatekeeper.store.books import ApiToken
from gatekeeper.web.dashboard.sessions import digest
from gatekeeper.web.ids import random_id
from gatekeeper.web.routes import ROUTES, Auth, Route
from gatekeeper.web.service import Service
from tests.web.conftest import KEY, SHOP, Clock

from .conftest import HOST, Staff, begin, signed_in

ALL = frozenset(Role)
OWNER, MARKETING, PRIVACY, AUDITOR = Role.OWNER, Role.MARKETING, Role.PRIVACY, Role.AUDITOR
WRITERS = frozenset({OWNER, MARKETING, PRIVACY})

#: Who may, by route, on a site where they have the role. Written out: what the code says of rights is under test.
MAY = {
    "POST /sign-out": ALL,
    "GET /dashboard/": ALL,
    "GET /dashboard/account": ALL,
    "POST /dashboard/account": ALL,
    "GET /dashboard/people": frozenset({OWNER}),
    "POST /dashboard/people": frozenset({OWNER}),
    "GET /dashboard/audit": frozenset({OWNER, PRIVACY, AUDITOR}),
    "GET /dashboard/<site>/": ALL,
    "GET /dashboard/<site>/trackers": ALL,
    "GET /dashboard/<site>/trackers/<tracker>": ALL,
    "GET /dashboard/<site>/why": ALL,
    "GET /dashboard/<site>/visits": ALL,
    "GET /dashboard/<site>/visitor": frozenset({OWNER, PRIVACY}),
    "POST /dashboard/<site>/visitor": frozenset({OWNER, PRIVACY}),
    "GET /dashboard/<site>/changes": ALL,
    "POST /dashboard/<site>/changes": WRITERS,
    "GET /dashboard/<site>/alarms": ALL,
    "GET /dashboard/<site>/live": ALL,
    "GET /dashboard/<site>/live/stream": ALL,
    "GET /dashboard/<site>/registry": ALL,
    "POST /dashboard/<site>/registry": WRITERS,
    "GET /dashboard/<site>/report": ALL,
    "GET /dashboard/<site>/panels/<panel>.<form>": ALL,
}
#: What only those may who have the role on every site.
EVERYWHERE = {"GET /dashboard/people", "POST /dashboard/people"}
MEMBERS = [route for route in ROUTES if route.auth is Auth.MEMBER]
TOKENS = [route for route in ROUTES if route.auth is Auth.TOKEN]
PARAMS = {"tracker": "seen", "panel": "choices", "form": "svg"}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def address(route: Route, site: str = "shop") -> str:
    path = route.path.replace("<site>", site)
    for name, value in PARAMS.items():
        path = path.replace(f"<{name}>", value)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Two sites, of two companies perhaps."""
    blog = {**SHOP, "name": "Another Company's Blog", "origins": ["http://blog.test"]}
    sites, problems = read_registry({"sites": {"shop": SHOP, "blog": blog}})
    assert problems == []
    return Config(tmp_path / "gatekeeper.toml", sites, f"sqlite:///{tmp_path / 'gatekeeper.db'}", (KEY,))


def ask(staff: Staff, route: Route, site: str = "shop", **headers: str) -> TestResponse:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if route.method == "POST":
        return staff.post(address(route, site), {}, told)
    return staff.get(address(route, site), told, buffered=False)


def lets_in(response: TestResponse) -> bool:
    """Tell whether whoever asked got past the door, whatever they found behind it."""
    sent_away = response.status_code == 303 and response.headers["Location"].startswith("/sign-in?")
    response.close()
    return response.status_code not in {401, 403} and not sent_away


def test_the_table_tells_of_every_page() -> None:
    assert {name_of(route) for route in MEMBERS} == MAY.keys()


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("site", ["shop", EVERY_SITE])
@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_what_the_table_says_and_no_more(app: Any, role: Role, site: str) -> None:
    staff = signed_in(app, {site: role})

    for route in MEMBERS:
        may = role in MAY[name_of(route)] and (site == EVERY_SITE or name_of(route) not in EVERYWHERE)
        assert lets_in(ask(staff, route)) is may, name_of(route)
        begin(staff)


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("role", list(Role))
def test_no_role_on_one_site_opens_anything_of_another(app: Any, role: Role) -> None:
    staff = signed_in(app, {"shop": role})
    elsewhere = [route for route in MEMBERS if "<site>" in route.path]

    assert {name_of(route): lets_in(ask(staff, route, "blog")) for route in elsewhere} == {
        name_of(route): False for route in elsewhere
    }
    assert {lets_in(ask(staff, route, "never-declared")) for route in elsewhere} == {False}


@pytest.mark.row("SE-17")
def test_nobody_is_told_of_sites_that_are_not_theirs(app: Any) -> None:
    staff = signed_in(app, {"shop": Role.OWNER})

    for route in MEMBERS:
        if route.method == "GET" and not route.path.endswith("stream"):
            response = ask(staff, route)
            assert "Another Company" not in response.text, name_of(route)
    assert ask(staff, find("GET /dashboard/<site>/"), "blog").status_code == 403
    assert ask(staff, find("GET /dashboard/<site>/"), "nosuch").status_code == 403


def test_who_may_see_every_site_is_told_that_one_is_not_declared(app: Any) -> None:
    staff = signed_in(app, {EVERY_SITE: Role.AUDITOR})

    assert ask(staff, find("GET /dashboard/<site>/"), "nosuch").status_code == 404


@pytest.mark.row("SE-17")
def test_roles_of_several_sites_do_not_mix(app: Any) -> None:
    staff = signed_in(app, {"shop": Role.MARKETING, "blog": Role.PRIVACY})
    visitor = find("GET /dashboard/<site>/visitor")

    assert lets_in(ask(staff, visitor, "blog"))
    assert not lets_in(ask(staff, visitor, "shop"))


def test_a_role_that_is_taken_away_is_gone_at_once(app: Any, service: Service) -> None:
    staff = signed_in(app, {"shop": Role.OWNER})
    assert staff.account is not None
    service.store.staff.keep(replace(staff.account, roles={"blog": Role.OWNER}))

    assert not lets_in(ask(staff, find("GET /dashboard/<site>/")))


def find(name: str) -> Route:
    return next(route for route in ROUTES if name_of(route) == name)


# Without a session


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("cookie", ["", "made-up", "a" * 43])
def test_nothing_of_staff_answers_without_a_session(app: Any, cookie: str) -> None:
    nobody = Staff(app)
    if cookie:
        nobody.client.set_cookie("gk_staff", cookie, domain="localhost")

    for route in MEMBERS:
        page = ask(nobody, route)
        program = ask(nobody, route, Sec_Fetch_Mode="cors", Sec_Fetch_Dest="empty")
        assert page.status_code == 303, name_of(route)
        assert page.headers["Location"].startswith("/sign-in?next=/"), name_of(route)
        assert page.data == b""
        assert program.status_code == 401, name_of(route)
        assert "Set-Cookie" not in page.headers


@pytest.mark.row("SE-17")
def test_a_session_before_its_second_factor_opens_nothing(app: Any, staff: Staff, service: Service) -> None:
    assert staff.account is not None
    (session,) = service.store.staff.sessions(staff.account.id)
    service.store.staff.begin(replace(session, complete=False))

    assert {name_of(route): lets_in(ask(staff, route)) for route in MEMBERS} == {
        name_of(route): False for route in MEMBERS
    }


@pytest.mark.row("SE-17")
def test_nothing_of_staff_answers_on_a_sites_origin(staff: Staff) -> None:
    held = staff.cookie()
    staff.client.set_cookie("gk_staff", held, domain="shop.test")

    for route in [*MEMBERS, *TOKENS]:
        response = staff.open(route.method, address(route), base_url="http://shop.test")
        assert response.status_code == 404, name_of(route)
        assert response.json == {"error": "there is nothing here"}


# What changes something


@pytest.mark.row("SE-17")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://shop.test", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
    ],
)
def test_only_our_own_pages_change_anything(staff: Staff, headers: dict[str, str]) -> None:
    forms = [route for route in MEMBERS if route.method != "GET"]
    statuses = {name_of(route): staff.post(address(route), {}, headers).status_code for route in forms}

    assert statuses == {name_of(route): 403 for route in forms}


# What pages send along


@pytest.mark.row("SE-26")
def test_every_page_of_staff_runs_nothing_and_is_framed_by_nobody(staff: Staff) -> None:
    pages = [route for route in ROUTES if route.auth in {Auth.STAFF, Auth.MEMBER} and route.method == "GET"]
    pages = [route for route in pages if not route.path.startswith(("/preview", "/metrics"))]
    looked_at = 0
    for route in [*pages, *pages]:
        response = ask(staff, route, "shop" if looked_at < len(pages) else "nosuch")
        html = response.content_type.startswith("text/html")
        if html and response.status_code != 303:
            looked_at += 1
            check_page(response, name_of(route))
        response.close()

    assert looked_at > 10


def check_page(response: TestResponse, name: str) -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'", name
    assert policy["frame-ancestors"] == "'none'", name
    assert policy["base-uri"] == "'none'", name
    assert policy["form-action"] == "'self'", name
    assert set(" ".join(policy.values()).split()) <= {"'none'", "'self'"}, name
    assert ("script-src" in policy) <= name.endswith("/live"), name
    assert "no-store" in response.headers["Cache-Control"], name
    assert response.headers["X-Content-Type-Options"] == "nosniff", name
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin", name
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin", name
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", response.text), name
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", response.text), name


# Programs


def token(staff: Staff, *rights: Right, sites: tuple[str, ...] = ("shop",), **more: Any) -> tuple[str, ApiToken]:
    assert staff.account is not None
    value, now = secrets.token_urlsafe(32), staff.service.now()
    held = ApiToken(
        random_id(), digest(value), staff.account.id, "a program", frozenset(rights), sites, now, now + 3600
    )
    held = replace(held, **more)
    staff.service.store.staff.keep_token(held)
    return value, held


def call(staff: Staff, path: str, value: str, kind: str = "Bearer") -> int:
    program = Staff(staff.app)
    response = program.get(path, {"Authorization": f"{kind} {value}", "Sec-Fetch-Mode": "", "Sec-Fetch-Dest": ""})
    response.close()
    return response.status_code


PANEL = "/api/v1/sites/{}/panels/choices"


@pytest.mark.row("SE-17")
def test_a_token_opens_what_it_was_made_for_and_no_more(staff: Staff) -> None:
    value, _ = token(staff, Right.SEE)

    assert call(staff, PANEL.format("shop"), value) not in {401, 403}
    assert call(staff, PANEL.format("shop"), value, kind="bearer") not in {401, 403}
    assert call(staff, PANEL.format("blog"), value) == 403
    assert call(staff, PANEL.format("nosuch"), value) == 403


@pytest.mark.row("SE-17")
def test_a_token_may_no_more_than_whoever_made_it(app: Any, service: Service) -> None:
    staff = signed_in(app, {"shop": Role.MARKETING})
    assert staff.account is not None
    value, _ = token(staff, *Right, sites=("shop", "blog"))
    before = [call(staff, PANEL.format(site), value) for site in ("shop", "blog")]
    service.store.staff.keep(replace(staff.account, roles={"blog": Role.AUDITOR}))
    after = [call(staff, PANEL.format(site), value) for site in ("shop", "blog")]

    assert [status in {401, 403} for status in before] == [False, True]
    assert [status in {401, 403} for status in after] == [True, False]


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("route", TOKENS, ids=name_of)
def test_no_program_is_let_in_without_a_good_token(staff: Staff, service: Service, clock: Clock, route: Route) -> None:
    ended, _ = token(staff, Right.SEE, ended_at=service.now())
    over, _ = token(staff, Right.SEE, until=service.now())
    closed = staff.as_(Role.OWNER)
    assert closed.account is not None
    gone, _ = token(closed, *Right)
    service.store.staff.keep(replace(closed.account, ended_at=service.now()))
    path = address(route)

    assert {call(staff, path, value) for value in ("", "x", ended, over, gone, staff.cookie())} == {401}
    assert staff.get(path).status_code == 401
    assert staff.get(path).headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.row("SE-17")
def test_a_token_opens_no_page(staff: Staff) -> None:
    value, _ = token(staff, *Right, sites=(EVERY_SITE,))
    program = Staff(staff.app)

    for route in MEMBERS:
        assert ask(program, route, Authorization=f"Bearer {value}").status_code == 303


def test_the_day_of_a_tokens_last_use_is_kept(staff: Staff, service: Service, clock: Clock) -> None:
    value, made = token(staff, Right.SEE)
    call(staff, PANEL.format("shop"), value)
    held = service.store.staff.token(made.digest)

    assert held is not None
    assert held.used_at == service.now() // 86_400 * 86_400
    assert HOST.startswith("http")
