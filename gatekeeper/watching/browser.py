"""Drives a browser over pages, in a process of its own: ``python -m gatekeeper.watching.browser``.

Takes a :class:`~gatekeeper.core.rounds.Plan` as JSON on standard input and writes what it saw, as JSON, to standard
output. It knows no key and opens no store: what runs on those pages stays far from both.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Request, sync_playwright

from gatekeeper.core.cookies import CHOICE
from gatekeeper.core.rounds import Kept, Plan, Seen, Stand, Visitor, Went

#: No request of the browser's own.
FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
#: How long a page may take to load, and anything on it to come, in milliseconds.
LOADS_WITHIN = 30_000
COMES_WITHIN = 6_000
_QUIET_WITHIN = 4_000
_USUAL_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
#: What makes a page see a browser that objects; the header comes along.
_OBJECTS = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
#: Tags send what they have left when a page is left. Browsers do not show those requests, unless the page stays.
_LEAVE = """() => {
  Object.defineProperty(document, "visibilityState", { get: () => "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  dispatchEvent(new PageTransitionEvent("pagehide"));
}"""
_SCROLL = """async () => {
  for (let at = 0, end = 20; at < end && scrollY + innerHeight < document.documentElement.scrollHeight; at++) {
    scrollBy({ top: innerHeight, behavior: "instant" });
    await new Promise((done) => setTimeout(done, 100));
  }
}"""
_NAMES = """async () => {
  const found = [];
  for (const [where, name] of [["local", "localStorage"], ["session", "sessionStorage"]]) {
    try {
      for (const key of Object.keys(window[name])) found.push([where, key]);
    } catch {}
  }
  try {
    for (const { name } of await indexedDB.databases()) found.push(["database", name]);
  } catch {}
  return found;
}"""


class Trouble(Exception):
    """Something that a visitor would do cannot be done on this page."""


class _Visit:
    """One visitor with an empty browser, on one page."""

    def __init__(self, plan: Plan, context: BrowserContext, page: Page, address: str) -> None:
        self.plan = plan
        self.context = context
        self.page = page
        self.address = address
        self.stand = Stand.NOTHING
        self.did: list[str] = []
        self.kept: dict[Kept, None] = {}
        self._went: dict[Request, Went] = {}
        self._sockets: list[Went] = []
        context.on("request", self._note)
        context.on("requestfailed", self._forget)
        page.on("websocket", lambda socket: self._sockets.extend(_went(self.stand, socket.url)))

    @property
    def went(self) -> tuple[Went, ...]:
        return tuple(dict.fromkeys([*self._went.values(), *self._sockets]))

    def _note(self, request: Request) -> None:
        for went in _went(self.stand, request.url):
            self._went[request] = went

    def _forget(self, request: Request) -> None:
        # What a policy stopped has reached nobody. Everything else was on its way.
        if request.failure in {"csp", "net::ERR_BLOCKED_BY_CSP", "net::ERR_BLOCKED_BY_CLIENT"}:
            self._went.pop(request, None)

    def open(self) -> None:
        """Open the page, and wait until nothing more comes. Once more where it does not: networks fail."""
        answer = None
        for last in (False, True):
            try:
                answer = self.page.goto(self.address, wait_until="load", timeout=LOADS_WITHIN)
                break
            except Exception as error:
                if last:
                    raise Trouble(f"the page could not be opened: {_line(error)}") from error
        if answer is not None and answer.status >= 400:
            raise Trouble(f"the page answered {answer.status}")
        self.did.append("opened the page")
        self.settle()

    def settle(self) -> None:
        """Look at the whole page, as visitors do, and give it time."""
        with _patience():
            self.page.wait_for_load_state("networkidle", timeout=_QUIET_WITHIN)
        with _patience():
            self.page.evaluate(_SCROLL)
        self.page.wait_for_timeout(self.plan.settle * 1000)

    def go_on(self) -> None:
        """Leave the page, and come to it again."""
        with _patience():
            self.page.evaluate(_LEAVE)
        self.page.wait_for_timeout(self.plan.settle * 250)
        self.open()
        self.did[-1] = "went on to the next page"

    def look(self) -> None:
        """Note the names that the browser keeps."""
        for cookie in self.context.cookies():
            self.kept[Kept(self.stand, "cookie", cookie.get("name", ""), cookie.get("domain", ""))] = None
        for where, name in self.page.evaluate(_NAMES):
            self.kept[Kept(self.stand, where, name)] = None

    def check_guard(self) -> None:
        if not self.page.evaluate("typeof window.gatekeeper?.choose === 'function'"):
            raise Trouble("the guard is not on this page: put its script first in the <head>")

    def reject(self) -> None:
        """Press Reject all, the banner's first button."""
        self._button(0).click(timeout=COMES_WITHIN)
        self.stand = Stand.REFUSED
        self.did.append("pressed Reject all")

    def accept(self, stand: Stand) -> None:
        """Press Accept all, the banner's second button. What is allowed may go out before the click is over."""
        button = self._button(1)
        self.stand = stand
        button.click(timeout=COMES_WITHIN)
        self.did.append("pressed Accept all")

    def _button(self, which: int) -> Locator:
        self._give_age()
        button = self.page.locator(".gk-ask > .gk-row:not(.gk-last) > button").nth(which)
        _wait(button, "no banner was shown, so nobody is asked here")
        return button

    def _give_age(self) -> None:
        ages = self.page.locator(".gk-ask .gk-ages input")
        with _patience():
            self.page.locator(".gk-ask").first.wait_for(timeout=COMES_WITHIN)
        if ages.count():
            ages.last.check()
            self.page.locator(".gk-ask form button").first.click()
            self.did.append("said to be of age")

    def withdraw(self) -> None:
        """Withdraw by the preferences, as visitors do; the first button at their end does it."""
        self.page.evaluate("gatekeeper.open()")
        button = self.page.locator("dialog.gk-box[open] .gk-end .gk-row > button").first
        _wait(button, "the preferences did not open, so nobody can withdraw here")
        button.click(timeout=COMES_WITHIN)
        self.did.append("withdrew")

    def await_choice(self, letter: str) -> None:
        """Wait until the browser keeps a choice of a state; see gatekeeper.core.choices."""
        for _ in range(COMES_WITHIN // 100):
            values = [cookie.get("value", "") for cookie in self.context.cookies() if _is_choice(cookie)]
            if any(value.split(".")[4:5] == [letter] for value in values):
                return
            self.page.wait_for_timeout(100)
        raise Trouble("the choice was not kept: is Gatekeeper reached from this page?")


def _is_choice(cookie: Any) -> bool:
    return bool(cookie["name"].removeprefix("__Host-").removeprefix("__Secure-") == CHOICE)


def _say_nothing(visit: _Visit) -> None:
    visit.open()
    visit.check_guard()
    visit.look()


def _reject(visit: _Visit) -> None:
    visit.open()
    visit.check_guard()
    visit.reject()
    visit.await_choice("r")
    visit.settle()
    visit.go_on()
    visit.look()


def _withdraw(visit: _Visit) -> None:
    visit.open()
    visit.check_guard()
    visit.accept(Stand.GRANTED)
    visit.await_choice("g")
    visit.go_on()
    visit.withdraw()
    visit.await_choice("w")
    visit.stand = Stand.WITHDRAWN
    visit.settle()
    visit.go_on()
    visit.look()


def _object(visit: _Visit) -> None:
    visit.stand = Stand.OBJECTED
    visit.open()
    visit.check_guard()
    visit.look()
    visit.accept(Stand.BOTH)
    visit.settle()
    visit.go_on()


DOES: dict[Visitor, Callable[[_Visit], None]] = {
    Visitor.SILENT: _say_nothing,
    Visitor.REJECTS: _reject,
    Visitor.WITHDRAWS: _withdraw,
    Visitor.OBJECTS: _object,
}


def _send(browser: Browser, plan: Plan, address: str, visitor: Visitor) -> Seen:
    objects = visitor is Visitor.OBJECTS
    context = browser.new_context(
        extra_http_headers={"Sec-GPC": "1"} if objects else {}, ignore_https_errors=_is_local(address)
    )
    try:
        if objects:
            context.add_init_script(_OBJECTS)
        visit = _Visit(plan, context, context.new_page(), address)
        trouble = ""
        try:
            DOES[visitor](visit)
        except Trouble as error:
            trouble = str(error)
        except Exception as error:
            trouble = f"the browser could not do it: {_line(error)}"
        return Seen(address, visitor, tuple(visit.did), visit.went, tuple(visit.kept), trouble)
    finally:
        context.close()


def _is_local(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _went(stand: Stand, url: str) -> Iterator[Went]:
    parts = urlsplit(url)
    if parts.scheme in _USUAL_PORTS and parts.hostname:
        shown = "" if parts.port in {None, _USUAL_PORTS[parts.scheme]} else f":{parts.port}"
        yield Went(stand, f"{parts.hostname}{shown}", parts.path[:200])


def _wait(button: Locator, otherwise: str) -> None:
    try:
        button.wait_for(timeout=COMES_WITHIN)
    except Exception as error:
        raise Trouble(otherwise) from error


@contextmanager
def _patience() -> Iterator[None]:
    """Go on where something does not come in time: a page that is never quiet can be looked at all the same."""
    with suppress(Error):
        yield


def _line(error: Exception) -> str:
    said = str(error).strip().partition("\n")[0].removeprefix("Page.goto: ")
    return said[:200] or type(error).__name__


def run(plan: Plan) -> list[Seen]:
    """Send every visitor to every page."""
    flags = [*FLAGS, *(() if plan.sandbox else ("--no-sandbox",))]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=plan.browser or None, args=flags, chromium_sandbox=plan.sandbox
        )
        try:
            return [_send(browser, plan, page, visitor) for page in plan.pages for visitor in Visitor]
        finally:
            browser.close()


def main() -> None:
    """Do what standard input asks for."""
    # A serving process holds its signals back, and its children would, too.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    try:
        seen = run(plan)
    except Exception as error:
        print(_line(error), file=sys.stderr)
        sys.exit(1)
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main()
