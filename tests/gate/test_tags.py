"""The guard's script tag goes first into the head of every page, in pieces as they come."""

import pytest
from werkzeug.test import Client

from gatekeeper.gate import GateWSGI
from gatekeeper.gate.tags import LOOK_AHEAD, Injector

from .conftest import HTML, Host, Visitors

TAG = b'<script src="/gk/shop/gatekeeper.js"></script>'


def put_into(page: bytes, size: int) -> bytes:
    injector = Injector(TAG)
    pieces = [injector.feed(page[start : start + size]) for start in range(0, len(page), size)]
    return b"".join([*pieces, injector.finish()])


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<!doctype html><html><head>", b"<title>x</title></head>"),
        (b'<!DOCTYPE html><HTML lang="en"><HEAD prefix="og: https://ogp.me/ns#">\n', b"<script>1</script>"),
        (b"<!doctype html><!-- <head> --><html><head>", b"</head><body><p>x"),
        (b"<!doctype html><html>\n", b"<title>x</title><p>no head tag"),
        (b"<html>", b'<body class="x">y'),
        (b"\xef\xbb\xbf<!doctype html><header-like>", b"<link rel=stylesheet href=x>"),
    ],
)
def test_the_tag_stands_first_in_the_head(before: bytes, after: bytes, size: int) -> None:
    if before.endswith(b"\n"):  # the place is right after a head's own tag
        place = before.rindex(b">") + 1 if b"HEAD" in before else len(before)
        before, after = before[:place], before[place:] + after

    assert put_into(before + after, size) == before + TAG + after


@pytest.mark.parametrize(
    "page",
    [
        b"<li>a fragment</li>",
        b"<title>a fragment with a title</title>",
        b'<!doctype html><html><!-- never closed <head><script src="x"></script>',
        b'<!doctype html><script src="/gk/shop/gatekeeper.js"></script><head>',
        b"",
        "<!doctype html><html><head>".encode("utf-16"),
    ],
)
def test_what_is_no_whole_page_or_has_the_tag_goes_out_as_it_is(page: bytes) -> None:
    assert put_into(page, 10_000) == page


def test_a_page_is_held_back_no_longer_than_its_head_takes_to_begin() -> None:
    injector = Injector(TAG)

    assert injector.feed(b"<!doctype html>") == b""
    assert injector.feed(b"<html><head><title>") == b"<!doctype html><html><head>" + TAG + b"<title>"
    assert injector.feed(b"anything") == b"anything"


def test_a_page_without_a_head_is_not_held_back_for_ever() -> None:
    injector = Injector(TAG)

    assert len(injector.feed(b" " * LOOK_AHEAD)) == LOOK_AHEAD


@pytest.fixture
def pages(visitors: Visitors) -> Visitors:
    return Visitors(visitors.site, visitors.host, inject=True)


def test_the_length_follows(pages: Visitors) -> None:
    pages.host.headers = [HTML, ("Content-Length", str(len(pages.host.body[0])))]

    response = pages.ask()

    assert response.data == b"<!doctype html><html><head>" + TAG + b"<title>Shop</title>"
    assert response.headers["Content-Length"] == str(len(response.data))
    assert "Content-Length" not in pages.ask(method="HEAD").headers


def test_the_tag_carries_the_nonce_that_the_sites_policy_asks_for(pages: Visitors) -> None:
    pages.host.headers = [HTML, ("Content-Security-Policy", "script-src 'nonce-c2FmZQ==' 'strict-dynamic'")]

    assert b'gatekeeper.js" nonce="c2FmZQ=="></script>' in pages.ask().data


@pytest.mark.parametrize(
    "header", [("Content-Encoding", "br"), ("Content-Digest", "sha-256=:eA==:"), ("Content-Range", "bytes 0-9/99")]
)
def test_a_body_that_is_sealed_stays_whole(pages: Visitors, header: tuple[str, str]) -> None:
    pages.host.headers = [HTML, header]

    assert pages.ask().data == pages.host.body[0]


def test_what_is_not_html_stays_whole(pages: Visitors) -> None:
    pages.host.headers = [("Content-Type", "text/plain")]

    assert pages.ask().data == pages.host.body[0]


def test_a_site_that_writes_or_starts_late_is_served_too(pages: Visitors) -> None:
    def writes(environ, start_response):  # type: ignore[no-untyped-def]
        write = start_response("200 OK", [HTML])
        write(b"<!doctype html><ht")
        write(b"ml><head>")
        return [b"<title>"]

    def late(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("200 OK", [HTML])
        yield b"<!doctype html><html>"
        yield b"<head><title>"

    def empty(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("200 OK", [HTML, ("Content-Length", "0")])
        return []

    def answers(app: object) -> bytes:
        return Client(GateWSGI(app, pages.gate)).get("/").data  # type: ignore[arg-type]

    assert answers(writes) == answers(late) == b"<!doctype html><html><head>" + TAG + b"<title>"
    assert answers(empty) == b""


def test_an_error_that_comes_late_replaces_the_page(pages: Visitors) -> None:
    def fails(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("200 OK", [HTML])
        try:
            raise ValueError
        except ValueError as error:
            start_response("500 Oh", [HTML], (type(error), error, error.__traceback__))
        return [b"<html><head>sorry"]

    response = Client(GateWSGI(fails, pages.gate)).get("/")

    assert (response.status_code, response.data) == (500, b"<html><head>" + TAG + b"sorry")


def test_an_abandoned_page_is_closed(pages: Visitors) -> None:
    host = Host()
    body = GateWSGI(host, pages.gate)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: lambda _: None)

    body.close()  # type: ignore[attr-defined]

    assert host.closed
