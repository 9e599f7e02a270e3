"""Who may talk to the service: a matrix over the whole route table."""

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.store.contract import Store
from gatekeeper.web import scripts
from gatekeeper.web.addresses import client_address
from gatekeeper.web.routes import ROUTES, Auth, Cache, Route

from .conftest import Browser

EVIL = [
    "https://evil.example",
    "http://shop.test.evil.example",
    "http://evilshop.test",
    "http://shop.test:8080",
    "http://shop.test/",
    "HTTP://SHOP.TEST",
    "null",
    "",
]
PARAMS = {
    "site": "shop",
    "tracker": "seen",
    "token": "x",
    "hash": "0",
    "language": "en",
    "name": "choose",
    "no": "1",
    "panel": "choices",
    "form": "csv",
}


def address(route: Route) -> str:
    path = route.path.replace("int:", "")
    for name, value in PARAMS.items():
        path = path.replace(f"<{name}>", value)
    return path if route.root else f"/gk{path}"


WRITERS = [route for route in ROUTES if route.auth is Auth.WRITER]
#: What answers on staff's own host names alone, to whomever.
STAFF = [route for route in ROUTES if route.auth in {Auth.STAFF, Auth.MEMBER, Auth.TOKEN}]
HERE = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.mark.row("SE-04", "SE-05")
@pytest.mark.parametrize("origin", EVIL)
@pytest.mark.parametrize("route", WRITERS, ids=lambda route: f"{route.method} {route.path}")
def test_only_the_sites_own_pages_may_change_anything(browser: Browser, route: Route, origin: str) -> None:
    response = browser.client.open(
        address(route),
        method=route.method,
        base_url=browser.origin,
        headers={"Origin": origin} if origin else {},
        json={"granted": ["analytics"], "notice": 1},
    )

    assert response.status_code == 403
    assert "only the origins listed" in response.json["error"]
    assert "Set-Cookie" not in response.headers
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.row("SE-05")
def test_a_form_on_another_site_grants_nothing(browser: Browser) -> None:
    response = browser.post(
        "/gk/shop/choice",
        data={"do": "accept", "notice": "1"},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )

    assert response.status_code == 403
    assert browser.cookie("gk_choice") is None


def test_the_browsers_own_word_for_same_origin_is_enough(browser: Browser) -> None:
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}

    assert browser.post("/gk/shop/choice", json={}, headers=headers).status_code == 200


@pytest.mark.row("SE-04")
@pytest.mark.parametrize("origin", [*EVIL, "http://shop.test"])
def test_cors_lets_exactly_the_listed_origins_read(browser: Browser, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    read = browser.get("/gk/shop/choice", headers=headers)
    asked = browser.client.options("/gk/shop/choice", base_url=browser.origin, headers=headers)

    listed = origin == "http://shop.test"
    for response in (read, asked):
        assert response.headers.get("Access-Control-Allow-Origin") == (origin if listed else None)
        assert response.headers.get("Access-Control-Allow-Credentials") == ("true" if listed else None)
        assert "Origin" in response.headers["Vary"]
    assert asked.status_code == 204
    assert ("Access-Control-Allow-Methods" in asked.headers) is listed


@pytest.mark.row("SE-12")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_caches_as_the_table_says(browser: Browser, route: Route) -> None:
    hashes = {
        scripts.guard_version: "guard",
        scripts.banner_version: "banner",
        scripts.panel: "panel",
        scripts.part: "part",
    }
    path = current(browser, hashes[route.handler]) if route.handler in hashes else address(route)
    origin = "http://localhost" if route in STAFF else browser.origin

    response = browser.client.open(
        path, method=route.method, base_url=origin, headers={"Origin": origin}, json={}, environ_base=HERE
    )

    wanted = {Cache.FRESH: "max-age=60", Cache.IMMUTABLE: "immutable", Cache.CHECK: "no-cache"}
    kept = Cache.NONE if response.status_code == 404 else route.cache
    assert wanted.get(kept, "no-store") in response.headers["Cache-Control"]


def current(browser: Browser, what: str) -> str:
    """Return the address of the current guard, banner or part: its name holds the hash of its content."""
    bundles = browser.client.application.extensions["gatekeeper"].published("shop").bundles
    names = {
        "guard": f"gatekeeper.{bundles.guard.hash}.js",
        "banner": f"banner.en.{bundles.version}.js",
        "panel": f"panel.en.{bundles.version}.js",
        "part": f"part.page.en.{bundles.version}.js",
    }
    return f"/gk/shop/{names[what]}"


@pytest.mark.row("SE-01")
def test_no_route_sets_a_cookie_before_a_choice(browser: Browser) -> None:
    for route in ROUTES:
        if route.auth is not Auth.WRITER:
            response = browser.client.open(address(route), method=route.method, base_url=browser.origin)
            assert "Set-Cookie" not in response.headers, route.path


def test_another_method_is_answered_with_those_that_work(browser: Browser) -> None:
    response = browser.client.put("/gk/shop/choice", base_url=browser.origin)

    assert response.status_code == 405
    assert response.headers["Allow"] == "DELETE, GET, POST"


@pytest.mark.row("SE-10")
@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("203.0.113.9", "10.0.0.1", [], "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.2", "203.0.113.9", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.2", "1.1.1.1, 2.2.2.2, 203.0.113.9, 10.0.0.7", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.2", "10.0.0.3", ["10.0.0.0/8"], "10.0.0.3"),
        ("10.0.0.2", "", ["10.0.0.0/8"], "10.0.0.2"),
        ("::ffff:10.0.0.2", "2001:db8::1", ["10.0.0.0/8"], "2001:db8::1"),
        ("10.0.0.2", "a, b, not-an-address", ["10.0.0.0/8"], "not-an-address"),
    ],
)
def test_only_trusted_proxies_may_speak_for_others(peer: str, forwarded: str, trusted: list[str], client: str) -> None:
    import ipaddress

    environ: dict[str, Any] = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}

    assert client_address(environ, [ipaddress.ip_network(each) for each in trusted]) == client


