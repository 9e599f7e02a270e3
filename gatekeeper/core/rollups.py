"""Rollups: what an event adds to the counts of its day, with nobody in them. Pure; the store adds up and keeps.

Counts answer every question about one thing (:class:`What`) exactly. Members answer those about several at once: each
visit of a day has an ordinal, and of each facet it is known which ordinals share a value; so any filter is answered.

What is of a page view is counted on the day of the view; what is of a visit, on the day it began. Only what the visit
log itself was allowed to keep makes visits: a beacon or a link has its own permission, and is counted by itself.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import NamedTuple, Protocol

from . import days
from .agents import BOT
from .events import Event, EventKind
from .histories import History
from .trackers import GUARD, Outcome


class What(StrEnum):
    """What is counted. In brackets: what its names are, and what its value adds up."""

    PAGE = "page"  #: page views (path; those on which the guard told to the end what happened)
    TIME = "time"  #: times spent on a page (path; seconds)
    SEARCH = "search"  #: searches (term)
    OUTCOME = "outcome"  #: what became of a tracker (tracker), by outcome and reason
    PAGE_OUTCOME = "page_outcome"  #: the same, and by page (path)
    BEACON = "beacon"  #: beacons (tracker)
    CLICK = "click"  #: clicks on signed links (tracker)
    OUT = "out"  #: clicks that left for another site (its host)
    EVENT = "event"  #: the site's own events (name), by currency; ten-thousandths of it
    VISITOR = "visitor"  #: only as members: the numbers of a day's visitors
    VISIT = "visit"  #: visits (:data:`NEW` or :data:`RETURNING`)
    ENTRY = "entry"  #: visits by their first page (path)
    EXIT = "exit"  #: visits by their last page (path)
    REFERRER = "referrer"  #: visits by the host that their first page was come to from; empty where from none
    CAMPAIGN = "campaign"  #: visits by the campaign that led to their first page; so with the two below
    SOURCE = "source"
    MEDIUM = "medium"
    BROWSER = "browser"  #: visits by browser; so with the others below
    SYSTEM = "system"
    DEVICE = "device"
    LANGUAGE = "language"
    PROVIDER = "provider"
    COUNTRY = "country"


NEW, RETURNING = "new", "returning"

#: What a visit has from its beginning: it comes with every request.
_OF_REQUEST = (What.BROWSER, What.SYSTEM, What.DEVICE, What.LANGUAGE, What.PROVIDER, What.COUNTRY)
#: What a visit has from its first page.
_OF_PAGE = (What.REFERRER, What.CAMPAIGN, What.SOURCE, What.MEDIUM)
#: What can be filtered by. Providers are left out: with a page and a device they would often be one person's own.
FACETS = frozenset(
    {What.VISIT, What.ENTRY, What.REFERRER, What.CAMPAIGN}
    | {What.BROWSER, What.SYSTEM, What.DEVICE, What.LANGUAGE, What.COUNTRY}
)
#: How many values of a facet are told apart on one day, in the order in which they come; the rest go by one name.
MAX_VALUES = 250
OTHER = "(other)"

#: What the guard tells of itself on a page that has loaded to its end.
_REPORTED = (GUARD, Outcome.LOADED.value)
#: What makes a visit, and what merely happens during one.
_BEGINS = frozenset({EventKind.VIEW, EventKind.EVENT})
_DURING = frozenset({EventKind.STAY, EventKind.OUTCOME, EventKind.OUT})

#: What is told apart of what goes by one name; of all else nothing is.
DETAILS = {
    What.OUTCOME: ("outcome", "reason"),
    What.PAGE_OUTCOME: ("page", "outcome", "reason"),
    What.EVENT: ("currency",),
}

#: No currency has smaller units than this (ISO 4217: CLF and UYW have four decimals).
UNITS = 10_000
#: A single event's value is left out of the sums beyond this, in whole units: no sum may outgrow 63 bits.
MAX_VALUE = 10**9


class Count(NamedTuple):
    """A row of the rollups of a site. ``name`` is what a panel lists; the others are empty where they say nothing."""

    what: What
    bot: bool
    day: str
    name: str
    page: str = ""
    outcome: str = ""
    reason: str = ""
    currency: str = ""


class Group(NamedTuple):
    """Those who share something on a day: visits by their ordinals, visitors by their numbers."""

    what: What
    bot: bool
    day: str
    name: str = ""


class Register(Protocol):
    """What has been given out on a site so far."""

    def take(self, series: str) -> int:
        """Return the next number of a series, counted from 0: of visitors (``visitor``), of a day's visits (it)."""

    def tells_apart(self, group: Group) -> bool:
        """Tell whether a group has members of its own, or may: see :data:`MAX_VALUES`."""


