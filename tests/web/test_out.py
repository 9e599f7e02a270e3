"""The way out of a strict site: for clicks in its own pages, and no redirect for anybody else."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from gatekeeper.web.service import Service

from .conftest import Browser

#: As a browser writes it: some of it stays as it was, though RFC 3986 has it encoded.
DESTINATION = "https://xn--caf-dma.example:8443/caf%C3%A9/?a=1|2&b={%20+}\\^#part"
CLICK = {
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-User": "?1",
}


@pytest.fixture
def tables(tables: dict[str, Any]) -> dict[str, Any]:
    """The shop, strict."""
    return {**tables, "gate": {"strict": True}}


def leave(browser: Browser, to: str = DESTINATION, told: Mapping[str, str] = CLICK) -> TestResponse:
    return browser.get(f"/gk/shop/out?to={quote(to, safe='')}", headers=told)


@pytest.mark.row("SE-13")
def test_a_click_goes_on_byte_for_byte_and_nothing_is_passed_or_kept(browser: Browser, service: Service) -> None:
    browser.choose("functional", "analytics", "marketing")
    before = service.store.totals("shop")

    response = leave(browser)

    assert response.status_code == 302
    assert response.headers["Location"] == DESTINATION
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert response.data == b""
    assert service.store.totals("shop") == before


@pytest.mark.row("SE-06")
@pytest.mark.parametrize(
    "told",
    [
        {**CLICK, "Sec-Fetch-Site": "cross-site"},
        {**CLICK, "Sec-Fetch-Site": "same-site"},
        {**CLICK, "Sec-Fetch-Site": "none"},
        {**CLICK, "Sec-Fetch-Mode": "no-cors"},
        {**CLICK, "Sec-Fetch-Dest": "iframe"},
        {**CLICK, "Sec-Fetch-User": "?0"},
        *({name: value for name, value in CLICK.items() if name != left_out} for left_out in CLICK),
        {},
    ],
    ids=str,
)
def test_whoever_comes_from_elsewhere_or_was_not_sent_by_a_click_is_sent_nowhere(
    browser: Browser, told: dict[str, str]
) -> None:
    response = leave(browser, told=told)

    assert response.status_code == 404
    assert "Location" not in response.headers
    assert b"xn--caf" not in response.data


@pytest.mark.row("SE-06")
@pytest.mark.parametrize(
    "to",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "\\\\evil.example",
        "/local",
        "https://user@evil.example/",
        "https://tea.example\\@evil.example/",
        "https:///evil.example/",
        "https://tea.example/ x",
        "https://caf\u00e9.example/",
        "https://tea.example/\r\nSet-Cookie: a=b",
        "mailto:a@tea.example",
    ],
)
def test_what_is_no_web_address_is_no_destination(browser: Browser, to: str) -> None:
    response = leave(browser, to)

    assert response.status_code == 404
    assert "Location" not in response.headers


def test_two_destinations_are_none(browser: Browser) -> None:
    response = browser.get("/gk/shop/out?to=https://tea.example/&to=https://other.example/", headers=CLICK)

    assert response.status_code == 404


class TestASiteThatIsNotStrict:
    @pytest.fixture
    def tables(self, tables: dict[str, Any]) -> dict[str, Any]:
        return {**tables, "gate": {}}

    @pytest.mark.row("SE-06")
    def test_needs_no_such_way_and_has_none(self, browser: Browser) -> None:
        assert leave(browser).status_code == 404
