"""Signed links: nothing but the signed destination, byte for byte, and only destinations that are web addresses."""

from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.errors import BadToken, InvalidInput
from gatekeeper.core.links import MAX_URL, Link, Links, check_destination
from gatekeeper.core.tokens import Tokens

KEY = "k3y" * 12
LINKS = Links([KEY])

GOOD = [
    "https://vendor.example",
    "https://vendor.example/",
    "https://vendor.example/path/to?x=1&y=2#part",
    "http://vendor.example/",
    "https://vendor.example:8443/",
    "http://127.0.0.1:8080/a",
    "http://[::1]:8080/",
    "https://xn--bcher-kva.example/",
    "https://vendor.example/?next=https://other.example/&mail=a%40b.example",
    "https://vendor.example/?to=//other.example",
    "https://vendor.example/a%0D%0Ab",
    "https://vendor.example/%5C%5Cother.example",
    "https://vendor.example/caf%C3%A9",
    "https://vendor.example/@handle",
    "https://vendor.example/#user@x",
    "https://vendor.example/a//b/../c",
    "https://vendor.example/;p=1!$&'()*+,=~",
    "HTTPS://VENDOR.example/",
]

BAD = [
    "",
    " ",
    "vendor.example",
    "/path",
    "path",
    "?x=1",
    "#part",
    "//vendor.example/",
    "///vendor.example/",
    "////vendor.example/",
    "\\\\vendor.example/",
    "/\\vendor.example/",
    "\\/vendor.example/",
    "https:\\\\vendor.example/",
    "https:/\\vendor.example/",
    "https://vendor.example\\@other.example/",
    "https:vendor.example",
    "https:/vendor.example",
    "https:///vendor.example",
    "https://",
    "https://:443/",
    "https://?x",
    "https://#x",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    " javascript:alert(1)",
    "\x01javascript:alert(1)",
    "javascript://vendor.example/%0Aalert(1)",
    "javascript%3Aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:x",
    "blob:https://vendor.example/1",
    "view-source:https://vendor.example/",
    "file:///etc/passwd",
    "ftp://vendor.example/",
    "ws://vendor.example/",
    "mailto:a@b.example",
    "tel:+123456789",
    "about:blank",
    "https://user@vendor.example/",
    "https://user:pass@vendor.example/",
    "https://:@vendor.example/",
    "https://@vendor.example/",
    "https://shop.example@vendor.example/",
    "https://shop.example:443@vendor.example/",
    "https://vendor.example/\r\nSet-Cookie: a=b",
    "https://vendor.example/\nX: y",
    "https://vendor.example/\r",
    "https://vendor.example/\n",
    "https://vendor.example/\x00",
    "https://vendor.example/a b",
    "https://vendor.example/\ta",
    " https://vendor.example/",
    "https://vendor.example/ ",
    "https://vendor.example/caf\u00e9",
    "https://b\u00fccher.example/",
    "https://vendor\u3002example/",
    "https://vendor.example\uff0fpath",
    "\uff48ttps://vendor.example/",
    "https\uff1a//vendor.example/",
    "https://vendor.example/\u202e",
    "https://vendor.example/\ud800",
    "https%3A%2F%2Fvendor.example",
    "https:%2F%2Fvendor.example",
    "%2F%2Fvendor.example",
    "https://vendor.example/<script>",
    'https://vendor.example/"onload="x',
    "https://vendor.example/`x`",
    "https://vendor.example/{x}|^",
    "https://vendor.example:port/",
    "https://vendor.example:99999/",
    "https://vendor.example:-1/",
    "https://[::1/",
    "https://[not-an-address]/",
    "https://vendor.example/" + "a" * MAX_URL,
]


@pytest.mark.row("SE-06", "LK-02")
@pytest.mark.parametrize("url", GOOD)
def test_a_web_address_comes_back_byte_for_byte(url: str):
    link = Link("shop", "ad", url)

    assert LINKS.verify(LINKS.sign(link)) == link


@pytest.mark.row("SE-06")
@pytest.mark.parametrize("url", BAD, ids=ascii)
def test_anything_else_is_not_signed(url: str):
    with pytest.raises(InvalidInput, match="a destination is an absolute http or https address"):
        LINKS.sign(Link("shop", "ad", url))


@pytest.mark.row("SE-06")
@pytest.mark.parametrize("url", [url for url in BAD if url.isprintable()], ids=ascii)
def test_anything_else_is_not_followed_though_it_be_signed(url: str):
    token = Tokens([KEY], "link").sign(["shop", "ad", url])

    with pytest.raises(BadToken):
        LINKS.verify(token)


@pytest.mark.row("SE-06")
@pytest.mark.parametrize("value", [None, 5, "abc", [], ["shop", "ad"], ["shop", "ad", 5], ["shop", "ad", None], {}])
def test_a_signed_value_of_another_shape_is_no_link(value: object):
    with pytest.raises(BadToken):
        LINKS.verify(Tokens([KEY], "link").sign(value))


@pytest.mark.row("SE-06")
def test_an_address_in_place_of_a_token_is_no_link():
    for url in [*GOOD, *BAD]:
        with pytest.raises(BadToken):
            LINKS.verify(url)


@pytest.mark.row("SE-06")
def test_a_link_signed_with_a_removed_key_is_no_link():
    token = Links(["an older key"]).sign(Link("shop", "ad", GOOD[0]))

    with pytest.raises(BadToken):
        LINKS.verify(token)


@given(st.text() | st.text(alphabet="htps:/\\@.%#?[]a1\t\r\n "))
@pytest.mark.row("SE-06")
def test_whatever_is_let_through_is_a_plain_web_address(url: str):
    with suppress(InvalidInput):
        check_destination(url)

        parts = urlsplit(url)
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert "@" not in parts.netloc
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
        assert "\\" not in url
