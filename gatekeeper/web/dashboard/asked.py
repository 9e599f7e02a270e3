"""What a page of the dashboard is asked about: days, filters, machines or people. All of it stands in its address."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.panels import Asked
from gatekeeper.core.rollups import FACETS, What
from gatekeeper.web.http import Request
from gatekeeper.web.service import Service

#: How many days back the picker offers; other numbers are taken too.
DAYS = (7, 28, 90, 365)
USUAL = 28
#: The longest range that is counted: ten years.
MOST_DAYS = 3660
#: What a period is set beside: the one just before, or the same days of the week a year earlier.
PREVIOUS, YEAR = "previous", "year"
_YEAR = timedelta(days=364)
_FILTER = "f."
_MAX_VALUE = 2000

#: What filters are called.
FACET_TITLES = {
    What.VISIT: "Visitors",
    What.ENTRY: "First page",
    What.REFERRER: "Came from",
    What.CAMPAIGN: "Campaign",
    What.BROWSER: "Browser",
    What.SYSTEM: "System",
    What.DEVICE: "Device",
    What.LANGUAGE: "Language",
    What.COUNTRY: "Country",
}


def asked_of(service: Service, request: Request, site: str, about: str = "") -> Asked:
    """Return what the query of a request asks about.

    ``days=28``, or ``first=2026-11-01&last=2026-11-30``; ``compare=previous`` or ``year``; ``f.browser=Firefox 146``
    for each filter; ``bot=1`` for machines.

    :param about: what the page is about; otherwise the query's own ``about``.
    :raises InvalidInput: a value breaks a rule; the message names it, the rule and what would do.
    """
    fields = dict(fields_of(request))
    today = date.fromisoformat(service.published(site).site.day_of(service.now()))
    first, last = _range(fields, today)
    before_first, before_last = _before(fields.get("compare", PREVIOUS), first, last)
    return Asked(
        first.isoformat(),
        last.isoformat(),
        before_first.isoformat(),
        before_last.isoformat(),
        _where(fields),
        _one_of("bot", fields.get("bot", "0"), ("0", "1")) == "1",
        about or fields.get("about", ""),
    )


def fields_of(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a request's query that say something, in their order.

    :raises InvalidInput: there are too many.
    """
    try:
        found = parse_qsl(request.header("QUERY_STRING"), max_num_fields=100, errors="replace")
    except ValueError as error:
        raise InvalidInput(f"the address asks for too much: {error}") from error
    return [(name, value) for name, value in found if value]


def is_ours(name: str) -> bool:
    """Tell whether a field of a query is one that all pages share."""
    return name in {"days", "first", "last", "compare", "bot", "number"} or name.startswith(_FILTER)


def query_of(request: Request, *, without: Iterable[str] = (), **more: str) -> str:
    """Return a query that asks for the same days, filters and visitors as a request's own, to go on with.

    :param without: the names of fields to leave out.
    :param more: other fields; those that are empty are left out.
    """
    gone = {*without, *more}
    kept = [(name, value) for name, value in fields_of(request) if is_ours(name) and name not in gone]
    return urlencode([*kept, *((name, value) for name, value in more.items() if value)])


def words_of(asked: Asked) -> str:
    """Return what is asked about in words, for whoever reads it later."""
    filters = [f"{FACET_TITLES[what]}: {value or '(none)'}" for what, value in asked.where.items()]
    bots = ["machines"] if asked.bot else []
    about = [asked.about] if asked.about else []
    return ", ".join([f"{asked.first} to {asked.last}", *about, *bots, *filters])


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that holds.

    :param query: of the address where it does not.
    """

    title: str
    value: str
    query: str


def chips_of(request: Request, asked: Asked) -> list[Chip]:
    """Return the filters that hold."""
    return [
        Chip(FACET_TITLES[what], value or "(none)", query_of(request, without=[f"{_FILTER}{what}"]))
        for what, value in asked.where.items()
    ]


def filter_query(request: Request, what: What, value: str) -> str:
    """Return the query that also asks for visits with a value."""
    return query_of(request, **{f"{_FILTER}{what}": value or NONE})


#: In a query: visits where a facet says nothing, such as those that came from nowhere else.
NONE = "-"


def _range(fields: dict[str, str], today: date) -> tuple[date, date]:
    if "first" in fields or "last" in fields:
        last = _day("last", fields["last"]) if "last" in fields else today
        first = _day("first", fields["first"]) if "first" in fields else last - timedelta(days=USUAL - 1)
        if first > last:
            raise InvalidInput(f"the first day {first} comes after the last, {last}: swap them")
        if (last - first).days >= MOST_DAYS:
            raise InvalidInput(f"{first} to {last} is too long: ask for at most {MOST_DAYS} days")
        return first, last
    days = fields.get("days", str(USUAL))
    if not (days.isascii() and days.isdecimal() and len(days) < 6 and 1 <= int(days) <= MOST_DAYS):
        raise InvalidInput(f"days={days[:32]!r} is not a number from 1 to {MOST_DAYS}: try days={USUAL}")
    return today - timedelta(days=int(days) - 1), today


def _day(name: str, value: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    # Python takes other ways of writing a day, too; the first centuries have no days before them.
    if day.isoformat() != value or day.year < 2000:
        raise InvalidInput(
            f"{name}={value[:32]!r} is not a day since 2000 written as year-month-day: try {name}=2026-11-22"
        )
    return day


def _before(compare: str, first: date, last: date) -> tuple[date, date]:
    if _one_of("compare", compare, (PREVIOUS, YEAR)) == YEAR:
        return first - _YEAR, last - _YEAR
    return first - (last - first) - timedelta(days=1), first - timedelta(days=1)


def _where(fields: dict[str, str]) -> dict[What, str]:
    facets = {f"{_FILTER}{what}": what for what in What if what in FACETS}
    where = {}
    for name, value in fields.items():
        if not name.startswith(_FILTER):
            continue
        what = facets.get(name)
        if what is None:
            known = ", ".join(sorted(facets))
            raise InvalidInput(f"{name[:32]!r} is nothing to filter by: use one of {known}")
        if len(value) > _MAX_VALUE:
            raise InvalidInput(f"{name} is {len(value)} characters long: no value has more than {_MAX_VALUE}")
        where[what] = "" if value == NONE else value
    return where


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InvalidInput(f"{name}={value[:32]!r} is not known: use one of {', '.join(known)}")
    return value
