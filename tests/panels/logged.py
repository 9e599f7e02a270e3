"""A site's store that events are put into as they would come, and what panels are asked of it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.panels import Asked, Panel
from gatekeeper.core.registry import read_registry
from gatekeeper.core.rollups import What
from gatekeeper.core.sites import Site
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.sources import Sources
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store
from tests.store.things import PERMIT, new_record
from tests.web.conftest import SHOP

NOW = 1_795_348_800  # 2026-11-22 12:00 UTC
DAY = 86_400
TODAY = "2026-11-22"
TALLY = {
    "kind": "script",
    "purpose": "analytics",
    "vendor": "adco",
    "hosts": ["tally.test"],
    "retention_days": 30,
    "description": "Counts visits.",
}


def shop(**changes: Any) -> Site:
    """Return the shop, with a tag that counts visits beside Gatekeeper."""
    table = {**SHOP, "trackers": {**SHOP["trackers"], "tally": TALLY}, **changes}
    sites, problems = read_registry({"sites": {"shop": table}})
    assert problems == []
    return sites["shop"]


@contextmanager
def opened(folder: Path, site: Site) -> Iterator[Store]:
    """Open a store of its own for a site."""
    url = f"sqlite:///{folder / 'gatekeeper.db'}"
    migrate(url)
    with closing(open_store(url, clock=lambda: NOW, wait=20, zones={site.id: site.time_zone})) as store:
        yield store


def at(day: str, second: int = 12 * 3600) -> int:
    """Return a moment of a day in UTC."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY + second


def event(subject: bytes, when: int, kind: EventKind = EventKind.VIEW, tracker: str = "visit", **fields: str) -> Event:
    return Event(os.urandom(16), "shop", subject, when, kind, tracker, fields)


def log(store: Store, events: Sequence[Event]) -> None:
    """Let the events happen, in the order of their time."""
    for subject in dict.fromkeys(each.subject for each in events):
        store.record(new_record(subject))
    ordered = sorted(events, key=lambda each: each.at)
    for begin in range(0, len(ordered), 500):
        store.append_all([permitted(each) for each in ordered[begin : begin + 500]])
    store.settle()


def permitted(happened: Event) -> Permitted:
    of_the_log = happened.kind not in {EventKind.BEACON, EventKind.CLICK}
    return Permitted(happened, PERMIT if of_the_log else replace(PERMIT, tracker=happened.tracker))


def asked(first: str = "2026-11-16", last: str = TODAY, **more: Any) -> Asked:
    """Ask about a week, beside the one before."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    length = (end - begin).days + 1
    before = [date.fromordinal(day.toordinal() - length).isoformat() for day in (begin, end)]
    return Asked(first, last, before[0], before[1], **more)


def make(store: Store, site: Site, id: str, about: Asked) -> Panel:
    return PANELS[id].make(Sources(site, store, NOW), about)


def table(panel: Panel) -> dict[Any, Any]:
    """Return a panel's rows by their first cell: the second where there are two."""
    return {row[0]: row[1] if len(row) == 2 else row[1:] for row in panel.rows}


def wander(random: Random, days: Iterable[str], people: int) -> list[Event]:
    """Return what people of many kinds do on some days."""
    happened = []
    subjects = [os.urandom(16) for _ in range(people)]
    for day in days:
        for subject in random.sample(subjects, people // 2):
            rare = random.random() < 0.03
            told = {
                "browser": "Lynx 2" if rare else random.choice(["Firefox 146", "Chrome 141", "Safari 26"]),
                "system": random.choice(["Windows 11", "Linux", ""]),
                "device": random.choice(["phone", "computer"]),
                "language": random.choice(["de", "de", "de", "pt-BR", "ga"]) if rare else "de",
                "country": random.choice(["CH", "DE"]),
                "provider": random.choice(["Net AG", "Tele SA"]),
            }
            when = at(day, random.randrange(DAY - 4000))
            first = {
                "referrer": random.choice(["", "search.test", "news.test"]),
                "campaign": random.choice(["", "", "spring"]),
                "source": random.choice(["", "mail"]),
                "medium": random.choice(["", "cpc"]),
            }
            for no in range(random.randrange(1, 4)):
                path = random.choice(["/", "/tea", "/kettles", "/basket"])
                search = {"search": random.choice(["teapot", "cup", "a rare cup"])} if random.random() < 0.2 else {}
                happened.append(event(subject, when, path=path, **told, **(first if no == 0 else {}), **search))
                happened.append(
                    event(subject, when + 60, EventKind.STAY, path=path, seconds=str(random.randrange(90)), **told)
                )
                when += 600
            if random.random() < 0.3:
                happened.append(event(subject, when, EventKind.OUT, target="elsewhere.test", **told))
            if random.random() < 0.3:
                happened.append(event(subject, when, EventKind.BEACON, "seen", path="/", **told))
            if random.random() < 0.2:
                happened.append(event(subject, when, EventKind.CLICK, "newsletter", **told))
            if random.random() < 0.1:
                happened.append(event(subject, when, EventKind.EVENT, event="purchase", **told))
    return sorted(happened, key=lambda each: each.at)


FACET_OF = {
    "entries": What.ENTRY,
    "exits": What.EXIT,
    "referrers": What.REFERRER,
    "campaigns": What.CAMPAIGN,
    "campaign-sources": What.SOURCE,
    "campaign-mediums": What.MEDIUM,
    "browsers": What.BROWSER,
    "systems": What.SYSTEM,
    "devices": What.DEVICE,
    "languages": What.LANGUAGE,
    "providers": What.PROVIDER,
    "countries": What.COUNTRY,
    "new-and-returning": What.VISIT,
}