class Rollup:
    """What a batch of one site's events adds.

    :ivar counts: by what is counted, how often, and the sum of its values.
    :ivar members: by group, who is in it now too.
    """

    def __init__(self, time_zone: str, register: Register) -> None:
        self._time_zone = time_zone
        self._register = register
        self.counts: dict[Count, tuple[int, int]] = {}
        self.members: defaultdict[Group, set[int]] = defaultdict(set)

    def add(self, event: Event, history: History | None, *, logged: bool) -> History | None:
        """Count an event, and return the history of its visitor from now on.

        :param history: as the visitor's event before left it; None at their first. Events come in order.
        :param logged: whether the visit log's own permission is what allowed it.
        """
        bot = event.fields.get("device") == BOT
        self._count_event(event, days.day_of(event.at, self._time_zone), bot)
        if not logged:
            return history
        if event.kind in _BEGINS:
            if history is None or not history.goes_on(event.at):
                history = self._begin_visit(event, history, bot)
            if event.kind is EventKind.VIEW:
                history = self._enter_page(event, history)
        elif history is None or event.kind not in _DURING or not history.goes_on(event.at):
            return history
        return history._replace(last_at=event.at) if event.at > history.last_at else history

    def _count_event(self, event: Event, day: str, bot: bool) -> None:
        fields = event.fields
        path = fields.get("path", "")
        match event.kind:
            case EventKind.VIEW:
                self._count(Count(What.PAGE, bot, day, path))
                if term := fields.get("search"):
                    self._count(Count(What.SEARCH, bot, day, term))
            case EventKind.OUTCOME:
                became = (fields.get("outcome", ""), fields.get("reason", ""))
                self._count(Count(What.OUTCOME, bot, day, event.tracker, "", *became))
                if (event.tracker, became[0]) == _REPORTED:
                    self._count(Count(What.PAGE, bot, day, path), 0, value=1)
                else:
                    self._count(Count(What.PAGE_OUTCOME, bot, day, event.tracker, path, *became))
            case EventKind.BEACON:
                self._count(Count(What.BEACON, bot, day, event.tracker))
            case EventKind.CLICK:
                self._count(Count(What.CLICK, bot, day, event.tracker))
            case EventKind.OUT:
                self._count(Count(What.OUT, bot, day, fields.get("target", "")))
            case EventKind.STAY:
                self._count(Count(What.TIME, bot, day, path), value=_seconds(fields))
            case EventKind.EVENT:
                currency = fields.get("currency", "")
                self._count(
                    Count(What.EVENT, bot, day, fields.get("event", ""), currency=currency), value=_value(fields)
                )

    def _begin_visit(self, event: Event, history: History | None, bot: bool) -> History:
        day = days.day_of(event.at, self._time_zone)
        number = self._register.take("visitor") if history is None else history.number
        returning = history is not None
        visit = History(number, event.at, day, self._register.take(day), returning, bot)
        self._describe(visit, What.VISIT, RETURNING if returning else NEW)
        for what in _OF_REQUEST:
            self._describe(visit, what, event.fields.get(what, ""))
        self.members[Group(What.VISITOR, bot, day)].add(number)
        return visit

    def _enter_page(self, event: Event, visit: History) -> History:
        path = event.fields.get("path", "")
        if path == visit.page:
            return visit
        if not visit.page:
            self._describe(visit, What.ENTRY, path)
            for what in _OF_PAGE:
                self._describe(visit, what, event.fields.get(what, ""))
        else:
            self._count(Count(What.EXIT, visit.bot, visit.day, visit.page), -1)
        self._count(Count(What.EXIT, visit.bot, visit.day, path))
        return visit._replace(page=path)

    def _describe(self, visit: History, what: What, name: str) -> None:
        """Count a visit by something about it."""
        self._count(Count(what, visit.bot, visit.day, name))
        if what in FACETS:
            group = Group(what, visit.bot, visit.day, name)
            if group not in self.members and not self._register.tells_apart(group):
                group = group._replace(name=OTHER)
            self.members[group].add(visit.ordinal)

    def _count(self, count: Count, n: int = 1, value: int = 0) -> None:
        before, sum_before = self.counts.get(count, (0, 0))
        self.counts[count] = (before + n, sum_before + value)


def _value(fields: Mapping[str, str]) -> int:
    """Return the value of one of the site's own events, in ten-thousandths of its currency; 0 where it has none."""
    try:
        value = Decimal(fields.get("value", "0"))
    except InvalidOperation:
        return 0
    return round(value * UNITS) if value.is_finite() and abs(value) <= MAX_VALUE else 0


def _seconds(fields: Mapping[str, str]) -> int:
    told = fields.get("seconds", "")
    return min(int(told), days.SECONDS) if told.isdecimal() else 0
