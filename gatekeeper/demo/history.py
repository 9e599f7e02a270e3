"""Eight weeks of the shop before the demo began, so that the dashboard has something to show, and to compare.

They are lived through: made-up browsers ask the service itself, in this process and with a clock that is set back, so
that all is decided, kept and counted as it would have been. Always the same weeks. On the last three days the script of
Tallyhouse fails, which is there to be found.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from flask.testing import FlaskClient

from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.core.errors import GatekeeperError
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import GUARD, Kind
from gatekeeper.store.books import Mark, MarkKind
from gatekeeper.store.engines import open_store

from .goods import ARTICLES, PRODUCTS
from .state import SITE

DAYS = 56
#: How many of the last days the script of Tallyhouse fails on.
BROKEN = 3
#: How many browsers come on a day, by the day of the week from Monday on.
_COME = (21, 18, 19, 20, 23, 31, 28)
#: Of a hundred who are asked: who accepts all, only the visit log and its like, refuses, or reads on unasked.
_ANSWERS = {"all": 42, "some": 14, "none": 27, "later": 17}
_RETURNS = 0.3
_BUYS = 0.12
#: How long a write may take, in seconds: nobody else waits for this database yet.
_PATIENCE = 60.0

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 "
    "Safari/605.1.15",
)
_LANGUAGES = ("en-IE,en;q=0.9", "en-GB,en;q=0.9", "de-DE,de;q=0.9", "fr-FR,fr;q=0.9")
_REFERRERS = ("", "", "https://search.example/", "https://teablog.example/", "https://news.example/")
_SEARCHES = ("assam", "kettle", "sencha", "water hardness", "gift")


class _Clock:
    """Says the time that is lived through."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@dataclass(slots=True)
class _Reader:
    """A browser, with what its reader has granted."""

    client: FlaskClient
    headers: dict[str, str]
    granted: frozenset[str]


def live_through(config: Config, *, until: float | None = None, say: Callable[[str], None] = lambda text: None) -> None:
    """Live through the weeks before now.

    :param until: seconds since the epoch; None is now.
    :param say: told how far it is.
    """
    now = time.time() if until is None else until
    clock = _Clock()
    with closing(open_store(config.database_url, wait=_PATIENCE, zones=config.zones)) as store:
        store.start()
        app = create_app(replace(config, rate_limit=0), store=store, clock=clock)
        site = app.extensions["gatekeeper"].published(SITE).site
        days = _Days(app, site, clock)
        for back in range(DAYS, 0, -1):
            say(f"Eight weeks of made-up visits: day {DAYS + 1 - back} of {DAYS}")
            days.live(_midnight(now, site, back), broken=back <= BROKEN)
        sale = site.day_of(int(now) - 10 * 86_400)
        store.marks.mark(Mark(SITE, sale, MarkKind.NOTE, "demo", "the autumn sale began", "the demo", int(now)))
        store.settle()


def _midnight(now: float, site: Site, back: int) -> float:
    zone = ZoneInfo(site.time_zone)
    day = datetime.fromtimestamp(now, zone).date() - timedelta(days=back)
    return datetime.combine(day, datetime.min.time(), zone).timestamp()


