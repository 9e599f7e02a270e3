"""Visits of those who agreed: what they read, where they came from, and with what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from gatekeeper.core.days import days_between
from gatekeeper.core.panels import Asked, Cell, Chart, Column, Hidden, Panel, Shape, Unit
from gatekeeper.core.rollups import FACETS, NEW, OTHER, RETURNING, What

from .groups import REST, fold_small
from .sources import Listed, Sources

_PAGE = "visits"
_NOTE = "Of visitors who let their visits be logged."
_SMALL = "Of fewer than {} nothing is told by itself."
_TOO_FEW = "Fewer than {} visits pass these filters, and of so few nothing is told."
#: So many values are read; what is beyond them has almost nothing of the whole.
_MOST = 10_000
#: The same where the rest has a row of its own: nobody reads on.
_MOST_APART = 1000
#: In an address: where a facet says nothing. See :mod:`gatekeeper.web.dashboard.asked`.
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class _Attribute:
    """Something that visits, or what happens during them, differ in.

    :param empty: what those are called that have none.
    :param people: whether it says something of whoever visits: then small groups are not told apart.
    :param note: what a reader has to know.
    :param drawn: whether there is a chart: of most, the table tells as much at one look.
    """

    id: str
    title: str
    column: str
    what: What
    empty: str = "(unknown)"
    people: bool = True
    counted: str = "Visits"
    note: str = _NOTE
    drawn: bool = False


_LED = f"{_NOTE} A campaign is told of only under the purpose that it needs, so that others have none."
_PLACE = f"{_NOTE} Told from the address, and so approximate."
_OWN_PURPOSE = "Of visitors who granted each by itself."
_ATTRIBUTES = (
    _Attribute("entries", "First pages", "Page", What.ENTRY, "(no page)", people=False),
    _Attribute("exits", "Last pages", "Page", What.EXIT, "(no page)", people=False),
    _Attribute("referrers", "Where visits came from", "Site", What.REFERRER, "(no other site)", drawn=True),
    _Attribute("campaigns", "Campaigns", "Campaign", What.CAMPAIGN, "(none)", note=_LED),
    _Attribute("campaign-sources", "Sources of campaigns", "Source", What.SOURCE, "(none)", note=_LED),
    _Attribute("campaign-mediums", "Mediums of campaigns", "Medium", What.MEDIUM, "(none)", note=_LED),
    _Attribute("searches", "Searches on the site", "Searched for", What.SEARCH, counted="Searches"),
    _Attribute("browsers", "Browsers", "Browser", What.BROWSER),
    _Attribute("systems", "Systems", "System", What.SYSTEM),
    _Attribute("devices", "Devices", "Device", What.DEVICE, drawn=True),
    _Attribute("languages", "Languages", "Language", What.LANGUAGE),
    _Attribute("providers", "Providers", "Provider", What.PROVIDER, note=_PLACE),
    _Attribute("countries", "Countries", "Country", What.COUNTRY, note=_PLACE, drawn=True),
    _Attribute("new-and-returning", "New and returning", "Visitors", What.VISIT, people=False),
    _Attribute(
        "ads-viewed",
        "Beacons and ads viewed",
        "Tracker",
        What.BEACON,
        people=False,
        counted="Views",
        note=_OWN_PURPOSE,
    ),
    _Attribute(
        "link-clicks",
        "Clicks on signed links",
        "Tracker",
        What.CLICK,
        people=False,
        counted="Clicks",
        note=_OWN_PURPOSE,
    ),
    _Attribute("out-clicks", "Left for other sites", "Site", What.OUT, people=False, counted="Clicks"),
)
#: What says something of whoever visits.
_PEOPLE = frozenset(attribute.what for attribute in _ATTRIBUTES if attribute.people)
_TRACKERS = frozenset({What.BEACON, What.CLICK})


def _attribute(sources: Sources, asked: Asked, *, of: _Attribute) -> Panel:
    least = sources.site.smallest_group
    filtered = bool(asked.where) and of.what in FACETS
    missing = _unmeasured(sources, of.what)
    counted: list[tuple[str, int]] = []
    more = 0
    if filtered:
        found = sources.store.visits(
            sources.site.id, of.what, asked.first, asked.last, where=asked.where, bot=asked.bot
        )
        counted = list(found.by_name.items())
        missing = _TOO_FEW.format(least) if sum(found.by_name.values()) < least else ""
    else:
        days = asked.first, asked.last
        most = _MOST_APART if of.people else _MOST
        rows = sources.store.panel(sources.site.id, of.what, *days, bot=asked.bot, limit=most)
        if of.people and len(rows) == most:
            whole = sources.store.by_day(sources.site.id, of.what, *days, bot=asked.bot)
            more = max(0, sum(amount.n for amount in whole.values()) - sum(row.n for row in rows))
        counted = [(row.name, row.n) for row in rows if row.n > 0]
        if of.what in {What.PROVIDER, What.COUNTRY} and counted and not any(name for name, _ in counted):
            missing = "No address could be told apart: the command gatekeeper geo fetches what that needs."
    # Whom a filter picks out by what they are, is told of no finer by where they went.
    apart = of.people or (filtered and not _PEOPLE.isdisjoint(asked.where))
    cells: Sequence[tuple[str, Cell]] = fold_small(counted, least, more) if apart else counted
    return Panel(
        of.id,
        of.title,
        (Column("name", of.column, Unit.TEXT), Column("n", of.counted)),
        () if missing else tuple((name or of.empty, n) for name, n in cells),
        Chart(Shape.BARS, "name", ("n",)) if of.drawn else None,
        () if missing else tuple(_link(of.what, name) for name, _ in cells),
        note=f"{of.note} {_SMALL.format(least)}" if apart else of.note,
        missing=missing,
    )


def _unmeasured(sources: Sources, what: What) -> str:
    if what is What.SEARCH and not sources.site.search.paths:
        return "The registry does not say where the site's search is: see `search` in gatekeeper.toml."
    return ""


def _link(what: What, name: str) -> str:
    """Return where more is told: of a tracker on its page, of anything else with it as a filter."""
    if name in {REST, OTHER}:
        return ""
    if what in _TRACKERS:
        return f"trackers/{name}"
    return f"visits?{urlencode({f'f.{what}': name or _NOTHING})}" if what in FACETS else ""


def _by_day(sources: Sources, asked: Asked) -> Panel:
    new, returning = (_of_kind(sources, asked, kind) for kind in (NEW, RETURNING))
    visitors = sources.store.visitors(sources.site.id, asked.first, asked.last, bot=asked.bot).by_day
    hides = not _PEOPLE.isdisjoint(asked.where)
    all_visits = Counter(new) + Counter(returning)
    least = sources.site.smallest_group
    missing = _TOO_FEW.format(least) if asked.where and all_visits.total() < least else ""

    def cell(found: Mapping[str, int], day: str) -> Cell:
        n = found.get(day, 0)
        return Hidden.FEW if hides and 0 < n < least else n

    rows = tuple(
        (
            day,
            cell(all_visits, day),
            # Who a visitor is, filters cannot tell: only visits have what they ask for.
            None if asked.where else visitors.get(day, 0),
            cell(new, day),
            cell(returning, day),
        )
        for day in days_between(asked.first, asked.last)
    )
    return Panel(
        "visits-by-day",
        "Visits and visitors",
        (
            Column("day", "Day", Unit.DAY),
            Column("visits", "Visits"),
            Column("visitors", "Visitors"),
            Column("new", "Of new visitors"),
            Column("returning", "Of returning visitors"),
        ),
        () if missing else rows,
        Chart(Shape.LINES, "day", ("visits", "visitors", "new", "returning")),
        note=f"{_NOTE} {_SMALL}" if hides else _NOTE,
        missing=missing,
    )


def _of_kind(sources: Sources, asked: Asked, kind: str) -> Mapping[str, int]:
    """Return how many visits of new or of returning visitors pass the filters, by day."""
    store, site, days = sources.store, sources.site.id, (asked.first, asked.last)
    if not asked.where:
        return {day: found.n for day, found in store.by_day(site, What.VISIT, *days, name=kind, bot=asked.bot).items()}
    if asked.where.get(What.VISIT, kind) != kind:
        return {}
    return store.visits(site, What.VISIT, *days, where={**asked.where, What.VISIT: kind}, bot=asked.bot).by_day


def _pages(sources: Sources, asked: Asked) -> Panel:
    read = partial(sources.store.panel, sources.site.id, first=asked.first, last=asked.last, bot=asked.bot, limit=_MOST)
    times = {row.name: row.value for row in read(What.TIME)}
    views = [(row.name, row.n) for row in read(What.PAGE)]
    return Panel(
        "pages",
        "Pages",
        (
            Column("page", "Page", Unit.TEXT),
            Column("views", "Views"),
            Column("seconds", "Time for each view", Unit.SECONDS),
        ),
        tuple((name, n, times[name] / n if name in times and n else None) for name, n in views),
        Chart(Shape.BARS, "page", ("views",)),
        note=f"{_NOTE} Time counts while the page is in front of them.",
    )


PANELS: tuple[Listed, ...] = (
    Listed("visits-by-day", "Visits and visitors", _PAGE, _by_day, filtered=True),
    Listed("pages", "Pages", _PAGE, _pages),
    *(
        Listed(one.id, one.title, _PAGE, partial(_attribute, of=one), filtered=one.what in FACETS)
        for one in _ATTRIBUTES
    ),
)
