"""Signed links: they go where they were signed to go, and tell the destination nothing."""

from collections.abc import Callable

import pytest

from gatekeeper.core.links import Link, Links
from gatekeeper.core.tokens import Tokens
from gatekeeper.web.service import Service

from .conftest import KEY, Browser, events_of

DESTINATION = "https://tea.example/caf%C3%A9/?a=1&b=%20#part"


@pytest.fixture
def token(service: Service) -> str:
    return service.links.sign(Link("shop", "newsletter", DESTINATION))


@pytest.mark.row("LK-02", "SE-13")
def test_it_goes_on_byte_for_byte_and_passes_nothing(new_browser: Callable[..., Browser], token: str) -> None:
    granting, refusing = new_browser(), new_browser()
    granting.choose("marketing")
    refusing.choose()

    responses = [browser.get(f"/gk/l/{token}") for browser in (granting, refusing, new_browser())]

    for response in responses:
        assert response.status_code == 302
        assert response.headers["Location"] == DESTINATION
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in response.headers
        assert response.data == b""
    assert len({str(sorted(response.headers.items())) for response in responses}) == 1


def test_a_click_is_logged_only_where_it_is_granted(
    new_browser: Callable[..., Browser], service: Service, token: str
) -> None:
    granting, refusing = new_browser(), new_browser()
    granting.choose("marketing")
    refusing.choose()

    granting.get(f"/gk/l/{token}")
    refusing.get(f"/gk/l/{token}")

    (event,) = events_of(service, granting)
    assert (event.kind, event.tracker, dict(event.fields)) == ("click", "newsletter", {})
    assert {total.reason for total in service.store.totals("shop") if total.what == "hit"} == {"refused"}


@pytest.mark.row("SE-06")
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//evil.example",
        "\\\\evil.example",
        "https://user@evil.example",
        "/local",
        "data:text/html,x",
    ],
)
def test_a_destination_that_is_no_web_address_is_not_followed_though_signed(browser: Browser, url: str) -> None:
    signed = Tokens([KEY], "link").sign(["shop", "newsletter", url])

    response = browser.get(f"/gk/l/{signed}")

    assert response.status_code == 404
    assert "Location" not in response.headers


@pytest.mark.row("SE-06")
def test_tampered_and_retired_tokens_are_not_followed(browser: Browser, token: str) -> None:
    body, _, signature = token.rpartition(".")
    retired = Links(["another-key-that-was-used-long-ago-and-is-no-more"]).sign(Link("shop", "newsletter", DESTINATION))
    of_another_use = Tokens([KEY], "subject").sign(["shop", "newsletter", DESTINATION])

    wrong = [f"{body}x.{signature}", f"{body}.{signature[:-2]}", body, f"{token}.", retired, of_another_use, "x"]

    assert {browser.get(f"/gk/l/{each}").status_code for each in wrong} == {404}


def test_an_older_key_still_verifies() -> None:
    signed = Links(["the-older-key"]).sign(Link("shop", "newsletter", DESTINATION))

    assert Links(["the-older-key", "the-newer-key"]).verify(signed).url == DESTINATION


def test_a_scanner_that_only_asks_for_the_head_is_not_counted(browser: Browser, service: Service, token: str) -> None:
    response = browser.client.head(f"/gk/l/{token}", base_url=browser.origin)

    assert response.headers["Location"] == DESTINATION
    assert service.store.totals("shop") == {}
