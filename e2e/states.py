"""Every state in which a visitor meets us on a page, by name: tests check the looks of each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from gatekeeper.core.languages import direction
from gatekeeper.languages import words

from .site import TUBE, Site
from .visiting import GPC

#: A browser that keeps nothing.
FORGETFUL = "Object.defineProperty(Document.prototype, 'cookie', {get: () => '', set() {}})"


@contextmanager
def asking_again(folder: Path, *languages: str) -> Iterator[Site]:
    """Serve a site in some languages that has told its visitors of a new recipient: in its second notice."""
    site = Site(folder, declared={"languages": list(languages), "language": languages[0]}).start()
    vendors = {**site.declared["vendors"], "heatco": {"name": "HeatCo Ltd", "country": "GB"}}
    trackers = {**site.declared["trackers"], "heat": {**site.declared["trackers"]["stats"], "vendor": "heatco"}}
    try:
        site.publish_again(vendors=vendors, trackers=trackers)
        yield site
    finally:
        site.stop()


def visit(site: Site, page: Page, tag: str = "en", head: str = "", lines: int = 12) -> None:
    """Go to a page in a language, as long as an article, with an embed."""
    film = f'<iframe title="Film" width="560" height="315" data-gk="functional" data-src="{site.vendor(TUBE, "/f")}">'
    text = "<p>Water first. <a href='#x'>Read on</a>, or put the kettle on and come back to it in three minutes.</p>"
    site.pages["/"] = (
        f'<!doctype html><html lang="{tag}" dir="{direction(tag)}"><head><meta charset="utf-8"><title>Kettles</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        "<style>@media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#9cf}} iframe{max-width:100%}"
        f"</style>{head}"
        f'<script src="/gk/shop/gatekeeper.js"></script></head><body><main><h1 id="x">Kettles</h1>{text}'
        f"{film}</iframe>{text * lines}</main></body></html>"
    )
    page.goto(site.url("/"))


def region(page: Page) -> Locator:
    return page.locator(".gk-ask")


def dialog(page: Page) -> Locator:
    return page.locator(".gk-box")


def press(page: Page, where: Locator, key: str) -> None:
    """Press a button, by the key of its words."""
    tag = page.locator("html").get_attribute("lang") or "en"
    where.get_by_role("button", name=words(tag).texts[key], exact=True).click()


def ask(site: Site, page: Page, tag: str) -> None:
    visit(site, page, tag)
    expect(region(page)).to_be_visible()


def changed(site: Site, page: Page, tag: str) -> None:
    day = datetime.now(UTC).strftime("%Y%m%d")
    page.context.add_cookies([{"name": "gk_choice", "value": f"1.shop.1.{day}.g.3.0.-.0", "url": site.url("/")}])
    ask(site, page, tag)
    expect(region(page)).to_contain_text("HeatCo Ltd")


def honoured(site: Site, page: Page, tag: str) -> None:
    page.add_init_script(GPC)
    ask(site, page, tag)


def preferences(site: Site, page: Page, tag: str) -> None:
    ask(site, page, tag)
    press(page, region(page), "choose")
    expect(dialog(page)).to_be_visible()


def details(site: Site, page: Page, tag: str) -> None:
    page.add_init_script(GPC)
    preferences(site, page, tag)
    for summary in dialog(page).locator("summary").all():
        summary.click()
    dialog(page).get_by_role("checkbox").nth(1).check()


def _said(page: Page) -> None:
    expect(page.locator(".gk-said p").first).to_be_visible()


def saved(site: Site, page: Page, tag: str) -> None:
    ask(site, page, tag)
    press(page, region(page), "accept_all")
    _said(page)
    expect(page.locator(".gk-said code")).to_be_visible()


def refused(site: Site, page: Page, tag: str) -> None:
    ask(site, page, tag)
    press(page, region(page), "reject_all")
    _said(page)


def way_back(site: Site, page: Page, tag: str) -> None:
    refused(site, page, tag)
    press(page, page.locator(".gk-said"), "close")
    expect(page.get_by_role("button", name=words(tag).texts["way_back"], exact=True)).to_be_visible()


def placeholder(site: Site, page: Page, tag: str) -> None:
    way_back(site, page, tag)
    expect(page.locator(".gk-embed")).to_be_visible()


def withdrawn(site: Site, page: Page, tag: str) -> None:
    saved(site, page, tag)
    page.get_by_role("button", name=words(tag).texts["way_back"], exact=True).click()
    press(page, dialog(page), "withdraw_all")
    _said(page)


def failed(site: Site, page: Page, tag: str) -> None:
    page.route("**/choice", lambda route: route.fulfill(status=503, body="not now"))
    ask(site, page, tag)
    press(page, region(page), "accept_all")
    expect(region(page).get_by_role("status")).to_contain_text(words(tag).texts["failed"])


def not_kept(site: Site, page: Page, tag: str) -> None:
    page.add_init_script(FORGETFUL)
    ask(site, page, tag)
    press(page, region(page), "reject_all")
    expect(page.get_by_role("status")).to_contain_text(words(tag).texts["not_kept"])


def choices(site: Site, page: Page, tag: str) -> None:
    page.goto(site.url(f"/gk/shop/choices?lang={tag}"))


def declaration(site: Site, page: Page, tag: str) -> None:
    page.goto(site.url(f"/gk/shop/notice?lang={tag}"))


State = Callable[[Site, Page, str], Any]
#: What stands over or in a page of the site's.
ON_PAGES: dict[str, State] = {
    "ask": ask,
    "changed": changed,
    "honoured": honoured,
    "preferences": preferences,
    "details": details,
    "saved": saved,
    "refused": refused,
    "withdrawn": withdrawn,
    "failed": failed,
    "not_kept": not_kept,
    "placeholder": placeholder,
    "way_back": way_back,
}
#: Pages of our own.
OWN: dict[str, State] = {"choices": choices, "declaration": declaration}
