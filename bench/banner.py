"""Measure the banner on a first visit: what it weighs, what it asks for, and what the page pays until it is there.

Run it from the root of the project: ``python -m bench.banner``. It ends with 1 where a budget is broken.

A shop's page with a picture and a journal's page of text are loaded with and without the guard, in turn, by a browser
that has never been there, at the widths of a phone and of a laptop. What is measured is what the
browser itself reports: requests, the largest paint, shifts of the layout, tasks that block, and when the banner's first
frame follows the page's own first paint. Blocking is measured with the processor slowed down four times, in CPU time:
by time of day, a task that waits for what else the machine does would count as one that blocks.
"""

import argparse
import json
import logging
import os
import random
import shutil
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.guard import FIRST_VISIT, NOWHERE, Shop
from bench.tabs import tab
from e2e.conftest import FLAGS, NAMES

PAIRS = 11
SIZES = ((412, 823), (1366, 768))
#: The most that may be: requests before the banner shows, milliseconds from the first paint to the banner's.
REQUESTS, SHOWS = 2, 50
#: Long tasks block what is above this, in milliseconds (W3C Long Tasks; "total blocking time").
LONG = 50
#: How long a page is left alone after it was asked for, in seconds, by how many times slower the processor is.
RESTS = {1: 1.2, 4: 2.4}
#: What the browser tells of a page while it loads: its tasks, and which page was read.
_TRACED = ["toplevel", "devtools.timeline"]

#: Asked before any script of the page: paints and shifts, and the frame in which the banner is there.
_WATCH = """(() => {
  const seen = (window.seen = { lcp: '', shifts: 0, shown: 0, paint: 0 });
  const watch = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each))
    .observe({ type, buffered: true });
  watch('largest-contentful-paint', ({ element }) => {
    seen.lcp = !element ? '(gone)' : element.closest('.gk') ? 'banner' : element.localName;
  });
  watch('layout-shift', ({ value }) => { seen.shifts += value; });
  watch('paint', ({ name, startTime }) => { if (name === 'first-paint') seen.paint = startTime; });
  watch('element', ({ renderTime }) => { seen.shown ||= renderTime; });
  new MutationObserver((_, observer) => {
    const banner = document.querySelector('.gk h2');
    if (!banner) return;
    banner.setAttribute('elementtiming', 'banner');
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
})()"""
#: When each request began, and whom it went to.
_ASKED = "performance.getEntriesByType('resource').map(({ name, startTime }) => [name, startTime])"


@dataclass(frozen=True)
class Seen:
    """One page as its browser saw it.

    :param requests: of Gatekeeper's files, until the banner was there.
    :param foreign: requests to anybody else.
    :param after: milliseconds from the page's first paint to the banner's.
    """

    requests: int
    foreign: int
    largest: str
    shifts: float
    blocked: float
    after: float


#: What a journal's page holds: paragraphs of several lines, no picture.
_PARAGRAPH = (
    "Water boils sooner in a kettle with a wide, flat base, as more of it touches the plate. Steel keeps no taste of "
    "what was in it before, and a whistle spares you watching. Fill it no fuller than you need: half a litre boils in "
    "half the time of a whole one, and costs half as much."
)


def page(body: str, *, guarded: bool) -> str:
    """Return a page with some content."""
    guard = '<script src="/gk/shop/gatekeeper.js"></script>' if guarded else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>Kettles</title><link rel="icon" href="data:,">{guard}</head><body>{body}</body></html>'
    )


