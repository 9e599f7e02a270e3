"""Addresses end up in histories, logs and other pages' referrers: none holds anything about a visitor."""

import re
from dataclasses import fields
from html.parser import HTMLParser
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gatekeeper.core.links import Link
from gatekeeper.web.routes import ROUTES, Auth, Route
from gatekeeper.web.service import Service

from .conftest import Browser
from .test_access import address

#: All that may stand in a path: what a site declares, what a script's content hashes to, the number of a notice, a
#: panel of the dashboard and the form of its file; and the one thing that is signed, a link,
#: which names a site, a tracker and a destination.
IN_PATHS = {"site", "tracker", "hash", "language", "name", "int:no", "panel", "form"}
SIGNED = {"token": {"/l/<token>"}}

#: What a page, a letter or a person might put into an address by mistake.
QUERY = {
    "receipt": "ABCD-EFGH-JKLM-NPQR",
    "code": "ABCD-EFGH-JKLM-NPQR",
    "subject": "00112233445566778899aabbccddeeff",
    "record": "00112233445566778899aabbccddeeff",
    "email": "visitor@mail.example",
    "granted": "analytics",
    "purpose": "analytics",
    "override": "marketing",
    "notice": "1",
    "do": "accept",
    "no": "1",
}


class Addresses(HTMLParser):
    """Collects the addresses that a page hands out, and how its forms are sent."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.methods: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.found += [told[name] or "" for name in ("href", "src", "action") if name in told]
        if tag == "form":
            self.methods.append((told.get("method") or "get").lower())


def ticket_of(page: TestResponse) -> str:
    return re.findall(r'name="ticket" value="([^"]+)"', page.text)[0]


@pytest.mark.row("SE-23")
@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_no_path_has_room_for_anything_about_a_visitor(path: str) -> None:
    names = re.findall(r"<([^>]+)>", path)

    assert [name for name in names if name not in IN_PATHS and path not in SIGNED.get(name, ())] == []


@pytest.mark.row("SE-23")
def test_a_signed_link_names_a_site_a_tracker_and_a_destination_and_nobody() -> None:
    assert [field.name for field in fields(Link)] == ["site", "tracker", "url"]


@pytest.mark.row("SE-23")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_no_route_takes_anything_from_the_query(browser: Browser, route: Route) -> None:
    ticket = ticket_of(browser.get("/gk/shop/choices"))

    def ask(query: dict[str, str]) -> tuple[Any, ...]:
        headers = {"Origin": browser.origin} if route.auth is Auth.WRITER else {}
        response = browser.client.open(
            address(route), method=route.method, base_url=browser.origin, headers=headers, query_string=query
        )
        return response.status_code, response.data, response.headers.getlist("Set-Cookie"), response.location

    assert ask({**QUERY, "ticket": ticket}) == ask({})


@pytest.mark.row("SE-23")
def test_the_same_words_in_a_body_do_grant_so_that_the_query_could_have_been_heard(browser: Browser) -> None:
    ticket = ticket_of(browser.get("/gk/shop/choices"))

    browser.post("/gk/shop/choices", data={**QUERY, "ticket": ticket})

    assert ".g." in (browser.cookie("gk_choice") or "")


@pytest.mark.row("SE-23")
def test_no_address_that_is_handed_out_holds_anything_about_who_agreed(browser: Browser, service: Service) -> None:
    first = browser.get("/gk/shop/choices")
    ticket = ticket_of(first)
    saved = browser.post("/gk/shop/choices", data={"do": "accept", "notice": "1", "ticket": ticket})
    token = browser.cookie("gk_subject") or ""
    told = service.subject_tokens.verify(token)
    code = re.findall(r'receipt code[^<]*<code dir="ltr">([^<]+)</code>', saved.text)[0]
    secrets = [token, ticket, code, code.replace("-", ""), told.subject.hex(), told.record.hex()]
    secrets.append(browser.cookie("gk_choice") or "")
    assert all(secrets)

    pages = [first, saved, *(browser.get(f"/gk/shop/{name}") for name in ("choices", "notice", "notice/1"))]

    found = [url for page in pages for url in Addresses(page.text).found]
    found += [page.location for page in pages if page.location]
    assert "choices" in found
    assert [url for url in found for secret in secrets if secret in url] == []
    assert [url for url in found if "?" in url] == []


@pytest.mark.row("SE-23")
def test_what_a_visitor_sends_travels_in_bodies(browser: Browser) -> None:
    methods = Addresses(browser.get("/gk/shop/choices").text).methods

    assert methods
    assert set(methods) == {"post"}
