"""What a visitor does on a page of a test's own, and what is seen of it."""

import json
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import BrowserContext, Page

from .site import ADS, STATS, TUBE, Site

#: What makes a browser say that it objects.
GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
DNT = "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})"
PURPOSES = ("functional", "analytics", "marketing")
#: Counts how far anything on the page was moved (web.dev/cls), from its first moment.
SHIFTS = """<script>
  shifted = [];
  const moved = ({ node, previousRect, currentRect }) =>
    [node && (node.outerHTML || node.data).slice(0, 80), previousRect.toJSON(), currentRect.toJSON()];
  const told = ({ value, startTime, sources }) => [value, startTime, sources.map(moved)];
  new PerformanceObserver((list) => shifted.push(...list.getEntries().map(told)))
    .observe({ type: "layout-shift", buffered: true });
</script>"""
#: Long enough for anything that was let through to have happened.
SETTLED = 600  # milliseconds


def choose(page: Page, *granted: str, **more: Any) -> Any:
    """Make a choice as a page of its own making would: in a click, by window.gatekeeper."""
    wish = json.dumps({"granted": granted, **more})
    page.evaluate(
        """wish => {
            const button = document.body.appendChild(document.createElement("button"));
            button.id = "mine";
            button.onclick = () => { window.told = gatekeeper.choose(JSON.parse(wish)).catch(error => String(error)); };
        }""",
        wish,
    )
    page.locator("#mine").focus()
    page.keyboard.press("Enter")
    page.locator("#mine").evaluate("button => button.remove()")
    return page.evaluate("window.told")


def cookie(context: BrowserContext, name: str = "gk_choice") -> str | None:
    return next((held["value"] for held in context.cookies() if held["name"] == name), None)


def ran(page: Page) -> list[str]:
    found: list[str] = page.evaluate("ran")
    return found


def settle(page: Page) -> None:
    page.wait_for_timeout(SETTLED)


def bodies(site: Site, path: str) -> list[Any]:
    """Return what the service was sent, newest last."""
    return [json.loads(text) for where, text in site.posts if where == f"/gk/shop/{path}"]


def all_tags(site: Site) -> str:
    """One tag of each kind, in an order that only waiting for slow ones can keep."""
    return "".join(
        [
            site.tag("analytics", "first", "?slow"),
            site.inline("analytics", "second"),
            site.tag("marketing", "missing", "?fail"),
            site.inline("marketing", "third"),
            site.tag("functional", "fourth", "?slow"),
            f'<iframe data-gk="functional" data-src="{site.vendor(TUBE, "/frame")}"></iframe>',
            f'<img alt="" data-gk="marketing" data-src="{site.vendor(ADS, "/picture.gif")}">',
            f'<link rel="stylesheet" data-gk="analytics" data-href="{site.vendor(STATS, "/style.css")}">',
            site.inline("functional", "fifth"),
            site.tag("marketing", "sixth"),
        ]
    )


IN_ORDER = ["first", "second", "third", "fourth", "fifth", "sixth"]
FETCHED = ["first", "fourth", "frame", "missing", "picture", "sixth", "style"]


def told(site: Site) -> list[Any]:
    """Return the batches that the service was sent, newest last."""
    return bodies(site, "events")


def views(site: Site) -> list[str]:
    """Return the paths whose views the service was told of, in their order."""
    return [event["path"] for batch in told(site) for event in batch.get("events", []) if event["kind"] == "view"]


def cookies_of_a_grant(site: Site, *granted: str) -> list[str]:
    """Grant as a browser without a face, and return what the server would have it keep."""
    headers = {"Content-Type": "application/json", "Origin": site.url("")}
    body = json.dumps({"granted": granted, "notice": 1}).encode()
    with urlopen(Request(site.url("/gk/shop/choice"), body, headers), timeout=10) as answer:
        found: list[str] = answer.headers.get_all("Set-Cookie")
    return found
