"""What rollups must say, worked out from the list of events in the plainest way: by asking the list itself.

Nothing here is shared with the code under test but the names of the questions.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from gatekeeper.core.events import Event
from gatekeeper.core.rollups import What

OF_THE_LOG = {"view", "event", "stay", "outcome", "out"}
HALF_AN_HOUR = 1800
#: What the guard tells of itself on each page that has loaded to its end: that counts the page, and no outcome on it.
REPORTED = ("gatekeeper", "loaded")


@dataclass
class Visit:
    """One visit: what its visitor did, in order."""

    subject: bytes
    number_of_visit: int
    day: str
    events: list[Event] = field(default_factory=list)

    @property
    def bot(self) -> bool:
        return self.events[0].fields.get("device") == "bot"

    @property
    def pages(self) -> list[Event]:
        return [event for event in self.events if event.kind == "view"]

    def facts(self) -> dict[What, str]:
        """What can be said of the visit as a whole."""
        names = ("browser", "system", "device", "language", "provider", "country")
        facts = {What(name): self.events[0].fields.get(name, "") for name in names}
        facts[What.VISIT] = "returning" if self.number_of_visit > 1 else "new"
        if self.pages:
            first, last = self.pages[0].fields, self.pages[-1].fields
            facts |= {What.ENTRY: first.get("path", ""), What.EXIT: last.get("path", "")}
            facts |= {What(name): first.get(name, "") for name in ("referrer", "campaign", "source", "medium")}
        return facts


def day(at: int, time_zone: str) -> str:
    return datetime.fromtimestamp(at, tz=ZoneInfo(time_zone)).strftime("%Y-%m-%d")


def visits(events: Iterable[Event], time_zone: str) -> list[Visit]:
    """Return the visits of a site, from its events in the order in which they came."""
    found: list[Visit] = []
    by_subject: dict[bytes, list[Event]] = {}
    for event in events:
        if event.kind in OF_THE_LOG:
            by_subject.setdefault(event.subject, []).append(event)
    for subject, own in by_subject.items():
        mine: list[Visit] = []
        for event in own:
            late = not mine or event.at - mine[-1].events[-1].at > HALF_AN_HOUR
            if late and event.kind in {"view", "event"}:
                mine.append(Visit(subject, len(mine) + 1, day(event.at, time_zone)))
                late = False
            if not late:
                mine[-1].events.append(event)
        found += mine
    return found


def counts(events: list[Event], time_zone: str) -> Counter[tuple[str, ...]]:
    """Return how often each thing happened: (what, bot or human, day, name, …)."""
    found: Counter[tuple[str, ...]] = Counter()
    for event in events:
        get = event.fields.get
        who = "bot" if get("device") == "bot" else "human"
        when = day(event.at, time_zone)
        if event.kind == "view":
            found["page", who, when, get("path", "")] += 1
            if get("search"):
                found["search", who, when, get("search", "")] += 1
        elif event.kind == "stay":
            found["time", who, when, get("path", "")] += 1
        elif event.kind == "outcome":
            became = (event.tracker, get("outcome", ""), get("reason", ""))
            found["outcome", who, when, *became] += 1
            if became[:2] != REPORTED:
                found["page_outcome", who, when, event.tracker, get("path", ""), *became[1:]] += 1
        elif event.kind == "event":
            found["event", who, when, get("event", ""), get("currency", "")] += 1
        elif event.kind == "out":
            found["out", who, when, get("target", "")] += 1
        else:
            found[str(event.kind), who, when, event.tracker] += 1
    for visit in visits(events, time_zone):
        for what, name in visit.facts().items():
            found[str(what), "bot" if visit.bot else "human", visit.day, name] += 1
    return found


def sums(events: list[Event], time_zone: str) -> Counter[tuple[str, ...]]:
    """Return seconds spent on pages, reports of the guard, and ten-thousandths of what own events are worth."""
    found: Counter[tuple[str, ...]] = Counter()
    for event in events:
        get = event.fields.get
        who = "bot" if get("device") == "bot" else "human"
        when = day(event.at, time_zone)
        if event.kind == "stay":
            found["time", who, when, get("path", "")] += int(get("seconds", "0"))
        elif event.kind == "outcome" and (event.tracker, get("outcome")) == REPORTED:
            found["page", who, when, get("path", "")] += 1
        elif event.kind == "event":
            worth = int(Decimal(get("value", "0")) * 10_000)
            found["event", who, when, get("event", ""), get("currency", "")] += worth
    return found


def visitors(events: list[Event], time_zone: str, first: str, last: str) -> int:
    """Return how many different people began a visit on some days."""
    return len({visit.subject for visit in visits(events, time_zone) if first <= visit.day <= last and not visit.bot})


def filtered(events: list[Event], time_zone: str, first: str, last: str, what: What, where: dict[What, str]) -> dict:
    """Return how many visits on some days, of those that match a filter, have each value of something."""
    found: Counter[str] = Counter()
    for visit in visits(events, time_zone):
        facts = visit.facts()
        matches = all(facts.get(facet) == name for facet, name in where.items())
        if first <= visit.day <= last and not visit.bot and matches and what in facts:
            found[facts[what]] += 1
    return dict(found)