def photograph(width: int = 480, height: int = 270) -> bytes:
    """Return a picture with as much in it as a photograph: browsers leave plain ones out of the largest paint."""
    rows = b"".join(b"\0" + random.Random(row).randbytes(3 * width) for row in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


SHOP = '<h1>Kettles</h1><img alt="" src="/kettle.png" width="480" height="270" style="width:100%;height:auto">' + (
    "<p>A kettle of steel. It holds a litre.</p>" * 40
)
JOURNAL = f"<h1>Water first</h1>{f'<p>{_PARAGRAPH}</p>' * 20}"
PAGES = {"shop": SHOP, "journal": JOURNAL}


def look(browser: Browser, shop: Shop, path: str, size: tuple[int, int], slowdown: int) -> Seen:
    """Load a page by a browser that has never been there."""
    with tab(browser) as page:
        window = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        page.send("Emulation.setDeviceMetricsOverride", **window)
        page.send("Page.enable")
        page.send("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
        page.send("Emulation.setCPUThrottlingRate", rate=slowdown)
        browser.start_tracing(categories=_TRACED)
        page.go(shop.url(path), RESTS[slowdown])
        while path.endswith("/guarded") and not page.ask("seen.shown"):
            time.sleep(RESTS[slowdown])
        traced = browser.stop_tracing()
        seen: dict[str, Any] = page.ask("seen")
        asked = page.ask(_ASKED)
    shown = [url for url, at in asked if "/gk/" in url and "part." not in url and at <= seen["shown"]]
    foreign = [url for url, _ in asked if not url.startswith((shop.url(""), "data:"))]
    after = max(0.0, seen["shown"] - seen["paint"])
    blocked = sum(max(0, task - LONG) for task in tasks(traced, shop.url(path)))
    return Seen(len(shown), len(foreign), seen["lcp"], seen["shifts"], blocked, after)


def tasks(traced: bytes, url: str) -> list[float]:
    """Return the CPU time, in milliseconds, of each task of the main thread that read a page and was done with it."""
    events: list[dict[str, Any]] = json.loads(traced)["traceEvents"]
    reading = [event for event in events if event["name"] == "ParseHTML"]
    threads = {(event["pid"], event["tid"]) for event in reading if event["args"]["beginData"]["url"] == url}
    assert len(threads) == 1, threads
    ran = [event for event in events if event["name"] == "ThreadControllerImpl::RunTask" and "tdur" in event]
    return [event["tdur"] / 1000 for event in ran if (event["pid"], event["tid"]) in threads]


def rows(browser: Browser, shop: Shop, pairs: int) -> tuple[list[str], bool]:
    """Return the lines of the table, and whether all budgets are kept."""
    lines, kept = [], True
    for name, size, slowdown in product(PAGES, SIZES, (1, 4)):
        paths = [f"/{name}/bare", f"/{name}/guarded"]
        found: dict[str, list[Seen]] = {path: [] for path in paths}
        for number in range(pairs):
            for path in paths[:: -1 if number % 2 else 1]:
                found[path].append(look(browser, shop, path, size, slowdown))
        bare, ours = found.values()
        blocked = median(one.blocked - other.blocked for one, other in zip(ours, bare, strict=True))
        after = median(one.after for one in ours)
        verdicts = [
            max(one.requests for one in ours) <= REQUESTS,
            not any(one.foreign for one in ours),
            all(one.largest != "banner" for one in ours),
            max(one.shifts for one in ours) == 0,
            blocked <= 0 or slowdown == 1,
            after <= SHOWS or slowdown > 1,
        ]
        kept = kept and all(verdicts)
        cells = (
            name,
            f"{size[0]} x {size[1]}",
            f"{slowdown}x",
            f"{max(one.requests for one in ours)}",
            f"{max(one.foreign for one in ours)}",
            _all(one.largest for one in ours),
            f"{max(one.shifts for one in ours):.3f}",
            f"{blocked:+.0f}",
            f"{after:.0f}",
            "kept" if all(verdicts) else "BROKEN",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines, kept


def _all(names: Any) -> str:
    return ", ".join(sorted(set(names)))


def weigh(shop: Shop) -> bool:
    """Print what a first visit weighs in brotli; tell whether it keeps to its budget."""
    bundles = shop.bundles
    parts = {"guard, with settings for 20 trackers": bundles.guard, "banner, English": bundles.later["banner", "en"]}
    sizes = {name: len(bundle.br) for name, bundle in parts.items()}
    total = sum(sizes.values())
    for name, size in {**sizes, "first visit": total}.items():
        print(f"| {name} | {size} |")
    return total <= FIRST_VISIT


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each pair of pages is loaded")
    pairs = parser.parse_args(arguments).pairs
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shop = Shop(Path(folder)).start()
        shop.files = {"/kettle.png": ("image/png", photograph())}
        for name, body in PAGES.items():
            shop.pages |= {f"/{name}/bare": page(body, guarded=False), f"/{name}/guarded": page(body, guarded=True)}
        path = os.environ.get("GATEKEEPER_TEST_BROWSER", next(filter(None, map(shutil.which, NAMES)), ""))
        browser = playwright.chromium.launch(executable_path=path or None, args=[*FLAGS, NOWHERE])
        print(f"| brotli, bytes (budget {FIRST_VISIT}) | |\n|---|---|")
        light = weigh(shop)
        print(f"\nMedians of {pairs} pairs; worst of all where it is no time. Chromium {browser.version}\n")
        print(
            "| page | window | processor | requests | to others | largest paint | shifts | blocking | banner after | |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        lines, kept = rows(browser, shop, pairs)
        print("\n".join(lines))
        browser.close()
        shop.stop()
    return 0 if light and kept else 1


if __name__ == "__main__":
    sys.exit(main())