class _Days:
    """Days of the shop, one after the other."""

    def __init__(self, app: Flask, site: Site, clock: _Clock) -> None:
        self._app = app
        self._site = site
        self._clock = clock
        self._chance = random.Random(1)  # always the same weeks
        self._known: list[_Reader] = []
        self._optional = [purpose.id for purpose in site.optional_purposes]
        self._scripts = [tracker for tracker in site.trackers.values() if tracker.kind is Kind.SCRIPT]

    def live(self, midnight: float, *, broken: bool) -> None:
        """Live through a day."""
        come = _COME[datetime.fromtimestamp(midnight + 43_200, ZoneInfo(self._site.time_zone)).weekday()]
        for at in sorted(self._chance.randrange(6 * 3600, 23 * 3600) for _ in range(come)):
            self._clock.at = midnight + at
            again = self._known and self._chance.random() < _RETURNS
            reader = self._chance.choice(self._known) if again else self._come()
            self._read(reader, broken=broken)

    def _come(self) -> _Reader:
        """Return somebody who has not been here before, with their answer to the banner."""
        address = f"203.0.113.{self._chance.randrange(1, 255)}"
        headers = {
            "User-Agent": self._chance.choices(_AGENTS, (40, 25, 20, 8, 7))[0],
            "Accept-Language": self._chance.choices(_LANGUAGES, (60, 20, 12, 8))[0],
            "Origin": self._site.origins[0],
            "X-Forwarded-For": address,
        }
        answer = self._chance.choices(list(_ANSWERS), list(_ANSWERS.values()))[0]
        granted = {"all": self._optional, "some": ["analytics"]}.get(answer, [])
        reader = _Reader(self._app.test_client(), headers, frozenset(granted))
        if answer != "later":
            refused = [purpose for purpose in self._optional if purpose not in granted]
            method = {"all": "accept_all", "some": "save", "none": "reject_all"}[answer]
            notice = self._site.notice.no if self._site.notice else 0
            told = {"granted": granted, "refused": refused, "notice": notice, "language": "en", "method": method}
            self._post(reader, "choice", told)
        if granted:
            self._known.append(reader)
        return reader

    def _read(self, reader: _Reader, *, broken: bool) -> None:
        """Read some pages, and perhaps buy something. It is all told at the end: fewer commits to wait for."""
        pages = ["/", *self._chance.choices(_PAGES, k=self._chance.randrange(0, 5))]
        if self._chance.random() < _BUYS:
            pages.append(f"/checkout/{self._chance.choice(list(PRODUCTS))}")
        if "analytics" in reader.granted:
            rows = [
                row
                for number, path in enumerate(pages)
                for row in (*self._view(path, first=number == 0), *self._became(reader, path, broken=broken))
            ]
            self._post(reader, "events", {"events": rows})
        else:
            told = "refused" if reader.client.get_cookie("gk_choice", domain="127.0.0.1") else "no_choice"
            held = [*((tracker.id, "blocked", told) for tracker in self._scripts), (GUARD, "loaded", told)]
            self._post(reader, "events", {"totals": held * len(pages)})

    def _view(self, path: str, *, first: bool) -> list[dict[str, object]]:
        view: dict[str, object] = {"id": self._id(), "kind": "view", "path": path}
        if first:
            view["referrer"] = self._chance.choice(_REFERRERS)
        if path == "/search":
            view["search"] = self._chance.choice(_SEARCHES)
        rows = [view, {"id": self._id(), "kind": "stay", "path": path, "seconds": self._chance.randrange(5, 90)}]
        if path.startswith("/checkout/"):
            price = PRODUCTS[path.rpartition("/")[2]].price + 4
            bought = {"event": "purchase", "value": price, "currency": "EUR"}
            rows.append({"id": self._id(), "kind": "event", "path": path, **bought})
        return rows

    def _became(self, reader: _Reader, path: str, *, broken: bool) -> list[dict[str, object]]:
        """Return what became of each script on a page."""
        told: list[tuple[str, str, str]] = [(GUARD, "loaded", "granted")]
        for tracker in self._scripts:
            if tracker.purpose not in reader.granted:
                told.append((tracker.id, "blocked", "no_choice"))
                continue
            fails = broken and tracker.vendor == "tallyhouse"
            ended = "failed" if self._chance.random() < (0.95 if fails else 0.04) else "loaded"
            told += [(tracker.id, outcome, "granted") for outcome in ("released", "requested", ended)]
        return [
            {"id": self._id(), "kind": "outcome", "path": path, "tracker": tracker, "outcome": outcome, "reason": why}
            for tracker, outcome, why in told
        ]

    def _id(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"

    def _post(self, reader: _Reader, what: str, told: dict[str, object]) -> None:
        base = self._site.origins[0]
        here = {"REMOTE_ADDR": "127.0.0.1"}
        sent = reader.client.post(
            f"/gk/{SITE}/{what}", base_url=base, headers=reader.headers, json=told, environ_base=here
        )
        if sent.status_code < 400:
            return
        raise GatekeeperError(f"the demo's weeks could not be lived through: {sent.status_code} {sent.text[:200]}")


_PAGES: Sequence[str] = (
    "/tea-and-kettles",
    "/search",
    "/newsletter",
    *(f"/journal/{article}" for article in ARTICLES),
    *(f"/tea-and-kettles/{product}" for product in PRODUCTS),
)
