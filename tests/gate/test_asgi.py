"""The gate in front of an ASGI site gives what the one in front of a WSGI site gives."""

import asyncio
from typing import Any

import httpx
import pytest

from gatekeeper.core.policy import content_policy
from gatekeeper.core.sites import Site
from gatekeeper.gate import Gate, GateASGI

from .conftest import HTML, KEYS, NOW, Host, Visitors, choice, held
from .test_tags import TAG

Pairs = list[tuple[str, str]]


class Answers:
    """An ASGI application that answers everything the same way."""

    def __init__(self, headers: Pairs, pieces: list[bytes]) -> None:
        self.headers = headers
        self.pieces = pieces
        self.seen: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen = scope
        raw = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def ask(
    site: Site, app: Answers, headers: dict[str, str] | None = None, *, method: str = "GET", inject: bool = False
) -> httpx.Response:
    gate = Gate(lambda: site, KEYS, clock=lambda: NOW, inject=inject)

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app=GateASGI(app, gate))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://www.shop.example") as client:
            return await client.request(method, "/shoes/red", headers=headers)

    return asyncio.run(get())


@pytest.mark.row("GPC-03")
@pytest.mark.parametrize("granted", [(), ("analytics",), ("marketing",), ("analytics", "marketing", "functional")])
@pytest.mark.parametrize("signal", [{}, {"Sec-GPC": "1"}, {"DNT": "1"}])
def test_both_middlewares_send_the_same(site: Site, granted: tuple[str, ...], signal: dict[str, str]) -> None:
    headers = [
        HTML,
        ("ETag", '"v1"'),
        ("Set-Cookie", "_ad=1"),
        ("Set-Cookie", "session=1"),
        ("Cache-Control", "public"),
    ]
    cookie = f"{held(site, choice(site, *granted))}; _ad=1; session=2"

    asgi = ask(site, Answers(headers, [b"x"]), {"Cookie": cookie, **signal})
    wsgi = Visitors(site, Host(headers=headers)).ask(
        "/shoes/red", cookie=cookie, **{name.replace("-", "_"): value for name, value in signal.items()}
    )

    assert sorted(asgi.headers.multi_items()) == sorted((name.lower(), value) for name, value in wsgi.headers)


def test_a_cookie_header_in_pieces_is_one(site: Site) -> None:
    app = Answers([HTML], [b""])
    pieces = held(site, choice(site, "analytics")).split("; ")
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"cookie", piece.encode()) for piece in pieces],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(GateASGI(app, Gate(lambda: site, KEYS, clock=lambda: NOW))(scope, None, send))  # type: ignore[arg-type]

    policy = dict(sent[0]["headers"])[b"content-security-policy"].decode()
    assert "in.stats.example" in policy


def test_the_sites_own_policy_stays(site: Site) -> None:
    app = Answers([HTML, ("Content-Security-Policy", "default-src 'self'")], [b""])

    found = ask(site, app).headers.get_list("Content-Security-Policy")

    nobody = ["www.shop.example", "images.shop.example", "js.pay.example", "player.tube.example"]
    assert found == ["default-src 'self'", content_policy(nobody)]


def test_conditions_are_put_as_the_site_knows_them(site: Site) -> None:
    app = Answers([HTML, ("ETag", '"v1"')], [b""])

    tag = ask(site, app).headers["ETag"]
    conditions = {"If-None-Match": tag, "If-Modified-Since": "Sun, 22 Nov 2026 11:00:00 GMT"}
    ask(site, app, {**conditions, "Accept": "text/html,*/*"})

    seen = dict(app.seen["headers"])
    assert seen[b"if-none-match"] == b'"v1"'
    assert b"if-modified-since" not in seen


def test_the_tag_goes_into_a_page_that_comes_in_pieces(site: Site) -> None:
    pieces = [b"<!doctype ht", b"ml><html><he", b"ad><title>", b"Shop</title>"]
    app = Answers([HTML, ("Content-Length", "47")], pieces)

    response = ask(site, app, inject=True)

    assert response.content == b"<!doctype html><html><head>" + TAG + b"<title>Shop</title>"
    assert response.headers["Content-Length"] == str(47 + len(TAG))
    assert "Content-Length" not in ask(site, app, method="HEAD", inject=True).headers


def test_a_page_without_a_head_and_an_empty_one_go_out_as_they_are(site: Site) -> None:
    assert ask(site, Answers([HTML], [b"<li>", b"</li>"]), inject=True).content == b"<li></li>"
    assert ask(site, Answers([HTML], []), inject=True).content == b""


def test_what_is_not_http_passes(site: Site) -> None:
    app = Answers([], [])
    received: list[Any] = []

    async def send(message: Any) -> None:
        received.append(message)

    gate = GateASGI(app, Gate(lambda: site))  # type: ignore[arg-type]
    asyncio.run(gate({"type": "lifespan"}, None, send))  # type: ignore[arg-type]

    assert received[0]["headers"] == []