# Staff's own host names


#: Under which host and how somebody asks, and whether staff's addresses answer them where no host is named as staff's.
ASKED = [
    ("localhost", {}, True),
    ("localhost:8100", {}, True),
    ("127.0.0.1:8100", {}, True),
    ("[::1]:8100", {"REMOTE_ADDR": "::1"}, True),
    ("shop.test", {}, False),
    ("other.test", {}, False),
    ("localhost.evil.example", {}, False),
    ("localhost", {"REMOTE_ADDR": "203.0.113.9"}, False),
    ("localhost", {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}, False),
    ("localhost", {"HTTP_FORWARDED": "for=203.0.113.9"}, False),
    ("localhost", {"HTTP_VIA": "1.1 proxy"}, False),
]


def answers(browser: Browser, route: Route, host: str, path: str = "", **environ: str) -> bool:
    """Tell whether a route of staff's answers on a host: by a page, a refusal, the way to the sign-in; by anything."""
    response = browser.client.open(
        path or address(route), method=route.method, base_url=f"http://{host}", environ_base={**HERE, **environ}
    )
    nothing = response.status_code == 404 and (response.json or {}).get("error") == "there is nothing here"
    assert not nothing or "Set-Cookie" not in response.headers
    return not nothing


def test_there_are_addresses_for_staff_alone(browser: Browser) -> None:
    paths = {"/metrics", "/sign-in", "/dashboard/", "/dashboard/<site>/visitor", "/api/v1/sites"}

    assert paths <= {route.path for route in STAFF}
    assert browser.client.get("/metrics", base_url="http://localhost", environ_base=HERE).status_code == 200


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("route", STAFF, ids=lambda route: f"{route.method} {route.path}")
def test_staff_addresses_answer_this_machine_alone_where_no_host_is_named(browser: Browser, route: Route) -> None:
    for host, environ, here in ASKED:
        assert answers(browser, route, host, **environ) is here, (host, environ)


@pytest.mark.row("SE-17")
@pytest.mark.parametrize("route", STAFF, ids=lambda route: f"{route.method} {route.path}")
def test_staff_addresses_never_answer_below_the_prefix_that_sites_pass_on(browser: Browser, route: Route) -> None:
    path = f"/gk{address(route)}"

    assert not answers(browser, route, "localhost", path)
    assert not answers(browser, route, "shop.test", path)


@pytest.mark.row("SE-17")
def test_staff_addresses_answer_on_the_hosts_named_for_them_and_on_no_other(config: Config, store: Store) -> None:
    app = create_app(replace(config, staff_hosts=("staff.internal",)), store=store)
    browser = Browser(app.test_client())
    hosts = ("staff.internal", "STAFF.internal:443", "localhost", "shop.test", "staff.internal.evil.example")
    elsewhere = {"REMOTE_ADDR": "198.51.100.7", "HTTP_X_FORWARDED_FOR": "198.51.100.7"}

    answered = {
        f"{route.method} {route.path}": [host for host in hosts if answers(browser, route, host, **elsewhere)]
        for route in STAFF
    }

    assert answered == {f"{route.method} {route.path}": list(hosts[:2]) for route in STAFF}
