"""Days: which one a moment belongs to, in the time zone of a site. Days are ISO dates, months their first 7 letters.

What a zone does to its clocks is constant data (the IANA time zone database), read when a zone is first used.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

#: Where a site names no time zone.
UTC = "UTC"
SECONDS = 86_400
_MONTH = len("2026-11")
_NOTHING = ("9", "0")
#: Until this day of a month its days are fewer than those after it, if there are any: mostly there are none.
_EARLY = 7


def day_of(at: int, time_zone: str = UTC) -> str:
    """Return the day of a moment, as ``2026-11-22``.

    :param at: seconds since the epoch.
    :param time_zone: an IANA name.
    """
    return datetime.fromtimestamp(at, _zone(time_zone)).date().isoformat()


def local_time(at: int, time_zone: str = UTC) -> datetime:
    """Return a moment as the clocks of a time zone show it."""
    return datetime.fromtimestamp(at, _zone(time_zone))


def month_of(day: str) -> str:
    """Return the month of a day, as ``2026-11``."""
    return day[:_MONTH]


def is_time_zone(name: str) -> bool:
    """Tell whether the time zone database knows a name."""
    try:
        _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # an OSError where it names a directory, such as "America"
        return False
    return True


def near_time_zone(name: str) -> str:
    """Return the known name most like another; empty where none is."""
    known = {zone.casefold(): zone for zone in available_timezones()}
    cities = {folded.rpartition("/")[2]: zone for folded, zone in sorted(known.items(), reverse=True)}
    near = get_close_matches(name.casefold().replace(" ", "_"), [*cities, *known], n=1)
    return (known.get(near[0]) or cities[near[0]]) if near else ""


def days_between(first: str, last: str) -> Iterator[str]:
    """Yield the days from one to another, both included."""
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        yield day.isoformat()
        day += timedelta(days=1)


def spans(first: str, last: str) -> tuple[str, str, str, str, str, str]:
    """Return some days as three spans, each by its first and last: days, days, and whole months between them.

    A span that holds nothing ends before it begins.
    """
    months = whole_months(first, last)
    if months is None:
        return (first, last, *_NOTHING, *_NOTHING)
    before, after = f"{months[0]}-00", f"{months[1]}-99"  # no days, but in order where days would be
    return (first, before, after, last, *months)


class Sums(NamedTuple):
    """Some days as three spans whose counts make up theirs. A span that holds nothing ends before it begins.

    :ivar begin: days of the first month: 1 where they are added, -1 where they are taken off it; the first; the last.
    :ivar end: the same of the last month.
    :ivar months: the first and the last of those that are counted whole.
    """

    begin: tuple[int, str, str]
    end: tuple[int, str, str]
    months: tuple[str, str]


def sums(first: str, last: str) -> Sums:
    """Return some days as few single days as can be, and months.

    A month that is entered early or left late is counted whole, without the days around: of the running month there
    are none after today.
    """
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    entered, left = month_of(first), month_of(last)
    outside, inside = begin.day - 1, ((end if entered == left else _last_of(begin)) - begin).days + 1
    early, late = outside < inside, end.day > _EARLY
    if begin > end or (entered == left and not (early and late)):
        return Sums((1, first, last), (1, *_NOTHING), _NOTHING)
    before = (-1, f"{entered}-00", _day_before(begin)) if early else (1, first, f"{entered}-99")
    after = (-1, _day_after(end), f"{left}-99") if late else (1, f"{left}-00", last)
    whole = (
        entered if early else month_of(_next_month(begin).isoformat()),
        left if late else month_of(_day_before(end.replace(day=1))),
    )
    return Sums(before, after, whole)


def whole_months(first: str, last: str) -> tuple[str, str] | None:
    """Return the first and the last of the months that lie wholly within some days; None where no month does."""
    begin = date.fromisoformat(first)
    after = date.fromisoformat(last) + timedelta(days=1)
    if begin.day > 1:
        begin = _next_month(begin)
    end = after.replace(day=1) - timedelta(days=1)  # the last day of the last month that is over
    return (begin.isoformat()[:_MONTH], end.isoformat()[:_MONTH]) if begin < after.replace(day=1) else None


def _day_before(day: date) -> str:
    return (day - timedelta(days=1)).isoformat()


def _day_after(day: date) -> str:
    return (day + timedelta(days=1)).isoformat()


def _last_of(day: date) -> date:
    return _next_month(day) - timedelta(days=1)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
