"""What is kept of what a staff browser met: no query, nothing personal, nothing that is declared."""

from dataclasses import replace

import pytest

from gatekeeper.core.sightings import Seen, Sighting, clean_name, see_host, see_name, see_url
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import Cookie, Kind, Tracker

DAY = "2026-11-22"


@pytest.fixture
def shop() -> Site:
    ads = Tracker(
        "ads",
        Kind.SCRIPT,
        "marketing",
        "self",
        30,
        hosts=("cdn.ads.example", "*.in.ads.example", "127.0.0.2:8080"),
        cookies=(Cookie("_ad", 30), Cookie("_st_*", 30)),
    )
    return Site(
        id="shop",
        name="Shop",
        origins=("https://shop.example", "https://www.shop.example:8443"),
        purposes={},
        vendors={},
        trackers={"ads": ads},
        controller={},
        hosts=("images.example",),
    )


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://www.stats.example/gtag/js?id=G-1&uid=7#x", "www.stats.example", "/gtag/js"),
        ("https://WWW.Stats.Example", "www.stats.example", "/"),
        ("wss://live.stats.example:443/s", "live.stats.example", "/s"),
        ("http://stats.example:8080/s", "stats.example:8080", "/s"),
        ("http://stats.example:443/s", "stats.example:443", "/s"),
        ("https://user:secret@stats.example/s", "stats.example", "/s"),
        ("https://stats.example/u/anna@mail.example/1.gif", "stats.example", "/u/:email/1.gif"),
        ("https://stats.example/b/4f2a9c1be77d0a13c5/1.gif", "stats.example", "/b/:token/1.gif"),
        ("https://stats.example/a%3Fuid=7", "stats.example", "/a"),
        ("https://other.shop.example/a", "other.shop.example", "/a"),
        ("https://shop.example:8443/a", "shop.example:8443", "/a"),
        ("http://127.0.0.2:8081/a", "127.0.0.2:8081", "/a"),
    ],
)
def test_of_an_address_host_and_clean_path_are_kept(shop: Site, url: str, host: str, path: str) -> None:
    assert see_url(shop, DAY, Seen.SCRIPT, url) == Sighting("shop", DAY, Seen.SCRIPT, host, path)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/own.js",
        "https://www.shop.example:8443/own.js",
        "https://images.example/1.png",
        "https://cdn.ads.example/ads.js",
        "https://a.b.in.ads.example/ads.js",
        "http://127.0.0.2:8080/ads.js",
        *("inline", "eval", "data", "blob", "self", "", "data:text/plain,x", "blob:https://shop.example/1"),
        *("about:blank", "chrome-extension://abcdef/x.js", "file:///etc/hosts"),
        *(
            "https://",
            "https:///x",
            "https://a..b/x",
            "https://exa mple/x",
            "https://[::1]/x",
            "https://[x",
            "http://x:y/",
        ),
        'https://"]\n[sites.evil]\n/x',
        f"https://{'a' * 300}.example/",
    ],
)
def test_what_is_declared_or_no_address_is_not_kept(shop: Site, url: str) -> None:
    assert see_url(shop, DAY, Seen.SCRIPT, url) is None


def test_a_host_is_taken_as_the_guard_says_it(shop: Site) -> None:
    seen = see_host(shop, DAY, Seen.IMAGE, "Pixel.Stats.Example:8080", "/i.gif?uid=7")

    assert seen == Sighting("shop", DAY, Seen.IMAGE, "pixel.stats.example:8080", "/i.gif")
    assert see_host(shop, DAY, Seen.IMAGE, "cdn.ads.example", "/i.gif") is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("_ga", "_ga"),
        ("_ga_1A2B3C4D5E", "_ga_*"),
        ("my-settings-for-the-product-page-v2", "my-settings-for-the-product-page-v2"),
        ("amplitude_unsent", "amplitude_unsent"),
        ("_hjSession_4412345678901234", "_hjSession_*"),
        ("ajs:user:4f2a9c1b-e77d-4a13-85c5-0123456789ab", "ajs:user:*"),
        ("4f2a9c1b-e77d-4a13-85c5-0123456789ab", ""),
        ("anna@mail.example", ""),
        ("user.anna@mail.example", ""),
        ("+41 79 123 45 67", ""),
        ("079-123-45-67", ""),
        ("tel-0791234567", "tel-*"),
        ("c-0791234567-4f2a9c1be77d0a13c5", "c-*"),
        ("_4412345678901234", ""),
        ("q?search=shoes", ""),
        ("x*", ""),
        ("", ""),
        ("a" * 129, ""),
        ('"]\n[sites.evil]', ""),
        ("naïve", ""),
    ],
)
def test_a_name_keeps_no_end_that_may_be_somebodys(name: str, kept: str) -> None:
    assert clean_name(name) == kept


@pytest.mark.parametrize("name", ["_ad", "_st_17", "gk_choice", "__Host-gk_subject", "__Secure-gk_learn"])
def test_names_that_are_declared_or_ours_are_not_kept(shop: Site, name: str) -> None:
    assert see_name(shop, DAY, Seen.COOKIE, name) is None


def test_other_names_are(shop: Site) -> None:
    assert see_name(shop, DAY, Seen.LOCAL, "_adx") == Sighting("shop", DAY, Seen.LOCAL, "_adx")
    assert see_name(replace(shop, trackers={}), DAY, Seen.COOKIE, "_ad") == Sighting("shop", DAY, Seen.COOKIE, "_ad")
