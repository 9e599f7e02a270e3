"""Visitors of the demo's shop, and a tally of what they did: kept without a look at what Gatekeeper has counted.

What visitors choose and which tags stand in the pages is known; what came of a tag, the stand-in vendors say.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import BrowserContext, Page, Request, Response

from tests.waiting import wait_until

from .demo import Demo
from .visiting import GPC

#: Browsers that tests drive say that they are machines, and those are counted by themselves.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
OBJECTING: dict[str, Any] = {"extra_http_headers": {"Sec-GPC": "1"}}

FUNCTIONAL, LOG, MARKETING = PURPOSES = ("functional", "analytics", "marketing")
#: The visit log, and the tracker that counts links: neither has a tag.
VISIT, LETTER = "visit", "letter-link"
#: Which tag has loaded when its vendor is asked for what.
_ASKED_BY = {
    "tallyhouse": {"/tally.js": "tallyhouse", "/goal.gif": "tallyhouse-goal"},
    "halfways": {"/split.js": "halfways"},
    "adhive": {"/ads.js": "adhive", "/pixel.gif": "adhive-pixel"},
    "murmur": {"/share.js": "murmur"},
    "reelbox": {"/embed/pouring": "reelbox"},
    "parley": {"/chat.js": "parley"},
}
_OWN_AD, _OWN_AD_ADDRESS = "own-ad", "/b/own-ad.gif"
_TAG = re.compile(r'<(\w+)[^<>]*? data-gk="(\w+)" data-gk-tracker="([\w-]+)"')
_RAN = "(window.demoRan || []).length"
#: Until the page has nothing more to do: what was loaded has been told to all who listen.
_IDLE = "() => new Promise((done) => requestAnimationFrame(() => requestIdleCallback(done)))"
#: Whether something has happened in a page that it has not told yet: it tells what happened within a second at once.
_WATCH = """{
  const { sendBeacon } = Navigator.prototype;
  document.addEventListener("gatekeeper:outcome", () => (window.untold = true));
  Navigator.prototype.sendBeacon = function (...told) {
    window.untold = false;
    return sendBeacon.apply(this, told);
  };
}"""


@dataclass
class Tally:
    """What all visitors did.

    :ivar choices: by what they amount to; and what they said of each purpose.
    :ivar entries: the first pages that may be logged of a visit, and the last.
    :ivar seen: how often the shop's own ad was.
    :ivar released: tags that were let go, by tracker; ``loaded`` are those of which the vendor was asked.
    :ivar requested: pages from which a vendor was asked for anything, by vendor.
    :ivar blocked: by tracker and reason.
    :ivar clicks: on signed links, and how many of them were not allowed, by reason.
    :ivar bought: what was paid for, in euro.
    """

    choices: Counter[str] = field(default_factory=Counter)
    purposes: Counter[tuple[str, str]] = field(default_factory=Counter)
    visits: int = 0
    views: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    seen: int = 0
    released: Counter[str] = field(default_factory=Counter)
    loaded: Counter[str] = field(default_factory=Counter)
    requested: Counter[str] = field(default_factory=Counter)
    blocked: Counter[tuple[str, str]] = field(default_factory=Counter)
    clicks: int = 0
    clicks_denied: Counter[str] = field(default_factory=Counter)
    bought: list[int] = field(default_factory=list)

    @property
    def trackers(self) -> set[str]:
        """The trackers that were met."""
        return {*self.released, *(tracker for tracker, _ in self.blocked), LETTER}

    def blocked_of(self, tracker: str) -> int:
        return sum(n for (name, _), n in self.blocked.items() if name == tracker)


class Visitor:
    """Somebody with a browser of their own.

    :param objects: whether the browser says so of advertising.
    """

    def __init__(self, demo: Demo, context: BrowserContext, tally: Tally, *, objects: bool = False) -> None:
        self._demo = demo
        self._tally = tally
        context.add_init_script(_WATCH)
        if objects:
            context.add_init_script(GPC)
        self.page: Page = context.new_page()
        self._granted: set[str] = set()
        self._no = "no_choice"  # why what was not granted is not
        self._objects = objects
        self._last = ""  # the last page that was logged
        self._tags: list[tuple[str, str, str]] = []
        self._under_way: set[Request] = set()
        context.on("request", self._begin)
        context.on("response", self._end)
        context.on("requestfinished", lambda request: self._under_way.discard(request))
        context.on("requestfailed", lambda request: self._under_way.discard(request))

    def read(self, path: str) -> None:
        """Open a page and read it."""
        with self._on(path):
            self.page.goto(self._demo.url(path))

    def answer(self, name: str, *granted: str) -> None:
        """Answer the banner by one of its buttons."""
        with self._chosen(granted):
            self.page.get_by_role("button", name=name, exact=True).click()

    def allow(self, purpose: str, title: str) -> None:
        """Allow one purpose alone, in the preferences."""
        self.page.get_by_role("button", name="Choose", exact=True).first.click()
        self.page.get_by_label(f"Allow: {title}").check()
        with self._chosen((purpose,)):
            self.page.get_by_role("button", name="Save my choice").click()

    def withdraw(self) -> None:
        """Take everything back, once the page has told what it may: after that it tells nothing more of it."""
        wait_until(lambda: not self.page.evaluate("untold"), pause=self._let_time_go_by)
        self.page.get_by_role("button", name="Privacy choices").click()
        with self._chosen(()):
            self.page.get_by_role("button", name="Withdraw everything").click()

    def follow_letter(self) -> None:
        """Sign up for the letter, and follow its first link."""
        self.read("/newsletter")
        with self._on("/newsletter/letter/html"):
            self.page.get_by_label("Your e-mail address").fill("reader@example.org")
            self.page.get_by_role("button", name="Sign up").click()
            self.page.wait_for_url("**/newsletter/letter/html")
        with self._on("/tea-and-kettles/assam-second-flush"):
            self.page.locator(".mail a").first.click()
            self.page.wait_for_url("**/assam-second-flush")
        why = self._denied(MARKETING)
        if why:
            self._tally.clicks_denied[why] += 1
        else:
            self._tally.clicks += 1

    def buy(self, product: str, price: int) -> None:
        """Order something."""
        path = f"/checkout/{product}"
        self.read(path)
        with self._on(path):
            self.page.get_by_label("Town").fill("Galway")
            self.page.get_by_label("E-mail").fill("buyer@example.org")
            self.page.get_by_role("button", name=f"Order for €{price}").click()
            self.page.get_by_role("heading", name="Thank you").wait_for()
        if LOG in self._granted:
            self._tally.bought.append(price)

    def leave(self) -> None:
        """Go away. The page that is left tells what it has not told yet."""
        self.page.goto("about:blank")
        if self._last:
            self._tally.exits[self._last] += 1

    @contextmanager
    def _on(self, path: str) -> Iterator[None]:
        """Count what has to come of a page that is opened."""
        before = len(self._demo.received())
        yield
        self._tags = tags_of(self._demo, path)
        self._meet(path)
        self._settle()
        self._ask_vendors(before)

    @contextmanager
    def _chosen(self, granted: tuple[str, ...]) -> Iterator[None]:
        """Count a choice, and what has to come of it on the page where it is made."""
        before = len(self._demo.received())
        reasons = {purpose: self._denied(purpose) for purpose in PURPOSES}
        agreed = bool(self._granted)
        with self.page.expect_response("**/gk/shop/choice") as answered:
            yield
        assert answered.value.status == 200
        self._granted = {purpose for purpose in granted if not (self._objects and purpose == MARKETING)}
        self._no = "refused" if self._granted or not agreed else "withdrawn"
        self._count_choice(withdrawn=agreed and not self._granted)
        # What ran has run; what was held is held for another reason, or let go.
        self._tags = [tag for tag in self._tags if reasons[tag[1]]]
        self._meet(self.page.url.removeprefix(self._demo.url("")), reasons, agreed=agreed)
        self._settle()
        self._ask_vendors(before)

    def _count_choice(self, *, withdrawn: bool) -> None:
        if withdrawn:
            amounts_to = "Withdrawn"
        else:
            amounts_to = {0: "Refused all", len(PURPOSES): "Accepted all"}.get(len(self._granted), "Accepted some")
        self._tally.choices[amounts_to] += 1
        for purpose in PURPOSES:
            said = "granted" if purpose in self._granted else "withdrawn" if withdrawn else "refused"
            self._tally.purposes[purpose, said] += 1

    def _meet(self, path: str, before: dict[str, str] | None = None, *, agreed: bool = True) -> None:
        """Count what comes of the tags of a page, and whether its view is logged.

        :param before: the reasons for which its tags were held until now; None where it has just been opened.
        :param agreed: whether until now anything was allowed here.
        """
        for _, purpose, tracker in self._tags:
            why = self._denied(purpose)
            if not why:
                self._tally.released[tracker] += 1
            elif before is None or why != before[purpose]:
                self._tally.blocked[tracker, why] += 1
        # That the visit log is held back is told once of a page, and once more where that was otherwise until now.
        if not self._granted and agreed:
            self._tally.blocked[VISIT, self._no] += 1
        if LOG in self._granted and (before is None or before[LOG]):
            self._tally.views[path] += 1
            if not self._last:
                self._tally.visits += 1
                self._tally.entries[path] += 1
            self._last = path

    def _denied(self, purpose: str) -> str:
        if purpose in self._granted:
            return ""
        return "signal" if self._objects and purpose == MARKETING else self._no

    def _begin(self, request: Request) -> None:
        self._tally.seen += request.url.endswith(_OWN_AD_ADDRESS)
        # Browsers do not always say that these have ended.
        if not request.url.endswith("/gk/shop/events"):
            self._under_way.add(request)

    def _end(self, response: Response) -> None:
        self._tally.loaded[_OWN_AD] += response.url.endswith(_OWN_AD_ADDRESS) and response.ok

    def _settle(self) -> None:
        """Wait until all that may run has run, and nothing is being loaded any more."""
        scripts = sum(kind == "script" and not self._denied(purpose) for kind, purpose, _ in self._tags)
        self.page.wait_for_load_state()
        wait_until(lambda: self.page.evaluate(_RAN) >= scripts and not self._under_way, pause=self._let_time_go_by)
        self.page.evaluate(_IDLE)

    def _let_time_go_by(self, seconds: float) -> None:
        self.page.wait_for_timeout(seconds * 1000)

    def _ask_vendors(self, before: int) -> None:
        """Count what the vendors were asked for since then."""
        hits = self._demo.received()[before:]
        for hit in hits:
            if tracker := _ASKED_BY.get(hit["vendor"], {}).get(hit["path"]):
                self._tally.loaded[tracker] += 1
        self._tally.requested.update({hit["vendor"] for hit in hits})


def tags_of(demo: Demo, path: str) -> list[tuple[str, str, str]]:
    """Return the marked tags of a page as the shop sends it: kind of element, purpose and tracker."""
    with urlopen(demo.url(path), timeout=10) as answer:
        return _TAG.findall(answer.read().decode())
