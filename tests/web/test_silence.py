"""About a visitor who refuses nothing is written: no id, no address, not one byte."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gatekeeper.config import Config
from gatekeeper.core.links import Link
from gatekeeper.store.contract import Store
from gatekeeper.web.service import Service
from tests.files import content

from .conftest import Browser

CANARIES = {
    "agent": "CanaryAgent/7731",
    "language": "xq-Canary",
    "address": "198.51.100.77",
    "query": "canaryquery7731",
    "referrer": "canary-referrer.example",
    "path": "canarypath7731",
    "event": "019ab1c2d3e47abc8def00c0ffee7731",
}


@pytest.mark.row("EU-01", "EU-13", "SE-22")
def test_nothing_of_a_refusing_visit_is_in_any_file(
    new_browser: Callable[..., Browser],
    service: Service,
    store: Store,
    config: Config,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = service.links.sign(Link("shop", "newsletter", "https://tea.example/"))
    browser = new_browser()
    browser.headers = {
        "User-Agent": CANARIES["agent"],
        "Accept-Language": CANARIES["language"],
        "Referer": f"https://{CANARIES['referrer']}/?q={CANARIES['query']}",
    }
    browser.client.environ_base["REMOTE_ADDR"] = CANARIES["address"]
    view = {"id": CANARIES["event"], "kind": "view", "path": f"/{CANARIES['path']}"}

    for visit in range(2):  # before a choice, and after refusing
        browser.get(f"/gk/shop/gatekeeper.js?{CANARIES['query']}")
        browser.get(f"/gk/shop/b/seen.gif?{CANARIES['query']}")
        browser.get(f"/gk/shop/b/{CANARIES['path']}.gif")
        browser.get(f"/gk/l/{token}?{CANARIES['query']}")
        browser.get(f"/gk/shop/choices?{CANARIES['query']}")
        browser.post("/gk/shop/events", json={"events": [view]})
        browser.post("/gk/shop/events", data=CANARIES["query"].encode())
        browser.get(f"/gk/{CANARIES['path']}/choice")
        if visit == 0:
            browser.choose()
    store.flush()
    store.close()

    written = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert any(data for data in written.values())
    for name, canary in CANARIES.items():
        for path, data in written.items():
            assert canary.encode() not in data, f"{name} is in {path.name}"
            assert bytes.fromhex(CANARIES["event"]) not in data
        assert canary not in caplog.text, f"{name} is in the log"


def test_the_same_visit_with_consent_is_found_so_the_search_can_fail(browser: Browser, service: Service) -> None:
    browser.choose("analytics")
    view = {"id": CANARIES["event"], "kind": "view", "path": "/tea"}

    browser.post("/gk/shop/events", json={"events": [view]})

    path = service.config.database_url.removeprefix("sqlite:///")
    assert bytes.fromhex(CANARIES["event"]) in content(Path(path + suffix) for suffix in ("", "-wal"))
