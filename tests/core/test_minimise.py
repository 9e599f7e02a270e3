"""What is kept of a path, a referrer, a language and an address."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.minimise import (
    MAX_LANGUAGE,
    MAX_PATH,
    MAX_WORDS,
    clean_path,
    clean_words,
    first_language,
    keep_address,
    referrer_host,
    url_path,
)
from gatekeeper.core.sites import Ip

PATHS = [
    # kept as they are
    ("/", "/"),
    ("/articles/how-to-brew-tea", "/articles/how-to-brew-tea"),
    (
        "/articles/ten-things-to-know-about-brewing-tea-in-2026",
        "/articles/ten-things-to-know-about-brewing-tea-in-2026",
    ),
    ("/2026/11/22/news", "/2026/11/22/news"),
    ("/archive/2026-11-22", "/archive/2026-11-22"),
    ("/archive/2026-11", "/archive/2026-11"),
    ("/products/12345", "/products/12345"),
    ("/a/b/", "/a/b/"),
    ("/caf%C3%A9", "/caf\u00e9"),
    ("/index.html", "/index.html"),
    ("/@handle", "/@handle"),
    # query, fragment and parameters
    ("/search?q=hiv&email=a@b.example", "/search"),
    ("/search#token=secret", "/search"),
    ("/search%3Fq=hiv", "/search"),
    ("/search%23q=hiv", "/search"),
    ("/cart;jsessionid=0123456789ABCDEF/pay", "/cart/pay"),
    ("/cart%3Bjsessionid=0123456789ABCDEF", "/cart"),
    ("?q=hiv", "/"),
    ("", "/"),
    ("no-slash", "/no-slash"),
    # e-mail addresses
    ("/u/john@example.com", "/u/:email"),
    ("/u/john%40example.com/edit", "/u/:email/edit"),
    ("/u/j.d%2Bx@mail.example.co.uk", "/u/:email"),
    ("/unsubscribe-john@example.com-now", "/:email"),
    ("/u%2Fjohn@example.com", "/u/:email"),
    # numbers that may be somebody's
    ("/call/+91%2098765%2043210", "/call/:number"),
    ("/call/(0)30-1234567", "/call/:number"),
    ("/call/030-1234567", "/call/:number"),
    ("/call/0044.20.7946.0018", "/call/:number"),
    ("/id/123456789012", "/id/:number"),
    ("/card/4111-1111-1111-1111", "/card/:number"),
    ("/a%2F0123456789", "/a/:number"),
    # ids and tokens
    ("/o/123e4567-e89b-12d3-a456-426614174000", "/o/:id"),
    ("/o/123E4567-E89B-12D3-A456-426614174000.pdf", "/o/:id"),
    ("/reset/9f86d081884c7d659a2feaa0c55ad015", "/reset/:token"),
    ("/reset/deadbeefdeadbeef", "/reset/:token"),
    ("/reset/Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==", "/reset/:token"),
    ("/s/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "/s/:token"),
    ("/s/abcdefghijklmnopqrstuvwxyzABCDEFGH", "/s/:token"),
    # what no reader can see
    ("/a%00b%0D%0Ac", "/abc"),
    ("/a\u202eb\u200bc", "/abc"),
    ("/j%E2%80%8Bohn@example.com", "/:email"),
    # nonsense
    ("/%ff%fe", "/\ufffd\ufffd"),
    ("/%", "/%"),
    ("//host/x", "//host/x"),
    ("/..//../etc", "/..//../etc"),
]


@pytest.mark.row("EU-13")
@pytest.mark.parametrize(("path", "kept"), PATHS, ids=[ascii(path) for path, _ in PATHS])
def test_a_path_is_kept_without_what_looks_personal(path: str, kept: str):
    assert clean_path(path) == kept


@given(st.text(max_size=80), st.text(alphabet="abcdefghijklmnop.", min_size=1), st.sampled_from("/?#;"))
@pytest.mark.row("EU-13")
def test_no_address_in_a_path_is_kept(before: str, name: str, after: str):
    assert f"{name}@mail.example" not in clean_path(f"/{before}{name}@mail.example{after}rest")


@given(st.text(max_size=3000))
def test_any_path_becomes_a_short_printable_one(path: str):
    kept = clean_path(path)

    assert kept.startswith("/")
    assert len(kept) <= MAX_PATH + 1
    assert not any(character in kept for character in "?#;\r\n\x00")


@pytest.mark.parametrize("path", ["/" + "a" * 2047, "/" + "a@" * 1000, "/" + "@." * 1000, "/" + "1-" * 1000])
@pytest.mark.timeout(2)
def test_no_path_takes_long(path: str):
    for _ in range(200):
        clean_path(path)


def test_a_long_path_is_cut():
    assert clean_path("/" + "word/" * 1000) == ("/" + "word/" * 1000)[:MAX_PATH]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://shop.example/a?q=1", "/a"),
        ("https://shop.example", "/"),
        ("https://shop.example/u/john@example.com", "/u/:email"),
        ("android-app://com.example/x", ""),
        ("about:blank", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
        ("https://[::1/", ""),
    ],
)
def test_the_path_of_an_address(url: str, path: str):
    assert url_path(url) == path


@pytest.mark.row("EU-13")
@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://search.example/?q=hiv", "search.example"),
        ("https://SEARCH.example:8443/x", "search.example"),
        ("http://user:pass@search.example/", "search.example"),
        ("https://shop.example/page", ""),
        ("https://www.shop.example/page", "www.shop.example"),
        ("https://shop.example.evil.example/", "shop.example.evil.example"),
        ("android-app://com.example/", ""),
        ("about:client", ""),
        ("data:text/html,x", ""),
        ("", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("not an address", ""),
    ],
)
def test_of_a_referrer_only_a_foreign_host_is_kept(url: str, host: str):
    assert referrer_host(url, frozenset({"shop.example"})) == host


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en", "en"),
        ("en-GB,en;q=0.9,de;q=0.8", "en-GB"),
        ("de;q=0.8,en", "de"),
        (" pt-BR ", "pt-BR"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("*", ""),
        ("", ""),
        (",en", ""),
        ("e", ""),
        ("en_GB", ""),
        ("<script>", ""),
        ("en-" + "a" * 9, ""),
        ("en-" + "-".join(["abcdefgh"] * 5), ""),
        ("\u0435n", ""),
    ],
)
def test_the_first_language_is_kept_if_it_is_one(header: str, language: str):
    assert first_language(header) == language
    assert len(language) <= MAX_LANGUAGE


@pytest.mark.row("EU-13")
@pytest.mark.parametrize(
    ("address", "full", "truncated"),
    [
        ("203.0.113.77", "203.0.113.77", "203.0.113.0/24"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:DB8:0:0::1", "2001:db8::1", "2001:db8::/48"),
        ("::ffff:203.0.113.77", "203.0.113.77", "203.0.113.0/24"),
        ("", "", ""),
        ("unknown", "", ""),
        ("203.0.113.77:1234", "", ""),
        ("203.0.113.0/24", "", ""),
        ("0203.0.113.77", "", ""),
        ("unix:", "", ""),
    ],
)
def test_of_an_address_is_kept_what_the_site_keeps(address: str, full: str, truncated: str):
    kept = (keep_address(address, Ip.FULL), keep_address(address, Ip.TRUNCATED), keep_address(address, Ip.NONE))

    assert kept == (full, truncated, "")


@given(st.ip_addresses().map(str) | st.text(max_size=40))
def test_any_address_is_kept_or_not(address: str):
    for kept in Ip:
        assert isinstance(keep_address(address, kept), str)


@given(st.text(max_size=200))
def test_any_header_is_minimised(text: str):
    assert len(first_language(text)) <= MAX_LANGUAGE
    assert url_path(text).startswith("/") or url_path(text) == ""
    assert len(referrer_host(text, frozenset())) <= 253


SEARCHES = [
    # kept
    ("green tea", "green tea"),
    ("  Green\tTEA ", "green tea"),
    ("th\u00e9 vert", "th\u00e9 vert"),
    ("iphone 15 pro", "iphone 15 pro"),
    ("10 x 20 cm", "10 x 20 cm"),
    ("tea-pot-with-a-very-long-handle-2", "tea-pot-with-a-very-long-handle-2"),
    ("news of 2026-11-22", "news of 2026-11-22"),
    ("news of 22.11.2026", "news of 22.11.2026"),
    ("wetter \u6771\u4eac", "wetter \u6771\u4eac"),
    ("", ""),
    # e-mail addresses
    ("jo@tea.example", ":email"),
    ("order of Jo+x@mail.tea.example please", "order of :email please"),
    ("jo\uff20tea.example", ":email"),
    ("jo@localhost", ":email"),
    # telephone numbers, and what else is as long
    ("call +44 20 7946 0018", "call :number"),
    ("call (030) 123-45 67", "call (:number"),
    ("030/1234567", ":number"),
    ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", ":number"),
    ("\uff11\uff12\uff13\uff14\uff15\uff16\uff17", ":number"),
    ("123-45-6789", ":number"),
    # cards
    ("4111 1111 1111 1111", ":card"),
    ("4111-1111-1111-1111 expired", ":card expired"),
    ("378282246310005", ":card"),
    ("4111 1111 1111 1112", ":number"),
    # ids and tokens
    ("123e4567-e89b-12d3-a456-426614174000", ":id"),
    ("parcel 9f86d081884c7d659a2feaa0c55ad015", "parcel :token"),
    ("DE89370400440532013000", ":token"),
    ("DE89 3704 0044 0532 0130 00", "de:number"),
    ("reset Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==", "reset :token"),
    # what no reader can see
    ("a\u0000b\r\nc", "ab c"),
    ("jo\u200b@tea.example", ":email"),
]


@pytest.mark.row("SE-25")
@pytest.mark.parametrize(("text", "kept"), SEARCHES, ids=[ascii(text) for text, _ in SEARCHES])
def test_what_somebody_typed_is_kept_without_what_looks_personal(text: str, kept: str):
    assert clean_words(text) == kept


@given(st.text(max_size=3 * MAX_WORDS))
def test_any_text_is_kept_short_and_on_one_line(text: str):
    kept = clean_words(text)

    assert len(kept) <= MAX_WORDS
    assert kept.isprintable()
    assert not re.search(r"[^ @]@[^ @]", kept)
    assert not re.search(r"[0-9]{7}", kept)
