"""Days: which one a moment belongs to, where clocks differ and change."""

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.days import day_of, days_between, is_time_zone, month_of, sums, whole_months

AT = 1_795_390_200  # 2026-11-22 at 23:30 UTC


@pytest.mark.parametrize(
    ("time_zone", "day"),
    [
        ("UTC", "2026-11-22"),
        ("Europe/Berlin", "2026-11-23"),
        ("America/Los_Angeles", "2026-11-22"),
        ("Asia/Kolkata", "2026-11-23"),
        ("Pacific/Kiritimati", "2026-11-23"),
        ("Pacific/Pago_Pago", "2026-11-22"),
    ],
)
def test_a_day_is_the_one_on_the_calendars_of_the_site(time_zone: str, day: str) -> None:
    assert datetime.fromtimestamp(AT, ZoneInfo("UTC")).isoformat() == "2026-11-22T23:30:00+00:00"
    assert day_of(AT, time_zone) == day


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-07-01", 24), ("2026-10-25", 25)],
    ids=["clocks go forward", "any day", "clocks go back"],
)
def test_a_day_is_as_long_as_its_clocks_make_it(day: str, hours: int) -> None:
    begins = int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    ends = begins + hours * 3600

    around = [day_of(at, "Europe/Berlin") for at in (begins - 1, begins, ends - 1, ends)]

    assert [each == day for each in around] == [False, True, True, False]


def test_a_day_that_a_site_skipped_never_was() -> None:
    # Samoa went from 29 to 31 December 2011, across the date line.
    begins = int(datetime(2011, 12, 29, tzinfo=ZoneInfo("Pacific/Apia")).timestamp())

    days = {day_of(at, "Pacific/Apia") for at in range(begins, begins + 3 * 86_400, 600)}

    assert "2011-12-30" not in days
    assert {"2011-12-29", "2011-12-31"} < days


@pytest.mark.parametrize("name", ["", "Dublin", "America", "../etc/passwd", "/etc/localtime", "UTC\0", "é"])
def test_a_name_that_the_database_has_not_is_no_time_zone(name: str) -> None:
    assert not is_time_zone(name)


days = st.dates(date(2024, 1, 1), date(2028, 12, 31))


@given(first=days, last=days)
def test_days_are_whole_months_and_the_days_around_them(first: date, last: date) -> None:
    all_days = list(days_between(first.isoformat(), last.isoformat()))
    months = whole_months(first.isoformat(), last.isoformat())

    assert len(all_days) == max(0, (last - first).days + 1)
    whole = {month for month in map(month_of, all_days) if all(day in all_days for day in _days_of(month))}
    assert months == ((min(whole), max(whole)) if whole else None)


@given(first=days, last=days)
def test_the_counts_of_three_spans_make_up_those_of_the_days(first: date, last: date) -> None:
    *spans, months = sums(first.isoformat(), last.isoformat())
    around = list(days_between("2023-11-01", "2029-02-28"))

    counted = Counter(day for day in around if months[0] <= month_of(day) <= months[1])
    for sign, begin, end in spans:
        counted.update({day: sign for day in around if begin <= day <= end})

    assert +counted == Counter(days_between(first.isoformat(), last.isoformat()))
    assert min(counted.values(), default=0) >= 0


def _days_of(month: str) -> list[str]:
    first = date.fromisoformat(f"{month}-01")
    found = [(first + timedelta(days=n)).isoformat() for n in range(31)]
    return [day for day in found if month_of(day) == month]
