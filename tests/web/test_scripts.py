"""The scripts: the same for everyone, cached well, and complete."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import brotli
import pytest

from gatekeeper.core.registry import read_registry
from gatekeeper.web.service import Service

from .conftest import Browser, publish


@pytest.mark.row("SE-12")
def test_two_visitors_get_the_same_bytes_and_no_cookie(new_browser: Callable[..., Browser]) -> None:
    granting, other = new_browser(), new_browser()
    granting.choose("analytics", "marketing")

    first, second = (browser.get("/gk/shop/gatekeeper.js") for browser in (granting, other))

    assert first.data == second.data
    assert sorted(first.headers.items()) == sorted(second.headers.items())
    assert "Set-Cookie" not in first.headers
    assert "Cookie" not in first.headers.get("Vary", "")
    assert first.headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=86400"


@pytest.mark.parametrize(
    ("accepted", "encoding", "decode"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("gzip, br;q=0", "gzip", gzip.decompress),
        ("", None, bytes),
    ],
)
def test_it_comes_in_the_best_encoding(
    browser: Browser, accepted: str, encoding: str | None, decode: Callable[[bytes], bytes]
) -> None:
    plain = browser.get("/gk/shop/gatekeeper.js", headers={"Accept-Encoding": ""}).data

    response = browser.get("/gk/shop/gatekeeper.js", headers={"Accept-Encoding": accepted})

    assert response.headers.get("Content-Encoding") == encoding
    assert decode(response.data) == plain
    assert "Accept-Encoding" in response.headers["Vary"]


def test_it_is_not_sent_again_while_it_is_the_same(browser: Browser) -> None:
    etag = browser.get("/gk/shop/gatekeeper.js").headers["ETag"]

    again = browser.get("/gk/shop/gatekeeper.js", headers={"If-None-Match": etag})

    assert (again.status_code, again.data) == (304, b"")


def test_the_versioned_name_is_immutable_and_matches_its_integrity(browser: Browser, service: Service) -> None:
    bundle = service.published("shop").bundles.guard

    response = browser.get(f"/gk/shop/gatekeeper.{bundle.hash}.js", headers={"Accept-Encoding": ""})
    other = browser.get("/gk/shop/gatekeeper.0123456789abcdef.js")

    digest = base64.b64encode(hashlib.sha384(response.data).digest()).decode()
    assert bundle.integrity == f"sha384-{digest}"
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert other.status_code == 404


def test_the_banner_is_found_by_its_current_name(browser: Browser) -> None:
    location = browser.get("/gk/shop/banner.en.js").headers["Location"]

    current = browser.get(f"/gk/shop/{location}")
    unknown = browser.get("/gk/shop/banner.xx.js")

    assert current.status_code == 200
    assert b"Test Shop" in current.data
    assert unknown.status_code == 404


def test_a_newly_published_notice_makes_a_new_script(
    browser: Browser, service: Service, tables: dict[str, Any]
) -> None:
    before = browser.get("/gk/shop/gatekeeper.js").headers["ETag"]
    sites, _ = read_registry({"sites": {"shop": {**tables, "name": "</script><b>Tea"}}})

    publish(service.store, sites["shop"])
    service.refresh()

    after = browser.get("/gk/shop/gatekeeper.js", headers={"Accept-Encoding": ""})
    assert after.headers["ETag"] != before
    banner = browser.get(f"/gk/shop/{browser.get('/gk/shop/banner.en.js').headers['Location']}").data
    assert b"</script>" not in banner
    assert b"<\\/script>" in banner


def test_the_settings_hold_what_the_browser_needs_to_decide(service: Service) -> None:
    settings = json.loads(json.dumps(service.published("shop").bundles.settings))

    assert settings["notice"] == 1
    assert settings["notices"]["1"]["purposes"] == ["functional", "analytics", "marketing"]
    assert settings["purposes"]["marketing"] == {"age": 18, "denied_by": ["dnt", "gpc"]}
    assert settings["languages"] == {"*": "en"}


def test_once_prepared_a_request_makes_nothing(
    browser: Browser, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.prepare()
    monkeypatch.setattr("gatekeeper.web.bundles._bundle", None)
    monkeypatch.setattr("gatekeeper.web.bundles._function", None)
    version = service.published("shop").bundles.version

    for name in ("gatekeeper.js", f"banner.en.{version}.js", f"part.page.en.{version}.js"):
        assert browser.get(f"/gk/shop/{name}").status_code == 200
